"""Compare a file with the network that it was made of, on recorded samples.

======================  ============================================================================================
a file of               what must hold on at least 64 samples
======================  ============================================================================================
float32                 110 dB between its outputs and the network's, and the same answers but for ties
float16                 the same beside the float32 file with its weights rounded to float16
fewer bits              nothing; signal-to-noise ratio and agreement are recorded
======================  ============================================================================================

110 dB are 18 bits. Very deep or badly scaled networks do not compute as exactly in float32: what is asked of them is
what one unit in the last place of every weight changes (:func:`.rewrites.float32_db`), and never less than 80 dB.

A tie: another answer that an error of the permitted size explains, as the outcome has it. Where outputs are no answers
but numbers, decibels alone are looked at.
"""

from pathlib import Path

import numpy as np

from tasks.arrays import Array
from tasks.backend import KerasModel
from tasks.distortion import sqnr
from tasks.errors import ConversionError, EvaluationError
from tasks.learning.conversion import to_tflite
from tasks.learning.differences import first_difference
from tasks.learning.feeding import fed
from tasks.learning.halves import with_halves
from tasks.learning.recorded import Recorded
from tasks.learning.records import Comparison
from tasks.learning.rewrites import EXACT_DB, LEAST_DB, float32_db
from tasks.litert import LiteRTModel, Scores
from tasks.samples import PREPARED, Inputs, SplitName, read_batches, read_dataset
from tasks.workloads import outcome_for, outcome_of
from tasks.workloads.protocol import OutcomeSettings

BATCH, READ = 16, 256
LARGEST_HALF = float(np.finfo(np.float16).max)
TRAINED = "the trained network"


def answers(model: KerasModel, samples: Inputs | Array) -> Scores:
    """Return outputs of a Keras model in inference: float32 ``[n, …]``.

    Args:
        model: the network.
        samples: ``[n, *shape]`` of each input; an array is that of the only one.
    """
    parts = [
        np.asarray(model(fed(samples[start : start + BATCH]), training=False), np.float32)
        for start in range(0, len(samples), BATCH)
    ]
    return np.concatenate(parts)


def compare(
    expected: Scores, received: Scores, recorded: Recorded, of: str = TRAINED, needed: float | None = None
) -> Comparison:
    """Return how far outputs are from others, and how many answers they share.

    Args:
        expected: outputs of the one model, ``[n, …]``.
        received: those of the other.
        recorded: the samples.
        of: the one model, in words.
        needed: decibels, which say what counts as a tie; None: nothing does.
    """
    flat = expected.astype(np.float64).reshape(len(expected), -1)
    size = np.linalg.norm(flat, axis=1) * 10 ** (-(needed or np.inf) / 20)
    same = outcome_for(recorded.workload).same_answers(expected, received, size)
    return Comparison(
        of=of,
        samples=len(expected),
        noise=recorded.noise,
        signal_to_noise_db=round(sqnr(expected, received), 2),
        agreement=None if same is None else float(np.mean(same[0])),
        ties=0 if same is None else int(np.sum(same[1])),
        needed_db=needed,
    )


def check_float32(model: KerasModel, flatbuffer: bytes, recorded: Recorded, of: str = TRAINED) -> Comparison:
    """Return the comparison of a float32 file with the network that it was made of.

    Args:
        model: the network.
        flatbuffer: the file's content.
        recorded: the samples.
        of: the network, in words.

    Raises:
        ConversionError: it is not that network; names the first layer that differs where it can be found.
    """
    expected, received = answers(model, recorded.inputs), _answers_of(flatbuffer, recorded.inputs)
    _check_numbers(expected, f"{of} to give")
    _check_shape(expected, received, of)
    found = compare(expected, received, recorded, of, EXACT_DB)
    if not _holds(found):
        found = compare(expected, received, recorded, of, _needed(model, expected, recorded))
    if not _holds(found):
        where = first_difference(model, recorded.inputs, found.needed_db or EXACT_DB, recorded.specs)
        raise ConversionError(_sentence(found, where))
    return found


