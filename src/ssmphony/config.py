"""Strict configuration: a frozen model next to each class, and one line of help when a key is wrong."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ssmphony.errors import SsmphonyError, suggest

T = TypeVar("T")


class Config(BaseModel):
    """Base of every config: frozen, an unknown or a missing key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    renamed: ClassVar[Mapping[str, str]] = {}
    """Earlier names of keys, and what they are called now: for the error message."""


class LayerConfig(Config):
    """Base of the configs of sequence layers."""

    kind: Any
    """The name of the layer in the registry."""
    d_model: int
    """Channels of input and output."""

    @abstractmethod
    def build(self) -> Any:
        """The layer: a `ssmphony.interfaces.SequenceLayer` that is a `torch.nn.Module`."""

    def two_sided(self) -> Any | None:
        """A module of this kind that reads whole sequences in both directions, ``forward(x, mask) -> y``.

        None where there is no such form: then two causal layers are used, one for each direction.
        """
        return None


class VoiceBlock(Config):
    """The ``voice`` block of a training file and of ``voice.json``.

    ``frontend``, ``model`` and ``codec`` each name a ``kind``; the other keys are that kind's config.
    """

    frontend: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Left out for a `ssmphony.interfaces.Generator`, which reads no text."""
    model: dict[str, Any]
    codec: dict[str, Any]


C = TypeVar("C", bound=BaseModel)


def parse(config: type[C], data: Mapping[str, Any], where: str = "config") -> C:
    """Validate ``data``; raises `SsmphonyError` with one line that names the key and suggests a remedy."""
    try:
        return config.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            key = path.rsplit(".", 1)[-1]
            new = _renamed(config).get(key)
            message = f"unknown key '{path}'{suggest(key, _keys(config)) if new is None else f', it is now {new!r}'}"
        elif first["type"] == "missing":
            message = f"missing key '{path}'"
        else:
            message = f"'{path}': {first['msg'].lower()}, got {first['input']!r:.60}"
        raise SsmphonyError(f"{where}: {message}") from None


def choose(registry: Mapping[str, T], kind: str, what: str, renamed: Mapping[str, str] | None = None) -> T:
    """Look ``kind`` up in a registry.

    Raises `SsmphonyError` with the nearest name, or with the new name of a ``renamed`` kind.
    """
    if renamed and kind in renamed:
        raise SsmphonyError(f"the {what} '{kind}' is now called '{renamed[kind]}': write kind: {renamed[kind]}")
    if kind not in registry:
        raise SsmphonyError(f"unknown {what} '{kind}'{suggest(kind, registry)}; known: {', '.join(sorted(registry))}")
    return registry[kind]


def load_yaml(path: Path, overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a YAML file; ``extends: other.yaml`` names a base next to it, ``overrides`` are ``a.b=value`` pairs.

    Mappings merge key by key, but one of another ``kind`` replaces, as does everything else. Needs PyYAML (extra
    ``train``).
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise SsmphonyError(f"no such config file: {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SsmphonyError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(data, dict):
        raise SsmphonyError(f"{path}: a config is a mapping of keys to values")
    if base := data.pop("extends", None):
        data = merge(load_yaml(path.parent / base), data)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise SsmphonyError(f"--set {override}: write it as key=value, for example --set task.batch_size=8")
        try:
            nested: Any = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SsmphonyError(f"--set {override}: not valid YAML: {str(error).splitlines()[0]}") from None
        for part in reversed(key.split(".")):
            nested = {part: nested}
        data = merge(data, nested)
    return data


def load_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises `SsmphonyError` in one line."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SsmphonyError(f"no such file: {path}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SsmphonyError(f"{path}: not valid JSON ({error}); the file is damaged") from None
    if not isinstance(data, dict):
        raise SsmphonyError(f"{path}: expected a JSON object")
    return data


def merge(base: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """``delta`` over ``base``, mappings merged recursively; one of another ``kind`` has other keys and replaces."""
    if "kind" in base and delta.get("kind", base["kind"]) != base["kind"]:
        return dict(delta)
    merged = dict(base)
    for key, value in delta.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _keys(config: type[BaseModel]) -> set[str]:
    """Every key of a config and of the configs nested in it, for suggestions."""
    return {key for nested in _nested(config) for key in nested.model_fields}


def _renamed(config: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for nested in _nested(config):
        found |= dict(nested.renamed) if issubclass(nested, Config) else {}
    return found


def _nested(config: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A config, those that its fields hold, and their subclasses."""
    yield config
    for info in config.model_fields.values():
        for part in _classes(info.annotation):
            for nested in (part, *part.__subclasses__()):
                yield from _nested(nested)


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """The configs that a type hint names, as ``tuple[Annotated[X, ...], ...]`` names X."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in get_args(annotation) for part in _classes(argument)]
