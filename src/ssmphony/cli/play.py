"""Sound out of the machine, through a player program that is already there."""

from __future__ import annotations

import shutil
import subprocess
from types import TracebackType

from ssmphony.types import SsmphonyError

PLAYERS: dict[str, list[str]] = {
    "aplay": ["-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", "{rate}", "-"],
    "paplay": ["--raw", "--format=s16le", "--channels=1", "--rate={rate}"],
    "pw-cat": ["--playback", "--format=s16", "--channels=1", "--rate={rate}", "-"],
    "ffplay": ["-loglevel", "error", "-nodisp", "-autoexit", "-f", "s16le", "-ar", "{rate}", "-i", "-"],
    "play": ["-q", "-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", "{rate}", "-"],
}
"""Program → arguments that make it play 16-bit mono samples from standard input; the first one found is used."""


class Player:
    """Plays what is written to it, and waits for the last sound when its ``with`` block ends."""

    def __init__(self, sample_rate: int) -> None:
        name = next((name for name in PLAYERS if shutil.which(name)), None)
        if name is None:
            raise SsmphonyError(f"no player found ({', '.join(PLAYERS)}): write a file instead, with -o out.wav")
        self._name = name
        self._command = [name, *(part.format(rate=sample_rate) for part in PLAYERS[name])]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Player:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        return self

    def write(self, data: bytes) -> None:
        """Queue 16-bit samples."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SsmphonyError(f"{self._name} stopped playing (exit code {self._process.wait()})") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            if kind is None:
                self._process.stdin.close()
                code = self._process.wait()
                if code:
                    raise SsmphonyError(f"{self._name} could not play the sound (exit code {code})")
        finally:
            if self._process.poll() is None:
                self._process.terminate()
                self._process.wait()
