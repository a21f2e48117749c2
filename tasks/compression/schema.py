"""All settings of params.yaml, as a JSON schema for editors and as a reference for people."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel

from tasks.compression.techniques import TECHNIQUES
from tasks.compression.techniques.quantize import MODES
from tasks.config import DEFAULT_WORKLOAD, NAME, Params, data_of
from tasks.gate_settings import COSTS, OBJECTIVES
from tasks.settings import FORMS
from tasks.workloads import find_workload, measuring_for, settings_for
from tasks.workloads.measuring import OutcomeMeasuring

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
AS_IN_TRAINING = "as in training"  # of settings that are listed there
LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "up to {}",
    "exclusiveMaximum": "below {}",
}


def params_schema(workload: str = DEFAULT_WORKLOAD) -> Schema:
    """Return the JSON schema of params.yaml, techniques with their settings included.

    Args:
        workload: as ``data.workload`` names it; its part of ``data`` and its augmentation are in the schema.

    Raises:
        ConfigError: there is no such workload.
    """
    schema = Params.model_json_schema()
    definitions: Schema = schema["$defs"]
    steps = []
    for name, kind in kinds().items():
        definitions[name] = _nested(kind, definitions)
        steps.append({"$ref": f"#/$defs/{name}"})
    recipes = schema["properties"]["recipes"]
    recipes["patternProperties"] = {NAME: {"type": "array", "items": {"anyOf": steps}}}
    recipes["additionalProperties"] = False
    definitions["Data"] = _nested(data_of(workload), definitions)
    definitions["Augmentation"] = _nested(find_workload(workload).augmentation, definitions)
    definitions["OutcomeSettings"] = _nested(settings_for(workload), definitions)
    _limit_rules(definitions, measuring_for(workload))
    return {"$schema": DRAFT, "title": "params.yaml of slimline", **_plain(schema)}


def _limit_rules(definitions: Schema, outcome: OutcomeMeasuring) -> None:
    """Let rules and objective name the metrics that the outcome has, and figures up to what these may be."""
    names = [metric.name for metric in outcome.metrics]
    least, most = min(metric.least for metric in outcome.metrics), max(metric.most for metric in outcome.metrics)
    definitions["Gate"]["properties"]["objective"]["enum"] = [*OBJECTIVES, *names]
    quality = definitions["QualityRule"]["properties"]
    quality["metric"]["enum"] = names
    for key, low, high in (("margin", 0.0, most - least), ("min", least, most), ("max", least, most)):
        number = next(kind for kind in quality[key]["anyOf"] if kind["type"] == "number")
        bounds = {"exclusiveMinimum": low, "exclusiveMaximum": high}
        number.update({name: bound for name, bound in bounds.items() if isfinite(bound)})
    rules = definitions["Gate"]["properties"]["rules"]["items"]
    rules["oneOf"] = [kind for kind in rules["oneOf"] if _names(definitions, kind) - {*COSTS, *names} <= outcome.rules]


def _names(definitions: Schema, kind: Schema) -> set[str]:
    """Return the metrics that a kind of rule may name."""
    metric = _resolved(kind, definitions)["properties"]["metric"]
    return set(metric.get("enum", [metric.get("const")]))


def kinds() -> dict[str, type[BaseModel]]:
    """Return the settings of each technique by its name; one that has modes has those of each."""
    plain = {name: kind for name, kind in TECHNIQUES.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    return {**plain, **{f"quantize {mode}": kind for mode, kind in MODES.items()}}


def _nested(kind: type[BaseModel], definitions: Schema) -> Schema:
    """Return a part's schema, and put what it refers to beside the others."""
    schema = kind.model_json_schema()
    for name, part in schema.pop("$defs", {}).items():
        definitions.setdefault(name, part)
    return schema


