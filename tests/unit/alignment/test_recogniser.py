"""The recogniser reads a clip the same way in any batch, and its alphabets cover what is spoken."""

from __future__ import annotations

import pytest
import torch

from ssmphony.alignment.recogniser import (
    STRIDE,
    RecogniserConfig,
    alphabet_of,
)
from ssmphony.text.vocabulary import SYMBOLS
from ssmphony.types import SsmphonyError

HINDI = alphabet_of()
TINY = RecogniserConfig(n_mels=20, d_model=16, d_state=4, n_layers=2, dropout=0.0)


def test_padding_and_neighbours_change_nothing() -> None:
    torch.manual_seed(0)
    model = TINY.build().eval()
    mels = torch.randn(2, 31, 20) - 5.0
    mask = torch.arange(31) < torch.tensor([[17], [31]])
    mels[0, 17:] = torch.nan
    together = model(torch.nan_to_num(mels, nan=40.0), mask)
    alone = model(mels[:1, :17], mask[:1, :17])
    steps = alone.phones.shape[1]
    assert together.mask.sum(1).tolist() == [-(-17 // STRIDE), -(-31 // STRIDE)] == [steps, together.phones.shape[1]]
    for batch, single in ((together.phones, alone.phones), (together.characters, alone.characters)):
        torch.testing.assert_close(batch[:1, :steps], single, atol=1e-5, rtol=0)


def test_loudness_and_room_are_taken_off() -> None:
    torch.manual_seed(0)
    model = TINY.build().eval()
    mels, mask = torch.randn(1, 24, 20), torch.ones(1, 24, dtype=torch.bool)
    room = torch.randn(1, 1, 20)
    torch.testing.assert_close(model(mels + room, mask).phones, model(mels, mask).phones, atol=1e-4, rtol=0)


def test_every_spoken_symbol_has_a_class() -> None:
    assert len(HINDI.phone_classes(SYMBOLS)) == len(HINDI.phones) == len(SYMBOLS) - 6
    assert HINDI.phone_classes(("^", "k", "aː", ".")) == [1 + HINDI.phones.index("k"), 1 + HINDI.phones.index("aː")]


def test_characters_are_those_of_the_text_as_it_is_read() -> None:
    read = "".join(HINDI.characters[number - 1] for number in HINDI.character_classes("नमस्ते, दुनिया! 25"))
    assert read == "नमस्ते दुनिया पच्चीस"


def test_an_alphabet_is_that_of_a_frontend() -> None:
    assert RecogniserConfig(d_model=16, d_state=4, n_layers=1).build().alphabet.phones == HINDI.phones
    with pytest.raises(SsmphonyError, match="'bytes' names no phones"):
        RecogniserConfig(frontend="bytes").build()
