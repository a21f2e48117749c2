from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import pytest
from pydantic import ValidationError

from tasks.settings import Renamed, Settings, telling_renames


class Inner(Settings):
    renamed: ClassVar[Mapping[str, Renamed]] = {
        "wide": Renamed("width", {True: "all", False: "half"}),
        "deep": Renamed("depth"),
    }

    width: Literal["all", "half"] = "half"
    depth: int = 1


class Outer(Settings):
    inner: Inner | int = Inner()
    depth: int = 5


def read(**values: Any) -> tuple[Outer, list[str]]:
    told: list[str] = []
    with telling_renames(told.append, "outer."):
        outer = Outer.model_validate(values)
    return outer, told


def test_an_old_name_is_read_and_said_once() -> None:
    outer, told = read(inner={"wide": True, "deep": 3})
    assert outer == Outer(inner=Inner(width="all", depth=3))
    assert told == [
        "outer.wide is called width now. Write width: all; the old name is read in this version for the last time.",
        "outer.deep is called depth now. Write depth: 3; the old name is read in this version for the last time.",
    ]


def test_new_names_are_not_spoken_of() -> None:
    assert read(inner={"width": "all"}, depth=2) == (Outer(inner=Inner(width="all"), depth=2), [])


def test_a_name_is_old_only_where_the_setting_was() -> None:
    with pytest.raises(ValidationError, match="deep\n  Extra inputs"):
        read(deep=3)


def test_old_and_new_name_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="expected width alone: wide is the name that it had before"):
        Inner.model_validate({"wide": True, "width": "half"})


@pytest.mark.parametrize("value", [1, "all of it", [True], None])
def test_a_value_that_never_was_one_is_refused_by_the_new_name(value: Any) -> None:
    with pytest.raises(ValidationError, match="width\n  Input should be"):
        Inner.model_validate({"wide": value})


def test_nobody_needs_to_listen() -> None:
    assert Inner.model_validate({"deep": 2}).depth == 2
    with telling_renames(None):
        assert Inner.model_validate({"deep": 2}).depth == 2
