"""The parts ``training`` and ``teachers`` of params.yaml."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from tasks.settings import Settings
from tasks.workloads import DEFAULT_WORKLOAD, find_workload
from tasks.workloads.protocol import Augmentation


def _of_workload(values: Any, _: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Augmentation:
    if isinstance(values, Augmentation):
        return values
    if values == {}:
        return Augmentation()
    kind = (info.context or {}).get("augmentation") or find_workload(DEFAULT_WORKLOAD).augmentation
    checked: Augmentation = kind.model_validate(values)
    return checked


# which random changes there are is the workload's
OfWorkload = Annotated[SerializeAsAny[Augmentation], WrapValidator(_of_workload)]


Precision = Literal["float32", "mixed_bfloat16"]  # what layers compute in; weights are float32


class Network(Settings):
    """A network and how it is trained."""

    model: Annotated[
        str,
        Field(
            min_length=1,
            description="a network of the workload (of images article_cnn · resnet8 · mobilenet_small · vgg_small) · "
            "package.module:function of your own",
        ),
    ] = "article_cnn"
    epochs: Annotated[int, Field(ge=1, description="of training, at most")] = 50
    learning_rate: Annotated[float, Field(gt=0, description="Adam's")] = 0.001
    schedule: Annotated[
        Literal["constant", "cosine"], Field(description="of the learning rate; cosine falls to zero over the epochs")
    ] = "constant"
    precision: Annotated[
        Precision, Field(description="mixed_bfloat16: layers compute in 16 bits, weights stay float32")
    ] = "float32"
    dropout: Annotated[float, Field(ge=0, lt=1, description="rate of the dropout before the last layer")] = 0.0
    augmentation: OfWorkload = Augmentation()
    patience: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Field(description="epochs without a better one on validation, after which training stops; null: never early"),
    ] = 10


class Training(Network):
    """The baseline's network and training."""

    seed: Annotated[int, Field(ge=0, lt=2**31, description="of all random choices of a run")] = 1
    batch_size: Annotated[int, Field(ge=1, description="samples a step of training, of all trainings")] = 128


class TeacherNetwork(Network):
    """A network, or several that differ by their seed, that small ones may learn from."""

    members: Annotated[int, Field(ge=1, le=16, description="networks whose mean answer counts")] = 1
