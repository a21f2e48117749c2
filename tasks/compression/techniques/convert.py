"""Plain conversion to the deployable form: what a recipe ends with where it names nothing else."""

from typing import ClassVar, Literal

from tasks.compression.location import locate
from tasks.compression.technique import SPARSITY, Context, Form, Kind, Result, Subject, Technique
from tasks.learning.conversion import to_tflite


class Convert(Technique):
    """Convert the float model as it is.

    .. code-block:: yaml

        - {technique: convert}

    Needs nothing; keeps everything.
    """

    alters: ClassVar[bool] = False
    gives: ClassVar[Form] = "flatbuffer"

    technique: Literal["convert"] = "convert"

    def keeps(self) -> frozenset[Kind]:
        """Weights are stored as they are."""
        return SPARSITY | {"clusters"}

    def apply(self, subject: Subject, context: Context) -> Result:
        """Convert."""
        flatbuffer = to_tflite(subject.network, specs=context.specs(subject.network))
        return Result(Subject(None, flatbuffer, locate(subject.network, flatbuffer)), changed=())