def _needed(model: KerasModel, expected: Scores, recorded: Recorded) -> float:
    """Decibels that a network must agree to which float32 does not compute to 110 dB."""
    if not np.array_equal(expected, answers(model, recorded.inputs)):
        return EXACT_DB  # it answers at random: that says nothing about its rounding
    return round(max(LEAST_DB, min(EXACT_DB, float32_db(model, fed(recorded.inputs)))), 2)


def check_split(
    model: KerasModel,
    flatbuffer: bytes,
    held: Comparison,
    metric: str,
    folder: Path = PREPARED,
    split: SplitName = "validation",
    settings: OutcomeSettings | None = None,
) -> float:
    """Compare a float32 file's answers with the network's on a whole split.

    Args:
        model: the network.
        flatbuffer: the file made of it.
        held: how near they are on recorded samples.
        metric: what the outcome's metric is called.
        folder: of the prepared data.
        split: which one.
        settings: of the outcome, whose metric it is.

    Returns:
        the file's metric.

    Raises:
        ConversionError: there are other answers than ties.
    """
    file, workload, others = LiteRTModel(flatbuffer), read_dataset(folder).workload, 0
    ours, theirs, targets = [], [], []
    for inputs, truth in read_batches(split, READ, folder):
        ours.append(answers(model, inputs))
        theirs.append(file.predict(inputs))
        targets.append(truth)
        others += _others(compare(ours[-1], theirs[-1], Recorded(inputs, 0, workload), held.of, held.needed_db))
    if not targets:
        return 0.0
    known, outcome = np.concatenate(targets), outcome_of(folder, settings)
    mine, of_file = (outcome.score(known, np.concatenate(parts))[1] for parts in (ours, theirs))
    if others:
        raise ConversionError(
            f"Expected the file to give the answers of {held.of} on the {split} split. Received: {others} others of "
            f"{len(known)}, {metric} {of_file:.4f} instead of {mine:.4f}. This file is not used."
        )
    return of_file


def check_float16(model: KerasModel, flatbuffer: bytes, recorded: Recorded, of: str = TRAINED) -> Comparison:
    """Compare a float16 file with the float32 file of the same network, its weights rounded to float16.

    Args:
        model: the network.
        flatbuffer: the file's content.
        recorded: the samples.
        of: the network, in words.

    Returns:
        the comparison with the network, and under ``rounded_db`` that with the rounded file.

    Raises:
        ConversionError: it is not that network, or float16 cannot hold its weights.
    """
    _check_range(model)
    float_file = to_tflite(model, specs=recorded.specs)
    check_float32(model, float_file, recorded, of)
    expected = _answers_of(with_halves(float_file, flatbuffer), recorded.inputs)
    received = _answers_of(flatbuffer, recorded.inputs)
    rounded = compare(expected, received, recorded, f"{of} with weights rounded to float16", EXACT_DB)
    if not _holds(rounded):
        needed = _needed(model, answers(model, recorded.inputs), recorded)
        rounded = compare(expected, received, recorded, rounded.of, needed)
    if not _holds(rounded):
        raise ConversionError(_sentence(rounded, ""))
    found = compare(answers(model, recorded.inputs), received, recorded, of)
    return found.model_copy(update={"rounded_db": rounded.signal_to_noise_db, "needed_db": rounded.needed_db})


def _check_range(model: KerasModel) -> None:
    for layer in model._flatten_layers(include_self=False, recursive=True):
        for weight in layer._trainable_weights + layer._non_trainable_weights:
            most = float(np.abs(weight.numpy()).max(initial=0))
            if most > LARGEST_HALF:
                raise ConversionError(
                    f"Expected weights that float16 can hold, up to {LARGEST_HALF:,.0f}. Received: {most:,.0f} in "
                    f"layer {layer.name} ({weight.name.split(':')[0]}). Take another mode."
                )


