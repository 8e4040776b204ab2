"""Parts of the S4 acoustic model: what padding, speed and pitch do, and that training and speaking are one function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ssmphony.model_inputs import ModelInputs
from ssmphony.models.parallel import FRAME_FEATURES, expand_tokens
from ssmphony.models.s4_acoustic import MAX_LOG_DURATION, S4Acoustic, S4AcousticConfig, with_contour
from ssmphony.runtime import expand as runtime
from ssmphony.types import SsmphonyError, Style, Tokens

LENGTHS = (9, 5, 1)


def build(**settings: Any) -> S4Acoustic:
    torch.manual_seed(0)
    config = {"n_symbols": 20, "speakers": ("own", "other"), "n_mels": 6, "d_model": 8, "d_ffn": 12, "d_state": 4}
    model = S4AcousticConfig(**{**config, "n_layers": 2, "decoder_layers": 2, "block": 8, **settings}).build().eval()
    for predictor in (model.duration, model.pitch, model.energy):
        nn.init.normal_(predictor.head.weight, std=0.3)
    nn.init.normal_(model.contour.weight, std=0.3)  # zero in a fresh model
    return model


def token_batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """ids, word positions, mask and speakers of three sentences, with real ids in the padding."""
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 20, (3, 9), generator=random)
    places = torch.randint(0, 5, (3, 9), generator=random)
    return ids, places, torch.arange(9) < torch.tensor(LENGTHS)[:, None], torch.tensor([0, 1, 0])


def sentence(length: int) -> Tokens:
    ids = np.random.default_rng(length).integers(1, 20, length)
    return Tokens(tuple(ids.tolist()), tuple("x" * length))


def total_frames(model: S4Acoustic, style: Style, length: int = 12) -> int:
    with torch.no_grad():
        return int(model.begin([sentence(length)], [style]).ends[0, -1])


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_padding_changes_nothing() -> None:
    """Encoder, predictors and conditioning of a padded batch equal each sentence alone."""
    model = build()
    ids, places, mask, speakers = token_batch()

    def read(rows: slice, width: int) -> tuple[Tensor, ...]:
        part = mask[rows, :width]
        h = model.encode(ids[rows, :width], places[rows, :width], part, speakers[rows])
        prosody = model.predict(h, part)
        return h, model.prior(h) * part[..., None], *prosody, model.condition(h, prosody.pitch, prosody.energy, part)

    with torch.no_grad():
        together = read(slice(None), 9)
        for row, length in enumerate(LENGTHS):
            for batched, alone in zip(together, read(slice(row, row + 1), length), strict=True):
                torch.testing.assert_close(batched[row, :length], alone[0], atol=1e-5, rtol=0)
                assert not batched[row, length:].any()


def test_frames_do_not_see_padding() -> None:
    model = build()
    x = torch.randn(2, 40, model.encoded_channels + FRAME_FEATURES, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(40) < torch.tensor([[40], [13]])
    with torch.no_grad():
        together = model.decode_all(x, mask)
        alone = model.decode_all(x[1:, :13], mask[1:, :13])
    torch.testing.assert_close(together[1, :13], alone[0], atol=1e-5, rtol=0)


def test_training_and_speaking_are_one_function() -> None:
    """The blocks of `step` are `decode_all` of the expanded sentence, which the losses see."""
    model = build()
    with torch.no_grad():
        state = model.begin([sentence(15)], [Style()])
        frames = int(state.ends[0, -1])
        x, mask, _ = expand_tokens(state.encoded, state.ends, torch.zeros(1, dtype=torch.long), frames)
        expected = model.denormalise(model.decode_all(x, mask))
        blocks: list[Tensor] = []
        for _ in range(-(-frames // model.config.block)):
            made, state = model.step(state)
            blocks.append(made.values)
    torch.testing.assert_close(torch.cat(blocks, dim=1)[:, :frames], expected, atol=1e-5, rtol=0)


def test_an_alignment_does_not_bend_the_encoder() -> None:
    """Durations are read off a detached encoder, pitch and energy are not."""
    model = build()
    ids, places, mask, speakers = token_batch()
    for name, reaches in (("log_durations", False), ("pitch", True), ("energy", True)):
        model.zero_grad()
        h = model.encode(ids, places, mask, speakers)
        getattr(model.predict(h, mask), name).square().sum().backward()
        assert (model.symbols.weight.grad is not None) == reaches


# -- durations, speed, pitch -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bias", "frames_a_token"), [(1e4, 200), (-1e4, 1)])
def test_durations_are_bounded(bias: float, frames_a_token: int) -> None:
    """Whatever the predictor says, a token takes at least one frame and at most about two seconds."""
    model = build()
    nn.init.constant_(model.duration.head.bias, bias)
    assert round(float(np.exp(MAX_LOG_DURATION))) == 200
    assert total_frames(model, Style()) == 12 * frames_a_token


def test_speed_divides_the_frames() -> None:
    model = build()
    nn.init.constant_(model.duration.head.bias, float(np.log(40.0)))
    normal = total_frames(model, Style())
    assert total_frames(model, Style(speed=2.0)) == pytest.approx(normal / 2, abs=6)
    assert total_frames(model, Style(speed=0.5)) == pytest.approx(normal * 2, abs=12)


def test_pitch_moves_the_conditioning_alone() -> None:
    """Twelve semitones are one octave on the predicted pitch; durations stay."""
    model = build()
    ids, places, mask, speakers = token_batch()
    octaves = torch.tensor([[1.0], [0.0], [-0.5]]).expand(-1, 9)
    with torch.no_grad():
        plain, durations = model.read(ModelInputs(ids, mask, places, speakers, torch.zeros(3, 9)))
        higher, same = model.read(ModelInputs(ids, mask, places, speakers, 12.0 * octaves))
        h = model.encode(ids, places, mask, speakers)
        _, pitch, energy = model.predict(h, mask)
        expected = model.condition(h, pitch + octaves, energy, mask)
    torch.testing.assert_close(higher, expected)
    torch.testing.assert_close(same, durations)
    assert (higher - plain)[0].abs().max() > 1e-2
    torch.testing.assert_close(higher[1], plain[1])


def test_speakers_differ_and_unknown_ones_are_named() -> None:
    model = build()
    with torch.no_grad():
        state = model.begin([sentence(6)] * 3, [Style(), Style(speaker="own"), Style(speaker="other")])
        torch.testing.assert_close(state.encoded[0], state.encoded[1])
        assert (state.encoded[0] - state.encoded[2]).abs().max() > 1e-2
        with pytest.raises(SsmphonyError, match="did you mean 'other'"):
            model.begin([sentence(3)], [Style(speaker="othr")])


# -- expansion ---------------------------------------------------------------------------------------------------------

durations_of_rows = st.lists(st.lists(st.integers(0, 6), min_size=4, max_size=4), min_size=1, max_size=3)


@given(durations_of_rows, st.integers(0, 20), st.integers(1, 12))
def test_expansion_is_that_of_the_runtime(durations: list[list[int]], first: int, count: int) -> None:
    """Rows of different age, blocks beyond the end, tokens without frames (padding)."""
    ends = np.cumsum(np.array(durations), axis=1)
    encoded = np.random.default_rng(0).standard_normal((len(ends), 4, 3)).astype(np.float32)
    firsts = first + np.arange(len(ends))
    expected = runtime.expand(encoded, ends, firsts, count)
    made = expand_tokens(*(torch.from_numpy(array) for array in (encoded, ends, firsts)), count)
    for ours, theirs in zip(made, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


def test_expansion_repeats_each_token_and_counts_inside_it() -> None:
    """All but the last channel; that one, the pitch, glides from the centre of a token to that of the next."""
    durations = torch.tensor([3, 1, 4])
    encoded = torch.randn(1, 3, 5)
    x, mask, token = expand_tokens(encoded, durations.cumsum(0)[None], torch.zeros(1, dtype=torch.long), 10)
    assert token[0, :8].tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert mask[0].tolist() == [True] * 8 + [False] * 2
    torch.testing.assert_close(x[0, :8, :4], encoded[0, :, :4].repeat_interleave(durations, dim=0))
    glide = np.interp(np.arange(8) + 0.5, [1.5, 3.5, 6.0], encoded[0, :, 4].numpy())
    np.testing.assert_allclose(x[0, :8, 4].numpy(), glide, atol=1e-6)
    inside = [1 / 6, 3 / 6, 5 / 6, 1 / 2, 1 / 8, 3 / 8, 5 / 8, 7 / 8]
    torch.testing.assert_close(x[0, :8, 5], torch.tensor(inside))
    torch.testing.assert_close(x[0, :8, 6], durations.repeat_interleave(durations).log() / 5)
    assert not x[0, 8:].any()
    other = with_contour(x, torch.full((1, 10), 0.25))
    assert (other[..., 4] == 0.25).all()
    torch.testing.assert_close(other[..., [0, 1, 2, 3, 5, 6]], x[..., [0, 1, 2, 3, 5, 6]])


# -- names -------------------------------------------------------------------------------------------------------------


def test_hyper_parameters_have_the_standard_names() -> None:
    assert {"d_model", "n_layers", "d_state", "max_seq", "dropout"} <= set(S4AcousticConfig.model_fields)


def test_names_of_the_weights_are_pinned() -> None:
    """Checkpoints and `--init` rely on them: renaming a module orphans every trained voice."""
    names = {name.split(".")[0] for name in build().state_dict()}
    assert names == {
        "symbols", "positions", "speakers", "prenet", "encoder", "encoder_norm", "prior_head", "duration", "pitch",
        "energy", "prosody", "expand", "contour", "decoder", "decoder_norm", "head",
    }  # fmt: skip
