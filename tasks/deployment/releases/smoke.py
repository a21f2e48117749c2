"""The last look before a channel moves: the release is fetched back as a device would, verified, loaded and asked."""

import tempfile
from pathlib import Path

from pydantic import ValidationError

from tasks.deployment.device.downloading import download
from tasks.deployment.records import MODEL, SAMPLES
from tasks.deployment.registry import Sealed, read_manifest
from tasks.deployment.releases.samples import Samples, replay
from tasks.deployment.releases.serving import fetch_file
from tasks.deployment.stores.protocol import Readable
from tasks.deployment.trust.trusted import Trust
from tasks.errors import EvaluationError, ReleaseError
from tasks.litert import LiteRTModel


def smoke(store: Readable, model: str, version: int, trust: Trust, sha256: str | None = None) -> Sealed:
    """Fetch a release and run it on its recorded samples.

    Args:
        store: that has the release.
        model: the model's name.
        version: of the release.
        trust: who may have signed it.
        sha256: what the manifest must be, where that is known.

    Returns:
        the release's manifest.

    Raises:
        Untrusted: nobody trusted has signed it.
        ReleaseError: it is not whole, LiteRT does not load it, or it gives other answers than were recorded.
        StoreError: it cannot be read.
    """
    release = read_manifest(store, model, version, trust, sha256)
    with tempfile.TemporaryDirectory(prefix="slimline-") as temporary:
        folder = Path(temporary) / "release"
        download(store, release, folder)
        for name in release.manifest.serving:
            fetch_file(store, release, name, Path(temporary))
        try:
            replay(LiteRTModel(folder / MODEL), Samples.model_validate_json((folder / SAMPLES).read_bytes()))
        except (FileNotFoundError, ValidationError, EvaluationError, ReleaseError) as error:
            raise ReleaseError(
                f"Expected release {version} of {model} to run on its recorded samples. Received: {error} "
                f"No channel was moved."
            ) from None
    return release