def describe_rounded(expected: Scores, flatbuffer: bytes, recorded: Recorded, of: str) -> Comparison:
    """Return how far the file of fewer bits is from the logits of the network that it was made of.

    Args:
        expected: the network's outputs, ``[n, …]``.
        flatbuffer: the file's content.
        recorded: the samples.
        of: the network, in words.

    Raises:
        ConversionError: it gives no numbers, or other outputs.
    """
    received = _answers_of(flatbuffer, recorded.inputs)
    _check_numbers(expected, f"{of} to give")
    _check_numbers(received, "the file to give")
    _check_shape(expected, received, of)
    return compare(expected, received, recorded, of)


def check_same(before: bytes, after: bytes, recorded: Recorded, of: str) -> Comparison:
    """Return the comparison of a file with the one that it was made of, whose answers it must give bit for bit.

    Args:
        before: that file's content.
        after: the content of the file made of it.
        recorded: the samples.
        of: the file before, in words.

    Raises:
        ConversionError: it gives others.
    """
    expected, received = (_answers_of(flatbuffer, recorded.inputs) for flatbuffer in (before, after))
    found = compare(expected, received, recorded, of)
    if expected.tobytes() != received.tobytes():
        raise ConversionError(f"Expected the answers of {of} bit for bit. Received: {found.sentence}.")
    return found


def check_saved(model: KerasModel, saved: KerasModel, recorded: Recorded, where: Path) -> None:
    """Compare a network read back from its file with the one that was written.

    Args:
        model: that was written.
        saved: that was read back.
        recorded: the samples.
        where: the file.

    Raises:
        ConversionError: a layer's configuration does not say all that the layer computes.
    """
    expected, received = answers(model, recorded.inputs), answers(saved, recorded.inputs)
    found = compare(expected, received, recorded, TRAINED, EXACT_DB)
    if expected.shape != received.shape or not _holds(found):
        layer = first_difference(model, recorded.inputs, EXACT_DB, recorded.specs)
        raise ConversionError(
            f"Expected {where} to hold the trained network. Received: {found.sentence}{layer}. "
            f"Let get_config of your own layers name all that they are made with."
        )


def check_serving(model: KerasModel, served: Scores, recorded: Recorded, of: str) -> Comparison:
    """Return the comparison of an exported model's logits with those of the network that was exported.

    Args:
        model: the network.
        served: outputs of the export for the same samples, ``[n, outputs]``.
        recorded: the samples.
        of: the network, in words.

    Raises:
        ConversionError: they are others.
    """
    found = compare(answers(model, recorded.inputs), served, recorded, of, EXACT_DB)
    if not _holds(found):
        raise ConversionError(_sentence(found, ""))
    return found


def _answers_of(flatbuffer: bytes, inputs: Inputs) -> Scores:
    try:
        return LiteRTModel(flatbuffer).predict(inputs)
    except EvaluationError as error:
        raise ConversionError(f"Expected the converted file to run. Received: {error}") from None


def _holds(found: Comparison) -> bool:
    return found.signal_to_noise_db >= (found.needed_db or 0.0) and not _others(found)


def _others(found: Comparison) -> int:
    """Samples with another answer, ties apart."""
    return 0 if found.agreement is None else round((1 - found.agreement) * found.samples) - found.ties


def _check_numbers(logits: Scores, of: str) -> None:
    if not np.isfinite(logits).all():
        wrong = int((~np.isfinite(logits)).any(axis=1).sum())
        raise ConversionError(
            f"Expected {of} numbers. Received: NaN or infinite logits for {wrong} of {len(logits)} samples."
        )


def _check_shape(expected: Scores, received: Scores, of: str) -> None:
    if expected.shape != received.shape:
        raise ConversionError(
            f"Expected the file to give {expected.shape[1:]}, as {of} does. Received: {received.shape[1:]}."
        )


def _sentence(found: Comparison, where: str) -> str:
    return (
        f"Expected the file to give what {found.of} gives, to {found.needed_db:.0f} dB"
        f"{'' if found.agreement is None else ' and with the same answers'}. "
        f"Received: {found.signal_to_noise_db:.1f} dB"
        f"{'' if found.agreement is None else f' and {_others(found)} other answers'} "
        f"on {found.samples} samples{where}. "
        f"Write that layer with other operations, or leave it out: this file is not used."
    )
