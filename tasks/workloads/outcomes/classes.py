"""One of several classes: a network gives a logit for each, and the largest is the answer."""

from tasks.samples import TensorSpec


class Classes:
    """Targets are the numbers of classes, int64 ``[n]``; outputs are logits, float32 ``[n, classes]``."""

    name = "classes"
    target = TensorSpec(name="label", dtype="int64", shape=(), low=0, high=2**31 - 1)
    learning = "tasks.workloads.outcomes.classes_learning:ClassesLearning"
