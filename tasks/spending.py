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

Some decisions tell FAIL apart from INCONCLUSIVE, since a person may release the one and never the other. Their nodes
have three branches: what is left beside the PASS is split between FAIL and INCONCLUSIVE, so the three still come to
``w``, and the proof holds word for word. :func:`failure_share` is what FAIL gets.

Several decisions may be open at once, and end in any order. What is left follows from the verdicts in the order in
which the decisions were *begun*; one that is open counts as not passed (:meth:`ErrorBudget.after`). So a PASS that
comes late leaves what it would have left if it had come in time. The bound holds: write for each decision whose model
breaks a rule the word of the verdicts before it as they were known when it was begun, an open one as not passed,
followed by PASS. Its level is at most ``error`` times the probability of that word. Of two such decisions that one
retrainer may come to, either both know the verdict of a third, and not the same, or the later one goes on from the
earlier one, which did not pass or is open: so no word begins another, their probabilities sum to at most 1 (L. G.
Kraft's inequality), and the union bound is all that is needed. ∎
"""

from dataclasses import dataclass, replace
from typing import Literal

from scipy.special import ndtri

FIRST = 0.5  # of the error: the first decision
MONTH, EACH = 30, 1 / 90  # the others up to this one get so much of the error each, until one passes
TAIL = 1.5  # afterwards what is left falls with this power of the number of decisions
FAILURE = 0.1  # of what is left: the most that telling FAIL apart costs all decisions together that do not fail
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

    @property
    def failure_offer(self) -> float:
        """The fraction of the error that is left where the next decision is told as FAIL."""
        return (self.wealth - self.offer) * failure_share(self.passed, self.others)

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

    def after(
        self, judgement: Literal["PASS", "FAIL", "INCONCLUSIVE"] | None, tells_failure: bool = False
    ) -> "ErrorBudget":
        """Return the budget after the next decision, by what is known of it.

        Args:
            judgement: its verdict; None while it is open, which counts as one that did not pass.
            tells_failure: whether FAIL is told apart from INCONCLUSIVE.
        """
        rest = self.reserve(tells_failure)
        match judgement:
            case "PASS":
                return rest.after_pass(self.offer)
            case "FAIL":
                return rest.after_failure(self.failure_offer)
            case _:
                return rest

    def reserve(self, tells_failure: bool = False) -> "ErrorBudget":
        """Return the budget after the next decision was begun; until it has ended it counts as one that did not pass.

        Args:
            tells_failure: whether FAIL is told apart from INCONCLUSIVE.
        """
        paid = self.offer + (self.failure_offer if tells_failure else 0.0)
        return replace(self, wealth=self.wealth - paid, others=self.others + 1)

    def after_pass(self, offer: float) -> "ErrorBudget":
        """Return the budget after the decision passed that was begun last.

        Args:
            offer: the share of the error that it had got.
        """
        others = max(0, self.others - 1) if self.passed else 0
        return ErrorBudget(offer, self.passed + 1, others)

    def after_failure(self, offer: float) -> "ErrorBudget":
        """Return the budget after the decision that was begun last was told as FAIL.

        Args:
            offer: the share of the error that it had got for this case.
        """
        return replace(self, wealth=min(self.wealth, offer))


def share(passed: int, others: int) -> float:
    """Return the share of the wealth that the next decision gets, from 0 to 1.

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


def failure_share(passed: int, others: int) -> float:
    """Return the share of what a decision leaves that goes to the case that it is told as FAIL.

    A candidate that is promising on validation seldom fails, so this case gets little: a twentieth at the first
    decision, then ever less. Over any number of decisions that do not fail it costs less than a tenth.

    Args:
        passed: decisions that passed.
        others: decisions that did not: since the first PASS, or all if there is none.
    """
    turn = passed + others
    return FAILURE / ((turn + 1) * (turn + 2))


def _left(decisions: int) -> float:
    """The fraction of the error that so many decisions leave if none of them passes."""
    if not decisions:
        return 1.0
    month = 1 - FIRST - EACH * (min(decisions, MONTH) - 1)
    return float(month * (MONTH / max(decisions, MONTH)) ** TAIL)


def one_sided(confidence: float) -> float:
    """Return the level of one bound of a two-sided interval.

    Args:
        confidence: of the interval.
    """
    return (1 - confidence) / 2


def two_sided(level: float) -> float:
    """Return the confidence of the interval whose one bound has this level.

    Args:
        level: of the bound: the probability that it is wrong.
    """
    return 1 - 2 * level


def worth(samples: int, level: float, ceiling: float) -> int:
    """Return how many samples would prove as much at the level ``ceiling`` as these do at ``level``.

    The half-width of an interval goes with z / √n.

    Args:
        samples: of the decision.
        level: at which it is proven, above 0.
        ceiling: the level of a first decision.
    """
    return int(samples * (float(ndtri(ceiling)) / float(ndtri(level))) ** 2)
