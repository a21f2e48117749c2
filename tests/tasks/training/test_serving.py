from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import ConversionError
from tasks.learning.conversion import to_tflite
from tasks.learning.saving import save_model, weights_digest
from tasks.litert import LiteRTModel
from tasks.records import read_record
from tasks.samples import PREPARED, Inputs, read_dataset
from tasks.training import serving
from tasks.training.records import SAVED_MODEL, SERVING, ServingReport
from tasks.training.serving import export, save_for_serving
from tasks.workloads.text.tokenizer import FILE, Tokenizer
from tests.tasks.compression.texts import network
from tests.tasks.data_loading.test_texts import loaded, sentences, write_csv
from tests.tasks.training.material import SHAPE, SPECS


def test_the_export_takes_raw_pixels_and_gives_the_models_logits(tiny: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    save_for_serving(tiny, SPECS, tmp_path / "served")
    images = np.random.default_rng(1).integers(0, 256, (20, *SHAPE), np.uint8)
    signature = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    logits = signature(image=tf.constant(images))["logits"].numpy()
    (tmp_path / "model.tflite").write_bytes(to_tflite(tiny))
    np.testing.assert_allclose(logits, LiteRTModel(tmp_path / "model.tflite").predict(images), rtol=1e-4, atol=1e-4)


def test_nothing_random_is_in_the_export(tiny: Any, tmp_path: Path) -> None:
    save_for_serving(tiny, SPECS, tmp_path / "served")
    files = {str(path.relative_to(tmp_path / "served")) for path in (tmp_path / "served").rglob("*") if path.is_file()}
    assert files == {"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"}


def test_it_is_exported_only_where_params_ask_for_it(
    tiny: Any, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/prepared").symlink_to(prepared)
    save_model(tiny, Path("models/baseline.keras"))
    for wanted in (True, False):
        deployment = params.deployment.model_copy(update={"serving": wanted})
        export(params.model_copy(update={"deployment": deployment}))
        assert (SAVED_MODEL / "saved_model.pb").exists() == wanted
        assert read_record(SERVING, ServingReport).weights_sha256 == (weights_digest(tiny) if wanted else None)


@pytest.fixture
def params() -> Any:
    from tests.tasks.deployment.project import params_for

    return params_for("file://store")


def test_an_export_with_other_logits_is_not_kept(
    tiny: Any, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/prepared").symlink_to(prepared)
    save_model(tiny, Path("models/baseline.keras"))
    monkeypatch.setattr(serving, "served_logits", lambda _, images: np.ones((len(images), 10), np.float32))
    deployment = params.deployment.model_copy(update={"serving": True})
    with pytest.raises(ConversionError, match="what the baseline gives, to 110 dB"):
        export(params.model_copy(update={"deployment": deployment}))
    assert not SAVED_MODEL.exists()


@pytest.mark.parametrize("name", ["lstm", "text_cnn", "mean_embedding", "tiny_transformer"])
def test_an_export_of_texts_answers_as_the_file_and_has_the_tokenizer_beside_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded(write_csv(tmp_path / "texts.csv", sentences(300)))
    model = network(PREPARED, name)
    save_model(model, Path("models/baseline.keras"))
    deployment = params.deployment.model_copy(update={"serving": True})
    training = params.training.model_copy(update={"model": name})
    export(params.model_copy(update={"deployment": deployment, "training": training}))
    tokenizer = Tokenizer.of_bytes((SAVED_MODEL / "assets.extra" / FILE).read_bytes())
    asked = tokenizer.encode(["free prize", "", "call home later, unknownword", "ok ok ok"])
    file = LiteRTModel(to_tflite(model, specs=read_dataset().inputs))
    served = serving.served_logits(SAVED_MODEL, Inputs({"tokens": asked}))
    assert served.shape == (4, 2)
    np.testing.assert_allclose(served[[0, 2, 3]], file.predict(asked[[0, 2, 3]]), rtol=1e-4, atol=1e-4)
    from_one = np.concatenate([serving.served_logits(SAVED_MODEL, Inputs({"tokens": asked[[at]]})) for at in (3, 2, 0)])
    np.testing.assert_allclose(from_one, served[[3, 2, 0]], rtol=1e-5, atol=1e-5)
