"""Who speaks: the GE2E speaker encoder, and its hidden states as features of sound.

Wan et al., *Generalized end-to-end loss for speaker verification* (ICASSP 2018): three LSTM layers over 1.6 s of mel
power, trained on English speakers; neither a voice nor its recordings took part. The weights ship in the
``resemblyzer`` wheel (Apache-2.0); the package is found, not imported, because its other dependencies are not needed.
Pauses are cut by level, where the original asks a voice activity detector.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.arrays import Floats
from ssmphony.audio.resample import resample
from ssmphony.evaluation.metrics.defects import short_time_rms
from ssmphony.evaluation.models.slaney import mel_power
from ssmphony.types import Samples, SsmphonyError

RATE, HOP, N_FFT, N_MELS = 16_000, 160, 400, 40
WINDOW = 160
"""Frames the encoder hears at once: 1.6 s."""
LEVEL = 10 ** (-30.0 / 20.0)
INSTALL = "pip install --no-deps resemblyzer"


def find_weights() -> Path | None:
    """The weights of an installed ``resemblyzer``, or None."""
    found = importlib.util.find_spec("resemblyzer")
    paths = [Path(folder) / "pretrained.pt" for folder in (found.submodule_search_locations or ())] if found else []
    return next((path for path in paths if path.is_file()), None)


class SpeakerEncoder(nn.Module):
    """Raises `SsmphonyError` when the weights are not installed or cannot be read."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)
        path = path or find_weights()
        if path is None:
            raise SsmphonyError(f"the speaker encoder needs its weights: {INSTALL}")
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
            wanted = self.state_dict()
            self.load_state_dict({name: weights[name] for name in wanted})
        except (KeyError, RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
            raise SsmphonyError(f"{path}: not the speaker encoder's weights ({str(error).splitlines()[0]})") from None
        self.eval()

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """mel (batch, time, N_MELS) → last hidden state (batch, 256), embedding of length 1 (batch, 256)."""
        hidden = self.lstm(mel)[1][0][-1]
        return hidden, F.normalize(F.relu(self.linear(hidden)), dim=1)

    @torch.inference_mode()
    def encode(self, samples: Samples, sample_rate: int, hop_s: float = 0.4) -> tuple[Floats, Floats]:
        """samples (n,) → features (window, 256) and the speaker's embedding (256,), of length 1.

        Windows of 1.6 s, ``hop_s`` apart; a shorter sound is repeated until it fills one.
        """
        windows = torch.from_numpy(heard_windows(samples, sample_rate, round(hop_s * RATE / HOP)))
        parts = [self(part) for part in windows.split(64)]
        features, embeddings = (torch.cat(part) for part in zip(*parts, strict=True))
        return features.numpy(), F.normalize(embeddings.mean(0), dim=0).numpy()


def heard_windows(samples: Samples, sample_rate: int, step: int) -> Floats:
    """samples (n,) → (window, WINDOW, N_MELS) of mel power, ``step`` frames apart."""
    if not len(samples):
        raise ValueError("nobody speaks in a sound of no samples")
    sound = without_pauses(resample(samples, sample_rate, RATE), RATE)
    level = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    sound = sound * max(1.0, LEVEL / max(level, 1e-9))
    repeats = -(-WINDOW * HOP // len(sound))
    mel = mel_power(np.tile(sound, repeats), RATE, N_FFT, HOP, N_MELS).astype(np.float32)
    starts = range(0, len(mel) - WINDOW + 1, step)
    return np.stack([mel[start : start + WINDOW] for start in starts])


def without_pauses(samples: Samples, rate: int, window_s: float = 0.05) -> Samples:
    """What lies within a window of a window that is less than 40 dB below the loudest one."""
    window = round(window_s * rate)
    levels = short_time_rms(samples, rate, window_s)
    speech = np.pad(levels > levels.max() * 1e-2, 1)
    kept = (speech[:-2] | speech[1:-1] | speech[2:]) if levels.max() > 0 else np.ones(len(levels), bool)
    return samples[np.repeat(kept, window)[: len(samples)]]


def similarity(a: Floats, b: Floats) -> float:
    """Cosine of two embeddings."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
