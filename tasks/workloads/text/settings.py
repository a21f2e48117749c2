"""Settings of texts in params.yaml: ``data.text``, and the augmentation of a training."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from tasks.settings import Fraction
from tasks.workloads.protocol import Augmentation
from tasks.workloads.tables.settings import Column, TableSettings

TOKENS = "tokens"  # the name of the only input
MOST_TOKENS, MOST_ROWS = 4096, 1 << 24
Kind = Literal["words", "characters", "hashed_words", "sentencepiece"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def check_length(value: Any) -> Any:
    """Return a number of tokens, or auto.

    Args:
        value: of the setting.

    Raises:
        ValueError: it is neither.
    """
    if value == "auto" or (type(value) is int and 1 <= value <= MOST_TOKENS):
        return value
    raise ValueError(f"expected auto or a number of tokens from 1 to {MOST_TOKENS:,}")


def _as_several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class TokenSettings(TableSettings):
    """The columns of texts, and how a text becomes tokens."""

    text: Annotated[
        tuple[Column, ...],
        BeforeValidator(_as_several),
        Field(
            strict=False,
            min_length=1,
            description="column of the text; of several columns the texts are joined by a line break",
        ),
    ] = ("text",)
    tokens: Annotated[
        Kind,
        Field(
            description="words of a vocabulary · characters · hashed_words, which need no vocabulary · sentencepiece: "
            "pieces of words, with the extra slimline[sentencepiece]"
        ),
    ] = "words"
    rows: Annotated[
        int,
        Field(
            ge=3, le=MOST_ROWS, description="most rows of the table of tokens, two of them for nothing and for unknown"
        ),
    ] = 8192
    min_count: Annotated[
        int, Field(ge=1, description="how often a token must be in the training texts to be one of the vocabulary")
    ] = 2
    length: Annotated[
        int | Literal["auto"],
        BeforeValidator(check_length),
        Field(description="tokens of a text; what is longer is cut. auto: as many as 99 % of the training texts have"),
    ] = "auto"
    digits: Annotated[
        Literal["fold", "keep"], Field(description="fold: every digit counts as 0, so that 87121 is any number of five")
    ] = "fold"
    case: Annotated[Literal["fold", "keep"], Field(description="fold: capital letters count as small ones")] = "fold"
    accents: Annotated[
        Literal["fold", "keep"], Field(description="fold: é counts as e; marks of other scripts than Latin stay")
    ] = "fold"

    @property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that are read of a table, that of the split aside."""
        return self.text

    @model_validator(mode="after")
    def _name_each_column_once(self) -> "TokenSettings":
        named = [*self.read_columns, *([self.split] if self.split else [])]
        if len(set(named)) < len(named):
            raise ValueError(f"expected different columns, not {', '.join(named)}")
        return self


class TextSettings(TokenSettings):
    """The columns of texts and labels, and how a text becomes tokens."""

    label: Annotated[Column, Field(description="column of the class")] = "label"

    @property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns of the text, and that of the label."""
        return (*self.text, self.label)


class TextAugmentation(Augmentation):
    """Random changes of training texts; 0 leaves a text as it is."""

    forget: Annotated[
        Fraction, Field(description="fraction of the words that count as unknown, others in each epoch", lt=1)
    ] = 0.0
