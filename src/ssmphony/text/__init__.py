"""str → Tokens: sentences, vocabulary, and one package a language.

Importing this package loads only the standard library; the registry, which needs the config classes, loads on
first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssmphony.text.registry import FRONTENDS, FrontendConfig, build_frontend

__all__ = ["FRONTENDS", "FrontendConfig", "build_frontend"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ssmphony.text import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
