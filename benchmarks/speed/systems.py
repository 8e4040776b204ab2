"""Systems that run in this project's own environment, and the interface of a system that is measured.

A system is loaded once and then speaks: ``speak(text, on_samples)`` calls ``on_samples(n)`` whenever ``n`` more samples
are there. Systems other than ours are optional; `SystemMissing` says why one is left out.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Callable
from math import floor, log
from typing import Any, Protocol

OnSamples = Callable[[int], None]


class SystemMissing(Exception):
    """This system is not installed."""


class System(Protocol):
    """A text-to-speech system that is ready to speak on a number of CPU threads; ``voice`` is for ours alone."""

    sample_rate: int
    label: str
    language: str
    """Language of the texts it speaks: ``hi`` or ``en``."""
    slow: bool
    """Whether a second of audio takes so long that it gets fewer turns."""

    def __init__(self, voice: str | None, threads: int) -> None: ...

    def speak(self, text: str, on_samples: OnSamples) -> None: ...


class Ours:
    """A voice of this project: None is the default one."""

    language = "hi"
    slow = False

    def __init__(self, voice: str | None, threads: int) -> None:
        import ssmphony.voices.package

        self._voice = ssmphony.voices.package.load(voice, threads=threads)
        self.sample_rate = self._voice.sample_rate
        self.label = "ssmphony"

    def speak(self, text: str, on_samples: OnSamples) -> None:
        for chunk in self._voice.stream(text):
            on_samples(len(chunk.samples))


class Espeak:
    """espeak-ng as a library, its Hindi voice; one thread, formant synthesis."""

    language = "hi"
    slow = False
    _SYNCHRONOUS, _UTF8, _BUFFER_MS = 2, 1, 100

    def __init__(self, voice: str | None, threads: int) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise SystemMissing("espeak-ng is not installed (apt install espeak-ng)")
        self._library = ctypes.CDLL(name)
        self.sample_rate = int(self._library.espeak_Initialize(self._SYNCHRONOUS, self._BUFFER_MS, None, 0))
        if self.sample_rate <= 0 or self._library.espeak_SetVoiceByName(b"hi") != 0:
            raise SystemMissing("espeak-ng has no Hindi voice here")
        self._library.espeak_Info.restype = ctypes.c_char_p
        version = (self._library.espeak_Info(None) or b"").decode().split(" ")[0]
        self.label = f"espeak-ng {version}"
        self._on_samples: OnSamples = lambda _: None
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._arrived)
        self._library.espeak_SetSynthCallback(self._callback)

    def _arrived(self, samples: int | None, count: int, events: int | None) -> int:
        if samples and count:
            self._on_samples(count)
        return 0

    def speak(self, text: str, on_samples: OnSamples) -> None:
        self._on_samples = on_samples
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, self._UTF8, None, None)


class Vits:
    """``transformers`` VitsModel of the size of MMS-TTS Hindi with random weights: the cost of the original.

    Random weights predict random durations, so the predictor runs and its answer is replaced by 70 ms a character,
    which is what Hindi takes when it is read. The text goes in sentence by sentence.
    """

    language = "hi"
    slow = True
    _SECONDS_PER_CHARACTER = 0.070
    _HOP = 256

    def __init__(self, voice: str | None, threads: int) -> None:
        if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
            raise SystemMissing("transformers is not installed (pip install transformers)")
        import torch
        import transformers

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._torch = torch
        self._model = transformers.VitsModel(transformers.VitsConfig()).eval()
        self.sample_rate = int(self._model.config.sampling_rate)
        self.label = f"MMS-TTS size VITS (transformers {transformers.__version__})"
        per_token = (
            self._SECONDS_PER_CHARACTER * self.sample_rate / self._HOP / 2
        )  # a blank stands before each character
        predictor: Any = self._model.duration_predictor
        original = predictor.forward

        def fixed(*arguments: Any, **options: Any) -> Any:
            predicted = original(*arguments, **options)
            ends = [floor(k * per_token) for k in range(predicted.shape[-1] + 1)]
            frames = [
                log(stop - start) - 1e-4 for start, stop in zip(ends, ends[1:], strict=False)
            ]  # the model rounds up
            return torch.tensor(frames).expand_as(predicted)

        predictor.forward = fixed

    def speak(self, text: str, on_samples: OnSamples) -> None:
        torch = self._torch
        for sentence in text.replace("?", "।").split("।"):
            characters = sentence.strip()
            if not characters:
                continue
            ids = torch.zeros(1, 2 * len(characters) + 1, dtype=torch.long)
            ids[0, 1::2] = torch.tensor([1 + ord(character) % 37 for character in characters])
            with torch.no_grad():
                on_samples(self._model(input_ids=ids).waveform.shape[-1])


SYSTEMS: dict[str, type[System]] = {"ssmphony": Ours, "espeak-ng": Espeak, "vits": Vits}
"""Systems that run in this project's own environment, by name."""
