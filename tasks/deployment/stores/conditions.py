"""The conditions under which a store is asked to write, and how it keeps them."""

from dataclasses import dataclass
from enum import StrEnum


class Kept(StrEnum):
    """The ways of a store with a condition."""

    KEPT = "kept"
    KEPT_UNQUOTED = "kept, for ETags without their quotes"
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Conditions:
    """A store's ways with ``If-None-Match: *`` (to create) and ``If-Match: <ETag>`` (to swap)."""

    create: Kept
    swap: Kept

    @property
    def keeps_creation(self) -> bool:
        """True if of two writers who create an object only one succeeds."""
        return self.create is Kept.KEPT

    @property
    def keeps_swaps(self) -> bool:
        """True if of two writers who move a channel only one succeeds."""
        return self.keeps_creation and self.swap in {Kept.KEPT, Kept.KEPT_UNQUOTED}

    def condition_tag(self, tag: str) -> str:
        """Return a tag as this store wants it in a condition.

        Args:
            tag: as the store has given it.
        """
        return tag.strip('"') if self.swap is Kept.KEPT_UNQUOTED else tag

    def sentence(self) -> str:
        """Return what was found, and what follows, as a sentence for a person."""
        if self.keeps_swaps:
            return (
                f"conditions are {self.create} when an object is created and {self.swap} when one is replaced: "
                f"releases can be published and channels moved"
            )
        return (
            f"conditions are {self.create} when an object is created and {self.swap} when one is replaced: releases "
            f"can be published, but no channel can be moved, since of two who move it at once the slower would win "
            f"unseen"
        )


ENFORCED = Conditions(Kept.KEPT, Kept.KEPT)
