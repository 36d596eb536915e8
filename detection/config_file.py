"""Configs as they are written: YAML files, ``section.key=value`` on the command line, the headers of model files.

Unknown keys and values of the wrong type are refused with the line, the key and the choices; in a model file unknown
keys are another version's.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from detection.config import Config
from detection.datasets.base import did_you_mean

logger = logging.getLogger(__name__)


class ConfigError(ValueError):
    """A config that cannot be used; the message names the place, the key, the value and what is allowed."""


Schema = TypeVar("Schema", bound=BaseModel)


def read_config(path: Path, overrides: Sequence[str] = (), schema: type[Schema] = Config) -> Schema:  # type: ignore[assignment]  # python/mypy#3737
    """The config of a YAML file with ``section.key=value`` overrides applied; ``schema`` has its sections.

    Raises :class:`ConfigError` and ``FileNotFoundError``.
    """
    values, places = _read_file(path, schema)
    for override in overrides:
        _apply(override, values, places, schema, "--set ")
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, places, path, schema)) from None


def change_config(config: Config, overrides: Sequence[str], *, idle: bool = False, option: str = "") -> Config:
    """A config with ``section.key=value`` overrides applied; raises :class:`ConfigError`.

    What goes unused without a setting that an override turns off stays, and goes unused; overrides that change nothing
    are refused unless they may be ``idle``, as some of every combination are. ``option``, as ``"--set "``, stands
    before them in messages where they were given behind one.
    """
    values: dict[str, Any] = config.model_dump(mode="json")
    places: dict[Keys, str] = {}
    for override in overrides:
        _apply(override, values, places, Config, option)
    try:
        return Config.model_validate(values, context=set() if idle else {".".join(keys) for keys in places})
    except ValidationError as error:
        raise ConfigError(_first_problem(error, places, Path("config"), Config)) from None


def overrides_of(section: str, changes: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Changes in a section, by key or as ``key=value``, in the form that :func:`change_config` takes."""
    if isinstance(changes, Mapping):
        return [f"{section}.{key}={json.dumps(value)}" for key, value in changes.items()]  # JSON is YAML
    return [f"{section}.{change}" for change in ([changes] if isinstance(changes, str) else changes)]


def stored_config(values: Mapping[str, Any], file: Path) -> Config:
    """The config in a model file's header, which is whole: keys that this version has not are left out, with a warning.

    Raises ``ValidationError``, a ``ValueError``, for all else that is wrong.
    """
    nothing_given: frozenset[str] = frozenset()
    try:
        return Config.model_validate(values, context=nothing_given)
    except ValidationError as error:
        unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
        if len(unknown) < error.error_count():
            raise
    known: Any = deepcopy(values)
    for *outer, key in unknown:
        inner = known
        for name in outer:
            inner = inner[name]
        del inner[key]
    names = ", ".join(".".join(map(str, keys)) for keys in unknown)
    logger.warning("%s: of another version, whose %s this one has not and leaves out", file, names)
    return Config.model_validate(known, context=nothing_given)


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What two configs, as JSON has them, do not have in common, key by key; empty where they are equal."""
    then, now = (
        {f"{section}.{key}": value for section, values in config.items() for key, value in (values or {}).items()}
        for config in (there, here)
    )
    keys = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    return ", ".join(f"{key} {then.get(key)!r} there, {now.get(key)!r} here" for key in keys)


Keys = tuple[str, ...]  # ("training", "steps")


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as YAML 1.2 has it; to PyYAML it is a text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _read_file(path: Path, schema: type[BaseModel]) -> tuple[dict[str, Any], dict[Keys, str]]:
    """The values of a file, and where each key stands in it."""
    if not path.is_file():
        others = ", ".join(sorted(other.name for other in path.parent.glob("*.yaml"))) or "no config"
        raise FileNotFoundError(f"no config file {path}; in {path.parent} there is {others}")
    try:
        values, root = _parse(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections ({', '.join(schema.model_fields)}), got {type(values).__name__}")
    places: dict[Keys, str] = {}
    for keys, line in _lines(root):
        if keys in places:
            raise ConfigError(f"{path}, line {line}: {'.'.join(keys)} stands twice in this file")
        places[keys] = f"{path}, line {line}"
    return {section: inner for section, inner in values.items() if inner is not None}, places


def _parse(text: str) -> tuple[object, yaml.Node | None]:
    """The value of a YAML text, and its node, which knows the lines."""
    loader = _Loader(text)
    root = loader.get_single_node()
    return None if root is None else loader.construct_document(root), root


def _lines(node: yaml.Node | None, outer: Keys = ()) -> Iterator[tuple[Keys, int]]:
    """Every key of nested mappings with the line that it stands on, counted from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            keys = (*outer, str(key.value))
            yield keys, key.start_mark.line + 1
            yield from _lines(value, keys)


def _apply(
    override: str, values: dict[str, Any], places: dict[Keys, str], schema: type[BaseModel], option: str
) -> None:
    """Set one ``section.key=value`` in place; the value is read as YAML."""
    place = f"{option}{override}"
    name, equals, text = override.partition("=")
    section, dot, key = name.partition(".")
    if not equals or not dot:
        raise ConfigError(f"{place}: expected section.key=value; sections: {', '.join(schema.model_fields)}")
    if problem := _unknown_key(section, key, schema):
        raise ConfigError(f"{place}: {problem}")
    try:
        value, _ = _parse(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{place}: {text!r} is not YAML: {' '.join(str(error).split())}") from None
    inner = values.setdefault(section, {})
    if isinstance(inner, dict):  # what else a file has there is refused soon
        inner[key] = value
        places[section, key] = place


def _unknown_key(section: str, key: str, schema: type[BaseModel]) -> str | None:
    """What is wrong with a key's name; ``None`` where there is such a key."""
    field = schema.model_fields.get(section)
    if field is None:
        return f"no section {section!r}; {did_you_mean(section, schema.model_fields)}"
    section_type = (*get_args(field.annotation), field.annotation)[0]  # of X | None, X
    keys: dict[str, Any] = getattr(section_type, "model_fields", {})
    return None if key in keys else f"{section} has no key {key!r}; {did_you_mean(key, keys)}"


def _first_problem(error: ValidationError, places: dict[Keys, str], path: Path, schema: type[BaseModel]) -> str:
    problem = error.errors()[0]
    keys = tuple(str(part) for part in problem["loc"])
    place = next((places[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in places), str(path))
    if problem["type"] == "extra_forbidden":
        return f"{place}: {_unknown_key(keys[0], keys[-1], schema)}"
    said = problem["msg"].removeprefix("Value error, ")
    message = said[0].lower() + said[1:]
    return f"{place}: {'.'.join(keys)}: {message}, got {problem['input']!r}"
