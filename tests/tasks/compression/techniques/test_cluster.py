from pathlib import Path
from typing import Any

import numpy as np

from tasks.compression.layers import kernels
from tasks.compression.records import Reason
from tasks.compression.technique import Subject
from tasks.compression.techniques.cluster import Cluster
from tasks.training.saving import copy_model, weights_digest
from tests.tasks.compression.cases import context
from tests.tasks.training.material import depthwise


def cluster(model: Any, prepared: Path, **settings: Any) -> Any:
    technique = Cluster.model_validate({"technique": "cluster", "epochs": 1, **settings})
    before = weights_digest(model)
    result = technique.apply(Subject(model), context(prepared, batch_size=256))
    assert weights_digest(model) == before
    return result


def test_weights_that_have_clusters_keep_them_without_learning(tiny: Any, prepared: Path) -> None:
    values = np.array([-0.5, -0.1, 0.2, 0.9], np.float32)
    model = copy_model(tiny)
    rng = np.random.default_rng(1)
    for name, kernel in kernels(model).items():
        model.get_layer(name).set_weights([rng.choice(values, kernel.shape), *model.get_layer(name).get_weights()[1:]])
    before = kernels(model)
    result = cluster(model, prepared, clusters=4, learning_rate=1e-12)
    for name, kernel in kernels(result.subject.model).items():
        assert len(np.unique(kernel)) == 4
        assert np.allclose(kernel, before[name], atol=1e-5)


def test_a_layer_uses_no_more_values_than_asked_for_and_they_are_trained(tiny: Any, prepared: Path) -> None:
    untrained = kernels(cluster(tiny, prepared, clusters=6, learning_rate=1e-12).subject.model)
    result = cluster(tiny, prepared, clusters=6, learning_rate=0.01)
    trained = kernels(result.subject.model)
    assert set(result.changed) == set(trained)
    for name, kernel in trained.items():
        assert 2 <= len(np.unique(kernel)) <= 6
        assert not np.allclose(np.unique(kernel), np.unique(untrained[name]), atol=1e-3)


def test_layers_that_gain_nothing_or_cannot_are_named(prepared: Path) -> None:
    result = cluster(depthwise(), prepared, clusters=110, learning_rate=1e-12)
    assert result.changed == ("logits",)  # 120 weights
    assert {skip.layer: skip.reason for skip in result.skipped} == {
        "convolution": Reason.TOO_SMALL,  # 108
        "channelwise": Reason.UNSUPPORTED,
        "inner": Reason.UNSUPPORTED,
    }
