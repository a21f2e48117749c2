"""Networks for texts.

A builder takes ``length`` (tokens of a text), ``rows`` (of the table of tokens), ``outputs`` and ``dropout`` (a rate)
and gives an uncompiled ``tf_keras`` model from the numbers of tokens (int32; 0 before the first token of a short text)
to logits. Most take more by name, as ``width`` of a token's row.
"""

from collections.abc import Callable

from tasks.backend import KerasModel
from tasks.workloads.text.networks.convolutional import text_cnn
from tasks.workloads.text.networks.mean import mean_embedding, mean_max_embedding
from tasks.workloads.text.networks.recurrent import bilstm, gru, lstm, lstm_unrolled, stacked_lstm
from tasks.workloads.text.networks.transformer import tiny_transformer

Builder = Callable[..., KerasModel]
BUILDERS: dict[str, Builder] = {
    "mean_embedding": mean_embedding,
    "mean_max_embedding": mean_max_embedding,
    "text_cnn": text_cnn,
    "lstm": lstm,
    "lstm_unrolled": lstm_unrolled,
    "gru": gru,
    "bilstm": bilstm,
    "stacked_lstm": stacked_lstm,
    "tiny_transformer": tiny_transformer,
}
