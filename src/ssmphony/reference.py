"""References on disk, and whether a model can read one.

A reference is a safetensors file: arrays and a checksum, never code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ssmphony.interfaces import Encoder, Prompted, Styled, VoiceModel
from ssmphony.types import STYLE, Reference, ReferenceInput, Samples, SsmphonyError

_KEY = "ssmphony.reference"
_HEADER_BYTES = 1 << 16
SHORTEST_STYLE_S, LONGEST_STYLE_S = 1.0, 20.0
"""Seconds of a recording of which a style vector is made."""
SILENT = 1e-3
"""Largest sample of a recording in which nobody speaks."""


def save_reference(reference: Reference, path: Path) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        SsmphonyError: The file cannot be written, or its name has another ending.
    """
    from safetensors.numpy import save

    if path.suffix != ".safetensors":
        raise SsmphonyError(f"cannot write {path}: its name must end in .safetensors")
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(save(dict(reference.arrays), metadata={_KEY: reference.checksum}))
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise SsmphonyError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None


def load_reference(path: Path) -> Reference:
    """Read what `save_reference` wrote.

    Raises:
        SsmphonyError: For a file that is missing, too large, damaged, or no reference.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        with path.open("rb") as file:
            data = file.read(Reference.MAX_BYTES + _HEADER_BYTES)
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        reference, expected = Reference(load(data)), header["__metadata__"][_KEY]
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise SsmphonyError(
            f"{path}: damaged, or neither a reference of ssmphony voices make-reference nor frames of ssmphony encode"
        ) from None
    if reference.checksum != expected:
        raise SsmphonyError(f"{path}: the reference is damaged (its checksum is wrong)")
    return reference


def reference_from(samples: Samples, encoder: Encoder | None, model: VoiceModel) -> Reference:
    """A reference made from a recording, for a model that reads ``samples``, the codec's ``frames``, the ``prompt``
    that it makes of these, or a ``style`` that it makes of the first 20 seconds.

    Args:
        samples: (n,), at the sample rate of the voice.
        encoder: The voice's codec encoder.
        model: The voice's model.

    Raises:
        SsmphonyError: Where the model reads something else, the voice came without the encoder, or the style would be
            that of silence or of less than a second.
    """
    arrays: dict[str, Any] = {}
    for entry in model.reference_inputs:
        name = entry.name
        if name == "samples":
            arrays[name] = samples[:, None]
        elif name == "frames" and encoder is not None:
            arrays[name] = encoder.encode(samples[None])[0, : entry.max_steps]
        elif name == "prompt" and encoder is not None and isinstance(model, Prompted):
            arrays[name] = model.prompt(encoder.encode(samples[None])[0])
        elif name == STYLE and isinstance(model, Styled) and model.reference_mel is not None:
            arrays[name] = model.style_of(_heard(samples, model.reference_mel.sample_rate))
        else:
            raise SsmphonyError(f"this voice cannot make '{name}' from a recording: give a saved reference")
    return Reference(arrays)


def _heard(samples: Samples, rate: int) -> Samples:
    """What a style is made of."""
    if len(samples) < SHORTEST_STYLE_S * rate:
        raise SsmphonyError(
            f"the recording lasts {len(samples) / rate:.1f} s: the voice needs {SHORTEST_STYLE_S:g} s of a speaker, "
            "3 s or more are better"
        )
    heard = samples[: int(LONGEST_STYLE_S * rate)]
    if not float(abs(heard).max()) > SILENT:
        raise SsmphonyError("the recording is silent: there is no speaker to be heard in it")
    return heard


def check_reference(reference: Reference, expected: Sequence[ReferenceInput]) -> None:
    """Whether a model with these inputs can read a reference.

    Raises:
        SsmphonyError: Where it holds other arrays, or arrays of another type, width or length.
    """
    names = {entry.name for entry in expected}
    if set(reference.arrays) != names:
        held, read = (", ".join(sorted(arrays)) for arrays in (reference.arrays, names))
        raise SsmphonyError(f"this reference holds {held}, the voice reads {read}: make it with this voice")
    for entry in expected:
        name = entry.name
        array = reference.arrays[name]
        if array.shape[1] != entry.channels or str(array.dtype) != entry.dtype:
            raise SsmphonyError(
                f"'{name}' of this reference is {array.dtype} with {array.shape[1]} channels, the voice reads "
                f"{entry.dtype} with {entry.channels}: make it with this voice"
            )
        if len(array) > entry.max_steps:
            raise SsmphonyError(
                f"'{name}' of this reference has {len(array)} steps, the voice reads {entry.max_steps}: cut the clip"
            )
