"""espeak-ng as a renderer of phonemes, through its C interface, run as a tool of its own.

The library is loaded when it is first used. It is not part of this project and nothing of it is copied: install it
with ``apt install libespeak-ng1``. Its formant synthesis holds no recordings.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ssmphony.types import Samples, SsmphonyError

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 0x0001
_DONT_EXIT = 0x8000
_UTF8, _PHONEMES, _END_PAUSE = 1, 0x100, 0x1000
_LIST_TERMINATED, _EVENT_PHONEME = 0, 7
_PARAMETERS = {"rate": 1, "pitch": 3, "pitch_range": 4}


class PhonemeEvent(NamedTuple):
    """The sample at which a phoneme starts, and its mnemonic; names that begin with ``_`` are pauses."""

    sample: int
    name: str


class Rendering(NamedTuple):
    """samples (n,) at ``rate`` Hz and the phonemes in them."""

    samples: Samples
    rate: int
    events: tuple[PhonemeEvent, ...]


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class EspeakLibrary:
    """One process holds one espeak-ng; see `espeak_library`."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        try:
            self._library = ctypes.CDLL(name)
        except OSError:
            raise SsmphonyError(
                "espeak-ng is not installed: install it (Debian: apt install libespeak-ng1) to render the teacher"
            ) from None
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS | _DONT_EXIT))
        if self.rate <= 0:
            raise SsmphonyError("espeak-ng does not start: its data is missing (Debian: apt install espeak-ng-data)")
        self._blocks: list[Samples] = []
        self._events: list[PhonemeEvent] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only the bare pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, voice: str, rate: int, pitch: int, pitch_range: int) -> None:
        """Voice (``hi+f2``), words a minute (80 to 450), pitch and its range (0 to 100)."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SsmphonyError(f"espeak-ng has no voice '{voice}': see espeak-ng --voices=hi and --voices=variant")
        for name, value in (("rate", rate), ("pitch", pitch), ("pitch_range", pitch_range)):
            self._library.espeak_SetParameter(_PARAMETERS[name], value, 0)

    def render(self, phonemes: str) -> Rendering:
        """Speak text in which ``[[…]]`` encloses phoneme mnemonics."""
        self._blocks.clear()
        self._events.clear()
        text = phonemes.encode()
        flags = _UTF8 | _PHONEMES | _END_PAUSE
        self._library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, flags, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)
        return Rendering(samples, self.rate, tuple(self._events))

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            block = np.ctypeslib.as_array(samples, (count,))
            self._blocks.append(np.divide(block, 32768, dtype=np.float32))
        index = 0
        while events[index].type != _LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                name = bytes(event.id)[:8].split(b"\0")[0].decode("utf-8", "replace")
                self._events.append(PhonemeEvent(event.sample, name))
            index += 1
        return 0


@lru_cache(maxsize=1)
def espeak_library() -> EspeakLibrary:
    """The process's espeak-ng; raises `SsmphonyError` in one line when it is not installed."""
    return EspeakLibrary()
