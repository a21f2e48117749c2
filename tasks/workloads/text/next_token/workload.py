"""Texts whose next token is told, as a workload."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tasks.samples import Specs
from tasks.workloads.outcomes.next_token import NextToken
from tasks.workloads.protocol import Outcome
from tasks.workloads.text.next_token.settings import NextTokenSettings
from tasks.workloads.text.settings import TOKENS
from tasks.workloads.text.workload import Text


class NextTokenText(Text):
    """Windows of texts; models take the numbers of tokens, int32, and tell the one that comes next."""

    thing = "window"
    things = "windows"
    meaning: Mapping[str, str] = MappingProxyType(
        {TOKENS: "[batch, tokens], numbers of the tokens in front, the newest last; 0 where there is none, 1: unknown"}
    )
    settings = NextTokenSettings
    outcome: Outcome = NextToken()
    first_params: Sequence[str] = (
        "data.source=docstrings",
        "data.text.rows=2000",
        "training.model=lstm",
        "training.epochs=15",
        "training.batch_size=256",
        "training.learning_rate=0.005",
        "training.dropout=0.2",
        "training.schedule=cosine",
        *(f"~recipes.{name}" for name in ("qat_int8", "pruned_int8", "control", "clustered_int8", "float16", "int8")),
        "recipes.int4=[{technique: quantize, mode: int4}]",
        "gate.rules=[{metric: perplexity, margin: 2.0, versus: [baseline, production]}]",
    )
    reading = "tasks.workloads.text.next_token.reading:NextTokenReading"

    def describe(self, inputs: Specs) -> str:
        """Say how many tokens in front are looked at, and how many there are."""
        (tokens,) = inputs
        return f"the last {tokens.shape[0]} tokens of a text, each one of {tokens.high - 1:,.0f} or unknown"
