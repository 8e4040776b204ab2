"""``ssmphony encode`` and ``ssmphony decode``: recordings ↔ the frames of a codec, in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ssmphony.cli.completion import voice_names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ssmphony.interfaces import Decoder
    from ssmphony.types import Reference

Codec = Annotated[
    str | None,
    typer.Option("--voice", help="A voice, or the folder of an exported codec.", autocompletion=voice_names),
]
FRAMES = "frames"
"""The name of the array in the file."""
PIECE = 64
"""Frames that are decoded at a time."""


def encode(
    audio: Annotated[Path, typer.Argument(help="A recording.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A .safetensors file of frames.")],
    voice: Codec = None,
) -> None:
    """Turn a recording into the frames of a codec: codes, latents or log-mel."""
    import numpy as np

    from ssmphony.audio.files import read_audio
    from ssmphony.audio.resample import resample
    from ssmphony.reference import save_reference
    from ssmphony.runtime.graph import default_threads
    from ssmphony.types import Reference, SsmphonyError
    from ssmphony.voices.package import load_codec

    codec = load_codec(voice, threads=default_threads())
    if codec.encoder is None:
        raise SsmphonyError(f"the voice '{codec.name}' came without the encoder of its codec")
    grid = codec.decoder.grid
    samples = resample(*read_audio(audio), grid.sample_rate)
    frames = np.asarray(codec.encoder.encode(samples[None]))[0]
    save_reference(Reference({FRAMES: frames}), output)
    books = f" of {len(grid.codebooks)} codes" if grid.codebooks else f" of {grid.channels} numbers"
    typer.echo(f"{output}: {len(frames)} frames{books}, {grid.frame_rate:g} a second", err=True)


def decode(
    frames: Annotated[Path, typer.Argument(help="A file that `ssmphony encode` wrote.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="A .wav, .flac, .ogg, .opus, .mp3, .m4a, .aac or .pcm file.")
    ],
    voice: Codec = None,
) -> None:
    """Turn the frames of a codec into sound."""
    from ssmphony.audio.files import AudioWriter
    from ssmphony.reference import load_reference
    from ssmphony.runtime.graph import default_threads
    from ssmphony.voices.package import load_codec

    decoder = load_codec(voice, threads=default_threads()).decoder
    stored = load_reference(frames)
    _check(stored, decoder.grid.channels, decoder.grid.codebooks, str(frames))
    with AudioWriter(output, decoder.grid.sample_rate) as writer:
        for samples in _sounds(decoder, stored.arrays[FRAMES]):
            writer.write(samples)


def _sounds(codec: Decoder, frames: npt.NDArray[Any]) -> Iterator[npt.NDArray[np.float32]]:
    """The sound of all frames (time, channel), in pieces."""
    import numpy as np

    count, skipped = len(frames), codec.lookahead * codec.grid.hop_length
    padded = np.pad(frames, ((0, codec.lookahead), (0, 0)))[None]
    present, state = (np.arange(padded.shape[1]) < count)[None], codec.initial_state(1)
    for first in range(0, padded.shape[1], PIECE):
        piece = slice(first, first + PIECE)
        samples, state = codec.decode(padded[:, piece], present[:, piece], state)
        yield np.asarray(samples[0, skipped:], np.float32)
        skipped = max(0, skipped - samples.shape[1])


def _check(stored: Reference, channels: int, codebooks: tuple[int, ...], where: str) -> None:
    """Raise `SsmphonyError` where the frames are none of a codec."""
    from ssmphony.types import SsmphonyError

    array = stored.arrays.get(FRAMES)
    kind = "int64" if codebooks else "float32"
    if array is None or array.shape[1] != channels or str(array.dtype) != kind:
        raise SsmphonyError(f"{where}: not frames of this voice's codec: encode the recording with the same voice")
    if codebooks and (array.min() < 0 or bool((array.max(axis=0) >= codebooks).any())):
        raise SsmphonyError(f"{where}: holds codes that are in no codebook of this voice")
