"""Carries a recipe out, step by step, and measures after each step every promise made so far."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.backend import KerasModel, set_seed, threads, versions
from tasks.compression.changes import LEAVE, REPLACE, check_changes, refusing
from tasks.compression.comparing import compared
from tasks.compression.inlining import inline_models
from tasks.compression.layer_states import measure_layers
from tasks.compression.promises import measure
from tasks.compression.recipe import Recipe
from tasks.compression.records import Candidate, LatencyTrial, Step
from tasks.compression.separable import split_separable
from tasks.compression.step_store import Finished, StepStore
from tasks.compression.technique import Claim, Context, Subject, Technique
from tasks.compression.techniques.convert import Convert
from tasks.compression.vocabulary.cutting import renumbered_samples, without_renumbering
from tasks.compression.vocabulary.keeping import known_ids, vocabulary_of
from tasks.errors import CompressionError, PromiseBroken
from tasks.learning.feeding import specs_for
from tasks.learning.finite import check_finite
from tasks.learning.identity import network_digest
from tasks.learning.recorded import recorded_samples
from tasks.learning.renumbering import numbers_of
from tasks.learning.rewrites import noted
from tasks.learning.saving import copy_model, weights_digest


def run_recipe(
    name: str,
    recipe: Recipe,
    baseline: KerasModel,
    context: Context,
    steps_folder: Path,
    earlier: Candidate | None = None,
) -> tuple[bytes, Candidate]:
    """Make a candidate out of ``baseline``, which stays as it is.

    Args:
        name: of the recipe.
        recipe: techniques that fit each other, the last of which gives a flatbuffer.
        baseline: from raw pixels to logits.
        context: what the techniques may use.
        steps_folder: where finished steps are kept, see :class:`StepStore`; a recipe that begins with the same steps
            as one that was carried out there goes on behind them.
        earlier: the candidate as it was made before; what time decided then is taken over.

    Returns:
        the ``.tflite`` file and what is known about it.

    Raises:
        Unsuited: a step changes nothing in this network, or a library cannot work on it.
        CompressionError: the baseline, or what a step made of it, has weights that are no numbers.
        ConversionError: a file does not compute what it was made of computes.
        PromiseBroken: the baseline's weights were changed.
    """
    began = time.perf_counter()
    check_finite(baseline, "the baseline", CompressionError)
    before = weights_digest(baseline)
    store = StepStore(steps_folder, network_digest(baseline), context)
    subject, beginning, context = _begin(baseline, context)
    claims: tuple[Claim, ...] = ()
    steps: list[Step] = []
    for index in range(len(recipe)):
        finished = _do_step(recipe[: index + 1], len(recipe), subject, claims, context, store, earlier, beginning)
        subject, claims = finished.subject, finished.claims
        steps.append(finished.step)
    if weights_digest(baseline) != before:
        raise PromiseBroken(f"Expected recipe {name} to leave the baseline as it was. Received: changed weights.")
    seconds = round(time.perf_counter() - began, 2)
    candidate = _describe(name, steps, subject.flatbuffer, before, seconds)
    if subject.numbers:
        ids = known_ids(subject.numbers, vocabulary_of(context.prepared))
        candidate = candidate.model_copy(update={"ids_kept": ids})
    return subject.flatbuffer, candidate


def _describe(name: str, steps: Sequence[Step], file: bytes, baseline: str, seconds: float) -> Candidate:
    """Return the record of a candidate: its recipe and steps, its file, and the digest of the baseline's weights."""
    return Candidate(
        recipe=name,
        steps=tuple(steps),
        bytes=len(file),
        sha256=hashlib.sha256(file).hexdigest(),
        baseline_weights_sha256=baseline,
        seconds=seconds,
        versions=versions(),
        threads=threads(),
    )


def _begin(baseline: KerasModel, context: Context) -> tuple[Subject, Sequence[dict[str, Any]], Context]:
    """Return the network that the first step takes, the rewrites that it took to make it, and the steps' context."""
    specs = specs_for(baseline, context.prepared)
    with refusing("a recipe", REPLACE), noted() as rewrites:
        whole = inline_models(baseline, specs)
        subject = Subject(split_separable(whole, specs))
    recorded = recorded_samples(specs, context.prepared)
    return subject, rewrites, replace(context, baseline=copy_model(whole), recorded=recorded)


