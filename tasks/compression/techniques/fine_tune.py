"""Further training after a compressing step, zeros kept."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.compression.layers import hold_zeros, kernels
from tasks.compression.technique import Context, Kind, Result, Subject, Technique
from tasks.config import Augmentation
from tasks.training.fitting import Plan, fit
from tasks.training.saving import copy_model


class FineTune(Technique):
    """Train the model on; weights that are zero stay zero.

    .. code-block:: yaml

        - {technique: fine_tune, epochs: 2, learning_rate: 0.0003}

    Needs labelled training data. Keeps zeros.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset()

    technique: Literal["fine_tune"]
    epochs: Annotated[int, Field(ge=1, description="epochs of training")]
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.0003
    schedule: Annotated[Literal["constant", "cosine"], Field(description="of the learning rate")] = "cosine"
    augmentation: Annotated[Augmentation, Field(description="as in training")] = Augmentation()

    def keeps(self) -> frozenset[Kind]:
        """Zeros are held by a constraint."""
        return frozenset({"zeros"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Train all weights; of the epochs the one with the best validation accuracy is kept."""
        model = copy_model(subject.model)
        for name in kernels(model):
            hold_zeros(model.get_layer(name))
        plan = Plan(
            epochs=self.epochs,
            batch_size=context.batch_size,
            learning_rate=self.learning_rate,
            seed=context.seed,
            schedule=self.schedule,
            augmentation=self.augmentation,
        )
        fit(model, plan, context.prepared, context.backup, say=context.say)
        return Result(Subject(copy_model(model)), changed=tuple(layer.name for layer in model.layers if layer.weights))
