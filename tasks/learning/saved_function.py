"""A traced function as the SavedModel that the converter reads, written in one pass.

The converter reads functions with variables from a SavedModel. TensorFlow's own ``save`` traces two more functions for
that, with operations for each variable, and the converter loads what it saved twice: of a deep network that takes four
times as long as the tracing and the conversion together. Here the file has what is read and no more: the function, a
call of it, its variables, and the operations that give them their values.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.backend import tensorflow

TAG, SIGNATURE = "serve", "serving_default"
CALL = "StatefulPartitionedCall"  # outputs of files are called so, as they are by TensorFlow's own ``save``
SCHEMA = 1  # the version of SavedModel, of which there is one
FILENAME, RESTORED, RESTORE = "saver_filename", "restored", "restore_all"


def is_writable(function: Any) -> bool:
    """Return whether a function reads variables from outside and nothing else, so that it can be written here.

    TensorFlow's own ``save`` numbers constants from outside in an order of its own, and files have their names.

    Args:
        function: a concrete function.
    """
    variables, read = _variables(function), function.captured_inputs
    return bool(read) and all(id(tensor) in variables for tensor in read)


def converter_of(function: Any) -> Any:
    """Return a `TFLiteConverter` of a function that reads variables from outside and nothing else.

    Args:
        function: a concrete function, see :func:`is_writable`.
    """
    return _converter().from_concrete_functions([function], tensorflow().Module())


@functools.cache
def _converter() -> Any:
    class Converter(tensorflow().lite.TFLiteConverter):  # type: ignore[misc]
        def _convert_concrete_functions_to_saved_model(self, output_dir: str) -> Any:
            write(self._funcs[0], Path(output_dir))
            self.saved_model_dir = output_dir
            self._saved_model_tags = {TAG}
            self._saved_model_exported_names = [SIGNATURE]
            self._parse_saved_model_args(always_enable_saved_model_import=True)
            return self._load_saved_model(output_dir, self._saved_model_tags)

    return Converter


def _variables(function: Any) -> dict[int, Any]:
    """The variables that a function reads, by the identity of their handles."""
    return {id(variable.handle): variable for variable in function.graph.variables}


def write(function: Any, folder: Path) -> None:
    """Write a function with its variables as a SavedModel.

    Args:
        function: a concrete function with named inputs and outputs, see :func:`is_writable`.
        folder: an empty folder.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel(saved_model_schema_version=SCHEMA)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append(TAG)
    traced = function.graph.as_graph_def()
    meta.graph_def.versions.CopyFrom(traced.versions)
    meta.graph_def.library.CopyFrom(traced.library)
    meta.graph_def.library.function.append(function.function_def)
    known = _variables(function)
    variables = {f"variable_{number}": known[id(tensor)] for number, tensor in enumerate(function.captured_inputs)}
    for name, variable in variables.items():
        handle = _node(meta.graph_def, "VarHandleOp", name, shape=variable.shape, dtype=variable.dtype)
        handle.attr["shared_name"].s = name.encode()
    _add_call(meta, function, list(variables))
    _add_restoring(meta, variables)
    _write_values(variables, folder / "variables" / "variables")
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def _write_values(variables: Mapping[str, Any], prefix: Path) -> None:
    prefix.parent.mkdir()
    tensorflow().raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=[variable.read_value() for variable in variables.values()],
    )


def _add_call(meta: Any, function: Any, variables: Sequence[str]) -> None:
    """Add the call, with placeholders for what it is given, and the signature that names its inputs and outputs."""
    signature, arguments = meta.signature_def[SIGNATURE], function.function_def.signature.input_arg
    signature.method_name = "tensorflow/serving/predict"
    given = function.inputs[: len(function.inputs) - len(variables)]
    entries = []
    for argument, tensor in zip(arguments, given, strict=False):
        name = f"{SIGNATURE}_{argument.name}"
        _node(meta.graph_def, "Placeholder", name, shape=tensor.shape, dtype=tensor.dtype)
        _describe(signature.inputs[argument.name], f"{name}:0", tensor)
        entries.append(name)
    call = _node(meta.graph_def, CALL, CALL, [*entries, *variables])
    call.attr["f"].func.name = function.function_def.signature.name
    _set_types(call.attr["Tin"], [tensor.dtype for tensor in function.inputs])
    _set_types(call.attr["Tout"], [tensor.dtype for tensor in function.outputs])
    for number, (name, tensor) in enumerate(zip(sorted(function.structured_outputs), function.outputs, strict=True)):
        _describe(signature.outputs[name], f"{CALL}:{number}", tensor)


def _add_restoring(meta: Any, variables: Mapping[str, Any]) -> None:
    """Add the operations that give variables the values that are kept beside the graph."""
    tf, graph = tensorflow(), meta.graph_def
    _node(graph, "Placeholder", FILENAME, shape=tf.TensorShape([]), dtype=tf.string)
    _constant(graph, "names", tf.constant(list(variables), tf.string))
    _constant(graph, "slices", tf.constant([""] * len(variables), tf.string))
    dtypes = [variable.dtype for variable in variables.values()]
    _set_types(_node(graph, "RestoreV2", RESTORED, [FILENAME, "names", "slices"]).attr["dtypes"], dtypes)
    assigned = [f"assigned_{number}" for number in range(len(variables))]
    for number, (name, variable, dtype) in enumerate(zip(assigned, variables, dtypes, strict=True)):
        _node(graph, "AssignVariableOp", name, [variable, f"{RESTORED}:{number}"], dtype=dtype)
    _node(graph, "NoOp", RESTORE, [f"^{name}" for name in assigned])
    meta.saver_def.filename_tensor_name = meta.saver_def.save_tensor_name = f"{FILENAME}:0"
    meta.saver_def.restore_op_name, meta.saver_def.version = RESTORE, 2


def _constant(graph: Any, name: str, value: Any) -> None:
    node = _node(graph, "Const", name, dtype=value.dtype)
    node.attr["value"].tensor.CopyFrom(tensorflow().make_tensor_proto(value))


def _node(
    graph: Any, operation: str, name: str, inputs: Sequence[str] = (), *, shape: Any = None, dtype: Any = None
) -> Any:
    node = graph.node.add(op=operation, name=name, input=inputs)
    if shape is not None:
        node.attr["shape"].shape.CopyFrom(shape.as_proto())
    if dtype is not None:
        node.attr["dtype"].type = dtype.as_datatype_enum
    return node


def _set_types(attribute: Any, dtypes: Sequence[Any]) -> None:
    attribute.list.type.extend(dtype.as_datatype_enum for dtype in dtypes)


def _describe(information: Any, tensor: str, like: Any) -> None:
    information.name, information.dtype = tensor, like.dtype.as_datatype_enum
    information.tensor_shape.CopyFrom(like.shape.as_proto())
