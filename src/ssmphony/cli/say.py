"""``ssmphony say``."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.live import LiveText
from ssmphony.cli.options import (
    LexiconFile,
    Pitch,
    ReferenceFile,
    Seed,
    Speaker,
    Speed,
    Temperature,
    TopK,
    TopP,
    Voice,
    Watermarked,
)
from ssmphony.cli.progress import terminal_bar
from ssmphony.cli.reference import read_reference
from ssmphony.cli.sinks import Destinations, Sink, StreamFormat
from ssmphony.cli.source import TextSource, open_text

if TYPE_CHECKING:
    from ssmphony.types import AudioChunk


def say(
    text: Annotated[str | None, typer.Argument(help="What to say; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="A .wav, .flac, .ogg, .opus, .mp3, .m4a, .aac or .pcm file; - for standard output."
        ),
    ] = None,
    audio: Annotated[StreamFormat | None, typer.Option("--format", help="The format of -o -; default: wav.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write 16-bit little-endian mono samples to stdout.")] = False,
    play: Annotated[bool, typer.Option("--play", help="Play it; the default without -o and --raw.")] = False,
    voice: Voice = None,
    speaker: Speaker = None,
    speed: Speed = 1.0,
    pitch: Pitch = 0.0,
    seed: Seed = 0,
    reference: ReferenceFile = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; default: 2.")] = None,
    lexicon: LexiconFile = None,
    timings: Annotated[Path | None, typer.Option(help="Write word times to a .json, .srt or .vtt file.")] = None,
    watermark: Watermarked = False,
    keep_partial: Annotated[
        bool, typer.Option("--keep-partial", help="After Ctrl-C, keep what has been spoken so far.")
    ] = False,
) -> None:
    """Speak a text: to a file, to standard output, or aloud."""
    destinations = Destinations(output, audio, raw, play, timings, keep_partial)
    destinations.check()
    source = open_text(text, file)

    import ssmphony
    from ssmphony.errors import NOTHING_TO_SPEAK
    from ssmphony.types import SsmphonyError, Style

    loaded = ssmphony.load(voice, threads=threads, lexicon=lexicon)
    rate = loaded.sample_rate
    written: list[str] = []
    pieces = _keeping(source, written) if timings is not None else source
    live = LiveText(pieces) if destinations.live and isinstance(source, TextSource) and source.is_live else None
    like = None if reference is None else read_reference(reference, loaded)
    style = Style(speed, pitch, seed, speaker, like, temperature, top_k, top_p)
    chunks = loaded.speak(live or pieces, style)
    if watermark:
        from ssmphony.audio.watermark import marked

        chunks = marked(chunks, rate)
    spoken, stopped = 0, None
    with destinations.files(rate, written) as files:
        try:
            with destinations.listeners(rate) as listeners, _progress(source) as report:
                for chunk in chunks:
                    chunk = live.placed(chunk) if live else chunk
                    for sink in (*files, *listeners):
                        sink(chunk)
                    spoken += len(chunk.samples)
                    report(chunk)
        except (KeyboardInterrupt, SystemExit) as stop:  # Ctrl-C, SIGTERM
            if not (keep_partial and spoken):
                raise
            stopped = stop
        if not spoken:  # raised inside, so that no empty file is left
            raise SsmphonyError(NOTHING_TO_SPEAK)
    if stopped is not None:
        typer.echo(f"ssmphony: kept the {spoken / rate:.1f} seconds spoken so far", err=True)
        raise stopped


def _keeping(source: str | TextSource, written: list[str]) -> Iterator[str]:
    """The text, which is also added to ``written``, because subtitles show it."""
    for piece in (source,) if isinstance(source, str) else source:
        written.append(piece)
        yield piece


@contextmanager
def _progress(source: str | TextSource) -> Generator[Sink, None, None]:
    """A bar on the terminal: how much text is spoken, seconds of audio, and how much faster than real time."""
    if not sys.stderr.isatty():
        yield lambda chunk: None
        return
    from rich.progress import BarColumn, SpinnerColumn, TimeElapsedColumn

    with terminal_bar(SpinnerColumn(), BarColumn(), "{task.description}", TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=None)
        begun = time.perf_counter()
        seconds = 0.0

        def report(chunk: AudioChunk) -> None:
            nonlocal seconds
            seconds += chunk.seconds
            factor = (time.perf_counter() - begun) / max(seconds, 1e-9)
            total = len(source) if isinstance(source, str) else source.expected_characters
            reached = chunk.words[-1].end if chunk.words else None
            bar.update(task, total=total, completed=reached, description=f"{seconds:.1f} s audio, RTF {factor:.3f}")

        yield report
