"""Records of a release, as they lie in the store, and of what is said of it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, model_validator

from tasks.records import Record
from tasks.workloads import files_of, unnamed

# what readers take, and what writers check before anything is written
MAX_REASON, MAX_BY = 2000, 200  # characters of why something is done, and of who wants it
MAX_FILE = (1 << 33) - 1  # bytes of a release's file
MAX_FILES = 100  # of a release, and of its SavedModel
MAX_SIGNATURES = 16  # of a manifest
MAX_SETTLED = 1 << 16  # numbers by which outputs become answers

MANIFEST = "manifest.dsse.json"  # in its signed envelope
LABELS = "labels.json"
SAMPLES = "samples.json"
SIGNATURE = "signature.json"
APPROVERS = "approvers.dsse.json"  # what approvers have signed, beside the manifest
PACKED = "model.stored"  # a zstd frame or a container, see tasks.packing
MODEL = "model.tflite"  # unpacked
PRODUCTION = Path("models/production/production.json")

Bytes = Annotated[int, Field(ge=0, le=MAX_FILE)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
SAVED_MODEL_PB = "saved_model.pb"
ServingName = Annotated[
    str, Field(pattern=r"^(saved_model\.pb|(variables|assets|assets\.extra)/[A-Za-z0-9][A-Za-z0-9_.-]{0,99})$")
]
Number = Annotated[int, Field(ge=1)]
Settled = Annotated[float, Field(allow_inf_nan=False)]


class File(Record):
    """The size and digest that a file must have before it is used."""

    bytes: Bytes
    sha256: Sha256


class DataDigests(Record):
    """Digests of the data that the model was trained and judged on."""

    source: str  # of what the source holds
    prepared: Sha256  # of dataset.json, which lists every shard with its SHA-256


class Tool(Record):
    """The slimline that made a release: its version, and a digest of the code of the stages, where it is known."""

    version: Annotated[str, Field(max_length=100)]
    code: Sha256 | None


class DecisionMade(Record):
    """The decision by which a release was let through, as the ledger in the store has it."""

    ledger: Annotated[str, Field(max_length=200)]  # prefix of its keys
    number: Number
    sha256: Sha256  # of the ledger up to the verdict
    level: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]  # probability of a PASS if a rule was broken


class Manifest(Record):
    """All that makes a release; written last, in its signed envelope; a release without it does not exist.

    ``files`` are all files beside the manifest as they are stored; ``unpacked`` is the model that a device runs.
    ``assets`` are those of the files that a device reads questions with, as a vocabulary. ``settled`` are numbers by
    which outputs become answers, as offsets of the logits of classes; none where the outputs are the answers.
    ``tool`` is None in releases of earlier versions.
    ``serving`` are the files of a SavedModel that lie under ``serving/``, for TensorFlow Serving; devices take none of
    them. ``commit`` and ``dirty`` say from which code it was made, None where there was no repository. ``decision`` is
    None in releases of before there was a ledger. ``inconclusive`` says of a release that the gate could not decide why
    not: no channel but staging takes it before a person has approved it.

    Manifests of version 1 are those of images: they name no workload and no outcome, and of the metrics the accuracy.
    One that names no version is read as one of version 1, the oldest.
    """

    schema_version: Literal[1, 2] = 2
    model: str
    workload: Annotated[str, Field(max_length=200)] = unnamed.WORKLOAD
    outcome: Annotated[str, Field(max_length=200)] = unnamed.OUTCOME
    version: Number
    recipe: str
    created: str  # UTC, ISO 8601
    commit: str | None
    dirty: bool | None
    tool: Tool | None = Field(default=None, exclude_if=lambda value: value is None)
    metrics: dict[str, float] = Field(default_factory=dict)  # by name, on the validation split
    accuracy: float | None = Field(default=None, exclude_if=lambda value: value is None)  # of version 1
    decision: DecisionMade | None = None
    inconclusive: Annotated[str, Field(min_length=1, max_length=MAX_REASON)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    data: DataDigests
    versions: dict[str, str]  # of the libraries that decide about the model's bytes
    threads: dict[str, int] = Field(default_factory=dict)  # by stage, of those that decide about them
    files: Annotated[dict[FileName, File], Field(max_length=MAX_FILES)]
    unpacked: File
    assets: tuple[FileName, ...] = Field(default=(), max_length=MAX_FILES, exclude_if=lambda value: not value)
    settled: tuple[Settled, ...] = Field(default=(), max_length=MAX_SETTLED, exclude_if=lambda value: not value)
    serving: dict[ServingName, File] = Field(default_factory=dict, max_length=MAX_FILES)

    @property
    def figures(self) -> dict[str, float]:
        """The metrics by name, of either version; before there was a ledger, on the test split."""
        return self.metrics if self.accuracy is None else {"accuracy": self.accuracy}

    @model_validator(mode="before")
    @classmethod
    def _is_of_the_oldest_version(cls, values: Any, info: ValidationInfo) -> Any:
        unnamed_version = info.mode == "json" and isinstance(values, dict) and "schema_version" not in values
        return {"schema_version": 1, **values} if unnamed_version else values

    @model_validator(mode="after")
    def _is_of_its_version(self) -> "Manifest":
        if (self.schema_version == 1) != (self.accuracy is not None) or (self.schema_version == 1 and self.metrics):
            raise ValueError("expected accuracy in version 1, and metrics by name in version 2")
        return self

    @model_validator(mode="after")
    def _needs_a_model(self) -> "Manifest":
        needed = {PACKED} | files_of(self.outcome)
        missing, taken = needed - set(self.files), {MANIFEST, MODEL, APPROVERS} & set(self.files)
        if missing or taken:
            raise ValueError(f"expected files with {' and '.join(sorted(needed))} and without {MANIFEST} and {MODEL}")
        if not set(self.assets) <= set(self.files):
            raise ValueError(f"expected the assets {', '.join(self.assets)} among the files")
        if self.serving and SAVED_MODEL_PB not in self.serving:
            raise ValueError(f"expected {SAVED_MODEL_PB} among the files for TensorFlow Serving")
        return self


class Pointer(Record):
    """The last move of a channel: what it points to, who moved it there, when, why and from where.

    ``generation`` counts the channel's moves; ``nonce`` tells two moves apart that are otherwise equal; ``fallback`` is
    the generation to whose release a rollback goes. ``replaces`` is a release of another task whose place a person let
    it take; it is left out of the file where there is none.
    """

    version: Number
    manifest_sha256: Sha256
    generation: Number
    nonce: str
    kind: Literal["promote", "rollback"]
    moved_at: str  # UTC, ISO 8601
    moved_by: Annotated[str, Field(max_length=MAX_BY)]
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    previous: Number | None  # release
    fallback: Number | None
    replaces: Number | None = Field(default=None, exclude_if=lambda value: value is None)


class Review(Record):
    """The answer to a release that waited in staging: who has approved or rejected it, when, why and from where.

    ``generation`` is the move of staging that it is about, ``channel`` the one that the release waited for, and
    ``channel_generation`` its last move at that time, 0 where there was none. ``expired``: nobody has answered in time.
    """

    kind: Literal["review"] = "review"  # beside the moves of a channel
    decision: Literal["approved", "rejected"]
    version: Number
    manifest_sha256: Sha256
    generation: Number
    channel: str
    channel_generation: Annotated[int, Field(ge=0)]
    nonce: str
    at: str  # UTC, ISO 8601
    by: Annotated[str, Field(max_length=MAX_BY)]
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    origin: Annotated[str, Field(max_length=MAX_BY)]  # terminal or run, and the machine
    expired: bool = False

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        return f"{self.by} has {self.decision} it at {self.at}, from {self.origin}: {self.reason}"


class Claim(Record):
    """The claim of a version's number; only the nonce tells claims apart."""

    nonce: str
    claimed_at: str  # UTC, ISO 8601


