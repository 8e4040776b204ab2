"""Phones to frames of text states: what a frame holds, and what speakers, pitch and padding change in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ, frame_energy
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import expand_tokens
from ssmphony.models.s4_acoustic import MAX_LOG_DURATION
from ssmphony.models.s4_spectrum import Contour, S4Spectrum, S4SpectrumConfig, pitch_hz
from ssmphony.types import SsmphonyError, Style, Tokens

TINY = S4SpectrumConfig.tiny(12)[""]
TEXT, PITCH, ENERGY = slice(0, TINY.d_model), TINY.d_model, TINY.d_model + 1
SPEAKER = slice(TINY.d_model + 2, None)
SENTENCE = Tokens((1, 5, 6, 7, 2), tuple("xxxxx"))


def build() -> S4Spectrum:
    torch.manual_seed(0)
    model = TINY.build().eval()
    nn.init.normal_(model.duration.head.weight, std=0.1)
    nn.init.constant_(model.duration.head.bias, 1.5)
    for encoder in ("text", "prosody"):
        nn.init.normal_(model.get_parameter(f"{encoder}.speaker.weight"))  # zero in a fresh model
    return model


@torch.no_grad()
def speak(model: S4Spectrum, style: Style) -> Tensor:
    """All frames of the sentence, (time, channel)."""
    state, blocks = model.begin([SENTENCE], [style]), []
    while True:
        frames, state = model.step(state)
        length = int(frames.lengths[0])
        blocks.append(frames.values[0, :length])
        if length < model.block:
            return torch.cat(blocks)


def test_frames_are_those_of_the_codec() -> None:
    model = S4SpectrumConfig(n_symbols=9, speakers=("own",)).build()
    assert model.frame_channels == SpectrumConfig().build().grid.channels
    with torch.no_grad():
        frames, _ = model.step(model.begin([Tokens((1, 4, 2), ("x",) * 3)], [Style()]))
    assert frames.values.shape == (1, model.block, model.frame_channels)


@torch.no_grad()
def test_a_frame_holds_its_phone_and_its_speaker() -> None:
    """Text states do not wait for pitch and energy, which look ahead: they are late together."""
    model = build()
    frames = speak(model, Style(speaker="other"))
    state = model.begin([SENTENCE], [Style(speaker="other")])
    durations = state.ends[0].diff(prepend=torch.zeros(1, dtype=torch.long))
    expected = state.encoded[0].repeat_interleave(durations, dim=0)
    torch.testing.assert_close(frames[:, TEXT], expected[:, TEXT])
    torch.testing.assert_close(frames[:, SPEAKER], model.speakers.weight[1].expand(len(frames), -1))


@torch.no_grad()
def test_pitch_and_energy_are_the_contour_of_the_whole() -> None:
    model = build()
    frames, state = speak(model, Style()), model.begin([SENTENCE], [Style()])
    x, mask, _ = expand_tokens(state.encoded, state.ends, torch.zeros(1, dtype=torch.long), len(frames))
    _, prosody, speaker, level, places = x.split([8, 8, 3, 1, 2], dim=-1)
    contour = model.contour(torch.cat([prosody, places], dim=-1), speaker, mask)
    torch.testing.assert_close(frames[:, PITCH] * PITCH_UNIT_HZ, pitch_hz(contour, level[..., 0])[0])
    torch.testing.assert_close(frames[:, ENERGY], contour.energy[0])
    assert float(contour.octaves.std()) > 1e-3


def test_pitch_moves_by_semitones_and_nothing_else_does() -> None:
    model = build()
    plain, higher = speak(model, Style()), speak(model, Style(pitch_semitones=5.0))
    torch.testing.assert_close(higher[:, PITCH], plain[:, PITCH] * 2 ** (5 / 12))
    rest = [i for i in range(plain.shape[1]) if i != PITCH]
    torch.testing.assert_close(higher[:, rest], plain[:, rest])


@torch.no_grad()
def test_a_mix_of_speakers_is_between_them() -> None:
    model = build()
    model.speaker_pitch.copy_(torch.tensor([200.0, 100.0]).log2())
    mixed = speak(model, Style(speaker="own:1,other:1"))
    torch.testing.assert_close(mixed[0, SPEAKER], model.speakers.weight.mean(dim=0))
    own, other = (model.begin([SENTENCE], [Style(speaker=name)]).encoded for name in ("own", "other"))
    both = model.begin([SENTENCE], [Style(speaker="own:1,other:1")]).encoded
    torch.testing.assert_close(both[..., -1], (own + other)[..., -1] / 2)
    assert not torch.allclose(own[..., TEXT], other[..., TEXT], atol=1e-3)
    with pytest.raises(SsmphonyError, match="unknown speaker"):
        model.begin([SENTENCE], [Style(speaker="own:1,nobody:1")])


def test_unvoiced_frames_have_no_pitch_and_no_pitch_is_absurd() -> None:
    contour = Contour(torch.tensor([[0.0, 1.0, 0.0, 30.0]]), torch.tensor([[0.1, 9.0, -0.1, 9.0]]), torch.zeros(1, 4))
    hertz = pitch_hz(contour, torch.full((1, 4), 200.0).log2())[0]
    assert hertz.numpy() == pytest.approx([200.0, 400.0, 0.0, 1000.0], rel=1e-5)


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    model, random = build(), torch.Generator().manual_seed(1)
    ids, places = (torch.randint(0, high, (2, 7), generator=random) for high in (12, 5))
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    inputs = ModelInputs(ids, mask, places, torch.eye(2), torch.zeros(2, 7))
    encoded, durations = model.read(inputs)
    alone = ModelInputs(ids[1:, :4], mask[1:, :4], places[1:, :4], torch.eye(2)[1:], torch.zeros(1, 4))
    expected, expected_durations = model.read(alone)
    torch.testing.assert_close(encoded[1:, :4], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(durations[1:, :4], expected_durations, atol=1e-5, rtol=1e-4)
    assert not encoded[1, 4:].any()


@torch.no_grad()
def test_no_phone_lasts_for_ever() -> None:
    model = build()
    nn.init.constant_(model.duration.head.bias, 1e3)
    ends = model.begin([SENTENCE], [Style()]).ends
    assert int(ends[0, -1]) <= len(SENTENCE) * round(np.exp(MAX_LOG_DURATION))


def test_prosody_is_trained_apart_from_the_sound() -> None:
    """The text states get no gradient from durations, pitch and energy."""
    model = build()
    ids, mask = torch.tensor([SENTENCE.ids]), torch.ones(1, 5, dtype=torch.bool)
    speaker = model.speaker_vectors(torch.eye(2)[:1])
    prosody = model.prosody(ids, torch.zeros_like(ids), mask, speaker)
    same = speaker[:, None].expand(-1, 5, -1)
    contour = model.contour(F.pad(prosody, (0, 2)), same, mask)
    (model.duration(prosody).sum() + sum(part.sum() for part in contour)).backward()
    reached = {name.split(".")[0] for name, value in model.named_parameters() if value.grad is not None}
    assert reached == {
        "speakers", "prosody", "duration", "frame_input", "frame_speaker", "frame_layers", "frame_norm", "frame_head",
    }  # fmt: skip


def test_names_of_the_weights_are_pinned() -> None:
    """Checkpoints and `--init` rely on them: renaming a module orphans every trained voice."""
    names = {name.split(".")[0] for name in build().state_dict()}
    assert names == {
        "speakers", "speaker_pitch", "text", "prosody", "duration", "frame_input", "frame_speaker",
        "frame_layers", "frame_norm", "frame_head",
    }  # fmt: skip


def test_energy_of_silence_and_of_full_scale() -> None:
    assert frame_energy(np.zeros(650, np.float32), 300) == pytest.approx(np.full(2, np.log(1e-3) / 2 + 2), abs=1e-4)
    assert frame_energy(np.ones(300, np.float32), 300) == pytest.approx(2.0, abs=1e-3)
    assert frame_energy(np.zeros(10, np.float32), 300).shape == (0,)
