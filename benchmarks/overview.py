"""Parts of the pages that follow from the code, not from a measurement: systems, layers, what the reference lists."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks.machine import ROOT
from benchmarks.tables import table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class System(NamedTuple):
    """A row of the tables of systems; ``file`` below `src/ssmphony` is where it is, or will be."""

    name: str
    title: str
    what: str
    good_for: str
    file: str
    voices: tuple[str, ...] = ()
    """Those of the repository."""

    @property
    def built(self) -> bool:
        return (ROOT / "src/ssmphony" / self.file).exists()


SYSTEMS = (
    System(
        "s4_acoustic",
        "S4 to mel",
        "non-autoregressive: S4 text encoder, durations, causal S4D decoder, mel vocoder",
        "training from recordings without phone times, small size",
        "models/s4_acoustic.py",
        ("recorded",),
    ),
    System(
        "s4_spectrum",
        "S4 to spectrum",
        "non-autoregressive: S4 text encoder, durations, pitch and energy, a codec of harmonics and noise "
        "without mels; mixes of speakers",
        "naturalness, several speakers in one voice, speed",
        "models/s4_spectrum.py",
        ("default", "small"),
    ),
    System(
        "lewm",
        "LeWM TTS",
        "autoregressive, from UTF-8 bytes: attention or Mamba predictor of audio latents, mel decoder and vocoder; its "
        "voice mumbles",
        "text without phonemes, research",
        "models/lewm.py",
        ("lewm",),
    ),
    System(
        "fish",
        "Fish Speech on state-space models",
        "autoregressive: a language model of audio codes, (Mamba-2 → S4) × N, and their codec",
        "voices from a sample, variety, research",
        "models/fish.py",
        ("fish",),
    ),
    System(
        "smamba",
        "SMamba",
        "non-autoregressive: VITS with Mamba-2, S4 or, to compare, attention: a flow, and a style from a recording",
        "voices from a sample, research",
        "models/smamba.py",
        ("smamba",),
    ),
    System(
        "s4d_autoencoder",
        "S4D autoencoder",
        "waveforms to latents and back",
        "research; a codec for other systems",
        "codecs/s4d_autoencoder.py",
        ("s4d_autoencoder",),
    ),
    System(
        "sashimi",
        "SaShiMi",
        "samples of a waveform, one after another, by S4 at several rates; no text",
        "short sounds, research",
        "models/sashimi.py",
        ("sashimi",),
    ),
)


def systems(folder: str) -> str:
    """All systems and their voices; ``folder`` leads from the page to the pages of the systems."""
    rows = [
        [
            f"[`{system.name}`]({folder}{system.name}.md)" if system.built else f"`{system.name}`",
            f"**{system.title}**: {system.what}",
            system.good_for if system.built else f"{system.good_for} (once here)",
            (", ".join(f"`{voice}`" for voice in system.voices) or "none yet") if system.built else "planned",
        ]
        for system in SYSTEMS
    ]
    return table(["system", "what it is", "good for", "voices"], rows)


def layers() -> str:
    """The import layers of `pyproject.toml`, the highest first; packages of one row may not import each other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    rows: list[list[str]] = []
    found: list[str] = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    for number, layer in zip(range(len(found), 0, -1), found, strict=True):
        packages = [name for name in re.findall(r"\w+", layer) if (ROOT / "src/ssmphony" / name).is_dir()]
        modules = [name for name in re.findall(r"\w+", layer) if (ROOT / "src/ssmphony" / f"{name}.py").is_file()]
        rows.append([str(number), ", ".join(f"`{name}`" for name in [*packages, *modules])])
    return table(["layer", "packages and modules"], rows)


def configs() -> str:
    """The config classes of training files, and those that the registries of `kind`s name."""
    from ssmphony.codecs import CODECS
    from ssmphony.config import VoiceBlock
    from ssmphony.models import MODELS
    from ssmphony.nn import MIXERS
    from ssmphony.text import FRONTENDS
    from ssmphony.training.adapters import AdaptersConfig, LowRankConfig
    from ssmphony.training.config import RunConfig, TrainingConfig, VoiceConfig
    from ssmphony.training.tasks import TASKS

    registries: dict[str, Mapping[str, Any]] = {
        "Frontends": FRONTENDS,
        "Models": MODELS,
        "Codecs": CODECS,
        "Tasks": TASKS,
        "Sequence layers": MIXERS,
    }
    files = (TrainingConfig, VoiceConfig, RunConfig, VoiceBlock, AdaptersConfig, LowRankConfig)
    parts = ["## Training files", *(_reference(config, every_field=True) for config in files)]
    for title, registry in registries.items():
        parts += [f"## {title}", "`kind`: " + ", ".join(f"`{kind}`" for kind in sorted(registry))]
        parts += [_reference(registry[kind], every_field=True) for kind in sorted(registry)]
    return "\n\n".join(parts)


def exports(package: str) -> str:
    """What a package exports, but for configs, which have a page of their own, and states."""
    module = import_module(f"ssmphony.{package}")
    names = [name for name in module.__all__ if not re.search("Config$|(?<!Learned)State$", name)]
    found = [getattr(module, name) for name in names]
    return "\n\n".join(_reference(value) for value in found if inspect.isclass(value) or inspect.isfunction(value))


def _reference(value: Any, every_field: bool = False) -> str:
    """What mkdocstrings replaces by the documentation of a class or function."""
    options = "\n    options: {show_if_no_docstring: true}" if every_field else ""
    return f"::: {value.__module__}.{value.__qualname__}{options}"
