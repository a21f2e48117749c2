"""The base of all modes of quantization: the promises they give, and the check of the file that comes out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from tasks.backend import KerasModel
from tasks.compression.flatbuffer import Places, read_constants
from tasks.compression.layer_states import dtype_of
from tasks.compression.location import locate
from tasks.compression.quantization.kernels import compare_kernels
from tasks.compression.quantization.whole_numbers import check_whole_numbers
from tasks.compression.records import Reason, Skip
from tasks.compression.technique import SPARSITY, Claim, Context, Form, Kind, Result, Stored, Subject, Technique
from tasks.compression.weights import weights
from tasks.errors import CompressionError
from tasks.samples import read_batches
from tasks.settings import Renamed

COMPARED = 50  # samples that the runtime's kernels are tried on
UNREAD = "no operator of the file reads these weights as they are"


class QuantizeMode(Technique):
    """One way to store a model in fewer bits; each has a file of its own, with the settings that it alone reads.

    ``dtype``: type of the weights in the file, unless a mode says it layer by layer.
    """

    gives: ClassVar[Form] = "flatbuffer"
    makes: ClassVar[frozenset[Kind]] = frozenset({"dtype"})
    dtype: ClassVar[str] = ""

    renamed: ClassVar[Mapping[str, Renamed]] = {
        "aware": Renamed("training", {True: "qat", False: "none"}),
        "step": Renamed("granularity", {"layer": "per_tensor", "channel": "per_channel"}),
    }

    technique: Literal["quantize"]
    mode: str

    @property
    def trains(self) -> bool:
        """True if weights are trained before they are stored."""
        return False

    def stored_as(self) -> Stored:
        """Return how the weights are stored: rounded."""
        return "rounded"

    def keeps(self) -> frozenset[Kind]:
        """Rounding keeps zeros, and equal weights of a channel equal."""
        return SPARSITY | {"clusters"}

    def finished(
        self,
        model: KerasModel,
        flatbuffer: bytes,
        context: Context,
        details: Mapping[str, Any],
        *,
        places: Places | None = None,
        claims: tuple[Claim, ...] = (),
        wanted: Mapping[str, str] | None = None,
        skipped: tuple[Skip, ...] = (),
    ) -> Result:
        """Check the file and tell what came of each layer.

        A layer whose weights have not the type that is wanted was left alone.

        Args:
            model: of which the file was made.
            flatbuffer: the file.
            context: of the recipe.
            details: for the record.
            places: where the file holds the weights; they are looked for if this is None.
            claims: promises beside the types of weights.
            wanted: types by path, where they are not ``dtype``.
            skipped: layers that were left alone on purpose.

        Returns:
            the file with its promises.

        Raises:
            CompressionError: LiteRT does not load the file, or all layers were left alone.
            Unsuited: the file would take whole numbers of rounded values.
        """
        check_whole_numbers(flatbuffer)
        if "kernels_db" not in details:
            inputs, _ = next(read_batches("train", COMPARED, context.prepared))
            details = {**details, "kernels_db": compare_kernels(flatbuffer, inputs)}
        places = locate(model, flatbuffer) if places is None else places
        dtypes = {path: dtype_of(copies) for path, copies in read_constants(flatbuffer, places).items()}
        want = {path: (wanted or {}).get(path, self.dtype) for path in weights(model)}
        changed = tuple(path for path in want if dtypes.get(path) == want[path] != "float32")
        known = {*changed, *(skip.layer for skip in skipped)}
        left = _left_alone([path for path in want if path not in known], dtypes)
        if not changed:
            raise self._nothing_stored((*left, *skipped))
        return Result(
            Subject(None, flatbuffer, places),
            changed=changed,
            skipped=(*left, *skipped),
            claims=(*(Claim(path, "dtype", want[path]) for path in changed), *claims),
            details=details,
        )

    def _nothing_stored(self, skipped: Sequence[Skip]) -> CompressionError:
        found = "; ".join(f"{skip.layer}: {skip.sentence}" for skip in skipped[:3]) or "no weights"
        return CompressionError(
            f"Expected mode {self.mode} to store some layer's weights in fewer bits. Received: {found}. "
            f"Leave the step out, or take another mode."
        )


def _left_alone(paths: Iterable[str], dtypes: Mapping[str, str]) -> tuple[Skip, ...]:
    """Say of weights what the converter left them as."""
    return tuple(
        Skip(layer=path, reason=Reason.CONVERTER, detail=UNREAD if path not in dtypes else f"{dtypes[path]} stays")
        for path in paths
    )
