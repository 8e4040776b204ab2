"""The frontends by kind, and a frontend from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ssmphony.config import Config, choose, parse
from ssmphony.interfaces import Frontend
from ssmphony.text.hindi.frontend import HindiFrontendConfig
from ssmphony.text.utf8 import ByteFrontendConfig


class FrontendConfig(Protocol):
    """The settings of one kind of frontend."""

    def build(self) -> Frontend: ...


FRONTENDS: dict[str, type[Any]] = {
    "bytes": ByteFrontendConfig,
    "hindi": HindiFrontendConfig,
}
DEFAULT = "hindi"


def build_frontend(settings: Mapping[str, Any], where: str = "frontend") -> Frontend:
    """The frontend that ``{"kind": …, …}`` describes; raises `SsmphonyError` on an unknown kind or key."""
    kind: type[Config] = choose(FRONTENDS, str(settings.get("kind", "")), "frontend")
    config: Any = parse(kind, settings, where)
    return config.build()
