"""DNSMOS P.835 and P.808: predicted mean opinion scores of speech, noise and the whole, from 1 to 5.

Reddy, Gopal and Cutler, *DNSMOS P.835: a non-intrusive perceptual objective speech quality metric to evaluate noise
suppressors* (arXiv 2110.01763), and *DNSMOS* (arXiv 2010.15258) for P.808. The networks are the ONNX files inside the
``speechmos`` package (MIT), run directly, so that its other dependencies are not needed. They were made to model noise
suppression: always show the recordings and copy-synthesis next to a voice.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssmphony.audio.resample import resample
from ssmphony.evaluation.models.slaney import decibels, mel_power
from ssmphony.types import Samples, SsmphonyError

RATE = 16_000
WINDOW = round(9.01 * RATE)
MAPS = {
    "speech": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}
"""Polynomials from the network's outputs to the scale of the listeners, highest power first."""


class DnsmosScores(NamedTuple):
    """Predicted mean opinion scores."""

    speech: float
    background: float
    overall: float
    p808: float


def find_model(name: str = "sig_bak_ovr.onnx") -> Path | None:
    """A network of an installed ``speechmos``, or None. The package is found, not imported."""
    found = importlib.util.find_spec("speechmos")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "dnsmos_models" / name
        if path.is_file():
            return path
    return None


class Dnsmos:
    """The models, loaded once. Raises `SsmphonyError` when ``speechmos`` is not installed."""

    def __init__(self, threads: int = 1) -> None:
        paths = [find_model(), find_model("model_v8.onnx")]
        if None in paths:
            raise SsmphonyError("DNSMOS needs its network: pip install --no-deps speechmos")
        onnxruntime: Any = importlib.import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        self._p835, self._p808 = (
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]) for path in paths
        )

    def __call__(self, samples: Samples, sample_rate: int) -> DnsmosScores:
        """samples (n,) of any length: short ones are repeated, long ones scored in windows, one a second."""
        windows = scored_windows(resample(samples, sample_rate, RATE))
        raw = np.concatenate([_run(self._p835, window) for window in windows])
        speech, background, overall = (
            float(np.polyval(map_, raw[:, k]).mean()) for k, map_ in enumerate(MAPS.values())
        )
        p808 = np.mean([_run(self._p808, p808_features(window)) for window in windows])
        return DnsmosScores(speech, background, overall, float(p808))


def p808_features(window: Samples) -> Samples:
    """A scored window → (900, 120): decibels of mel power, 0 at 40 dB below the loudest, 1 at the loudest."""
    mel = mel_power(window[: -RATE // 100], RATE, n_fft=321, hop=160, n_mels=120)
    return ((decibels(mel) + 40.0) / 40.0).astype(np.float32)


def _run(session: Any, window: Samples) -> Any:
    return session.run(None, {session.get_inputs()[0].name: window[None]})[0]


def scored_windows(samples: Samples) -> list[Samples]:
    """Windows of 9.01 s at 16 kHz, a second apart; shorter sounds are doubled until they fill one."""
    if not len(samples):
        raise ValueError("a sound of no samples has no score")
    while len(samples) < WINDOW:
        samples = np.concatenate([samples, samples])
    count = int(np.floor(len(samples) / RATE) - WINDOW / RATE) + 1
    windows = [samples[k * RATE : k * RATE + WINDOW] for k in range(max(count, 1))]
    return [window.astype(np.float32) for window in windows if len(window) == WINDOW]
