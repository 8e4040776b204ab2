"""Models that must be fetched: one line where they cannot be."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ssmphony.evaluation.models.downloaded import RATE, Utmos, Whisper
from ssmphony.types import SsmphonyError


def test_utmos_without_a_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError("no route to host\nand a long tail")

    monkeypatch.setattr(torch.hub, "load", fail)
    with pytest.raises(SsmphonyError, match=r"UTMOS cannot be fetched from github.com: no route to host$"):
        Utmos()


def test_utmos_is_given_16_khz(monkeypatch: pytest.MonkeyPatch) -> None:
    def score(sound: torch.Tensor, rate: int) -> torch.Tensor:
        assert rate == RATE
        return torch.tensor([float(sound.shape[1])])

    monkeypatch.setattr(torch.hub, "load", lambda *arguments, **options: score)
    assert Utmos()(np.zeros(24_000, np.float32), 24_000) == RATE


def test_whisper_without_a_package_or_a_model_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "whisper", None)
    with pytest.raises(SsmphonyError, match="pip install transformers"):
        Whisper()

    def fail(name: str) -> None:
        raise OSError(f"{name} is not there")

    loader = SimpleNamespace(from_pretrained=fail)
    fake = SimpleNamespace(WhisperProcessor=loader, WhisperForConditionalGeneration=loader)
    monkeypatch.setitem(sys.modules, "transformers", fake)
    monkeypatch.setenv("SSMPHONY_WHISPER", "nobody/nothing")
    with pytest.raises(SsmphonyError, match="'nobody/nothing' cannot be fetched: nobody/nothing is not there"):
        Whisper()


def test_openai_whisper_is_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    def transcribe(sound: np.ndarray, language: str, fp16: bool) -> dict[str, str]:
        assert (len(sound), language, fp16) == (RATE, "hi", False)
        return {"text": "नमस्ते"}

    names: list[str] = []

    def load_model(name: str) -> SimpleNamespace:
        names.append(name)
        return SimpleNamespace(transcribe=transcribe)

    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "whisper", SimpleNamespace(load_model=load_model))
    assert Whisper("hi-IN")(np.zeros(24_000, np.float32), 24_000) == "नमस्ते"
    assert names == ["small"]
