"""Every technique in every mode, with one step of training."""

from typing import Any

from tests.tasks.compression.cases import CASES, Steps

CALIBRATION = 32  # images
ONCE = {"epochs": 1, "calibration": CALIBRATION, "samples": CALIBRATION, "rounds": 1}
BATCH = 64  # all training pictures: an epoch is one step


def shortened(value: Any) -> Any:
    """The same steps with as little training and as few images as there can be."""
    if isinstance(value, dict):
        return {
            key: ONCE[key] if key in ONCE and isinstance(inner, int) else shortened(inner)
            for key, inner in value.items()
        }
    return [shortened(inner) for inner in value] if isinstance(value, list) else value


ZOO_CASES: dict[str, Steps] = {name: shortened(steps) for name, steps in CASES.items()}
FLOAT = ("convert", "columns", "fine_tune", "distill")  # cases whose file computes what the network does
