"""A workload of two inputs, ids and amounts: from lines of a CSV file to answers of a fetched release."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.backend import keras, set_seed
from tasks.compression.recipe import parse_recipe
from tasks.compression.runner import run_recipe
from tasks.compression.technique import Context
from tasks.config import Smoke, data_of
from tasks.data_loading.contact_sheet import contact_sheet
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.data_loading.overview import overview
from tasks.deployment.releases.bundle import describe_signature
from tasks.deployment.releases.samples import record, replay
from tasks.errors import ConversionError, EvaluationError, ReleaseError, SlimlineError, TrainingError, Unsuited
from tasks.evaluation.production import find_absence, why_misfit
from tasks.learning.building import build_model
from tasks.learning.comparison import answers, check_float32
from tasks.learning.conversion import to_tflite
from tasks.learning.pipeline import evaluation_batches, training_batches
from tasks.learning.recorded import recorded_samples
from tasks.litert import LiteRTModel
from tasks.samples import Inputs, read_batches, read_dataset, split_digest
from tasks.timing.measuring import Plan, time_models
from tasks.training.serving import save_for_serving, served_logits
from tests.integration.test_line import BIN, RECIPES, make_project, run
from tests.integration.visits import PAGES, VisitAugmentation, VisitLearning, Visits, network, write_visits
from tests.tasks.compression.cases import CASES, context

OWN = "tests.integration.visits:Shop"
RIGHT = ("convert", "int8", "dynamic_int8", "float16", "int16x8", "int4", "int4 with bias_correction", "mixed", "pack")
TRAINED = ("prune", "prune by gradient", "half the channels", "factorize", "cluster grid", "distill")
REFUSED = {
    "aware int8": "Expected a network of one input of uint8 or float32 for quantization-aware training",
    "columns": "Expected width_to_depth to change a layer of this network",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred visits, and three lines that cannot be used."""
    folder = tmp_path_factory.mktemp("visits") / "source"
    write_visits(folder, 300)
    with (folder / "3.csv").open("a") as file:
        file.write(f"buys,1,2,3,{PAGES},0,0,0\nbuys,1,2,3,4,nan,0,0\nleaves,1,2\n")
    return folder


@pytest.fixture(scope="module")
def visits(source: Path) -> Path:
    """The visits as shards."""
    data = data_of(OWN).model_validate({"source": str(source), "workload": OWN, "max_refused": 0.1})
    prepare(data, current_listing(data), source.parent / "prepared")
    return source.parent / "prepared"


@pytest.fixture(scope="module")
def model() -> Any:
    """A network from pages and amounts to logits, as it begins."""
    set_seed(1)
    return network(Visits.inputs, 2)


@pytest.fixture(scope="module")
def file(model: Any) -> bytes:
    """Its LiteRT model."""
    return to_tflite(model, specs=Visits.inputs)


def some(prepared: Path, count: int = 40) -> Inputs:
    return next(read_batches("validation", count, prepared))[0]


def test_each_input_arrives_with_its_name_its_type_and_its_values(visits: Path, source: Path) -> None:
    dataset = read_dataset(visits)
    assert dataset.inputs == Visits.inputs
    lines = {line for name in source.glob("*.csv") for line in name.read_text().splitlines()}
    for inputs, labels in read_batches("train", 64, visits):
        pages, amounts = inputs.arrays["pages"], inputs.arrays["amounts"]
        assert (pages.dtype.name, amounts.dtype.name, pages[0].size, amounts[0].size) == ("int32", "float32", 4, 3)
        for label, numbers, measured in zip(labels, pages.tolist(), amounts.tolist(), strict=True):
            cells = [dataset.classes[label], *map(str, numbers), *(f"{amount:.4f}" for amount in measured)]
            assert ",".join(cells) in lines
    assert split_digest("train", visits) != split_digest("test", visits)


def test_ids_out_of_range_and_what_is_no_number_are_refused(visits: Path) -> None:
    assert [refusal.reason for refusal in read_dataset(visits).refused] == [
        f"pages from 1 to {PAGES}: 0 to 19 is expected",
        "amounts from nan to nan: -8 to 8 is expected",
        "no visit: cannot reshape array of size 2 into shape (4,)",
    ]


def test_a_source_of_several_inputs_is_looked_at(source: Path, tmp_path: Path) -> None:
    data = data_of(OWN).model_validate({"source": str(source), "workload": OWN})
    page = contact_sheet(overview(data, tmp_path / "prepared"), tmp_path / "prepared")
    assert "Each sample becomes pages int32 4, amounts float32 3" in page
    assert "Samples of this workload are no pictures" in page


