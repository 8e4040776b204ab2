"""ssmphony: text to speech on state-space models. Hindi first, on an ordinary CPU, streaming in constant memory.

    import ssmphony
    voice = ssmphony.load()
    for chunk in voice.stream("नमस्ते दुनिया"):
        play(chunk.samples)

The names below load on first use, so that ``import ssmphony`` stays instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssmphony.errors import SsmphonyError
    from ssmphony.types import Audio, AudioChunk
    from ssmphony.voice import Voice
    from ssmphony.voices.package import list_voices, load

__version__ = "0.1.0"

__all__ = ["Audio", "AudioChunk", "SsmphonyError", "Voice", "__version__", "list_voices", "load"]

_HOMES = {
    "Audio": "ssmphony.types",
    "AudioChunk": "ssmphony.types",
    "SsmphonyError": "ssmphony.errors",
    "Voice": "ssmphony.voice",
    "list_voices": "ssmphony.voices.package",
    "load": "ssmphony.voices.package",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ssmphony' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
