"""The option ``--reference``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssmphony.types import Reference
    from ssmphony.voice import Voice


def read_reference(path: Path, voice: Voice) -> Reference:
    """A saved reference (``.safetensors``), or what ``voice`` reads of a recording."""
    from ssmphony.audio.files import read_audio
    from ssmphony.audio.resample import resample
    from ssmphony.reference import load_reference, reference_from
    from ssmphony.types import SsmphonyError

    if "reference" not in voice.model.capabilities:
        raise SsmphonyError(f"the voice '{voice.card.name}' takes no reference: leave --reference out")
    if path.suffix == ".safetensors":
        return load_reference(path)
    samples = resample(*read_audio(path), voice.sample_rate)
    return reference_from(samples, voice.encoder, voice.model)
