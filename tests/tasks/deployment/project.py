"""A project in which the line has come as far as the gate, with a tiny real model and records that fit it."""

from pathlib import Path

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tasks.compression.records import Candidate, Promise, Reason, Skip, Step, candidate_model, candidate_record
from tasks.compression.strip import strip
from tasks.config import Params, parse_params
from tasks.deployment.decisions import ledger, sealed
from tasks.deployment.releases.production import production
from tasks.deployment.stores.opening import open_store
from tasks.deployment.trust.keys import public_path
from tasks.deployment.trust.trusted import Trust, project_trust
from tasks.evaluation.question import pose
from tasks.evaluation.records import (
    BASELINE,
    BENCHMARK,
    DECISION,
    GATE,
    BenchmarkReport,
    Cost,
    Decision,
    GateReport,
    Judgement,
    Outlook,
    Quality,
    RuleVerdict,
    Speed,
    SplitQuality,
    quality_file,
)
from tasks.files import sha256, write_text
from tasks.records import Interval, write_record
from tasks.samples import PREPARED, SPLITS, TEST_HASHES, Dataset, Part
from tasks.statistics import wilson
from tasks.training.records import TEACHERS_RECORD, TRAINING, TeachersReport, TrainingReport
from tasks.workloads.image.reading import ImageReader
from tasks.workloads.outcomes.classes.details import ClassesDetails, ClassQuality

CLASSES = ("dark", "light")
RECIPE = "float32"
BRIGHTNESS = np.array([[-1.0] * 4, [1.0] * 4], np.float32) / np.float32(
    255
)  # logits: minus and plus the sum of the pixels
BIAS = np.array([2.0, -2.0], np.float32)


def write_model(
    path: Path, weights: NDArray[np.float32] = BRIGHTNESS, bias: NDArray[np.float32] = BIAS, takes_bytes: bool = False
) -> None:
    """A flatbuffer with one dense layer over grey images of 2 × 2 pixels; ``weights`` are ``[classes, 4]``.

    It takes numbers in float32, or in uint8 as what the line itself makes.
    """
    shapes = {"image": (1, 2, 2, 1), "weights": weights.shape, "bias": bias.shape, "logits": (1, len(bias))}
    if takes_bytes:
        shapes["bytes"] = shapes["image"]
    tensors, buffers = [], [schema.BufferT()]
    for name, shape in shapes.items():
        buffer = schema.BufferT()
        if name in {"weights", "bias"}:
            buffer.data = np.frombuffer({"weights": weights, "bias": bias}[name].tobytes(), np.uint8)
        buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), len(buffers) - 1
        tensors.append(tensor)
    layer, graph, code, model = schema.OperatorT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    layer.inputs, layer.outputs = [0, 1, 2], [3]
    layer.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    layer.builtinOptions = schema.FullyConnectedOptionsT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [layer], [0], [3]
    model.operatorCodes = [code]
    if takes_bytes:
        graph.tensors[-1].type = schema.TensorType.UINT8
        graph.inputs, graph.operators = [4], [_cast(4, 0), layer]
        cast = schema.OperatorCodeT()
        cast.builtinCode = cast.deprecatedBuiltinCode = schema.BuiltinOperator.CAST
        cast.version = 1
        model.operatorCodes.append(cast)
    model.version, model.subgraphs, model.buffers = 3, [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(builder.Output()))


def _cast(bytes_: int, numbers: int) -> schema.OperatorT:
    """The second operator of a model's list of codes: bytes of one tensor as numbers of another."""
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = 1, [bytes_], [numbers]
    made.builtinOptionsType = schema.BuiltinOptions.CastOptions
    made.builtinOptions = schema.CastOptionsT()
    made.builtinOptions.inDataType = schema.TensorType.UINT8
    made.builtinOptions.outDataType = schema.TensorType.FLOAT32
    return made


def params_for(store: str, key: Path | None = None) -> Params:
    """The params of a project that signs with ``key``, or with a key of its own."""
    keys = {"signing_key": str(key), "trust": {"public_keys": [str(public_path(key))]}} if key else {}
    return parse_params(
        {
            "data": {"source": "digits"},
            "recipes": {RECIPE: [{"technique": "quantize"}]},
            "gate": {"rules": [{"metric": "accuracy", "margin": 0.05}]},
            "deployment": {"store": store, "model": "shades", **keys},
        }
    )


def trust_of(params: Params) -> Trust:
    return project_trust(params.deployment.trust)


def write_project(
    params: Params, bias: float = 2.0, outcome: Judgement = "PASS", seconds: float = 1.0, packed: bool = False
) -> None:
    """Fill the working folder; another ``bias`` makes another model, ``packed`` one that is stored in a container."""
    model = candidate_model(RECIPE)
    write_model(model, bias=np.array([bias, -bias], np.float32))
    if packed:
        model.write_bytes(strip(model.read_bytes())[0])
    digest = sha256(model)
    write_text(Path("params.yaml"), "data: {source: digits}\n")
    write_text(Path("dvc.lock"), "schema: '2.0'\n")
    write_record(PREPARED / "dataset.json", dataset())
    (PREPARED / TEST_HASHES).write_bytes(bytes(range(32)))  # four test samples
    write_record(TRAINING, training())
    write_record(TEACHERS_RECORD, TeachersReport(teachers={}, threads=5))
    write_record(candidate_record(RECIPE), candidate(digest, seconds))
    for name, of in ((BASELINE, "b" * 64), (RECIPE, digest)):
        write_record(quality_file(name), quality(name, of))
    write_record(BENCHMARK, benchmark(digest))
    write_record(GATE, gate(digest, outcome))
    if outcome == "PASS":
        decide(params)
    else:
        DECISION.unlink(missing_ok=True)
    production(params)


