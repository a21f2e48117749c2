"""Networks for texts.

A builder takes ``length`` (tokens of a text), ``rows`` (of the table of tokens), ``outputs`` and ``dropout`` (a rate)
and gives an uncompiled ``tf_keras`` model from the numbers of tokens (int32; 0 before the first token of a short text)
to logits. They take more by name, as ``width`` of a token's row, and ``table`` (see :func:`.parts.rows_of`).
"""

from tasks.workloads.text.networks.convolutional import text_cnn
from tasks.workloads.text.networks.mean import mean_embedding, mean_max_embedding
from tasks.workloads.text.networks.parts import Builder, text_network
from tasks.workloads.text.networks.recurrent import bilstm, gru, lstm, lstm_unrolled, stacked_lstm
from tasks.workloads.text.networks.transformer import tiny_transformer

BUILDERS: dict[str, Builder] = {
    "mean_embedding": text_network(mean_embedding, skip_padding=True),
    "mean_max_embedding": text_network(mean_max_embedding),
    "text_cnn": text_network(text_cnn),
    "lstm": text_network(lstm),
    "lstm_unrolled": text_network(lstm_unrolled),
    "gru": text_network(gru),
    "bilstm": text_network(bilstm),
    "stacked_lstm": text_network(stacked_lstm),
    "tiny_transformer": text_network(tiny_transformer),
}