def _plain(part: Any) -> Any:
    """Return a schema without titles that only repeat a key, and with the first line of docstrings alone."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _plain(value) for key, value in part.items() if not (key == "title" and isinstance(value, str))}
    if isinstance(text := kept.get("description"), str):
        kept["description"] = text.partition("\n")[0]
    return kept


def reference(schema: Schema) -> Iterator[tuple[str, str, str]]:
    """List every setting of a schema: its key, what it may be with its default, and what it means.

    Args:
        schema: of params.yaml.

    Returns:
        key, value and meaning of each.
    """
    definitions = schema["$defs"]
    for key, part in schema["properties"].items():
        if key == "recipes":
            for step in part["patternProperties"][NAME]["items"]["anyOf"]:
                name = step["$ref"].rpartition("/")[2]
                yield f"recipes.<name>.<step> {name}", "a step", definitions[name].get("description", "")
                yield from _settings(f"recipes.<name>.<step> {name}", definitions[name], definitions)
        else:
            yield from _setting(key, part, definitions, "")


def _settings(prefix: str, part: Schema, definitions: Schema) -> Iterator[tuple[str, str, str]]:
    required = set(part.get("required", ()))
    for key, inner in part.get("properties", {}).items():
        if key == "technique":
            continue
        told = {"description": part.get("description", ""), **inner} if "const" in inner else inner  # it names the part
        yield from _setting(f"{prefix}.{key}", told, definitions, "; has to be set" if key in required else "")


def _setting(key: str, part: Schema, definitions: Schema, more: str) -> Iterator[tuple[str, str, str]]:
    """One setting, and those within it."""
    target = _resolved(part, definitions)
    default = f"; {_value(part['default'])} by default" if "default" in part and "properties" not in target else ""
    several = (_resolved(each, definitions) for each in (target, *target.get("anyOf", ())))
    about = part.get("description") or next(filter(None, (each.get("description") for each in several)), "")
    yield key, f"{_kind(target, definitions)}{default}{more}", about
    for inner in target.get("patternProperties", {}).values():
        yield from _settings(f"{key}.<name>", _resolved(inner, definitions), definitions)
        for choice in _parts(inner, definitions):
            yield from _settings(f"{key}.<name>{_tag(choice)}", choice, definitions)
    if about != AS_IN_TRAINING:
        yield from _settings(key, target, definitions)
    listed = target["items"] if isinstance(target.get("items"), dict) else {}
    choices = [*_parts(target, definitions), *_parts(listed, definitions)]
    for choice in choices:
        yield from _settings(f"{key}{_tag(choice) if len(choices) > 1 else ''}", choice, definitions)


def _parts(part: Schema, definitions: Schema) -> list[Schema]:
    """Return what a value may be that has settings of its own, where it may be several things."""
    several = (_resolved(each, definitions) for each in (*part.get("anyOf", ()), *part.get("oneOf", ())))
    return [each for each in several if "properties" in each]


def _tag(part: Schema) -> str:
    """Say by the setting that has to be set, and may be few things, which of several parts is meant."""
    for name in part.get("required", ()):
        setting = part["properties"][name]
        if "const" in setting:
            return f"[{setting['const']}]"
        if "enum" in setting:
            return f"[{setting['enum'][0]}, …]"
    return ""


def _resolved(part: Schema, definitions: Schema) -> Schema:
    if "$ref" in part:
        found: Schema = definitions[part["$ref"].rpartition("/")[2]]
        return found
    return part


def _kind(part: Schema, definitions: Schema) -> str:
    """Say what a value may be."""
    if "const" in part:
        return _value(part["const"])
    if "enum" in part:
        return " · ".join(map(_value, part["enum"]))
    for several in ("anyOf", "oneOf"):
        if several in part:
            kinds = [_kind(_resolved(each, definitions), definitions) for each in part[several]]
            return " · ".join(dict.fromkeys(kinds))
    limits = [words.format(part[key]) for key, words in LIMITS.items() if key in part]
    limits += [FORMS.get(part["pattern"], "of another form")] if "pattern" in part else []
    kind = str(part.get("type", "any value"))
    return ", ".join([{"object": "settings", "array": "a list"}.get(kind, kind), *limits])


def _value(value: object) -> str:
    """Write a value as YAML does."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_value(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def table(rows: Iterator[tuple[str, str, str]]) -> list[Mapping[str, str]]:
    """Return the rows of a reference with their heads.

    Args:
        rows: as :func:`reference` gives them.
    """
    return [{"Key": key, "Value": kind, "Meaning": about} for key, kind, about in rows]
