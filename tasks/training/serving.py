"""The export stage: the baseline as a SavedModel for TensorFlow Serving, where params.yaml asks for one.

It is the float baseline and not a form of the released model: a quantized model has none that TensorFlow runs, servers
have float kernels, and the baseline's quality is measured and is in every release beside the released model's.

Like the released model it takes samples as they are kept, each input by its name, and gives logits ``[n, outputs]``.
What questions are read with, as a vocabulary, lies beside it in ``assets.extra``, which servers leave alone.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tasks.backend import KerasModel, tensorflow
from tasks.config import Params
from tasks.errors import ConversionError
from tasks.files import write_bytes
from tasks.learning.building import find_builder
from tasks.learning.comparison import check_serving
from tasks.learning.feeding import IDS, taken
from tasks.learning.recorded import recorded_samples
from tasks.learning.saving import load_model, weights_digest
from tasks.litert import Scores
from tasks.records import write_record
from tasks.samples import PREPARED, Inputs, Specs, read_assets, read_dataset
from tasks.training.records import BASELINE_KERAS, SAVED_MODEL, SERVING, ServingReport

EXTRA = "assets.extra"  # the folder of a SavedModel for what is no part of the graph
RANDOM = "fingerprint.pb"  # has a random number and is not needed; without it the stage gives the same bytes again


def export(params: Params) -> None:
    """Write ``models/serving``: the SavedModel if ``deployment.serving`` is true, and a record in any case.

    Args:
        params: all of params.yaml.

    Raises:
        ConversionError: the SavedModel does not give the baseline's logits.
    """
    shutil.rmtree(SAVED_MODEL, ignore_errors=True)
    if not params.deployment.serving:
        write_record(SERVING, ServingReport())
        print("deployment.serving is false: nothing to export")
        return
    dataset = read_dataset()
    find_builder(params.training.model, dataset.workload)  # registers the layers that it is made of
    model = load_model(BASELINE_KERAS)
    save_for_serving(model, dataset.inputs, SAVED_MODEL)
    recorded = recorded_samples(dataset.inputs, PREPARED)
    try:
        check_serving(model, served_logits(SAVED_MODEL, recorded.inputs), recorded, "the baseline")
    except ConversionError:
        shutil.rmtree(SAVED_MODEL)
        raise
    for name, content in read_assets().items():
        (SAVED_MODEL / EXTRA).mkdir(exist_ok=True)
        write_bytes(SAVED_MODEL / EXTRA / name, content)
    write_record(SERVING, ServingReport(weights_sha256=weights_digest(model)))
    print(f"{SAVED_MODEL}: {sum(path.stat().st_size for path in SAVED_MODEL.rglob('*') if path.is_file()):,} bytes")


def served_logits(folder: Path, inputs: Inputs) -> Scores:
    """Return what a SavedModel answers, asked as TensorFlow Serving does: float32 ``[n, outputs]``.

    Args:
        folder: of the SavedModel.
        inputs: ``[n, *shape]`` of each.
    """
    tf = tensorflow()
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    given = {name: tf.constant(array) for name, array in inputs.arrays.items()}
    return np.asarray(serve(**given)["logits"], np.float32)


def save_for_serving(model: KerasModel, specs: Specs, folder: Path) -> None:
    """Write ``model`` as a SavedModel whose one signature takes samples as they are kept.

    Args:
        model: from inputs as :func:`tasks.learning.feeding.fed` gives them to logits.
        specs: the inputs.
        folder: must not be there yet.
    """
    tf = tensorflow()

    def classify(*inputs: Any) -> dict[str, Any]:
        given = {
            spec.name: tensor if spec.dtype in IDS else tf.cast(tensor, tf.float32)
            for spec, tensor in zip(specs, inputs, strict=True)
        }
        return {"logits": model(taken(given), training=False)}

    served = tf.Module()
    served.model = model
    signature = [tf.TensorSpec([None, *spec.shape], spec.dtype, name=spec.name) for spec in specs]
    served.classify = tf.function(classify, input_signature=signature, autograph=False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".serving-", dir=folder.parent) as temporary:
        whole = Path(temporary) / "model"
        tf.saved_model.save(served, str(whole), signatures={"serving_default": served.classify})
        (whole / RANDOM).unlink(missing_ok=True)
        whole.rename(folder)
