"""``ssmphony say``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.source import TextSource, open_text

if TYPE_CHECKING:
    from ssmphony.types import AudioChunk

Sink = Callable[["AudioChunk"], None]


def say(
    text: Annotated[str | None, typer.Argument(help="What to say; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A .wav, .flac, .ogg or .mp3 file.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write 16-bit little-endian mono samples to stdout.")] = False,
    play: Annotated[bool, typer.Option("--play", help="Play it; the default without -o and --raw.")] = False,
    voice: Annotated[str | None, typer.Option(help="An installed voice, or the folder of one.")] = None,
    speaker: Annotated[str | None, typer.Option(help="One of the voice's speakers.")] = None,
    speed: Annotated[float, typer.Option(help="0.25 to 4; 2 is twice as fast.")] = 1.0,
    pitch: Annotated[float, typer.Option(help="Semitones, -12 to 12.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sound.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; default 2.")] = None,
    lexicon: Annotated[Path | None, typer.Option(help="A TSV file: word, phones or respelling, context.")] = None,
    timings: Annotated[Path | None, typer.Option(help="Write word times to a .json, .srt or .vtt file.")] = None,
) -> None:
    """Speak a text: to a file, to standard output, or aloud."""
    source = open_text(text, file)

    import ssmphony
    from ssmphony.types import SsmphonyError

    loaded = ssmphony.load(voice, threads=threads, lexicon=lexicon)
    written: list[str] = []
    text_in = _keeping(source, written) if timings is not None else source
    chunks = loaded.stream(text_in, speed=speed, pitch=pitch, seed=seed, speaker=speaker)
    spoken = 0
    with ExitStack() as stack:
        rate = loaded.sample_rate
        sinks = _sinks(stack, rate, output, raw, play, timings, written)
        report = stack.enter_context(_progress(source))
        for chunk in chunks:
            spoken += len(chunk.samples)
            for sink in sinks:
                sink(chunk)
            report(chunk)
        if not spoken:  # raised inside, so that no empty file is left
            raise SsmphonyError("nothing to speak: the text holds no letter and no digit")


def _keeping(source: str | TextSource, written: list[str]) -> Iterator[str]:
    """The text, which goes to ``written`` too: subtitles show it."""
    for piece in (source,) if isinstance(source, str) else source:
        written.append(piece)
        yield piece


def _sinks(
    stack: ExitStack,
    rate: int,
    output: Path | None,
    raw: bool,
    play: bool,
    timings: Path | None,
    written: list[str],
) -> list[Sink]:
    """Open everything the sound goes to, before the first sound is made."""
    sinks: list[Sink] = []
    if output is not None:
        from ssmphony.audio.files import AudioWriter

        writer = stack.enter_context(AudioWriter(output, rate))
        sinks.append(lambda chunk: writer.write(chunk.samples))
    if timings is not None:
        sinks.append(stack.enter_context(_timings(timings, rate, written)))
    if raw:
        sinks.append(_raw())
    if play or (output is None and not raw):
        from ssmphony.audio.pcm import pcm16
        from ssmphony.cli.play import Player

        player = stack.enter_context(Player(rate))
        sinks.append(lambda chunk: player.write(pcm16(chunk.samples)))
    return sinks


@contextmanager
def _timings(path: Path, rate: int, written: list[str]) -> Generator[Sink, None, None]:
    from ssmphony.audio.files import PartialFile
    from ssmphony.audio.timings import Timings
    from ssmphony.text.ssml import is_ssml

    collected = Timings(path, rate)
    with PartialFile(path) as file:
        yield collected.add
        text = "".join(written)
        file.write(collected.render(text, markup=is_ssml(text)).encode("utf-8"))


def _raw() -> Sink:
    from ssmphony.audio.pcm import pcm16
    from ssmphony.types import SsmphonyError

    if sys.stdout.isatty():
        raise SsmphonyError("--raw would write samples to the terminal: pipe it into a player or a file")

    def write(chunk: AudioChunk) -> None:
        try:
            sys.stdout.buffer.write(pcm16(chunk.samples))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            error.filename = "standard output"
            raise

    return write


@contextmanager
def _progress(source: str | TextSource) -> Generator[Sink, None, None]:
    """A bar on the terminal: how much text is spoken, seconds of audio, and how much faster than real time."""
    if not sys.stderr.isatty():
        yield lambda chunk: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
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
