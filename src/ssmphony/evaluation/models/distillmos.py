"""DistillMOS: naturalness by a network, on a scale of 1 to 5.

Stahl and Gamper, *Distillation and pruning for scalable self-supervised representation-based speech quality assessment*
(ICASSP 2025). The weights lie in the ``distillmos`` package (MIT). Unlike DNSMOS, it separates recordings from the best
and the mediocre synthetic voices.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch

from ssmphony.arrays import Floats
from ssmphony.audio.resample import resample
from ssmphony.types import Samples, SsmphonyError

RATE = 16_000
INSTALL = "pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0"


class DistillMos:
    """Raises `SsmphonyError` when the package is not installed."""

    def __init__(self) -> None:
        if importlib.util.find_spec("distillmos") is None or importlib.util.find_spec("xls_r_sqa") is None:
            raise SsmphonyError(f"DistillMOS needs its package: {INSTALL}")
        try:
            with _without_torchaudio():
                package: Any = importlib.import_module("distillmos")
            self._model: Any = package.ConvTransformerSQAModel().eval()
        except Exception as error:
            line = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
            raise SsmphonyError(f"DistillMOS cannot be loaded: {line}") from None

    def __call__(self, samples: Samples, sample_rate: int) -> float:
        """samples (n,) of any rate → mean opinion score."""
        sound = torch.from_numpy(resample(samples, sample_rate, RATE))[None]
        with torch.inference_mode():
            return float(self._model(sound))

    def features(self, samples: Samples, sample_rate: int) -> Floats:
        """What its last layer reads, (1, channel): the means over time of a whole sound."""
        linear = [part for part in self._model.modules() if isinstance(part, torch.nn.Linear)][-1]
        seen: list[torch.Tensor] = []
        hook = linear.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        try:
            self(samples, sample_rate)
        finally:
            hook.remove()
        return seen[-1].reshape(-1, linear.in_features).mean(0, keepdim=True).numpy()


@contextmanager
def _without_torchaudio() -> Generator[None, None, None]:
    """Let the package import where torchaudio is not installed: only its command line reads files with it."""
    if importlib.util.find_spec("torchaudio") is not None:
        yield
        return
    stand_in, transforms = ModuleType("torchaudio"), ModuleType("torchaudio.transforms")
    transforms.MFCC = transforms.Resample = object  # type: ignore[attr-defined]
    stand_in.transforms = transforms  # type: ignore[attr-defined]
    names = {"torchaudio": stand_in, "torchaudio.transforms": transforms}
    sys.modules.update(names)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