def test_augmentation_sees_inputs_by_name_and_ids_stay_whole_numbers(visits: Path) -> None:
    plain = next(iter(evaluation_batches("train", 1000, visits)))[0]
    (batch, _), *_ = training_batches(1000, 1, 0, 1, VisitAugmentation(jitter=0.5), visits)
    assert batch["pages"].dtype.name == "int32"
    kept = {name: np.sort(np.asarray(values), axis=0) for name, values in batch.items()}
    assert np.array_equal(kept["pages"], np.sort(np.asarray(plain["pages"]), axis=0))
    assert 0.01 < np.abs(kept["amounts"] - np.sort(np.asarray(plain["amounts"]), axis=0)).max() < 4


def test_augmentation_that_drops_an_input_is_told(visits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VisitLearning, "augment", lambda _, batch, *__: {"pages": batch["pages"]})
    with pytest.raises(TrainingError, match=r"to give pages, amounts by their names\. Received: pages"):
        training_batches(100, 1, 0, 1, VisitAugmentation(jitter=0.5), visits)


def test_a_file_answers_by_the_names_of_its_inputs(model: Any, file: bytes, visits: Path) -> None:
    inputs, loaded = some(visits), LiteRTModel(file)
    assert {name: tensor.dtype for name, tensor in loaded.inputs.items()} == {"pages": "int32", "amounts": "float32"}
    expected = answers(model, inputs)
    assert np.allclose(loaded.predict(inputs), expected, atol=1e-5)
    turned = Inputs({name: inputs.arrays[name] for name in ("amounts", "pages")})
    assert np.array_equal(loaded.predict(turned, batch=16), loaded.predict(inputs, batch=16))
    assert check_float32(model, file, recorded_samples(Visits.inputs, visits)).signal_to_noise_db >= 110


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pages": None}, "inputs amounts, pages. Received: amounts"),
        ({"pages": np.zeros((2, 5), np.int32)}, r"pages of shape \(4,\). Received: \(5,\)"),
        ({"pages": np.zeros((2, 4), np.float32)}, "pages as int32. Received: float32"),
        ({"amounts": np.zeros((2, 3), np.int32)}, "amounts as float32. Received: int32"),
    ],
)
def test_other_inputs_than_a_files_are_refused(file: bytes, change: dict[str, Any], words: str) -> None:
    right = {"pages": np.zeros((2, 4), np.int32), "amounts": np.zeros((2, 3), np.float32)}
    given = {name: array for name, array in {**right, **change}.items() if array is not None}
    with pytest.raises(EvaluationError, match=words):
        LiteRTModel(file).predict(Inputs(given))


def test_several_inputs_without_names_are_refused(file: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    unnamed = schema.ModelT.InitFromPackedBuf(file, 0)
    unnamed.signatureDefs = None
    with pytest.raises(EvaluationError, match="a signature with a name for each of its 2 inputs"):
        LiteRTModel(bytes(flatbuffer_utils.convert_object_to_bytearray(unnamed)))


@pytest.mark.slow
def test_inputs_of_different_numbers_of_samples_are_refused(model: Any) -> None:
    import tensorflow as tf

    def serve(pages: Any, amounts: Any) -> Any:
        return {"logits": model({"pages": pages[:1], "amounts": amounts}, training=False)}

    specs = (tf.TensorSpec([2, 4], tf.int32, name="pages"), tf.TensorSpec([1, 3], tf.float32, name="amounts"))
    function = tf.function(serve).get_concrete_function(*specs)
    uneven = bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert())
    with pytest.raises(EvaluationError, match="as many samples in each input"):
        LiteRTModel(uneven)


def test_several_outputs_stay_refused(model: Any, visits: Path) -> None:
    two = keras().Model(model.inputs, [model.output, model.get_layer("joined").output])
    with pytest.raises(EvaluationError, match="Expected the file to have one output"):
        LiteRTModel(to_tflite(two, specs=Visits.inputs))
    with pytest.raises(TrainingError, match=r"Expected .*two to give \(None, 2\)"):
        build_model(f"{__name__}:two", read_dataset(visits), 0.0)


def two(inputs: Any, classes: int) -> Any:
    model = network(inputs, classes)
    return keras().Model(model.inputs, [model.output, model.get_layer("joined").output])


