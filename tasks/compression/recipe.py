"""Recipes: chains of techniques, checked as a whole before any work starts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from tasks.compression.policy import refusal
from tasks.compression.technique import Kind, Technique
from tasks.compression.techniques import TECHNIQUES
from tasks.compression.techniques.convert import Convert
from tasks.config import DEFAULT_WORKLOAD, PARAMS, context_of, explain
from tasks.errors import ConfigError
from tasks.settings import telling_renames

Recipe = tuple[Technique, ...]

MEANING = {
    "zeros": "zeros",
    "pattern": "n:m pattern of zeros",
    "clusters": "few distinct values",
    "dtype": "stored types",
    "channels": "fewer channels",
    "rank": "factors of low rank",
    "levels": "few levels",
}
LASTING: frozenset[Kind] = frozenset({"channels", "rank"})  # no technique adds what these took away


def parse_recipe(
    name: str,
    steps: Sequence[Mapping[str, Any]],
    teachers: Collection[str] = (),
    workload: str = DEFAULT_WORKLOAD,
    say: Callable[[str], None] | None = None,
    origin: str = str(PARAMS),
) -> Recipe:
    """Turn the steps of params.yaml into techniques that fit each other.

    A plain conversion is put in where no step gives the deployable model that the next one takes, and at the end.

    Args:
        name: of the recipe.
        steps: as params.yaml has them.
        teachers: names of those there are beside the baseline.
        workload: as ``data.workload`` names it; which augmentation there is goes by it.
        say: is told of settings that have another name now.
        origin: of the recipe, for errors.

    Returns:
        the techniques in their order, conversions among them.

    Raises:
        ConfigError: a step is not a technique, has a wrong setting, does not take what the step before it gives,
            breaks what an earlier step promised, makes no sense behind it, or learns from a teacher that there is not.
    """
    recipe = [_parse_step(f"recipes.{name}.{index}", step, workload, say, origin) for index, step in enumerate(steps)]
    for index, technique in enumerate(recipe):
        if technique.takes == "flatbuffer" and (index == 0 or recipe[index - 1].gives == "keras"):
            recipe.insert(index, Convert())
            break
    if not recipe or recipe[-1].gives == "keras":
        recipe.append(Convert())
    _check_forms(name, recipe)
    _check_promises(name, recipe)
    _check_policy(name, recipe)
    _check_teachers(name, recipe, teachers)
    return tuple(recipe)


def parse_recipes(
    recipes: Mapping[str, Sequence[Mapping[str, Any]]],
    teachers: Collection[str] = (),
    workload: str = DEFAULT_WORKLOAD,
    say: Callable[[str], None] | None = None,
) -> dict[str, Recipe]:
    """Check all recipes of params.yaml.

    Args:
        recipes: steps by the name of the recipe.
        teachers: names of those there are beside the baseline.
        workload: as ``data.workload`` names it.
        say: is told of settings that have another name now.

    Returns:
        the techniques of each, by its name.

    Raises:
        ConfigError: see :func:`parse_recipe`.
    """
    return {name: parse_recipe(name, steps, teachers, workload, say) for name, steps in recipes.items()}


def _parse_step(
    where: str, step: Mapping[str, Any], workload: str, say: Callable[[str], None] | None, origin: str
) -> Technique:
    technique = step.get("technique")
    if not isinstance(technique, str) or technique not in TECHNIQUES:
        raise ConfigError(f"{where}.technique: expected one of {', '.join(TECHNIQUES)}. Received: {technique!r}.")
    try:
        with telling_renames(say, f"{where}."):
            return TECHNIQUES[technique].read(step, context_of(workload))
    except ValidationError as error:
        raise ConfigError(f"{origin} does not fit:\n{explain(error, [where])}") from None


def _check_forms(name: str, recipe: Sequence[Technique]) -> None:
    for index, (before, after) in enumerate(pairwise(recipe), 1):
        if before.gives != after.takes:
            raise ConfigError(
                f"recipes.{name}.{index}: expected a technique that takes a {before.gives} model, which is what "
                f"{before.technique} gives. Received: {after.technique}, which takes a {after.takes} model. "
                f"Put it before {before.technique} or leave it out."
            )


def _check_promises(name: str, recipe: Sequence[Technique]) -> None:
    for index, later in enumerate(recipe):
        for earlier in recipe[:index]:
            broken = earlier.promises() - later.keeps() - LASTING
            if broken:
                kind = next(kind for kind in MEANING if kind in broken)
                help_ = f"Put it before {earlier.technique} or leave" if refusal(later, earlier) is None else "Leave"
                raise ConfigError(
                    f"recipes.{name}.{index}: expected a technique that keeps the {MEANING[kind]} that "
                    f"{earlier.technique} makes. Received: {later.technique}, which does not. "
                    f"{help_} one of them out."
                )


def _check_policy(name: str, recipe: Sequence[Technique]) -> None:
    for index, later in enumerate(recipe):
        for earlier in recipe[:index]:
            if why := refusal(earlier, later):
                raise ConfigError(
                    f"recipes.{name}.{index}: expected a technique that makes sense after {earlier.technique}. "
                    f"Received: {later.technique}: {why}."
                )


def _check_teachers(name: str, recipe: Sequence[Technique], teachers: Collection[str]) -> None:
    for index, step in enumerate(recipe):
        for unknown in sorted(step.teachers() - set(teachers)):
            raise ConfigError(
                f"recipes.{name}.{index}.distillation.teacher: expected one of "
                f"{', '.join(['baseline', 'none', *teachers])}, or several joined by +. Received: {unknown!r}. "
                f"Describe it under teachers in params.yaml."
            )
