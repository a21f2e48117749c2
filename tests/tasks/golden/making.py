"""Digests of the built-in digits at fixed stages; ``python -m tests.tasks.golden.making`` writes them anew.

Of the file only ``bytes`` belongs to one kind of machine: training and calibration add floats in an order that the
processor and the number of threads decide. What is above it is the same everywhere: samples and splits are integers,
first weights are compared as numbers, and candidates by their operators, shapes and types.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from tasks.files import sha256, to_json
from tasks.samples import SPLITS, TEST_HASHES, VALIDATION_HASHES, read_dataset

FILE = Path(__file__).with_name("digits.json")
NETWORK, SEED = "article_cnn", 1
VALUES = 6  # of each weight that are kept
INT8 = {"technique": "quantize", "mode": "int8", "calibration": 50}
RECIPES: dict[str, list[dict[str, Any]]] = {
    "float16": [{"technique": "quantize", "mode": "float16"}],
    "dynamic_int8": [{"technique": "quantize", "mode": "dynamic_int8"}],
    "int8": [INT8],
    "pruned_int8": [{"technique": "prune", "sparsity": 0.5, "ramp": "constant", "epochs": 1}, INT8],
    "narrow": [{"technique": "prune_channels", "budget": {"metric": "channels", "max_ratio": 0.5}}],
    "low_rank": [{"technique": "factorize", "rank": {"by": "fixed", "rank": 7}}],
    "deep": [{"technique": "width_to_depth"}],
}


def describe_data(folder: Path) -> dict[str, Any]:
    """Digests of the prepared samples and of how they are split."""
    dataset = read_dataset(folder)
    return {
        "source": dataset.source_digest,
        "samples": {split: dataset.splits[split].samples for split in SPLITS},
        "shards": {split: [shard.sha256 for shard in dataset.splits[split].shards] for split in SPLITS},
        "split_hashes": {name: sha256(folder / name) for name in (TEST_HASHES, VALIDATION_HASHES)},
    }


def first_model(folder: Path) -> Any:
    """The network as training begins with it."""
    from tasks.backend import set_seed
    from tasks.learning.building import build_model

    set_seed(SEED)
    return build_model(NETWORK, read_dataset(folder), 0.25)


def describe_weights(model: Any) -> dict[str, Any]:
    """The shape and the first values of each variable."""
    return {
        variable.name: {"shape": list(variable.shape), "first": variable.numpy().ravel()[:VALUES].tolist()}
        for variable in model.variables
    }


def describe_file(flatbuffer: bytes) -> list[str]:
    """The operators of a file in their order, with the shapes and types of what they take and give."""
    from ai_edge_litert import schema_py_generated as schema

    operators = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    types = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
    model = schema.Model.GetRootAs(flatbuffer)

    def tensor(graph: Any, index: int) -> str:
        if index < 0:
            return "-"
        found = graph.Tensors(index)
        return f"{types[found.Type()].lower()}{[found.Shape(axis) for axis in range(found.ShapeLength())]}"

    lines = []
    for graph in (model.Subgraphs(index) for index in range(model.SubgraphsLength())):
        for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
            taken = [tensor(graph, operator.Inputs(index)) for index in range(operator.InputsLength())]
            given = [tensor(graph, operator.Outputs(index)) for index in range(operator.OutputsLength())]
            name = operators[model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()]
            lines.append(f"{name} {' '.join(taken)} -> {' '.join(given)}")
    return lines


def make_candidates(folder: Path) -> dict[str, bytes]:
    """The file that each recipe makes of the network as training begins with it."""
    from tests.tasks.compression.cases import carry_out

    return {name: carry_out(name, steps, first_model(folder), folder)[0] for name, steps in RECIPES.items()}


def machine() -> dict[str, Any]:
    """All that decides about the last bits of floats."""
    from tasks.backend import threads, versions
    from tasks.litert import cpu_name, runtime_name

    information = Path("/proc/cpuinfo")  # processors of one name may have other instructions
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    can = hashlib.sha256(" ".join(sorted(flags)).encode()).hexdigest()
    place = {"cpu": cpu_name(), "instructions": can, "threads": threads(), "runtime": runtime_name()}
    return {**place, "versions": versions()}


def describe_bytes(folder: Path, candidates: dict[str, bytes]) -> dict[str, Any]:
    """Digests of a network after an epoch of training, and of the candidates."""
    from tasks.learning.fitting import Plan
    from tasks.learning.saving import weights_digest
    from tests.tasks.training.material import trained

    model = trained(first_model(folder), folder, Plan(epochs=1, batch_size=64, learning_rate=0.003, seed=SEED))
    files = {name: hashlib.sha256(content).hexdigest() for name, content in candidates.items()}
    return {"trained": weights_digest(model), "candidates": files}


def main() -> None:
    """Write the file."""
    from tests.tasks.training.material import prepare_digits

    with tempfile.TemporaryDirectory() as temporary:
        folder = prepare_digits(Path(temporary) / "data")
        candidates = make_candidates(folder)
        made = {
            "data": describe_data(folder),
            "first_weights": describe_weights(first_model(folder)),
            "candidates": {name: describe_file(content) for name, content in candidates.items()},
            "bytes": {"machine": machine(), **describe_bytes(folder, candidates)},
        }
    FILE.write_text(to_json(made), encoding="utf-8")


def golden() -> Any:
    """The content of the file."""
    return json.loads(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
