"""The teach stage: trains the networks that small ones may learn from beside the baseline."""

import shutil
from pathlib import Path

from tasks.backend import KerasModel, set_seed, threads
from tasks.code.records import code_record, settings_of, workload_parts
from tasks.config import Params, TeacherNetwork
from tasks.errors import DataError
from tasks.learning.building import build_model
from tasks.learning.finite import check_finite
from tasks.learning.fitting import Plan
from tasks.learning.saving import check_kept, save_model
from tasks.learning.solving import train_network
from tasks.records import read_record, write_record
from tasks.samples import read_dataset
from tasks.training.records import TEACHERS, TEACHERS_RECORD, TeacherMember, TeachersReport, teacher_member

BACKUP = Path(".slimline/backup/teachers")
APART = 1000  # between the seeds of a teacher's members; the baseline has a seed of its own


def teach(params: Params) -> None:
    """Train what ``params.teachers`` names; a member that is there already, made by the same plan and code, stays.

    Args:
        params: all of params.yaml.

    Raises:
        TrainingError: a network cannot be saved or read again, or a training ended with weights that are no numbers.
    """
    known = _known()
    report: dict[str, tuple[TeacherMember, ...]] = {}
    for number, (name, network) in enumerate(params.teachers.items(), start=1):
        before = known.get(name, ())
        print(f"teacher {number}/{len(params.teachers)}: {name}")
        report[name] = tuple(
            _member(name, index, network, params, before[index] if index < len(before) else None)
            for index in range(network.members)
        )
    _forget_others(report)
    write_record(TEACHERS_RECORD, TeachersReport(teachers=report, threads=threads()))
    shutil.rmtree(BACKUP, ignore_errors=True)
    print(f"{len(report)} teachers" if report else "no teachers in params.yaml: the baseline alone teaches")


def _member(
    name: str, index: int, network: TeacherNetwork, params: Params, before: TeacherMember | None
) -> TeacherMember:
    training = params.training
    own = workload_parts(params, "teach")
    seed = training.seed + APART * (index + 1)
    plan = Plan.of(
        network,
        training.batch_size,
        seed,
        code_record("teach", [*own, network.model], settings=settings_of(params, "teach")).digest,
        params.outcome,
    )
    check_kept(_build(network, seed))  # or it would be trained in vain
    model = _build(network, seed)
    digest, path = plan.digest(model), teacher_member(name, index)
    if before is not None and before.plan == digest and path.exists():
        print(f"member {index + 1}/{network.members} of {name}: unchanged")
        return before
    print(f"member {index + 1}/{network.members} of {name}: {network.model}, {model.count_params():,} parameters")
    fitted = train_network(network.model, model, plan, backup=BACKUP)
    check_finite(model, f"teacher {name}, member {index + 1}")
    save_model(model, path)
    return TeacherMember(
        plan=digest,
        metrics=fitted.metrics,
        parameters=model.count_params(),
    )


def _build(network: TeacherNetwork, seed: int) -> KerasModel:
    dataset = read_dataset()
    set_seed(seed)
    return build_model(network.model, dataset, network.dropout)


def _known() -> dict[str, tuple[TeacherMember, ...]]:
    """The members that an earlier run left; a record of another version counts as none."""
    try:
        return read_record(TEACHERS_RECORD, TeachersReport).teachers
    except DataError:
        return {}


def _forget_others(report: dict[str, tuple[TeacherMember, ...]]) -> None:
    wanted = {teacher_member(name, index) for name, members in report.items() for index in range(len(members))}
    for path in TEACHERS.glob("*/*.keras"):
        if path not in wanted:
            path.unlink()
