"""A device's copy of one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.deployment.device.client import Fetched, fetch, release_folder
from tasks.deployment.device.downloading import verify
from tasks.deployment.device.prediction import Prediction, predict
from tasks.deployment.trust.trusted import Trust


@dataclass(frozen=True)
class Client:
    """A device's copy of one model: kept up to date, verified and asked.

    .. code-block:: python

        client = slimline.Client("https://models.example.com/line", "digits", "device", slimline.load_trust("keys"))
        if client.fetch().changed:
            print(client.predict(["image.png"])[0].label)

    Args:
        store: the store's address: ``https://…``, ``http://…``, ``s3://…`` or ``file://…``.
        model: the model's name in the store.
        folder: a folder for this model alone: a new one, an empty one or one that was fetched into before.
        trust: whose signatures count, see :func:`slimline.load_trust`.
        channel: the channel to follow.
        keep: how many releases that were in use before are kept beside the one in use.
    """

    store: str
    model: str
    folder: str | Path
    trust: Trust
    channel: str = "production"
    keep: int = 1

    @property
    def current(self) -> Path:
        """The folder of the release in use; read several files of it from what this gave once."""
        return release_folder(Path(self.folder))

    def fetch(self) -> Fetched:
        """Bring the folder to the release that the channel points to; see :func:`slimline.fetch`.

        Returns:
            the release that is in use now, and whether it is another one than before.

        Raises:
            ConfigError: the address is not one, or the folder has other things in it and no release.
            NotInstalled: the address begins with ``s3://`` and boto3 is not there.
            Untrusted: nobody trusted has signed the release.
            ReleaseError: there is no release, it is not what its manifest says, or the channel has gone back.
            StoreError: the store cannot be read.
        """
        return fetch(self.store, self.model, self.channel, self.folder, self.trust, self.keep)

    def verify(self) -> int:
        """Check the signature of the release in use, and size and SHA-256 of each of its files.

        Returns:
            the release's version.

        Raises:
            Untrusted: nobody trusted has signed it.
            ReleaseError: there is none, or a file is not what the manifest says.
        """
        return verify(self.current, self.trust).manifest.version

    def predict(self, files: Sequence[str | Path], workload: str | None = None) -> list[Prediction]:
        """Ask the release in use about files; see :func:`slimline.predict`.

        Args:
            files: as the release's workload reads them; images are brought to the model's size and channels.
            workload: of your own, as ``package.module:Class``, where the release names it.

        Returns:
            an answer for each file, in their order.

        Raises:
            NotInstalled: LiteRT or Pillow is not there; ``slimline[predict]`` has both.
            Untrusted: nobody trusted has signed the release.
            ReleaseError: the release is missing or damaged.
            DataError: a file cannot be read as a sample.
        """
        return predict(self.folder, files, self.trust, workload)
