from typing import Any

import pytest

from tasks.backend import keras, set_seed
from tasks.compression.technique import Context, Subject
from tasks.learning.saving import copy_model
from tests.tasks.compression.zoo.sharing import Given


@pytest.fixture
def baseline() -> Any:
    set_seed(1)
    return keras().Sequential([keras().Input((3,)), keras().layers.Dense(2)])


def test_what_a_recipe_begins_with_is_made_once(baseline: Any) -> None:
    given, made = Given(), []

    def begin(model: Any, context: Context) -> Any:
        made.append(model)
        return Subject(copy_model(model)), [], context

    begun = given.begun(begin)
    contexts = [Context(seed=seed, batch_size=1) for seed in (1, 2)]
    (first, *_), (second, *_) = found = [begun(baseline, context) for context in contexts]
    assert made == [baseline]
    assert first.network is second.network is given.beginning(baseline)
    assert [context.seed for _, _, context in found] == [1, 2]


def test_a_network_that_a_step_changed_is_noticed_once_it_is_done(baseline: Any) -> None:
    given = Given()
    given.note(baseline)
    assert not given.changed()
    given.note(baseline)
    baseline.set_weights([weight + 1 for weight in baseline.get_weights()])
    assert given.changed()
    assert not given.changed()  # of another case