def decide(params: Params) -> Decision:
    """Enter a PASS for the model of the working folder in the ledger, whatever it answers."""
    store, model, question = open_store(params.deployment.store), params.deployment.model, pose(params)
    places = np.frombuffer((PREPARED / TEST_HASHES).read_bytes(), "<u8").astype(np.uint64)
    entry, _ = sealed.reserve(store, model, question, places, sealed.Terms(0.05, 0.025, "a test", RECIPE))
    entry = ledger.end(store, model, entry.reserved.number, "PASS")
    assert entry.sha256
    decision = Decision(
        outcome="PASS",
        question=question,
        store=store.url,
        ledger=ledger.folder(model),
        number=entry.reserved.number,
        sha256=entry.sha256,
        samples=entry.reserved.samples,
        turn=entry.turn,
        level=entry.reserved.level,
        confidence=1 - 2 * entry.reserved.level,
        error=entry.reserved.error,
        outlook=Outlook(confidence=0.975, worth=3, provable=2, restore=4),
        sentence=f"{RECIPE}: PASS.",
    )
    write_record(DECISION, decision)
    return decision


def dataset() -> Dataset:
    part = Part(samples=4, per_class={"dark": 2, "light": 2}, shards=())
    return Dataset(
        workload="image",
        source_digest="d" * 64,
        classes=CLASSES,
        inputs=ImageReader(2, 2, 1).inputs,
        splits=dict.fromkeys(SPLITS, part),
        read=15,
        refused_samples=2,
        refused=(),
        kept_out_samples=1,
        kept_out=(),
        notes=("Images were brought to 2 × 2.",),
    )


def training() -> TrainingReport:
    return TrainingReport(
        model="article_cnn",
        parameters=10,
        epochs=3,
        best_epoch=2,
        metrics={"accuracy": 0.75},
        weights_sha256="b" * 64,
        seconds=3.0,
        versions={"tensorflow": "2.21.0"},
        threads=3,
    )


def candidate(digest: str, seconds: float) -> Candidate:
    step = Step(
        technique="quantize",
        config={"technique": "quantize", "mode": "float16"},
        seconds=seconds,
        changed=("dense",),
        skipped=(Skip(layer="head", reason=Reason.TOO_SMALL),),
        promises=(Promise(layer="dense", promise="dtype", promised="float16", measured="float16", holds=True),),
    )
    return Candidate(
        recipe=RECIPE,
        steps=(step,),
        bytes=1,
        sha256=digest,
        baseline_weights_sha256="b" * 64,
        seconds=seconds,
        versions={"tf_keras": "2.21.0"},
        threads=7,
    )


def quality(name: str, digest: str) -> Quality:
    seen = ClassQuality(precision=0.75, recall=1.0, f1=0.86, support=2)
    missed = ClassQuality(precision=1.0, recall=0.5, f1=0.67, support=2)
    split = SplitQuality(
        samples=4,
        metrics={"accuracy": 0.75, "precision": 0.875, "recall": 0.75, "f1": 0.76},
        interval=wilson(3, 4),
        details=ClassesDetails(
            agreement=None if name == BASELINE else 1.0,
            per_class={"dark": seen, "light": missed},
            confusion=((2, 0), (1, 1)),
        ).model_dump(mode="json"),
    )
    cost = Cost(loaded_bytes=900, stored_bytes=500, zstd_bytes=600, parameters=10, nonzero=9, macs=8)
    return Quality(name=name, sha256=digest, data="e" * 64, splits={"validation": split, "test": split}, cost=cost)


def benchmark(digest: str) -> BenchmarkReport:
    speed = Speed(
        sha256=digest,
        median_us=10.0,
        p95_us=12.0,
        samples_per_second=90_000.0,
        latency_ratio=Interval(value=0.5, low=0.4, high=0.6),
        throughput_ratio=Interval(value=2.0, low=1.9, high=2.1),
        batch=32,
        rounds_us=((10.0, 10.0), (10.0, 10.0)),
    )
    models = {BASELINE: speed.model_copy(update={"sha256": "b" * 64}), RECIPE: speed}
    return BenchmarkReport(
        cpu="a CPU",
        runtime="LiteRT 2.3",
        threads=1,
        rounds=2,
        measured_rounds=(2, 2),
        seconds=60,
        batch=32,
        models=models,
    )


def gate(digest: str, outcome: Judgement) -> GateReport:
    rule = RuleVerdict(
        metric="accuracy",
        versus=BASELINE,
        outcome=outcome,
        value=0.0,
        low=-0.01,
        high=0.01,
        limit=-0.05,
        sentence="Accuracy is within 5 points of the baseline's.",
    )
    return GateReport(
        objective="bytes",
        chosen=RECIPE,
        model_sha256=digest,
        choices=(),
        rules=(rule,),
        smallest_margin=0.04,
        promising=outcome != "FAIL",
        outcome=outcome,
        sentence=f"{RECIPE}: {outcome}.",
    )
