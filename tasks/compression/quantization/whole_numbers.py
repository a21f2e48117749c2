"""Whole numbers, as an embedding reads them, that a file makes of rounded activations."""

from tasks.compression.flatbuffer import File
from tasks.errors import Unsuited


def check_whole_numbers(flatbuffer: bytes) -> None:
    """Refuse a quantized file that cuts the fraction off an activation whose steps are not whole.

    A 5 that is stored as 4.9998 becomes a 4: another row of a table.

    Args:
        flatbuffer: of the file.

    Raises:
        Unsuited: an operator takes whole numbers of values in steps that are none.
    """
    from ai_edge_litert import schema_py_generated as schema

    builtin, kinds = schema.BuiltinOperator, schema.TensorType
    file = File(flatbuffer)
    for graph in file.model.subgraphs:
        steps = {
            int(operator.outputs[0]): graph.tensors[operator.inputs[0]].quantization.scale
            for operator in graph.operators
            if file.code(operator) == builtin.DEQUANTIZE and graph.tensors[operator.inputs[0]].quantization is not None
        }
        for operator in graph.operators:
            entry, given = int(operator.inputs[0]), graph.tensors[operator.outputs[0]]
            cuts = file.code(operator) == builtin.CAST and given.type in (kinds.INT32, kinds.INT64)
            scale = steps.get(entry) if cuts else None
            if scale is not None and any(float(one) != round(float(one)) for one in scale):
                name = (given.name or b"").decode()
                raise Unsuited(
                    f"Expected whole numbers where {name} makes them of an activation. Received: values in steps of "
                    f"{float(scale[0]):.4g}, of which the fraction would be cut off. Take another mode, or calibrate "
                    f"int8 on samples with the largest value of the input."
                )
