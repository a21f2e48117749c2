"""A project whose source is a folder of class folders, and runs on it that train nothing."""

from collections.abc import Mapping
from pathlib import Path

from tasks.config import Params, parse_params
from tasks.data_loading.fingerprint import SOURCE
from tasks.data_loading.sources.protocol import SourceListing
from tasks.deployment.releases.promotion import Registry, registry_of
from tasks.records import write_record
from tasks.samples import PREPARED, SPLITS, Dataset, Part, TensorSpec
from tasks.watching.looking import look
from tasks.watching.memory import note_trained
from tasks.watching.records import SourceState

FILES = {f"{name}/{number}.png": b"x" * (number + 1) for name in ("cat", "dog") for number in range(10)}


def params_of(source: str = "pets", **watch: object) -> Params:
    return parse_params(
        {
            "data": {"source": source},
            "recipes": {"float16": []},
            "gate": {"rules": [{"metric": "accuracy", "margin": 0.1}]},
            "deployment": {"model": "pets", "store": "file://store"},
            "watch": watch,
        }
    )


def write_files(files: Mapping[str, bytes], root: Path = Path("pets")) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def registry_for(params: Params) -> Registry:
    return registry_of(params.deployment)


def train(params: Params, per_class: Mapping[str, int], ending: str = "Released") -> SourceState:
    """Finish a run on what is there now, in which so many samples of each class were used."""
    state = look(params.data)
    write_record(SOURCE, SourceListing.model_validate(state.listing.model_dump()))
    write_dataset(per_class)
    note_trained(params, registry_for(params), ending)
    return state


def write_dataset(per_class: Mapping[str, int]) -> Dataset:
    nothing = Part(samples=0, per_class={}, shards=())
    dataset = Dataset(
        workload="image",
        source_digest="0" * 64,
        classes=tuple(per_class),
        inputs=(TensorSpec(name="image", dtype="uint8", shape=(2, 2, 1), low=0, high=255),),
        splits={
            split: Part(samples=sum(per_class.values()), per_class=dict(per_class), shards=())
            if split == "train"
            else nothing
            for split in SPLITS
        },
        read=0,
        refused_samples=0,
        refused=(),
        kept_out_samples=0,
        kept_out=(),
        notes=(),
    )
    write_record(PREPARED / "dataset.json", dataset)
    return dataset
