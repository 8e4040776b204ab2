"""A voice offers some speakers of its training, in another order and under other names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ssmphony.export.speakers import offer, take_rows
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.s4_spectrum import S4SpectrumConfig
from ssmphony.types import SsmphonyError

BLOCK: dict[str, Any] = {"frontend": {}, "model": {"kind": "s4_spectrum", "speakers": ["a", "b", "c"]}}


def read(model: Any, row: int) -> torch.Tensor:
    """What the model makes of a sentence by one speaker."""
    ids = torch.tensor([[1, 2, 3]])
    speaker = torch.eye(len(model.speaker_names))[None, row]
    semitones, mask = torch.zeros(1, 3), torch.ones(1, 3, dtype=torch.bool)
    inputs = ModelInputs(ids, mask, torch.zeros_like(ids), speaker, semitones)
    with torch.no_grad():
        return torch.cat([value.flatten() for value in model.read(inputs)])


def test_speakers_keep_their_voices_under_new_names() -> None:
    settings = S4SpectrumConfig.tiny(4)[""]
    trained = settings.model_copy(update={"speakers": ("a", "b", "c")}).build().eval()
    torch.nn.init.normal_(trained.speaker_pitch, 7.0)
    block, rows = offer(BLOCK, {"Chitra": "c", "Anil": "a"})
    assert (block["model"]["speakers"], rows) == (["Chitra", "Anil"], [2, 0])
    assert BLOCK["model"]["speakers"] == ["a", "b", "c"]
    voice = settings.model_copy(update={"speakers": ("Chitra", "Anil")}).build().eval()
    voice.load_state_dict(take_rows(trained.state_dict(), trained.speaker_tables, rows))
    torch.testing.assert_close(read(voice, 0), read(trained, 2))
    torch.testing.assert_close(read(voice, 1), read(trained, 0))
    assert not torch.allclose(read(voice, 0), read(voice, 1))


@pytest.mark.parametrize(
    ("speakers", "message"),
    [({"x": "bb"}, "speaker of trained_speakers 'bb'"), ({"x": "a", "y": "a"}, "are the same one of the training")],
)
def test_a_speaker_that_cannot_be_offered(speakers: dict[str, str], message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        offer(BLOCK, speakers)
