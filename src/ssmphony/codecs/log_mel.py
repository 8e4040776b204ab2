"""The log-mel spectrogram in PyTorch, differentiable; the twin of `ssmphony.audio.mel.log_mel`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import hann, mel_filterbank
from ssmphony.types import MelFormat


class LogMel(nn.Module):
    """samples (batch, n) → (batch, 1 + n // hop_length, n_mels)."""

    window: Tensor
    filterbank: Tensor

    def __init__(self, mel_format: MelFormat) -> None:
        super().__init__()
        self.format = mel_format
        self.register_buffer("window", torch.from_numpy(hann(mel_format.n_fft)).float(), persistent=False)
        self.register_buffer("filterbank", torch.from_numpy(mel_filterbank(mel_format)), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        n_fft, hop = self.format.n_fft, self.format.hop_length
        mode = "reflect" if samples.shape[1] > n_fft // 2 else "constant"  # too short to be reflected
        padded = F.pad(samples, (n_fft // 2, n_fft // 2), mode=mode)
        spectrum = torch.stft(padded, n_fft, hop, window=self.window, center=False, return_complex=True)
        mel = spectrum.abs().transpose(1, 2) @ self.filterbank
        return torch.log(mel.clamp(min=self.format.log_floor))