def _do_step(
    begun: Recipe,
    count: int,
    before: Subject,
    claims: tuple[Claim, ...],
    context: Context,
    store: StepStore,
    earlier: Candidate | None,
    beginning: Sequence[dict[str, Any]],
) -> Finished:
    """Carry out the last of the steps that a recipe has ``begun``, or take it up where it was done before.

    Args:
        begun: the recipe up to this step.
        count: steps of the whole recipe.
        before: what the step is to change.
        claims: promises of the steps before.
        context: of the recipe.
        store: where finished steps are kept.
        earlier: the candidate as it was made before.
        beginning: rewrites that were done before the first step, which notes them.
    """
    index, technique = len(begun) - 1, begun[-1]
    context.say(f"step {index + 1}/{count}: {technique.technique}")
    digest = store.digest(begun)
    advice = REPLACE if isinstance(technique, Convert) else LEAVE  # every recipe has it, whether it is named or not
    with store.alone(digest) as backup, refusing(f"step {index + 1} ({technique.technique})", advice):
        if store.has(digest):
            context.say("was done before")
        else:
            # steps of a recipe see the samples in different orders
            timed = _timed(earlier, index, technique)
            work = replace(context, seed=context.seed + index, backup=backup, timed=timed)
            if before.numbers and work.recorded:
                work = replace(work, recorded=renumbered_samples(work.recorded, before.numbers))
            store.write(digest, _carry_out(technique, before, claims, work, () if index else beginning))
        return store.read(digest)


def _timed(earlier: Candidate | None, index: int, technique: Technique) -> tuple[LatencyTrial, ...]:
    """Return what was timed when the same step was carried out earlier."""
    if earlier is None or index >= len(earlier.steps) or earlier.steps[index].config != _config(technique):
        return ()
    return earlier.steps[index].trials


def _config(technique: Technique) -> dict[str, Any]:
    return technique.model_dump(mode="json", exclude={"technique"})


def _carry_out(
    technique: Technique,
    before: Subject,
    claims: tuple[Claim, ...],
    context: Context,
    begun: Sequence[dict[str, Any]] = (),
) -> Finished:
    """Carry out one step and measure what comes out; ``begun`` are the rewrites that were done before the step."""
    clock = time.perf_counter()
    set_seed(context.seed)
    with noted() as rewrites:
        result = technique.apply(before, context)
        if result.subject.form == "keras":
            check_finite(result.subject.network, f"the network after {technique.technique}", CompressionError)
        result = check_changes(technique, before, result)
        comparison = compared(technique, before, result, context)
    result = replace(result, subject=_taking_new_numbers(before, result.subject, context))
    kept = (claim.of(result.renamed) for claim in claims if claim.layer not in result.outdated)
    done = [*begun, *rewrites]
    claims = (*kept, *result.claims)
    step = Step(
        technique=technique.technique,
        config=_config(technique),
        seconds=round(time.perf_counter() - clock, 2),
        changed=result.changed,
        skipped=result.skipped,
        promises=measure(claims, result.subject),
        layers=measure_layers(before, result.subject),
        trials=result.trials,
        comparison=comparison,
        details={**result.details, **({"rewrites": done} if done else {})},
    )
    if comparison is not None:
        context.say(comparison.sentence)
    for promise in step.promises:
        if not promise.holds:
            context.say(
                f"promise not kept: {promise.layer} {promise.promise}, "
                f"promised {promise.promised}, measured {promise.measured}"
            )
    return Finished(step, result.subject, claims)


def _taking_new_numbers(before: Subject, after: Subject, context: Context) -> Subject:
    """A file of a network that gives ids new numbers, without that: it is given the new ones."""
    if after.form == "keras":
        return after
    if before.form != "keras":
        return replace(after, numbers=before.numbers)
    numbers = numbers_of(before.network)
    return without_renumbering(after, numbers, context.samples_like(before.network)) if numbers else after
