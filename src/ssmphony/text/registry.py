"""The frontends by kind."""

from __future__ import annotations

from ssmphony.text.hindi.frontend import HindiFrontendConfig

FrontendConfig = HindiFrontendConfig
FRONTENDS: dict[str, type[FrontendConfig]] = {"hindi": HindiFrontendConfig}
