"""What models read of sentences and styles."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.interfaces import VoiceModel
from ssmphony.model_inputs import ModelInputs, model_inputs
from ssmphony.types import Prosody, Reference, ReferenceInput, SsmphonyError, Style, Tokens, Word


class Model(VoiceModel):
    speaker_names = ("alpha", "beta", "omega")

    def begin(self, tokens, styles):
        raise NotImplementedError

    def step(self, state):
        raise NotImplementedError


class Mixing(Model):
    capabilities = frozenset({"mix", "reference"})
    reference_inputs = (ReferenceInput("codes", 2, 5, "int64"), ReferenceInput("speaker", 3, 1))


def test_stacked_tokens_know_their_place_in_the_word():
    tokens = Tokens(
        (1, 9, 2, 9, 9, 9, 9, 9, 3),
        ("^", "a", ",", "b", "c", "d", "e", "f", "."),
        (Word("a", 1, 2, 0, 1), Word("bcd", 3, 6, 2, 5), Word("ef", 6, 8, 6, 8), Word("silent", 8, 8, 8, 8)),
    )
    batch = model_inputs(Model(), [tokens, Tokens((1,), ("^",))], [Style(), Style()])
    assert batch.ids.tolist() == [[1, 9, 2, 9, 9, 9, 9, 9, 3], [1] + [0] * 8]
    assert batch.word_positions.tolist() == [[0, 4, 0, 1, 2, 3, 1, 3, 0], [0] * 9]
    assert batch.mask.sum(axis=1).tolist() == [9, 1]


def test_a_token_may_be_spoken_unlike_its_sentence():
    tokens = Tokens((1, 2), ("a", "b"), prosody=(Prosody(), Prosody(speed=0.5, pitch_semitones=3.0)))
    batch = model_inputs(
        Model(), [tokens, Tokens((1,), ("a",))], [Style(speed=2.0, pitch_semitones=-1.0), Style(seed=7)]
    )
    assert batch.speeds.tolist() == [[2.0, 1.0], [1.0, 1.0]]
    assert batch.pitch_semitones.tolist() == [[-1.0, 2.0], [0.0, 0.0]]
    assert batch.seeds.tolist() == [0, 7]
    with pytest.raises(ValueError, match="prosodies"):
        Tokens((1, 2), ("a", "b"), prosody=(Prosody(),))


@pytest.mark.parametrize("fewest", [0, 2])
def test_no_tokens_at_all(fewest):
    batch = model_inputs(Model(), [Tokens((), ())], [Style()], fewest)
    assert {batch[name].shape for name in range(3)} == {(1, fewest)}
    assert not batch.mask.any()


def test_a_speaker_is_a_row_or_weights():
    tokens = [Tokens((1,), ("a",))] * 2
    styles = [Style(), Style(speaker="omega")]
    assert model_inputs(Model(), tokens, styles).named()["speaker"].tolist() == [0, 2]
    styles = [Style(), Style(speaker="alpha:0.5, omega:1.5")]
    mixed = model_inputs(Mixing(), tokens, styles)
    assert mixed.speaker.dtype == np.float32
    np.testing.assert_allclose(mixed.named()["speaker_weights"], [[1, 0, 0], [0.25, 0, 0.75]])
    assert "speaker" not in mixed.named()
    with pytest.raises(SsmphonyError, match="this voice cannot mix speakers"):
        model_inputs(Model(), tokens, styles)


def test_references_of_a_batch_are_padded_and_masked():
    codes, speaker = np.arange(6).reshape(3, 2), np.ones((1, 3), np.float32)
    reference = Reference({"codes": codes, "speaker": speaker})
    tokens = [Tokens((1,), ("a",))] * 2
    inputs = model_inputs(Mixing(), tokens, [Style(), Style(reference=reference)])
    named = inputs.named()
    assert named["reference_codes"].shape == (2, 3, 2)
    assert named["reference_codes"].dtype == np.int64
    np.testing.assert_array_equal(named["reference_codes"][1], codes)
    assert named["reference_codes_mask"].tolist() == [[False] * 3, [True] * 3]
    assert named["reference_speaker_mask"].tolist() == [[False, False], [True, False]], "two steps at least"
    again = ModelInputs.from_named(named)
    assert again.named().keys() == named.keys()
    assert again.reference.keys() == {"codes", "codes_mask", "speaker", "speaker_mask"}
    assert not model_inputs(Model(), tokens, [Style(), Style()]).reference
