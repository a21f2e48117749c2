import pytest

from tasks.evaluation.rules import apply_rule
from tests.tasks.evaluation.material import make_results


@pytest.mark.parametrize(("most", "outcome"), [(1.0, "PASS"), (0.5, "FAIL")])
def test_multiplications_are_limited(most: float, outcome: str) -> None:
    fares = {"baseline": (900, 900, 1000, 100.0), "a": (900, 890, 500, 50.0)}
    results = make_results([{"metric": "macs", "max_ratio": most}], fares)
    (verdict,) = apply_rule(results.params.gate.rules[0], "a", "test", results)
    assert (verdict.outcome, verdict.versus, verdict.limit) == (outcome, "baseline", most)
    assert "multiplications" in verdict.sentence
