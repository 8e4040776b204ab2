"""DistillMOS is found where it is installed; where it is not, one line says how to get it."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from ssmphony.evaluation.models.distillmos import DistillMos, _without_torchaudio
from ssmphony.types import SsmphonyError


def test_absent_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SsmphonyError, match="pip install --no-deps distillmos"):
        DistillMos()


def test_stand_in_for_torchaudio_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torchaudio", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with _without_torchaudio():
        assert "torchaudio" in sys.modules
    assert "torchaudio" not in sys.modules


@pytest.mark.slow
def test_a_tone_is_rated() -> None:
    if importlib.util.find_spec("distillmos") is None:
        pytest.skip("distillmos is not installed")
    score = DistillMos()(np.sin(np.arange(48_000) / 20).astype(np.float32) * 0.3, 24_000)
    assert 1.0 <= score <= 5.0
