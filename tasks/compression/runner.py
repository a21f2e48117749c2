"""Carries a recipe out, step by step, and measures after each step every promise made so far."""

import hashlib
import time
from dataclasses import replace

from tasks.compression.promises import measure
from tasks.compression.recipe import Recipe
from tasks.compression.records import Candidate, Step
from tasks.compression.technique import Claim, Context, Model, Subject
from tasks.errors import PromiseBroken
from tasks.training.backend import set_seed, versions
from tasks.training.saving import copy_model, weights_digest


def run_recipe(name: str, recipe: Recipe, baseline: Model, context: Context) -> tuple[bytes, Candidate]:
    """Make a candidate out of ``baseline``, which stays as it is.

    Args:
        name: of the recipe.
        recipe: techniques that fit each other, the last of which gives a flatbuffer.
        baseline: from raw pixels to logits.
        context: what the techniques may use.

    Returns:
        the ``.tflite`` file and what is known about it.

    Raises:
        PromiseBroken: the baseline's weights were changed.
    """
    began = time.perf_counter()
    before = weights_digest(baseline)
    subject = Subject(copy_model(baseline))
    claims: tuple[Claim, ...] = ()
    steps = []
    for index, technique in enumerate(recipe):
        context.say(f"step {index + 1}/{len(recipe)}: {technique.technique}")
        clock = time.perf_counter()
        seed = context.seed + index  # steps of a recipe see the samples in different orders
        set_seed(seed)
        result = technique.apply(subject, replace(context, seed=seed))
        subject, claims = result.subject, (*claims, *result.claims)
        step = Step(
            technique=technique.technique,
            config=technique.model_dump(mode="json", exclude={"technique"}),
            seconds=round(time.perf_counter() - clock, 2),
            changed=result.changed,
            skipped=result.skipped,
            promises=measure(claims, subject),
        )
        steps.append(step)
        for promise in step.promises:
            if not promise.holds:
                context.say(
                    f"promise not kept: {promise.layer} {promise.promise}, "
                    f"promised {promise.promised}, measured {promise.measured}"
                )
    if weights_digest(baseline) != before:
        raise PromiseBroken(f"Expected recipe {name} to leave the baseline as it was. Received: changed weights.")
    candidate = Candidate(
        recipe=name,
        steps=tuple(steps),
        bytes=len(subject.flatbuffer),
        sha256=hashlib.sha256(subject.flatbuffer).hexdigest(),
        baseline_weights_sha256=before,
        seconds=round(time.perf_counter() - began, 2),
        versions=versions(),
    )
    return subject.flatbuffer, candidate
