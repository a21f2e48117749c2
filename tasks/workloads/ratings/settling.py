"""Find out what must be known of all ratings before histories are made of any."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tasks.samples import SplitName
from tasks.workloads.grouping import Blocks, Shares
from tasks.workloads.ratings.blocks import of_blocks
from tasks.workloads.ratings.histories import Coded, Rules, ordered
from tasks.workloads.ratings.settings import InteractionSettings


def settled(
    settings: InteractionSettings, groups: Sequence[Blocks], shares: Shares, declared: frozenset[SplitName]
) -> Rules:
    """Return the rules by which histories are made.

    Args:
        settings: ``data.ratings``.
        groups: all rows, by their users.
        shares: the fractions wanted.
        declared: splits that rows name.
    """
    rules = Rules(
        hold_out=settings.hold_out,
        fewest=settings.min_user,
        rare=_rare(settings, groups) if settings.min_item > 1 else frozenset(),
        shares=shares,
        declared=declared,
    )
    if settings.hold_out != "time" or declared:
        return rules
    times = np.concatenate([coded.time for coded in _all(groups, rules)] or [np.zeros(0)])
    if not len(times):
        return rules
    first, second = np.quantile(times, [1 - sum(shares), 1 - shares.test], method="higher").tolist()
    return replace(rules, cuts=(first, second))


def _rare(settings: InteractionSettings, groups: Sequence[Blocks]) -> frozenset[str]:
    """Return the items outside of the k-core: with too few users, where users with too few items do not count.

    The core is what is left when no more can be taken away: S. B. Seidman, Social Networks 5 (1983), 269-287.
    """
    rare: frozenset[str] = frozenset()
    while True:
        counts: Counter[str] = Counter()
        for coded in _all(groups, Rules("last", rare=rare)):
            enough = np.bincount(coded.user, minlength=len(coded.users)) >= settings.min_user
            numbers = np.bincount(coded.item[enough[coded.user]], minlength=len(coded.items)).tolist()
            for name, number in zip(coded.items, numbers, strict=True):
                counts[name] += number
        found = frozenset(name for name, number in counts.items() if number < settings.min_item)
        if found <= rare:
            return rare
        rare |= found


def _all(groups: Sequence[Blocks], rules: Rules) -> Iterator[Coded]:
    for blocks in groups:
        yield ordered(of_blocks(blocks()), rules, Counter())
