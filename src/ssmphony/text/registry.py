"""The frontends by kind."""

from __future__ import annotations

from ssmphony.text.hindi.frontend import HindiFrontendConfig
from ssmphony.text.utf8 import ByteFrontendConfig

FrontendConfig = HindiFrontendConfig | ByteFrontendConfig
FRONTENDS: dict[str, type[HindiFrontendConfig] | type[ByteFrontendConfig]] = {
    "bytes": ByteFrontendConfig,
    "hindi": HindiFrontendConfig,
}
