"""The process that does a recipe's work, and may die of a native crash: `… worker work RECIPE`."""

import os
from pathlib import Path

from tasks.backend import set_seed
from tasks.code.records import record_of
from tasks.command import run_command
from tasks.compression.progress import watch
from tasks.compression.recipe import parse_recipes
from tasks.compression.records import (
    Candidate,
    candidate_model,
    candidate_record,
    earlier_record,
    write_own_assets,
)
from tasks.compression.refusal import OF_THE_NETWORK, record_refusal
from tasks.compression.retraining import BASELINE
from tasks.compression.runner import run_recipe
from tasks.compression.step_store import STEPS, StepStore
from tasks.compression.supervisor import ALIVE
from tasks.compression.technique import Context
from tasks.compression.vocabulary.keeping import own_assets
from tasks.config import Params
from tasks.errors import SlimlineError
from tasks.files import write_bytes
from tasks.learning.building import find_builder
from tasks.learning.identity import network_digest
from tasks.learning.saving import load_model
from tasks.packing.pack_cache import packed
from tasks.processes import end_with_parent
from tasks.records import read_record, write_record
from tasks.samples import read_assets
from tasks.training.records import BASELINE_KERAS, teacher_member

TEACHER_CACHE = Path(".slimline/teacher_cache")


def tell_supervisor() -> None:
    """Let the supervisor know whenever work has come further; in one piece, between lines that others write."""
    watch(lambda: os.write(1, f"{ALIVE}\n".encode()))


def work(params: Params, name: str) -> None:
    """Make the candidate of the recipe ``name`` and write it with its record, or record why it cannot be made.

    Args:
        params: of the project.
        name: of the recipe.
    """
    recipes = parse_recipes(params.recipes, params.teachers, params.data.workload)
    recipe = recipes[name]
    set_seed(params.training.seed)
    teaching = {teacher for step in recipe for teacher in step.teachers()}
    building = {params.training.model, *(params.teachers[teacher].model for teacher in teaching)}
    for model in sorted(building.union(*(step.networks() for step in recipe))):
        find_builder(model, params.data.workload)  # registers the layers that it is made of
    baseline = load_model(BASELINE_KERAS)
    seed = params.training.seed
    teachers = {
        teacher: [teacher_member(teacher, index) for index in range(network.members)]
        for teacher, network in params.teachers.items()
    }
    context = Context(
        seed,
        params.training.batch_size,
        teacher_seed=seed,
        cache=TEACHER_CACHE,
        teachers=teachers,
        precisions={name: network.precision for name, network in params.teachers.items()}
        | {BASELINE: params.training.precision},
        code=record_of(params, "compress").digest,
        outcome=params.outcome,
    )
    earlier = read_record(earlier_record(name), Candidate) if earlier_record(name).exists() else None
    try:
        flatbuffer, candidate = run_recipe(name, recipe, baseline, context, STEPS, earlier)
    except OF_THE_NETWORK as error:  # raised again where it came of the machine
        record_refusal(name, error)
        return
    assets = own_assets(candidate.ids_kept)
    write_own_assets(name, assets)
    write_bytes(candidate_model(name), flatbuffer)
    write_record(candidate_record(name), candidate)
    StepStore(STEPS, network_digest(baseline), context).keep_only(recipes.values())
    stored = len(packed(flatbuffer)) + sum(map(len, (assets or read_assets()).values()))
    print(f"{name}: {candidate.bytes:,} bytes loaded, {stored:,} stored, {candidate.seconds:.0f} s")


def make(params: Params, name: str) -> None:
    """Do the work, and record an error that nobody foresaw as what it is: this recipe cannot be made, others may be.

    Args:
        params: of the project.
        name: of the recipe.

    Raises:
        SlimlineError: the recipe could not be made for a reason that is not the network's.
        Exception: the machine was in trouble.
    """
    try:
        work(params, name)
    except SlimlineError:
        raise
    except Exception as error:  # raised again where it came of the machine
        record_refusal(name, error)


if __name__ == "__main__":
    end_with_parent()
    tell_supervisor()
    run_command({"work": make}, say=None)  # the supervisor has said it
