"""Compare a release that was made again with the first one, and say what could explain a difference."""

import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tasks.compression.records import candidate_model
from tasks.config import CARRIED
from tasks.deployment.device.downloading import download
from tasks.deployment.records import MODEL, Manifest
from tasks.deployment.registry import read_manifest
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.trusted import Trust
from tasks.errors import ReleaseError
from tasks.files import sha256
from tasks.records import Record
from tasks.training.records import BASELINE_KERAS, BASELINE_TFLITE

PYTHON = "python"  # beside the libraries in a manifest


class Output(Record):
    """A file that a stage made, by DVC's MD5: as it was released and as it came out now."""

    path: str
    released: str | None
    rebuilt: str | None

    @property
    def same(self) -> bool:
        """True if it is known to be the same."""
        return self.released is not None and self.released == self.rebuilt


class Reproduction(Record):
    """A release that was made again, compared with the first one.

    ``differences`` are what is known to differ between then and now, as sentences, whether it mattered or not.
    """

    model: str
    version: int
    commit: str
    recipe: str
    identical: bool  # the model, bit for bit
    released_sha256: str
    rebuilt_sha256: str
    sentence: str
    outputs: tuple[Output, ...]
    differences: tuple[str, ...]


def get_release(store: Readable, model: str, number: int, trust: Trust, folder: Path) -> tuple[Manifest, str]:
    """Download a release into ``folder``, verified.

    Args:
        store: that has the release.
        model: the model's name.
        number: of the release.
        trust: who may have signed it.
        folder: gets its files.

    Returns:
        its manifest and the commit that it was made from.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: there is no such release, it is damaged, or it was made outside of git.
        StoreError: the store cannot be read.
    """
    sealed = read_manifest(store, model, number, trust)
    if sealed.manifest.commit is None:
        raise ReleaseError(
            f"Expected the commit from which release {number} of {model} was made. Received: none: it was made outside "
            f"of git. Such a release cannot be made again; keep projects in git."
        )
    download(store, sealed, folder)
    return sealed.manifest, sealed.manifest.commit


def carried_files(folder: Path) -> dict[str, bytes]:
    """Return what a downloaded release has of its project.

    Args:
        folder: of the release.
    """
    return {name: (folder / name).read_bytes() for name in CARRIED}


def compare(
    manifest: Manifest,
    release: Path,
    project: Path,
    outputs: tuple[Mapping[str, str], Mapping[str, str]],
    cpu: str,
    notes: Iterable[str] = (),
) -> Reproduction:
    """Compare the model that was made again with the released one.

    Args:
        manifest: of the release.
        release: the folder of the downloaded release.
        project: the clone in which the stages ran again.
        outputs: MD5 by path, as released and as they came out.
        cpu: what the processor is called here.
        notes: what else is known to differ.

    Returns:
        whether they are equal to the bit, and if not, what differs.

    Raises:
        ReleaseError: the stages have not left a model.
    """
    rebuilt = project / candidate_model(manifest.recipe)
    if not rebuilt.exists():
        raise ReleaseError(f"Expected {rebuilt} after the stages ran. Received: no such file.")
    paths = (BASELINE_KERAS, BASELINE_TFLITE, candidate_model(manifest.recipe))
    made = tuple(
        Output(path=str(path), released=outputs[0].get(str(path)), rebuilt=outputs[1].get(str(path))) for path in paths
    )
    distance = difference((release / MODEL).read_bytes(), rebuilt.read_bytes())
    return Reproduction(
        model=manifest.model,
        version=manifest.version,
        commit=manifest.commit or "",
        recipe=manifest.recipe,
        identical=distance is None,
        released_sha256=manifest.unpacked.sha256,
        rebuilt_sha256=sha256(rebuilt),
        sentence=_sentence(manifest, distance, made),
        outputs=made,
        differences=(*notes, *_differences(manifest, release, project, cpu)),
    )


def difference(released: bytes, rebuilt: bytes) -> str | None:
    """Return how two files differ, None where they do not.

    Args:
        released: the content of the first file.
        rebuilt: that of the second.
    """
    if len(released) != len(rebuilt):
        return f"{len(rebuilt):,} bytes instead of {len(released):,}"
    other = np.flatnonzero(np.frombuffer(released, np.uint8) != np.frombuffer(rebuilt, np.uint8))
    return f"{len(other):,} of {len(released):,} bytes differ, the first at {other[0]:,}" if len(other) else None


def _sentence(manifest: Manifest, distance: str | None, made: tuple[Output, ...]) -> str:
    name = f"{manifest.model} {manifest.version}"
    if distance is None:
        return f"{name} was made again bit for bit: {manifest.unpacked.bytes:,} bytes."
    baseline = next(output for output in made if output.path == str(BASELINE_TFLITE))
    where = "the baseline is the same, so compression made it" if baseline.same else "the baseline differs already"
    return f"{name} came out otherwise: {distance}; {where}."


def _differences(manifest: Manifest, release: Path, project: Path, cpu: str) -> list[str]:
    found = []
    if manifest.dirty:
        found.append(f"The code: it was made with changes that are not in commit {manifest.commit} and were not kept.")
    prepared = project / "data" / "prepared" / "dataset.json"
    if sha256(prepared) != manifest.data.prepared:
        found.append(f"The data: {prepared.name} is not the one that the manifest names.")
    for name, then in manifest.versions.items():
        if (now := installed(name)) != then:
            what = "Python" if name == PYTHON else f"The library {name}"
            found.append(f"{what}: {then} then, {now or 'not installed'} now.")
    if not manifest.threads:
        found.append("The number of threads then was not recorded: sums are rounded otherwise with another one.")
    metrics: dict[str, Any] = json.loads((release / "metrics.json").read_bytes())
    if (then := metrics.get("benchmark", {}).get("cpu")) != cpu:
        found.append(f"The processor: {then} then, {cpu} now.")
    return found


def installed(name: str) -> str | None:
    """Return the version of a library here, or of Python itself; None where it is not installed.

    Args:
        name: of the library.
    """
    if name == PYTHON:
        return platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return None
