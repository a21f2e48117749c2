"""Further training after a compressing step, zeros kept."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.compression.retraining import Retraining, retrain
from tasks.compression.sparsity.constraint import hold_all_zeros
from tasks.compression.technique import SPARSITY, Context, Kind, Result, Subject, Technique
from tasks.learning.saving import copy_model


class FineTune(Retraining, Technique):
    """Train the model on; weights that are zero stay zero.

    .. code-block:: yaml

        - {technique: fine_tune, epochs: 2, learning_rate: 0.0003}

    Needs labelled training data. Keeps zeros; the network stays as it is, so that channels and ranks do too.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset()

    technique: Literal["fine_tune"]
    schedule: Annotated[Literal["constant", "cosine"], Field(description="of the learning rate")] = "cosine"

    def keeps(self) -> frozenset[Kind]:
        """Zeros are held by a constraint."""
        return SPARSITY

    def apply(self, subject: Subject, context: Context) -> Result:
        """Train all weights; of the epochs the one with the best metric on validation is kept."""
        model = copy_model(subject.network)
        hold_all_zeros(model)
        retrain(model, self, context)
        return Result(Subject(copy_model(model)), changed=tuple(layer.name for layer in model.layers if layer.weights))
