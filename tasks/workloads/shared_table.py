"""A table for both ends of a network: rows are looked up in it, and what comes of them is multiplied by all rows."""

import functools
from typing import Any

from tasks.backend import TfTensor, keras, tensorflow


@functools.cache
def shared_table() -> type[Any]:
    """Return the layer's class, registered so that files with it can be read."""

    class SharedTable(keras().layers.Embedding):  # type: ignore[misc]
        """Give the rows of ids, and of numbers ``[batch, width]`` their products with all rows, ``[batch, rows]``.

        The first row stands for nothing and is always zeros.
        """

        def call(self, inputs: TfTensor) -> TfTensor:
            tf = tensorflow()
            there = tf.concat([tf.zeros((1, 1)), tf.ones((self.input_dim - 1, 1))], axis=0)
            table = self.embeddings * tf.cast(there, self.embeddings.dtype)
            if inputs.dtype.is_integer:
                return tf.gather(table, inputs)
            return tf.matmul(inputs, table, transpose_b=True)

    registered: type[Any] = keras().saving.register_keras_serializable("slimline")(SharedTable)
    return registered
