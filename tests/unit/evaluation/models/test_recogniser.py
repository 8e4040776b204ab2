"""Readings, faults and times from scores that say a known sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.alignment.recogniser import RecogniserConfig, alphabet_of, read_recogniser, write_recogniser
from ssmphony.evaluation.models.recogniser import Recognition, SpeechRecogniser, phone_edits, word_faults, word_times
from ssmphony.types import SsmphonyError

WORDS = (("k", "aː", "l"), ("n", "eː"), ("p", "uː", "tʃʰ", "aː"))
STEP_S = 0.02
HINDI = alphabet_of()


def heard(words: tuple[tuple[str, ...], ...]) -> Recognition:
    """A step a phone and a blank after it, as recognisers do, with a certainty of nine tenths."""
    path = [step for word in words for number in HINDI.phone_classes(word) for step in (number, 0)]
    scores = np.full((len(path) + 1, 1 + len(HINDI.phones)), 0.1 / len(HINDI.phones))
    scores[np.arange(len(path)), path] = 0.9
    scores[-1, 0] = 0.9
    return Recognition(np.log(scores).astype(np.float32), np.zeros((1, 2), np.float32), STEP_S, HINDI)


def test_a_clip_that_says_everything_has_no_faults() -> None:
    clip = heard(WORDS)
    assert phone_edits(clip, ("^", *sum(WORDS, ()), ".")).total == 0
    assert word_faults(clip, WORDS) == ((), (), 0)


def test_left_out_doubled_and_made_up_words_are_found() -> None:
    assert word_faults(heard((WORDS[0], WORDS[2])), WORDS) == ((1,), (), 0)
    assert word_faults(heard((WORDS[0], WORDS[1], WORDS[1], WORDS[2])), WORDS) == ((), (1,), 0)
    assert word_faults(heard((*WORDS, ("m", "iː", "ʈ", "ʊ"))), WORDS).invented == 1


def test_one_wrong_phone_is_no_fault_of_a_word() -> None:
    clip = heard((WORDS[0], ("n", "iː"), WORDS[2]))
    assert word_faults(clip, WORDS) == ((), (), 0)
    assert phone_edits(clip, sum(WORDS, ())).total == 1


def test_words_lie_where_they_were_said() -> None:
    times = word_times(heard(WORDS), WORDS)
    assert times[1] == pytest.approx((6 * STEP_S, 9 * STEP_S))
    assert times[2][0] == pytest.approx(10 * STEP_S)
    with pytest.raises(ValueError, match="without phones"):
        word_times(heard(WORDS), (*WORDS, (",",)))


def test_a_recogniser_is_saved_and_read_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = RecogniserConfig(d_model=16, d_state=4, n_layers=1, dropout=0.0).build().eval()
    write_recogniser(tmp_path / "small.safetensors", model)
    again = read_recogniser(tmp_path / "small.safetensors").eval()
    mel, mask = torch.randn(1, 20, 100), torch.ones(1, 20, dtype=torch.bool)
    torch.testing.assert_close(again(mel, mask).phones, model(mel, mask).phones, atol=1e-2, rtol=0)
    clip = SpeechRecogniser(tmp_path / "small.safetensors")(np.zeros(2400, np.float32), 24_000)
    assert clip.phones.shape == (5, 1 + len(HINDI.phones))

    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    for name, message in (("missing", "no such"), ("broken", "not a recogniser")):
        with pytest.raises(SsmphonyError, match=message):
            read_recogniser(tmp_path / f"{name}.safetensors")


def test_a_voice_of_another_language_is_not_measured_in_this_one(tmp_path: Path) -> None:
    write_recogniser(tmp_path / "hi.safetensors", RecogniserConfig(d_model=8, d_state=4, n_layers=1).build())
    SpeechRecogniser(tmp_path / "hi.safetensors", "hi-IN")
    with pytest.raises(SsmphonyError, match=r"hi.safetensors recognises 'hi', not 'ta'"):
        SpeechRecogniser(tmp_path / "hi.safetensors", "ta")
