"""Speakers and mixes of them, from the name in a style."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.speakers import speaker_row, speaker_weights
from ssmphony.types import SsmphonyError

KNOWN = ("alpha", "beta", "omega:1")


@pytest.mark.parametrize(
    ("speaker", "weights"),
    [
        (None, [1, 0, 0]),
        ("beta", [0, 1, 0]),
        ("omega:1", [0, 0, 1]),
        ("alpha:0.7,beta:0.3", [0.7, 0.3, 0]),
        (" alpha : 7 , beta : 3 ", [0.7, 0.3, 0]),
        ("alpha,beta", [0.5, 0.5, 0]),
        ("alpha,beta:3", [0.25, 0.75, 0]),
        ("beta:2", [0, 1, 0]),
        ("beta,beta", [0, 1, 0]),
        ("omega:1:3,alpha:1", [0.25, 0, 0.75]),
        ("alpha:1e-3,beta:1e-3", [0.5, 0.5, 0]),
    ],
)
def test_weights(speaker, weights):
    found = speaker_weights(speaker, KNOWN)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, weights, atol=1e-7)


@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        ("gamma", "unknown speaker 'gamma'"),
        ("alhpa:0.5,beta", "unknown speaker 'alhpa', did you mean 'alpha'"),
        ("alpha,", "unknown speaker ''"),
        ("", "unknown speaker ''"),
        ("alpha:", "'' is not a weight of the speaker 'alpha': write a mix as alpha:0.7,omega:0.3"),
        ("alpha:0", "'0' is not a weight"),
        ("alpha:-1,beta:2", "'-1' is not a weight"),
        ("alpha:nan", "'nan' is not a weight"),
        ("alpha:inf", "'inf' is not a weight"),
        ("alpha:half,beta", "'half' is not a weight"),
    ],
)
def test_what_is_no_mix(speaker, message):
    with pytest.raises(SsmphonyError) as caught:
        speaker_weights(speaker, KNOWN)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_voice_of_one_speaker_without_a_name():
    assert speaker_weights(None, ()).tolist() == [1.0]
    with pytest.raises(SsmphonyError, match="this voice has only its own"):
        speaker_weights("alpha", ())


def test_rows():
    assert [speaker_row(speaker, KNOWN) for speaker in (None, "beta", "omega:1", "beta:0.2")] == [0, 1, 2, 1]
    with pytest.raises(SsmphonyError, match=r"this voice cannot mix speakers \('alpha,beta'\): choose one of alpha,"):
        speaker_row("alpha,beta", KNOWN)
