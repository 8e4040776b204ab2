"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssmphony.cli.completion import speaker_names, voice_names

_VOICE = "An installed voice, or the folder of one."
Voice = Annotated[str | None, typer.Option(help=_VOICE, autocompletion=voice_names)]
VoiceArgument = Annotated[str, typer.Argument(help=_VOICE, autocompletion=voice_names)]
Speaker = Annotated[
    str | None,
    typer.Option(
        help="One of the voice's speakers, or a mix of them: alpha:0.7,omega:0.3.", autocompletion=speaker_names
    ),
]
Speed = Annotated[float, typer.Option(help="0.25 to 6; 2 is twice as fast.")]
Pitch = Annotated[float, typer.Option(help="Semitones, -12 to 12.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same sound.")]
ReferenceFile = Annotated[
    Path | None, typer.Option(help="A recording to speak like, or a saved reference; for voices that take one.")
]
Temperature = Annotated[
    float | None,
    typer.Option(help="For voices that sample codes: 0 takes the most likely, 1 samples as learned; at most 2."),
]
TopK = Annotated[int | None, typer.Option(help="Sample from this many of the most likely codes; 0: from all.")]
TopP = Annotated[float | None, typer.Option(help="Sample from the fewest codes that together have this probability.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; default: one for each core.")]
LexiconFile = Annotated[Path | None, typer.Option(help="A TSV file: word, phones or respelling, context.")]
Watermarked = Annotated[
    bool, typer.Option("--watermark", help="Mark the sound as synthetic, inaudibly; ssmphony detect finds it.")
]
