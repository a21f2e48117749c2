"""Carries cases of one network out, one after the other; a line of JSON tells how each one ended.

``python -m tests.tasks.compression.zoo.worker NETWORK CASE …``, in a process of its own, since converters may die.
"""

import functools
import gc
import hashlib
import json
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import keras, set_seed
from tasks.compression.recipe import Recipe, parse_recipe
from tasks.compression.runner import run_recipe
from tasks.compression.step_store import StepStore
from tasks.compression.technique import Context
from tasks.errors import SlimlineError
from tasks.learning.feeding import made_up
from tasks.learning.identity import network_digest
from tasks.learning.saving import weights_digest
from tasks.samples import Inputs, read_batches
from tests.tasks.compression.zoo.networks import NETWORKS
from tests.tasks.compression.zoo.pictures import draw, lived_in, prepare_pictures
from tests.tasks.compression.zoo.sharing import Given, share
from tests.tasks.compression.zoo.steps import BATCH, CALIBRATION, ZOO_CASES
from tests.tasks.compression.zoo.unlike_images import INPUTS, prepare_inputs
from tests.tasks.compression.zoo.verdict import Reference, decibels, faults, logits

CAUGHT = re.compile(r"Received: \w+ at \S+\.py:\d+")
MARK = "ZOO "  # before a line that tells how a case ended
DEEP = 100  # layers of a network for which a step is traced longer than all the rest takes


def main(name: str, cases: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        set_seed(1)
        baseline = NETWORKS[name]()
        specs = INPUTS.get(name)
        if specs:
            folder, samples = prepare_inputs(Path(temporary) / "data", specs), made_up(specs, 16, 9)
        else:
            shape = baseline.input_shape[1:]
            folder, samples = prepare_pictures(Path(temporary), shape), Inputs({"image": draw(16, shape, 9)})
        if all(np.isfinite(weight).all() for weight in baseline.get_weights()):
            baseline = lived_in(baseline, samples)
        inputs = next(read_batches("validation", 1 << 20, folder))[0]
        calibrated = next(read_batches("train", CALIBRATION, folder))[0]  # the first ones, as calibration takes them
        given = Given()
        share(given)
        begun = functools.cache(lambda: Reference(given.beginning(baseline), inputs, calibrated))
        if len(baseline.layers) > DEEP:
            train_eagerly()
        # what was made so far stays: to look through it for what may be forgotten would take a fifth of the time
        gc.collect()
        gc.freeze()
        for case in cases:
            print(f"begins {case}", flush=True)
            ended = carried_out(baseline, begun, case, folder, Path(temporary) / "steps", given)
            print(MARK + json.dumps({"network": name, "case": case, **ended}), flush=True)


def train_eagerly() -> None:
    """Let Keras train without tracing a step first, in this process; it comes to the same weights."""
    model: Any = keras().Model
    compiled = model.compile
    model.compile = lambda *args, **options: compiled(*args, **{**options, "run_eagerly": True})


def carried_out(
    baseline: Any, begun: Callable[[], Reference], case: str, folder: Path, steps: Path, given: Given
) -> dict[str, Any]:
    """The end of a case: ``right`` with figures, ``refused`` with the sentence, or a ``fault``.

    Args:
        baseline: the network.
        begun: gives what the first step of every recipe takes of it.
        case: of the table.
        folder: prepared data.
        steps: where finished steps are kept, so that cases that begin alike share them.
        given: the networks that steps took.
    """
    began = time.perf_counter()
    context = Context(seed=5, batch_size=BATCH, prepared=folder, say=lambda line: print(line, flush=True))
    before = weights_digest(baseline)
    try:
        recipe = parse_recipe("zoo", ZOO_CASES[case])
        file, candidate = run_recipe("zoo", recipe, baseline, context, steps)
        reference = last_network(recipe, given.store(steps, network_digest(baseline), context), begun())
        wrong = list(faults(recipe, candidate, file, reference))
        found = decibels(reference.outputs, logits(file, reference.inputs))
    except SlimlineError as error:
        # a library's error that was caught on its way is a refusal that nobody thought about
        verdict = "fault" if CAUGHT.search(str(error)) else "refused"
        return {"verdict": verdict, "why": str(error), "seconds": round(time.perf_counter() - began, 1)}
    except Exception as error:
        trace = traceback.extract_tb(error.__traceback__)
        place = next((f"{Path(f.filename).name}:{f.lineno}" for f in reversed(trace) if "/tasks/" in f.filename), "")
        why = f"traceback: {type(error).__name__}: {str(error)[:300]} ({place})"
        return {"verdict": "fault", "why": why, "seconds": round(time.perf_counter() - began, 1)}
    if weights_digest(baseline) != before:
        wrong.append("the baseline's weights were changed")
    if given.changed():
        wrong.append("a step changed the network that it was given")
    return {
        "verdict": "fault" if wrong else "right",
        "why": "; ".join(wrong),
        "decibels": round(found, 1),
        "bytes": len(file),
        "sha256": hashlib.sha256(file).hexdigest(),
        "changed": sum(len(step.changed) for step in candidate.steps),
        "skipped": [skip.model_dump(mode="json") for step in candidate.steps for skip in step.skipped],
        "seconds": round(time.perf_counter() - began, 1),
    }


def last_network(recipe: Recipe, store: StepStore, begun: Reference) -> Reference:
    """The last Keras model of a recipe that was carried out; ``begun`` where no step gave one."""
    lengths = [length for length, technique in enumerate(recipe, 1) if technique.gives == "keras"]
    if not lengths:
        return begun
    subject = store.read(store.digest(recipe[: lengths[-1]])).subject
    return Reference(subject.network, begun.inputs, begun.calibrated)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
