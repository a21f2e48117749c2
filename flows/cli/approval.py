"""Answers of a person to what waits: ``approve`` and ``reject``."""

from typing import Annotated

from cyclopts import Parameter

from flows.cli.release import Reason, Store
from flows.cli.watching import answer_data

DataDigest = Annotated[
    str, Parameter(name="--data", help="Digest of the data that waits, or its first eight digits or more.")
]


def approve(model: str, *, data: DataDigest, reason: Reason, store: Store = None) -> None:
    """Let the line train on data in which classes are new or gone, or of which much is gone.

    It is also what the gate asks for: the new model may take the place of the release in production, once.

    Parameters
    ----------
    model
        The model's name.
    """
    answer_data(model, data, "approved", reason, store)


def reject(model: str, *, data: DataDigest, reason: Reason, store: Store = None) -> None:
    """Let no run begin on the data that waits, until it changes again.

    Parameters
    ----------
    model
        The model's name.
    """
    answer_data(model, data, "refused", reason, store)
