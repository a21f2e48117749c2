"""The technique: a frozen config, the forms it goes between, what it promises and keeps, and one `apply`."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import model_validator

from tasks.backend import KerasModel
from tasks.compression.flatbuffer import Places
from tasks.compression.records import LatencyTrial, Skip
from tasks.config import Precision, Settings
from tasks.errors import CompressionError
from tasks.learning.feeding import specs_for
from tasks.learning.recorded import Recorded, recorded_samples
from tasks.litert import Scores
from tasks.samples import PREPARED, Specs
from tasks.workloads import outcome_of
from tasks.workloads.protocol import OutcomeLearning, OutcomeSettings

Form = Literal["keras", "flatbuffer", "package"]
Stored = Literal["float32", "float16", "rounded"]
Kind = Literal["zeros", "pattern", "clusters", "dtype", "channels", "rank", "levels"]
Allocation = Literal["uniform", "global"]  # of what is removed: the same share of each layer, or of all together
SPARSITY: frozenset[Kind] = frozenset({"zeros", "pattern"})  # what holds as long as each zero stays where it is


@dataclass(frozen=True)
class Claim:
    """A promise about a layer's weights that later steps must not break.

    ``promised``: for ``zeros`` the least fraction of zeros, for ``pattern`` n:m, the most weights that are not zero in
    each group of consecutive input channels, for ``clusters`` the most distinct values (in each output
    channel), for ``dtype`` the name of the type in the file, for ``channels`` the most output channels, for ``rank``
    those of a layer that is one of several factors and not the last,
    for ``levels`` the largest stored integer, signs aside.
    """

    layer: str
    kind: Kind
    promised: float | str

    def of(self, renamed: Mapping[str, str]) -> "Claim":
        """Return the same promise of the layer that is now in this one's place.

        Args:
            renamed: names of layers by those that they had before.
        """
        return replace(self, layer=renamed.get(self.layer, self.layer))


@dataclass(frozen=True)
class Subject:
    """The model that a recipe works on, in one of its forms.

    ``places``: where a flatbuffer holds the weights of the Keras model that it was made of, see
    :func:`tasks.compression.location.locate`. ``packed``: it is a package, stored in a container of its own.
    ``numbers``: the new number of each id, where a flatbuffer takes these in the place of those of the prepared data.
    """

    model: KerasModel | None = None
    flatbuffer: bytes = b""
    places: Places = field(default_factory=dict)
    packed: bool = False
    numbers: tuple[int, ...] = ()

    @property
    def network(self) -> KerasModel:
        """Return the Keras model; only a subject of that form has one.

        Raises:
            CompressionError: it is of another form.
        """
        if self.model is None:
            raise CompressionError(f"Expected a subject in the form keras. Received: {self.form}.")
        return self.model

    @property
    def form(self) -> Form:
        """The form it is in."""
        if self.packed:
            return "package"
        return "flatbuffer" if self.flatbuffer else "keras"


@dataclass(frozen=True)
class Result:
    """The result of a technique.

    ``renamed``: for each layer that is there no more the one that now gives what it gave, and of which holds what was
    promised. ``outdated``: layers that are there no more, and of which nothing can be measured any more, since what
    stands in their place has other shapes. ``trials``: what was timed to decide. ``answers``: logits, on the
    context's recorded samples, of what a file was made of, where that is not the network that the step took.
    ``details``: what else was measured and chosen, as JSON has it. ``measured``: numbers of this network decided which
    layers stay as they are, so that all may.
    """

    subject: Subject
    changed: tuple[str, ...]
    skipped: tuple[Skip, ...] = ()
    claims: tuple[Claim, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    outdated: frozenset[str] = frozenset()
    trials: tuple[LatencyTrial, ...] = ()
    answers: Scores | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    measured: bool = False


@dataclass(frozen=True)
class Context:
    """The means of a technique beside its own config.

    ``baseline`` is what the recipe began with, float, and teaches unless the recipe says otherwise; ``teachers`` has
    the files of the members of other teachers by their names; ``precisions``, by the name of the teacher, is what its
    answers are computed in, float32 unless it is named; ``teacher_seed`` the same for all steps, is that of the samples
    that teachers are asked about, and ``cache`` a folder where their answers are kept. ``timed`` is what was timed when
    this step was carried out earlier, and what it decided is taken over. ``code`` is a digest of the code and of the
    libraries that carry recipes out: what others have made or begun is not gone on with. ``recorded`` are the samples
    on which a file is compared with what it was made of. ``outcome`` is that of params.yaml.
    """

    seed: int
    batch_size: int
    prepared: Path = PREPARED
    backup: Path | None = None
    say: Callable[[str], None] = field(default=print)
    baseline: KerasModel | None = None
    teachers: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    precisions: Mapping[str, Precision] = field(default_factory=dict)
    teacher_seed: int = 0
    cache: Path | None = None
    timed: Sequence[LatencyTrial] = ()
    code: str = ""
    recorded: Recorded | None = None
    outcome: OutcomeSettings | None = None

    def learning(self) -> OutcomeLearning:
        """Return the outcome by which a training, a criterion or a search judges."""
        return outcome_of(self.prepared, self.outcome)

    def samples_like(self, model: KerasModel) -> Recorded:
        """Return the recorded samples, or noise of a network's inputs where there are none.

        Args:
            model: the network.
        """
        return self.recorded or recorded_samples(self.specs(model), None)

    def specs(self, model: KerasModel) -> Specs:
        """Return the inputs of a network: those of the recorded samples, or of the prepared data where they fit it.

        Args:
            model: the network.
        """
        return (self.recorded and self.recorded.specs) or specs_for(model, self.prepared)


class Technique(Settings):
    """One way to make a model smaller or faster.

    Subclasses are frozen configs; the class variables say how they fit into a chain:

    ``takes`` and ``gives`` are the forms before and after; ``makes`` are the kinds of promises that it gives;
    ``keeps`` are the kinds of promises of earlier steps that it does not break; ``alters`` says whether it is meant
    to change weights or the network: then a recipe in which it changes nothing is refused.
    """

    alters: ClassVar[bool] = True
    takes: ClassVar[Form] = "keras"
    gives: ClassVar[Form] = "keras"
    makes: ClassVar[frozenset[Kind]] = frozenset()

    technique: str

    @classmethod
    def read(cls, step: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> "Technique":
        """Return the technique that a step of a recipe names.

        Args:
            step: as params.yaml has it.
            context: as :func:`tasks.config.context_of` gives it.

        Raises:
            ValidationError: a setting is unknown, missing or does not fit.
        """
        return cls.model_validate(step, context=dict(context or {}))

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> Self:
        fields = type(self).model_fields
        for key in sorted(self.ignored()):
            if getattr(self, key) != fields[key].get_default(call_default_factory=True):
                raise ValueError(f"expected no {key} here: {self.technique} as it is set makes no use of it")
        return self

    def stored_as(self) -> Stored:
        """Return how the file that it gives stores the network, which says how near the two must be."""
        return "float32"

    def ignored(self) -> frozenset[str]:
        """Return settings that nothing reads as it is configured; others than their defaults are refused."""
        return frozenset()

    def promises(self) -> frozenset[Kind]:
        """Return kinds of promises that it gives as it is configured."""
        return self.makes

    def keeps(self) -> frozenset[Kind]:
        """Return kinds of earlier promises that still hold after this step."""
        return frozenset()

    def teachers(self) -> frozenset[str]:
        """Return names of the teachers of params.yaml that it learns from."""
        return frozenset()

    def networks(self) -> frozenset[str]:
        """Return names of the networks that it builds, as ``training.model`` has them."""
        return frozenset()

    @abstractmethod
    def apply(self, subject: Subject, context: Context) -> Result:
        """Return what the technique makes of a model, which stays as it is.

        Args:
            subject: the model, in the form that :attr:`takes` names.
            context: data, teachers, seed and what else it may use.

        Raises:
            Unsuited: the network is none that it can work on.
            CompressionError: it cannot do what it is asked to.
        """


class StepReader(Protocol):
    """A reader of a recipe's step: a technique, or a choice between several by a setting of the step."""

    def read(self, step: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> Technique:
        """Return the technique that a step of a recipe names.

        Args:
            step: as params.yaml has it.
            context: as :func:`tasks.config.context_of` gives it.

        Raises:
            ValidationError: a setting is unknown, missing or does not fit.
        """
