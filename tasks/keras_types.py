"""Keras models, layers, nodes and variables as this code uses them.

TensorFlow and tf_keras ship no types that ``mypy --strict`` could use. A layer has the attributes of its kind alone;
all those that are read anywhere stand here, and what a layer is has to be asked before they are read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from numpy.typing import NDArray

TfTensor = Any  # computed with as numbers are, by operators that TensorFlow defines
TfDataset = Any
Shape = tuple[Any, ...]  # numbers, and None where a size is not fixed


class KerasVariable(Protocol):
    """Weights of a layer, trained or not."""

    name: str
    trainable: bool
    dtype: Any
    shape: Any  # a TensorShape
    constraint: Any
    _constraint: Any

    def numpy(self) -> NDArray[Any]:
        """Return the values."""

    def assign(self, value: Any) -> object:
        """Set the values."""

    def assign_add(self, value: Any) -> object:
        """Add to the values."""

    def __mul__(self, other: Any) -> TfTensor: ...

    def __truediv__(self, other: Any) -> TfTensor: ...

    def __float__(self) -> float: ...


class KerasNode(Protocol):
    """One call of a layer."""

    layer: "KerasLayer"
    outbound_layer: "KerasLayer"
    is_input: bool
    keras_inputs: list[TfTensor]
    outputs: Any  # a tensor, or several
    call_args: Any
    call_kwargs: Any
    flat_output_ids: list[str]

    def map_arguments(self, tensors: Any) -> tuple[Any, Any]:
        """Return the arguments of the call with other tensors in place of its own."""


class KerasLayer(Protocol):
    """A layer of any kind, a TFMOT wrapper included."""

    name: str
    dtype: str
    trainable: bool
    built: bool
    weights: list[KerasVariable]
    variables: list[KerasVariable]
    trainable_weights: list[KerasVariable]
    trainable_variables: list[KerasVariable]
    input: TfTensor
    output: TfTensor
    input_shape: Shape
    output_shape: Shape
    inbound_nodes: list[KerasNode]
    outbound_nodes: list[KerasNode]
    _inbound_nodes: list[KerasNode]
    _trainable_weights: list[KerasVariable]
    _non_trainable_weights: list[KerasVariable]

    # of some kinds alone
    layer: "KerasLayer"  # of a wrapper
    layers: list["KerasLayer"]  # of a model
    kernel: KerasVariable
    depthwise_kernel: KerasVariable
    bias: KerasVariable
    gamma: KerasVariable
    moving_mean: KerasVariable
    moving_variance: KerasVariable
    alpha: KerasVariable
    axis: Any
    epsilon: float
    momentum: float
    renorm: bool
    scale: Any
    offset: Any
    units: int
    filters: int
    depth_multiplier: int
    groups: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    data_format: str
    use_bias: bool
    activation: Any
    target_shape: tuple[int, ...]
    rate: float
    symbol: str
    equation: str  # of an einsum
    compute_dtype: str
    _weight_vars: list[Any]  # of TFMOT's wrapper for quantization: (variable, quantizer, more)
    _random_generator: Any
    _expects_training_arg: bool
    call: Any

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> TfTensor:
        """Compute what it gives."""

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a layer."""

    def get_weights(self) -> list[NDArray[Any]]:
        """Return the values of all weights."""

    def set_weights(self, weights: Sequence[NDArray[Any]]) -> None:
        """Set the values of all weights."""

    def add_weight(self, name: str, **settings: Any) -> KerasVariable:
        """Add a weight."""

    def count_params(self) -> int:
        """Count the values of all weights."""

    def get_input_shape_at(self, index: int) -> Any:
        """Return the shape that a call takes."""

    def get_output_shape_at(self, index: int) -> Any:
        """Return the shape that a call gives."""

    def get_input_at(self, index: int) -> TfTensor:
        """Return what a call takes."""

    def get_output_at(self, index: int) -> TfTensor:
        """Return what a call gives."""

    def _flatten_layers(self, recursive: bool = True, include_self: bool = True) -> Sequence["KerasLayer"]: ...


class KerasModel(KerasLayer, Protocol):
    """A functional or Sequential model, from raw inputs to what it answers."""

    inputs: list[TfTensor]
    input_names: list[str]  # of the layers that take them
    outputs: list[TfTensor]
    optimizer: Any
    stop_training: bool
    _nodes_by_depth: Mapping[int, list[KerasNode]]
    _is_graph_network: bool
    _input_layers: list[KerasLayer]
    _tensor_usage_count: Mapping[str, int]

    def get_layer(self, name: str) -> KerasLayer:
        """Return the layer of that name."""

    def add(self, layer: KerasLayer) -> None:
        """Put a layer behind those of a Sequential model."""

    def compile(self, *args: Any, **settings: Any) -> None:
        """Make ready for training."""

    def evaluate(self, *args: Any, **settings: Any) -> Any:
        """Measure loss and metrics."""

    def predict(self, *args: Any, **settings: Any) -> NDArray[Any]:
        """Compute what the model gives, batch by batch."""

    def train_on_batch(self, *args: Any, **settings: Any) -> Any:
        """Take one step of the optimizer."""

    def fit(self, *args: Any, **settings: Any) -> Any:
        """Train."""

    def to_json(self) -> str:
        """Return the architecture as JSON."""

    def save(self, path: Any, **settings: Any) -> None:
        """Write the model to a file."""


class KerasModels(Protocol):
    """``tf_keras.models``."""

    Model: Any  # the classes, to ask what a layer is
    Sequential: Any

    def clone_model(self, model: KerasModel, input_tensors: Any = None, clone_function: Any = None) -> KerasModel:
        """Return a model with layers of its own, called with other inputs; ``clone_function`` makes each of them."""

    def load_model(self, path: Any, **settings: Any) -> KerasModel:
        """Read a model from a file."""


class Keras(Protocol):
    """``tf_keras``."""

    __version__: str
    activations: Any
    applications: Any
    backend: Any
    callbacks: Any
    constraints: Any
    initializers: Any
    layers: Any
    losses: Any
    metrics: Any
    mixed_precision: Any
    models: KerasModels
    optimizers: Any
    regularizers: Any
    saving: Any
    utils: Any

    def Input(self, *args: Any, **settings: Any) -> TfTensor:  # noqa: N802
        """Begin a model."""

    def Model(self, *args: Any, **settings: Any) -> KerasModel:  # noqa: N802
        """Make a functional model."""

    def Sequential(self, *args: Any, **settings: Any) -> KerasModel:  # noqa: N802
        """Make a model of layers one behind the other."""
