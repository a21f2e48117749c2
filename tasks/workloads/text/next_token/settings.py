"""Settings of texts in params.yaml where the next token is told: ``data.text``."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from tasks.workloads.text.settings import TokenSettings, check_length

Told = Literal["words", "characters"]
SEEN: dict[Told, int] = {"words": 16, "characters": 64}  # tokens that a network sees, unless settings say otherwise
CONTEXT: dict[Told, int] = {"words": 64, "characters": 256}  # that are kept of a text in front of the next token


class NextTokenSettings(TokenSettings):
    """The columns of texts, how a text becomes tokens, and which windows are cut out of it."""

    tokens: Annotated[Told, Field(description="words of a vocabulary · characters")] = "words"
    length: Annotated[
        int | Literal["auto"],
        BeforeValidator(check_length),
        Field(description="tokens in front of the next one that a network sees. auto: 16 words, or 64 characters"),
    ] = "auto"
    stride: Annotated[
        int, Field(ge=1, le=4096, description="tokens from one window of a text to the next; 1: each token is told")
    ] = 1

    @property
    def seen(self) -> int:
        """Tokens that a network sees."""
        return SEEN[self.tokens] if self.length == "auto" else self.length

    @model_validator(mode="after")
    def _see_what_is_kept(self) -> "NextTokenSettings":
        if self.seen > CONTEXT[self.tokens]:
            raise ValueError(f"expected a length of at most {CONTEXT[self.tokens]} {self.tokens}, not {self.seen:,}")
        return self
