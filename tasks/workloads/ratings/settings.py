"""Settings of ratings in params.yaml: ``data.ratings``, and the augmentation of a training."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tasks.settings import Fraction
from tasks.workloads.protocol import Augmentation
from tasks.workloads.tables.settings import Column, TableSettings

HISTORY, USER = "history", "user"  # the names of the inputs
MOST_ITEMS = 4096  # of a history
HoldOut = Literal["last", "time", "users"]


def _check_length(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= MOST_ITEMS):
        return value
    raise ValueError(f"expected auto or a number of items from 1 to {MOST_ITEMS:,}")


class InteractionSettings(TableSettings):
    """The columns of who did what and when, and how the samples of a user are made of it.

    ``needs_rating``: whether a table without a column of ratings is of no use.
    """

    needs_rating: ClassVar[bool] = False

    user: Annotated[Column, Field(description="column of the user; auto: by the names that are usual")] = "auto"
    item: Annotated[Column, Field(description="column of the item; auto: by the names that are usual")] = "auto"
    rating: Annotated[
        Column | None,
        Field(description="column of a number that says how good it was; auto: where there is one; null: none counts"),
    ] = "auto"
    time: Annotated[
        Column | None,
        Field(
            description="column of seconds or of a date; auto: where there is one; null: a hash decides what was last"
        ),
    ] = "auto"
    min_user: Annotated[int, Field(ge=1, description="fewest items of a user; users with fewer are left out")] = 1
    min_item: Annotated[
        int, Field(ge=1, description="fewest users of an item; rows of others are left out, again and again (k-core)")
    ] = 1
    hold_out: Annotated[
        HoldOut,
        Field(
            description="last: of each user the last item is for the test, the one before it for validation · time: "
            "the newest rows, as many as data.split says · users: the last item of users that training never sees"
        ),
    ] = "last"
    length: Annotated[
        int | Literal["auto"],
        BeforeValidator(_check_length),
        Field(description="newest items of a history that a network sees. auto: as many as 99 % of the histories have"),
    ] = "auto"
    user_table: Annotated[
        bool, Field(description="true: networks know each user of the training by a number, beside the history")
    ] = False


class RatingsSettings(InteractionSettings):
    """Settings of histories whose next items are to be found."""

    liked: Annotated[
        float | None,
        Field(strict=False, description="least rating that counts; rows below are left out; null: all count"),
    ] = None


class RatingsAugmentation(Augmentation):
    """Random changes of training histories.

    A network learns to find what it does not see. With 0 it sees all, and learns to repeat what it gets.
    """

    forget: Annotated[
        Fraction,
        Field(
            description="fraction of a history that a network does not see and is to find, another one in each epoch",
            lt=1,
        ),
    ] = 0.3

    @property
    def changes(self) -> bool:
        """True unless histories stay as they are."""
        return self.forget > 0