def unnamed(inputs: Any, classes: int) -> Any:
    renamed = tuple(spec.model_copy(update={"name": f"my_{spec.name}"}) for spec in inputs)
    return network(renamed, classes)


def floating(inputs: Any, classes: int) -> Any:
    return network((inputs[0].model_copy(update={"dtype": "float32"}), inputs[1]), classes)


def narrow(inputs: Any, classes: int) -> Any:
    layers = keras().layers
    pages, amounts = (keras().Input(spec.shape, dtype=spec.dtype, name=spec.name) for spec in inputs)
    seen = layers.Flatten()(layers.Embedding(PAGES - 1, 2)(pages))
    return keras().Model([pages, amounts], layers.Dense(classes)(layers.Concatenate()([seen, amounts])))


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        ("unnamed", r"to take pages int32 \(4,\), amounts float32 \(3,\). Received: a network that takes my_pages"),
        ("floating", r"ids pages as int32. Received: an Input of float32. Name the type: Input\(\(4,\), dtype='int32'"),
        ("narrow", "all ids that there may be: pages 0 to 19. Received: .*19 is not in"),
    ],
)
def test_a_network_of_other_inputs_is_refused_before_it_is_trained(visits: Path, builder: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        build_model(f"{__name__}:{builder}", read_dataset(visits), 0.0)


@pytest.mark.slow
def test_what_is_exported_takes_inputs_by_name(model: Any, visits: Path, tmp_path: Path) -> None:
    save_for_serving(model, Visits.inputs, tmp_path / "served")
    assert np.allclose(served_logits(tmp_path / "served", some(visits)), answers(model, some(visits)), atol=1e-5)


def carried_out(case: str, model: Any, prepared: Path, folder: Path) -> bytes:
    steps = [{key: 1 if key == "epochs" else value for key, value in step.items()} for step in CASES[case]]
    work: Context = context(prepared)
    return run_recipe(case, parse_recipe(case, steps), model, work, folder)[0]


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case == "int8" else pytest.mark.slow) for case in RIGHT]
)
def test_a_quantized_file_takes_ids_and_amounts_as_they_are(
    case: str, model: Any, visits: Path, tmp_path: Path
) -> None:
    loaded = LiteRTModel(carried_out(case, model, visits, tmp_path))
    assert {name: tensor.dtype for name, tensor in loaded.inputs.items()} == {"pages": "int32", "amounts": "float32"}
    expected, received = answers(model, some(visits)), loaded.predict(some(visits))
    assert np.mean(expected.argmax(axis=1) == received.argmax(axis=1)) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("case", TRAINED)
def test_a_network_of_two_inputs_is_trained_on(case: str, model: Any, visits: Path, tmp_path: Path) -> None:
    loaded = LiteRTModel(carried_out(case, model, visits, tmp_path))
    assert set(loaded.inputs) == {"pages", "amounts"}


@pytest.mark.slow
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_with_two_inputs_is_refused(case: str, model: Any, visits: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsuited, match=REFUSED[case]):
        carried_out(case, model, visits, tmp_path)


@pytest.mark.slow
def test_a_file_of_other_inputs_does_not_pass_for_the_network(model: Any, visits: Path) -> None:
    guessed = to_tflite(keras().Model(model.inputs, model.get_layer("measured").output), specs=Visits.inputs)
    with pytest.raises(ConversionError):
        check_float32(model, guessed, recorded_samples(Visits.inputs, visits))


def test_a_release_says_what_each_input_is_and_keeps_its_answers(file: bytes, visits: Path) -> None:
    loaded, dataset = LiteRTModel(file), read_dataset(visits)
    described = describe_signature(loaded, dataset)["inputs"]
    assert described["pages"]["values"] == {"dtype": "int32", "low": 0, "high": PAGES - 1}
    assert (described["amounts"]["dtype"], described["amounts"]["shape"]) == ("float32", (1, 3))
    assert described["pages"]["meaning"] == "[batch, 4], numbers of pages, the last one first"
    recorded = record(loaded, Smoke(samples=5), dataset)
    again = type(recorded).model_validate_json(recorded.model_dump_json())
    assert replay(loaded, again) == 5
    fewer = again.model_copy(update={"inputs": {"pages": again.inputs["pages"]}})
    with pytest.raises(SlimlineError, match="inputs amounts, pages"):
        replay(loaded, fewer)
    uneven = {**again.inputs, "pages": type(again.inputs["pages"]).of(np.zeros((4, 4), np.int32))}
    with pytest.raises(ReleaseError, match="as many samples in each input"):
        replay(loaded, again.model_copy(update={"inputs": uneven}))


