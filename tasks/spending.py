"""The error that a sealed set of samples may be charged with, and the share of it that each decision gets.

A *false PASS* lets a model through that breaks a rule. Over all decisions on one set of samples, its probability is at
most ``error``, whatever a retrainer makes of the verdicts. Three rules do it:

1. A decision gets a share of the wealth that is left: ``level = error × wealth × share``.
2. After a decision that did not pass, the rest of the wealth is left.
3. After a PASS, the wealth is what that decision got, and no more.

The second rule alone is alpha-spending; the third is the recycling of the fallback procedure (J. Tian and A. Ramdas,
Online control of the familywise error rate, Statistical Methods in Medical Research 30 (2021), arXiv:1910.04900), cut
down for a retrainer that adapts. A verdict is one bit, so the retrainer's next model depends on the bits so far and on
nothing else of the sealed samples: all that may come is a binary tree whose models are fixed beforehand. Counting such
a tree's leaves is the compression argument of A. Blum and M. Hardt, The Ladder (ICML 2015, arXiv:1502.04585), and of
description length in C. Dwork et al., Generalization in adaptive data analysis and holdout reuse (NeurIPS 2015,
arXiv:1506.02629).

Proof, by induction from the leaves up, that from any node on a false PASS has at most the probability
``error × wealth``. Let the node spend ``s`` of its wealth ``w``. If its model breaks a rule, a PASS is false and has at
most the probability ``error × s``; else the tree goes on with ``w − s``: together ``w``. If its model keeps the rules,
nothing is false here, and the two branches have ``s`` after a PASS and ``w − s`` otherwise: together ``w``. Only the
union bound is used, so the decisions may depend on each other as they like. ∎

So the shares of a node's two branches are a probability, and the level of a decision is ``error`` times the
probability that a predictor gives to the verdicts so far, followed by a PASS. :func:`share` is that predictor.
"""

from dataclasses import dataclass, replace

from scipy.special import ndtri

FIRST = 0.5  # of the error: the first decision
MONTH, EACH = 30, 1 / 90  # the others up to this one get so much of the error each, until one passes
TAIL = 1.5  # afterwards what is left falls with this power of the number of decisions
LEAST = 1e-12  # level below which nothing is decided: seven standard deviations, where no interval is to be trusted


@dataclass(frozen=True)
class ErrorBudget:
    """The rest of one set of samples: a fraction of the error, and the verdicts behind it.

    ``passed`` counts the decisions that passed, ``others`` those that did not (or have not ended) since the first PASS;
    before there is one, all of them.
    """

    wealth: float = 1.0
    passed: int = 0
    others: int = 0

    @property
    def offer(self) -> float:
        """The fraction of the error that the next decision gets."""
        return self.wealth * share(self.passed, self.others)

    def level(self, error: float, ceiling: float) -> float:
        """The level of the next decision: the probability with which it may pass a model that breaks a rule.

        Args:
            error: of all decisions on these samples together.
            ceiling: the level that the rules themselves ask for, which is never exceeded.

        Returns:
            0 where the samples are worn out: nothing can be decided on them any more.
        """
        level = min(ceiling, error * self.offer)
        return level if level >= LEAST else 0.0

    def reserve(self) -> "ErrorBudget":
        """After the next decision was begun; until it has ended it counts as one that did not pass."""
        return replace(self, wealth=self.wealth - self.offer, others=self.others + 1)

    def after_pass(self, offer: float) -> "ErrorBudget":
        """After a decision passed that had got ``offer``."""
        others = self.others - 1 if self.passed else 0
        return ErrorBudget(offer, self.passed + 1, others)


def share(passed: int, others: int) -> float:
    """The share of the wealth that the next decision gets.

    Until one has passed: half of the error for the first decision, a ninetieth each up to the thirtieth, then ever
    less. After that, the probability of another PASS as R. E. Krichevsky and V. K. Trofimov predict it (The performance
    of universal encoding, IEEE Transactions on Information Theory 27 (1981) 199-207): who often passes keeps much.

    Args:
        passed: decisions that passed.
        others: decisions that did not: since the first PASS, or all if there is none.
    """
    if passed:
        return (passed + 0.5) / (passed + others + 1)
    return 1 - _left(others + 1) / _left(others)


def _left(decisions: int) -> float:
    """The fraction of the error that so many decisions leave if none of them passes."""
    if not decisions:
        return 1.0
    month = 1 - FIRST - EACH * (min(decisions, MONTH) - 1)
    return float(month * (MONTH / max(decisions, MONTH)) ** TAIL)


def one_sided(confidence: float) -> float:
    """The level of one bound of a two-sided interval."""
    return (1 - confidence) / 2


def two_sided(level: float) -> float:
    """The confidence of the interval whose one bound has this level."""
    return 1 - 2 * level


def worth(samples: int, level: float, ceiling: float) -> int:
    """Return how many samples would prove as much at the level ``ceiling`` as these do at ``level``.

    The half-width of an interval goes with z / √n.
    """
    return int(samples * (float(ndtri(ceiling)) / float(ndtri(level))) ** 2)
