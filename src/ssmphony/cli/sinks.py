"""Where the sound of ``ssmphony say`` goes: files, standard output, a player."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssmphony.types import AudioChunk

Sink = Callable[["AudioChunk"], None]
STDOUT = Path("-")


class StreamFormat(str, Enum):
    """See `ssmphony.audio.streams`."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    OPUS = "opus"
    MP3 = "mp3"
    AAC = "aac"
    PCM = "pcm"


@dataclass(frozen=True)
class Destinations:
    """What the options ask for. Without a file and without standard output the sound is played."""

    output: Path | None = None
    audio_format: StreamFormat | None = None
    raw: bool = False
    play: bool = False
    timings: Path | None = None
    keep_partial: bool = False

    def check(self) -> None:
        """Raise `SsmphonyError` for options that exclude each other."""
        from ssmphony.types import SsmphonyError

        if self.raw and self.output == STDOUT:
            raise SsmphonyError("--raw and -o - both write to standard output: give one of them")
        if self.audio_format is not None and self.output != STDOUT:
            raise SsmphonyError("--format is for standard output (-o -): a file's ending chooses its format")
        if self.keep_partial and not self._files:
            raise SsmphonyError("--keep-partial keeps files: name one with -o or --timings")
        if self._to_stdout and sys.stdout.isatty():
            option = "--raw" if self.raw else "-o -"
            raise SsmphonyError(f"{option} would write sound to the terminal: pipe it into a program or a file")

    @property
    def live(self) -> bool:
        """Somebody listens while it is spoken."""
        return self._to_stdout or self._played

    @property
    def _to_stdout(self) -> bool:
        return self.raw or self.output == STDOUT

    @property
    def _played(self) -> bool:
        return self.play or (self.output is None and not self.raw)

    @property
    def _files(self) -> bool:
        return self.timings is not None or self.output not in (None, STDOUT)

    @contextmanager
    def files(self, rate: int, written: Sequence[str]) -> Generator[list[Sink], None, None]:
        """Files that appear when the block ends without an error. ``written`` is the text, for subtitles."""
        with ExitStack() as stack:
            sinks: list[Sink] = []
            if self.output is not None and self.output != STDOUT:
                from ssmphony.audio.files import AudioWriter

                writer = stack.enter_context(AudioWriter(self.output, rate))
                sinks.append(lambda chunk: writer.write(chunk.samples))
            if self.timings is not None:
                sinks.append(stack.enter_context(_timings(self.timings, rate, written)))
            yield sinks

    @contextmanager
    def listeners(self, rate: int) -> Generator[list[Sink], None, None]:
        """Standard output and a player."""
        with ExitStack() as stack:
            sinks: list[Sink] = []
            if self._to_stdout:
                sinks.append(stack.enter_context(_stdout(self.audio_format, self.raw, rate)))
            if self._played:
                from ssmphony.audio.pcm import pcm16
                from ssmphony.cli.play import Player

                player = stack.enter_context(Player(rate))
                sinks.append(lambda chunk: player.write(pcm16(chunk.samples)))
            yield sinks


@contextmanager
def _timings(path: Path, rate: int, written: Sequence[str]) -> Generator[Sink, None, None]:
    from ssmphony.audio.files import PartialFile
    from ssmphony.audio.timings import Timings
    from ssmphony.text.ssml import is_ssml

    collected = Timings(path, rate)
    with PartialFile(path) as file:
        yield collected.add
        text = "".join(written)
        file.write(collected.render(text, markup=is_ssml(text)).encode("utf-8"))


@contextmanager
def _stdout(audio_format: StreamFormat | None, raw: bool, rate: int) -> Generator[Sink, None, None]:
    from ssmphony.audio.streams import StreamWriter

    name = "pcm" if raw else (audio_format or StreamFormat.WAV).value
    try:
        with StreamWriter(sys.stdout.buffer, name, rate) as writer:
            yield lambda chunk: writer.write(chunk.samples)
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            error.filename = "standard output"
        raise
