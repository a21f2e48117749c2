"""Pieces of words by SentencePiece, learned of training texts alone; the library is an extra.

Source: Kudo and Richardson 2018, SentencePiece: A simple and language independent subword tokenizer and detokenizer for
Neural Text Processing, arXiv:1808.06226; the model is the unigram one of Kudo 2018, arXiv:1804.10959. It is learned of
words with their counts, so that memory does not grow with the texts, in one thread, so that the same words give the
same model. Characters were folded before, by slimline's own table: the library normalizes nothing.
"""

import io
from collections.abc import Mapping
from typing import Any

from tasks.extras import needing

PIECES = "sentencepiece.model"  # the file
PURPOSE = "data.text.tokens: sentencepiece"


def expect_library() -> None:
    """Refuse to begin where the library is missing.

    Raises:
        NotInstalled: it is.
    """
    with needing("sentencepiece", PURPOSE):
        import sentencepiece  # noqa: F401 - only whether it is there


def train_pieces(words: Mapping[str, int], most: int) -> bytes:
    """Return a model of at most so many pieces.

    Args:
        words: of the training texts, how often each is there.
        most: pieces, the unknown one among them.

    Raises:
        ValueError: it cannot be learned, as where there are more characters than pieces.
        NotInstalled: the library is missing.
    """
    with needing("sentencepiece", PURPOSE):
        import sentencepiece
    lines = (f"{word}\t{count}" for word, count in sorted(words.items(), key=lambda each: (-each[1], each[0])))
    made = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines,
            input_format="tsv",
            model_writer=made,
            model_type="unigram",
            vocab_size=most,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ValueError(f"no pieces of words: {' '.join(str(error).split())[:300]}") from None
    return made.getvalue()


def open_pieces(model: bytes) -> Any:
    """Return what cuts texts into the numbers of pieces, 0 for what is unknown.

    Args:
        model: that :func:`train_pieces` gave.

    Raises:
        ValueError: it is none.
        NotInstalled: the library is missing.
    """
    with needing("sentencepiece", PURPOSE):
        import sentencepiece
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        raise ValueError(f"no model of SentencePiece in {len(model):,} bytes") from None