@pytest.mark.slow
def test_production_of_other_inputs_is_another_task(model: Any, file: bytes, visits: Path, tmp_path: Path) -> None:
    dataset = read_dataset(visits)
    assert why_misfit(LiteRTModel(file), dataset) is None
    other = dataset.model_copy(
        update={"inputs": (Visits.inputs[1], Visits.inputs[0].model_copy(update={"shape": (5,)}))}
    )
    misfit = why_misfit(LiteRTModel(file), other)
    assert misfit == "a model for visits of amounts (3,), pages (4,), not amounts (3,), pages (5,)"
    (tmp_path / "model.tflite").write_bytes(file)
    floats = tuple(
        spec.model_copy(update={"dtype": "int64"}) if spec.dtype == "int32" else spec for spec in Visits.inputs
    )
    (tmp_path / "baseline.tflite").write_bytes(to_tflite(model, specs=floats))
    absence = find_absence(tmp_path / "model.tflite", dataset, tmp_path / "baseline.tflite")
    assert absence is not None
    assert "takes amounts float32, pages int32, not amounts float32, pages int64" in absence.sentence


@pytest.mark.slow
def test_models_of_two_inputs_are_timed(file: bytes, visits: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(file)
    (timings,) = time_models({"a": tmp_path / "model.tflite"}, some(visits, 16), Plan(1, 4, 0, batch=8))
    assert timings.batches == {"a": 8}
    assert len(timings.latencies["a"]) == 4


@pytest.mark.slow
def test_visits_become_a_release_that_answers(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    shutil.copy(Path(__file__).with_name("visits.py"), folder)
    write_visits(folder / "visits", 2000)
    text = (folder / "params.yaml").read_text()
    start, end = text.index("  image:"), text.index("  split:")
    augmentation = text[text.index("  augmentation:") : text.index("  patience:")]
    recipes = (
        "recipes:\n  int8:\n    - {technique: quantize, mode: int8, calibration: 100}\n"
        "  pruned:\n    - {technique: prune, sparsity: 0.5, epochs: 1}\n    - {technique: quantize, mode: float16}\n"
        "  aware:\n    - {technique: quantize, mode: int8, training: qat, epochs: 1}\n"
    )
    text = text[:start] + "  visits: {}\n" + text[end:]
    text = text.replace(augmentation, "  augmentation: {jitter: 0.05}\n").replace(RECIPES, recipes)
    (folder / "params.yaml").write_text(text)
    stages = (folder / "dvc.yaml").read_text()
    (folder / "dvc.yaml").write_text(stages.replace("data.image", "data.visits"))
    command: list[str | Path] = [BIN / "slimline", "run"]
    for setting in (
        "data.source=visits",
        "data.workload=visits:Shop",
        "training.model=visits:network",
        "training.epochs=8",
        "training.learning_rate=0.01",
        "deployment.model=visits",
        "deployment.serving=true",
        "deployment.smoke.of=validation",
    ):
        command += ["--set", setting]
    run(command, folder)
    refused = json.loads((folder / "models/candidates/aware/candidate.json").read_text())
    assert "quantization-aware training" in json.dumps(refused)

    device = folder / "device"
    run([BIN / "slimline", "fetch", "visits", "--to", str(device)], folder)
    signature = json.loads((device / "current/signature.json").read_text())
    assert {name: taken["dtype"] for name, taken in signature["inputs"].items()} == {
        "pages": "int32",
        "amounts": "float32",
    }
    (folder / "buys.csv").write_text("18,19,17,19,1.5,1.5,1.5")
    (folder / "leaves.csv").write_text("0,1,0,2,-1.5,-1.5,-1.5")
    asked = [str(folder / "buys.csv"), str(folder / "leaves.csv")]
    told = ["--workload", "visits:Shop", "--json"]
    answered = json.loads(run([BIN / "slimline", "predict", *asked, "--model", str(device), *told], folder).stdout)
    assert [answer["label"] for answer in answered] == ["buys", "leaves"]
    (folder / "beyond.csv").write_text("1,2,3,99,0,0,0")
    beyond = run(
        [BIN / "slimline", "predict", str(folder / "beyond.csv"), "--model", str(device), *told], folder, code=1
    )
    assert "pages" in beyond.stderr
