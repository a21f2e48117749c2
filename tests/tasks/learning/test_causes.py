import re
from typing import Any

import pytest

from tasks.backend import keras, tensorflow
from tasks.learning.causes import cause_of, layer_of


def eager() -> Any:
    class Eager(keras().layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            raise TypeError(f"no such\n  colour{'' if len(values) else 's'}")

    return Eager(name="paint")(tensorflow().zeros((1, 2)))


def traced() -> Any:
    class Inner(keras().layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            if values.shape[1] > 1:
                raise LookupError("no room for 2")
            return values

    class Outer(keras().layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return inner(values)

    inner = Inner(name="inside")
    return keras().Sequential([keras().Input((2,)), Outer(name="around")])


@pytest.mark.parametrize(
    ("work", "cause", "layer"),
    [
        (eager, ("TypeError", "no such colour"), "paint (Eager)"),
        (traced, ("LookupError", "no room for 2"), "inside (Inner)"),
        (lambda: int("x"), ("ValueError", "invalid literal for int() with base 10: 'x'"), ""),
        (lambda: dict[str, int]()["a.b."], ("KeyError", "'a.b.'"), ""),
    ],
)
def test_the_cause_is_what_went_wrong_within(work: Any, cause: tuple[str, str], layer: str) -> None:
    with pytest.raises(Exception, match=re.escape(cause[1][:6])) as caught:
        work()
    assert cause_of(caught.value) == cause
    assert layer_of(caught.value) == layer


def test_an_error_without_a_word_has_none() -> None:
    assert cause_of(ValueError()) == ("ValueError", "no reason")
