"""How one of several classes is learnt."""

from typing import Any

from tasks.backend import TfTensor, keras, tensorflow


class ClassesLearning:
    """Cross-entropy from logits, and accuracy. Targets are int64 ``[n]``, outputs float32 ``[n, classes]``."""

    def loss(self) -> Any:
        """Return Keras's cross-entropy from logits."""
        return keras().losses.SparseCategoricalCrossentropy(from_logits=True)

    def metric(self) -> Any:
        """Return Keras's accuracy."""
        return keras().metrics.SparseCategoricalAccuracy(name="accuracy")

    def each_loss(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return the cross-entropy of each sample."""
        tf = tensorflow()
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets, tf.int32), outputs)

    def each_taught_loss(self, answers: TfTensor, outputs: TfTensor, temperature: float) -> TfTensor:
        """Return ``KL(teacher ‖ student)`` of each sample, both softened by the temperature."""
        tf = tensorflow()
        taught = tf.nn.log_softmax(answers / temperature)
        learned = tf.nn.log_softmax(outputs / temperature)
        return tf.reduce_sum(tf.exp(taught) * (taught - learned), axis=-1)

    def each_right(self, targets: TfTensor, outputs: TfTensor) -> TfTensor:
        """Return 1 where the largest logit is the target's, else 0."""
        tf = tensorflow()
        return tf.cast(tf.equal(tf.cast(targets, tf.int64), tf.argmax(outputs, axis=-1)), tf.float32)
