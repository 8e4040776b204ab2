"""Evaluator models that are downloaded: UTMOS, WavLM and Whisper. Nothing is fetched before they are asked for.

Whatever goes wrong (no package, no network, another format) is one line, because a missing model must not
cost the rest of an evaluation.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import torch

from ssmphony.audio.resample import resample
from ssmphony.types import Samples, SsmphonyError

RATE = 16_000
UTMOS = ("tarepan/SpeechMOS:v1.2.0", "utmos22_strong")
WAVLM = "microsoft/wavlm-base-plus"
WHISPER = "openai/whisper-small"


class Utmos:
    """UTMOS22 strong, a mean opinion score of 1 to 5 (Saeki et al., Interspeech 2022), from torch.hub."""

    def __init__(self) -> None:
        try:
            hub: Any = torch.hub
            self._model: Any = hub.load(*UTMOS, trust_repo=True, verbose=False)
        except Exception as error:
            raise SsmphonyError(f"UTMOS cannot be fetched from github.com: {_first_line(error)}") from None

    def __call__(self, samples: Samples, sample_rate: int) -> float:
        sound = torch.from_numpy(resample(samples, sample_rate, RATE))[None]
        with torch.inference_mode():
            return float(self._model(sound, RATE))


class WavLM:
    """Features of WavLM (Chen et al., arXiv 2110.13900) by ``transformers``.

    ``$SSMPHONY_WAVLM`` names another model or a folder.
    """

    def __init__(self) -> None:
        name = os.environ.get("SSMPHONY_WAVLM", WAVLM)
        try:
            library: Any = importlib.import_module("transformers")
            self._model: Any = library.AutoModel.from_pretrained(name).eval()
        except Exception as error:
            raise SsmphonyError(f"WavLM '{name}' cannot be loaded: {_first_line(error)}") from None

    def features(self, samples: Samples, sample_rate: int) -> np.ndarray:
        """Means over each second of its last states: (window, channel)."""
        sound = torch.from_numpy(resample(samples, sample_rate, RATE))[None]
        with torch.inference_mode():
            states = self._model(sound).last_hidden_state[0].numpy()
        parts = np.array_split(states, max(1, len(states) // 50))  # 50 states a second
        return np.stack([part.mean(axis=0) for part in parts])


class Whisper:
    """What Whisper writes down (Radford et al., 2022): ``transformers``, or else ``openai-whisper``.

    ``$SSMPHONY_WHISPER`` names another model or a folder.
    """

    def __init__(self, language: str = "") -> None:
        """``language``: a BCP 47 code; empty: Whisper finds it out."""
        spoken = language.replace("_", "-").split("-")[0].lower()
        self._language = None if spoken in ("", "und") else spoken
        name = os.environ.get("SSMPHONY_WHISPER", WHISPER)
        try:
            transformers: Any = importlib.import_module("transformers")
        except ImportError:
            self._write = _openai(name, self._language)
            return
        try:
            processor = transformers.WhisperProcessor.from_pretrained(name)
            model = transformers.WhisperForConditionalGeneration.from_pretrained(name).eval()
        except Exception as error:
            raise SsmphonyError(f"Whisper '{name}' cannot be fetched: {_first_line(error)}") from None

        def write(sound: Samples) -> str:
            features = processor(sound, sampling_rate=RATE, return_tensors="pt").input_features
            with torch.inference_mode():
                numbers = model.generate(features, language=self._language, task="transcribe")
            return str(processor.batch_decode(numbers, skip_special_tokens=True)[0])

        self._write = write

    def __call__(self, samples: Samples, sample_rate: int) -> str:
        """The text of the first 30 seconds."""
        return self._write(np.asarray(resample(samples, sample_rate, RATE), np.float32))


def _openai(name: str, language: str | None) -> Any:
    try:
        package: Any = importlib.import_module("whisper")
        model = package.load_model(name.rpartition("whisper-")[2])
    except ImportError:
        raise SsmphonyError("Whisper needs: pip install transformers, or openai-whisper") from None
    except Exception as error:
        raise SsmphonyError(f"Whisper '{name}' cannot be fetched: {_first_line(error)}") from None
    return lambda sound: str(model.transcribe(sound, language=language, fp16=False)["text"])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
