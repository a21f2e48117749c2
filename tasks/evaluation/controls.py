"""Find the control beside a candidate: a recipe of much the same training that makes nothing smaller."""

from tasks.compression.records import Candidate
from tasks.evaluation.results import Results


def control_of(name: str, results: Results) -> str | None:
    """Return the control whose training is most like that of a candidate.

    It learns from whom the candidate learns for most of its epochs, and for a number of epochs that is nearest. None
    for a candidate that is not trained, for a control, and where no control learns from the same.

    Args:
        name: of the candidate.
        results: of the stages.
    """
    candidate = results.candidates.get(name)
    if candidate is None or candidate.is_control or not candidate.taught_epochs:
        return None
    controls = {
        other: sum(control.taught_epochs.values())
        for other, control in results.candidates.items()
        if control.is_control and control.taught_epochs and _teacher(control) == _teacher(candidate)
    }
    wanted = sum(candidate.taught_epochs.values())
    return min(controls, key=lambda other: (abs(controls[other] - wanted), other), default=None)


def _teacher(candidate: Candidate) -> str:
    return max(candidate.taught_epochs, key=lambda teacher: (candidate.taught_epochs[teacher], teacher))
