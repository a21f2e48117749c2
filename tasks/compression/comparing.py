"""A step's file beside what it was made of: required where it stores floats, recorded where it rounds."""

from tasks.compression.technique import Context, Result, Subject, Technique
from tasks.learning.comparison import answers, check_float16, check_float32, check_same, describe_rounded
from tasks.learning.records import Comparison

FLOAT = "the network before this step"
SIMULATED = "the network as it was trained, its rounding simulated"


def compared(technique: Technique, before: Subject, result: Result, context: Context) -> Comparison | None:
    """Compare the file that a step gave with what it was made of; None where the step gave a Keras model.

    Args:
        technique: of the step.
        before: what it was given.
        result: what it gave.
        context: of the recipe.

    Returns:
        how near the outputs are on recorded samples.

    Raises:
        ConversionError: the file does not compute that.
    """
    after = result.subject
    if after.form == "keras":
        return None
    if before.form != "keras":
        assert context.recorded is not None
        return check_same(before.flatbuffer, after.flatbuffer, context.recorded, "the file before this step")
    recorded, stored = context.samples_like(before.network), technique.stored_as()
    if stored == "float32":
        return check_float32(before.network, after.flatbuffer, recorded, FLOAT)
    if stored == "float16":
        return check_float16(before.network, after.flatbuffer, recorded, FLOAT)
    expected = answers(before.network, recorded.inputs) if result.answers is None else result.answers
    return describe_rounded(expected, after.flatbuffer, recorded, FLOAT if result.answers is None else SIMULATED)
