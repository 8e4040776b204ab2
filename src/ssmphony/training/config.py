"""The voice block of a training file, which is copied untouched into the voice package."""

from __future__ import annotations

from typing import Any

from ssmphony.codecs import CODECS
from ssmphony.config import Config, choose, parse
from ssmphony.models import MODELS
from ssmphony.text import FRONTENDS


class VoiceBlock(Config):
    """``frontend``, ``model`` and ``codec`` each name a ``kind``; the other keys are that kind's config."""

    frontend: dict[str, Any]
    model: dict[str, Any]
    codec: dict[str, Any]

    def codec_settings(self) -> Any:
        return parse(choose(CODECS, self.codec.get("kind", ""), "codec"), self.codec, "voice.codec")

    def model_settings(self, n_symbols: int) -> Any:
        """The model's config; the size of the vocabulary is the frontend's."""
        data = {"n_symbols": n_symbols, **self.model}
        return parse(choose(MODELS, self.model.get("kind", ""), "model"), data, "voice.model")

    def frontend_symbols(self) -> tuple[str, ...]:
        kind = choose(FRONTENDS, self.frontend.get("kind", ""), "frontend")
        return parse(kind, self.frontend, "voice.frontend").build().symbols