class Lease(Record):
    """Somebody is about to point a channel to a release."""

    version: Number
    held_at: str  # UTC, ISO 8601


class Pin(Record):
    """A release that somebody wants kept."""

    version: Number
    pinned_at: str  # UTC, ISO 8601
    by: str
    reason: str


class Tombstone(Record):
    """The mark on a release that is being removed, or was; from now on it does not exist."""

    nonce: str
    retired_at: str  # UTC, ISO 8601
    why: str


class Served(Record):
    """The release that a copy for TensorFlow Serving is of."""

    model: str
    release: Number
    manifest_sha256: Sha256


class Release(Record):
    """A release in a list for people."""

    model: str
    version: int
    created: str  # UTC, ISO 8601
    recipe: str
    stored_bytes: int  # of model.stored and the assets: what a device downloads to answer
    loaded_bytes: int  # of the .tflite that becomes of it
    metrics: dict[str, float]  # by name, on the validation split; before there was a ledger, on the test split
    channels: tuple[str, ...]  # that point to it
    manifest_sha256: str
    inconclusive: str | None = Field(default=None, exclude_if=lambda value: value is None)  # as the manifest has it


class Production(Record):
    """The release that candidates are compared with; all None where there is none."""

    release: int | None = None
    manifest_sha256: str | None = None
    classes: tuple[str, ...] | None = None
    workload: str | None = None  # None where it was fetched by an earlier version
    outcome: str | None = None
    settled: tuple[float, ...] = Field(default=(), exclude_if=lambda value: not value)  # as the manifest has it
