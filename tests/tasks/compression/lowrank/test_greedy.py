from tasks.compression.lowrank.decomposition import Ranks
from tasks.compression.lowrank.greedy import Choice, descend

COSTS: dict[str, dict[Ranks | None, float]] = {
    "cheap": {None: 0.0, (4,): 0.001, (2,): 0.002, (1,): 0.003},
    "dear": {None: 0.0, (4,): 0.02, (2,): 0.04, (1,): 0.2},
    "precious": {None: 0.0, (4,): 0.5, (2,): 0.6, (1,): 0.7},
}
LADDERS: dict[str, list[Ranks]] = {name: [(4,), (2,), (1,)] for name in COSTS}


class Measured:
    """A loss to which each layer adds its own."""

    def __init__(self) -> None:
        self.choices: list[Choice] = []

    def __call__(self, choice: Choice) -> float:
        self.choices.append(dict(choice))
        return 1.0 + sum(COSTS[name][ranks] for name, ranks in choice.items())


def saving(name: str, before: Ranks | None, after: Ranks) -> int:
    return 10 * ((before or (8,))[0] - after[0])


def test_every_layer_goes_as_low_as_the_loss_allows() -> None:
    measured = Measured()
    choice = descend(LADDERS, measured, saving, tolerance=0.05, most=100)
    assert choice == {"cheap": (1,), "dear": (2,), "precious": None}
    assert len(measured.choices) < 12


def test_what_costs_least_for_what_it_saves_goes_first() -> None:
    assert descend(LADDERS, Measured(), saving, tolerance=0.0035, most=100) == {
        "cheap": (1,),
        "dear": None,
        "precious": None,
    }


def test_it_measures_no_oftener_than_allowed_and_keeps_what_it_measured() -> None:
    for most in range(2, 12):
        measured = Measured()
        choice = descend(LADDERS, measured, saving, tolerance=0.05, most=most)
        assert len(measured.choices) <= most
        assert choice in measured.choices


def test_a_layer_without_candidates_stays() -> None:
    assert descend({"cheap": []}, Measured(), saving, tolerance=0.1, most=9) == {"cheap": None}
