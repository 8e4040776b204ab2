"""LeWM TTS: its size as published, teacher forcing against stepping, prompts, and noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssmphony.config import load_yaml, parse
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.lewm_heads import FlowHead, GaussianHead
from ssmphony.models.lewm_memory import Memory
from ssmphony.models.lewm_model import LeWM
from ssmphony.sampling import seeded_noise
from ssmphony.training.config import VoiceConfig
from ssmphony.training.lewm_rollout import LeWMVoice, Prompt, predict, reconstruct, rollout_errors, synthesize
from ssmphony.types import Reference, SsmphonyError, Style, Tokens
from ssmphony.voices.upgrade import upgrade_block
from tests.contract import contract

CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "lewm"
SENTENCE = Tokens(tuple(range(1, 9)), tuple("x" * 8))


def blocks(name: str) -> tuple[Any, Any]:
    voice = parse(VoiceConfig, load_yaml(CONFIGS / name)["voice"])
    return voice.model_settings(len(voice.frontend_symbols())), voice.codec_settings()


def test_size() -> None:
    """All that is trained, as published; the vocoder is shared with other voices."""
    model, codec = blocks("base.yaml")
    with torch.device("meta"):
        parts = (model.build(), (built := codec.build()).encoder, built.decoder)
    count = sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert count / 1e6 == pytest.approx(24.3, abs=0.05)


@pytest.mark.parametrize(("old", "new"), LeWMConfig.renamed.items())
def test_earlier_names_of_settings(old: str, new: str) -> None:
    """The error names the new one; packages and runs with an earlier name are read."""
    with pytest.raises(SsmphonyError, match=f"unknown key '{old}', it is now '{new}'"):
        parse(LeWMConfig, {"n_symbols": 9, "speakers": ["own"], old: 1})
    assert upgrade_block({"model": {"kind": "lewm", old: 1}})["model"] == {"kind": "lewm", new: 1}


def test_faithful_config_is_the_published_one() -> None:
    model, codec = blocks("base.yaml")
    assert (model.text_layers, model.n_layers, model.n_heads, codec.n_layers) == (4, 6, 4, 4)
    assert (model.mixer.kind, model.text_mixer.kind, codec.mixer.kind) == ("attention",) * 3
    assert (model.d_latent, codec.width, codec.format.n_mels) == (256, 512, 100)


def tiny(**settings: Any) -> LeWM:
    torch.manual_seed(0)
    shape = {"d_latent": 6, "d_model": 8, "d_ffn": 12, "n_heads": 2, "text_layers": 1, "n_layers": 2}
    fields = {"n_symbols": 12, "speakers": ("a", "b"), "max_seq": 32, "mixer": {"kind": "mamba2", "head_dim": 8}}
    model = LeWMConfig.model_validate({**shape, **fields, **settings}).build().eval()
    if model.stop is not None:
        torch.nn.init.constant_(model.stop.bias, -50.0)
    return model


@pytest.fixture
def voice() -> LeWMVoice:
    _, codec = blocks("base.yaml")
    shape = {"d_latent": 6, "width": 8, "blocks": 1, "lookahead": 1, "n_layers": 1}
    small = type(codec).model_validate({**codec.model_dump(), **shape})
    return LeWMVoice(tiny(), small.build(), "both").eval()


@torch.no_grad()
def test_teacher_forcing_is_stepping_on_what_was_given() -> None:
    model = tiny()
    state = model.begin([SENTENCE], [Style()])
    z = torch.randn(1, 7, 6)
    ids = torch.tensor([SENTENCE.ids])
    memory = model.read(ids, ids > 0, torch.tensor([0]))
    taught = model.teacher_forced(z, torch.ones(1, 7, dtype=torch.bool), memory).latents
    for step in range(7):
        state, *_ = model.one_frame(state)
        torch.testing.assert_close(state.frame, taught[:, step], atol=1e-5, rtol=1e-5)
        state = state._replace(frame=z[:, step])


@torch.no_grad()
def test_reach_holds_the_attention_back() -> None:
    model = tiny(attention_window=(0, 1))
    state = model.begin([SENTENCE], [Style()])
    for step in range(5):
        state, *_ = model.one_frame(state)
        assert int(state.token) <= step + 1


@torch.no_grad()
def test_as_many_passes_as_latents_are_free_speech() -> None:
    """Where all latents are the predictor's own, each pass makes one more of them what stepping would give."""
    model, steps = tiny(), 6
    state = model.begin([SENTENCE], [Style()])
    z, mask = torch.randn(1, steps, model.config.d_latent), torch.ones(1, steps, dtype=torch.bool)
    memory, spoken = Memory(*state.memory, state.present), []
    for _ in range(steps):
        state, *_ = model.one_frame(state)
        spoken.append(state.frame)
    free = torch.stack(spoken, dim=1)
    for passes in (1, 3, steps):
        heard = model.replace(z, mask, mask, memory, passes)
        torch.testing.assert_close(heard[:, :passes], free[:, :passes], atol=1e-5, rtol=1e-4)
    assert torch.equal(model.replace(z, ~mask, mask, memory, 3), z)


@pytest.mark.parametrize("head", ["mse", "gaussian", "flow"])
@torch.no_grad()
def test_noise_follows_seed_and_position(head: str) -> None:
    model = tiny(temperature=0.8, head=head)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)

    def first(seed: int) -> torch.Tensor:
        return model.step(model.begin([SENTENCE], [Style(seed=seed)]))[0].values

    assert torch.equal(first(1), first(1))
    assert not torch.allclose(first(1), first(2))


def test_noise_is_normal_and_rows_are_apart() -> None:
    noise = seeded_noise([7] * 2000, range(2000), 16)
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1.0) < 0.02
    neighbours = noise.reshape(-1)
    assert len(set(neighbours.tolist())) > 0.99 * neighbours.size


@torch.no_grad()
def test_aligned_speech_ends_with_its_last_token_and_follows_the_speed() -> None:
    model, spoken = tiny(placement="aligned"), {}
    for speed in (1.0, 2.0):
        state = model.begin([SENTENCE], [Style(speed=speed)])
        ends = state.memory[-1].flatten()
        while not bool(state.done):
            frames, state = model.step(state)
        spoken[speed] = int(state.position)
        assert spoken[speed] == int(ends.max())
        assert int(frames.tokens.max()) == len(SENTENCE) - 1
    assert spoken[2.0] == pytest.approx(spoken[1.0] / 2, abs=1)


@torch.no_grad()
def test_latents_lie_around_the_mean_of_the_reference() -> None:
    """A model whose network says nothing speaks the mean itself: of its table, or of a reference."""
    torch.manual_seed(0)
    model = LeWMConfig.tiny(9)["mean"].build().eval()
    model.head.weight.zero_()
    model.head.bias.zero_()
    model.speaker_means.normal_()
    latents = torch.randn(5, 6)
    reference = Reference({"style": np.zeros((1, 4), np.float32), "frames": latents.numpy()})
    state = model.begin([SENTENCE] * 2, [Style(speaker="other"), Style(reference=reference)])
    frames, _ = model.step(state)
    wanted = torch.stack([model.speaker_means[1], latents.mean(0)])
    torch.testing.assert_close(frames.values, wanted[:, None].expand_as(frames.values))
    ids = torch.tensor([SENTENCE.ids])
    torch.testing.assert_close(model.read(ids, ids > 0, torch.tensor([1])).mean, model.speaker_means[1:2])


def test_a_scale_is_learned_beside_the_mean() -> None:
    """The Gaussian's scale becomes that of the errors, and its loss leaves the mean alone."""
    torch.manual_seed(0)
    head, h, mean = GaussianHead(4, 2), torch.zeros(512, 4), torch.zeros(512, 2, requires_grad=True)
    target = torch.randn(512, 2) * torch.tensor([0.2, 1.5])
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(150):
        optimiser.zero_grad()
        head.losses(h, mean, target).mean().backward()
        optimiser.step()
    assert mean.grad is None
    torch.testing.assert_close(head.scale(h[0]).exp(), target.std(0), rtol=0.1, atol=0.0)


def test_a_flow_draws_what_is_no_mean() -> None:
    """Of two futures, one or the other; the mean lies between them."""
    torch.manual_seed(0)
    head, h, mean = FlowHead(4, 1, 32, 2, 8), torch.zeros(512, 4), torch.zeros(512, 1)
    target = torch.where(torch.rand(512, 1) < 0.5, -1.0, 1.0)
    optimiser = torch.optim.Adam(head.parameters(), 5e-3)
    for _ in range(300):
        optimiser.zero_grad()
        head.losses(h, mean, target).mean().backward()
        optimiser.step()
    with torch.no_grad():
        drawn = head.draw(h, mean, torch.randn(512, 1))
    assert (drawn.abs() > 0.5).float().mean() > 0.85
    assert abs(float(drawn.mean())) < 0.3


@torch.no_grad()
def test_modes(voice: LeWMVoice) -> None:
    mel = torch.randn(37, 100) - 5.0
    assert reconstruct(voice, mel).shape == mel.shape
    assert predict(voice, mel, SENTENCE, 1).shape == mel.shape
    spoken = synthesize(voice, SENTENCE)
    assert len(spoken.latents) == 24 + 3 * 8
    assert spoken.mel.shape == (4 * len(spoken.latents), 100)
    assert not spoken.stopped
    prompt = Prompt(Tokens((3, 4), ("x", "x")), torch.randn(5, 6))
    prompted = synthesize(voice, SENTENCE, prompt=prompt)
    assert len(prompted.latents) == 24 + 3 * 10 - 5
    assert not torch.allclose(prompted.latents[0], spoken.latents[0])
    assert int(prompted.tokens.min()) >= 0
    assert len(synthesize(voice, Tokens((), ())).latents) == 0


@torch.no_grad()
def test_rollout_begins_with_the_teacher_forced_error(voice: LeWMVoice) -> None:
    model, z = voice.model, torch.randn(1, 30, 6)
    ids = torch.tensor([SENTENCE.ids])
    memory = model.read(ids, ids > 0, torch.tensor([0]))
    errors = rollout_errors(voice.model, z, memory, (1, 2, 8, 64))
    assert list(errors) == [1, 2, 8]
    taught = model.teacher_forced(z, torch.ones(1, 30, dtype=torch.bool), memory).latents
    torch.testing.assert_close(errors[1], (taught[0, 10] - z[0, 10]).square().mean(), atol=1e-5, rtol=1e-5)


def predictor_stream(model: LeWM) -> contract.Stream:
    """Latents → the latents predicted after them, with one text for all rows."""
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        ends = torch.arange(4.0, 36.0, 4.0)[None]
        memory = model.read(ids, ids > 0, torch.zeros(1, dtype=torch.long), ends)

    def run(z: Tensor, mask: Tensor, state: Any) -> tuple[Tensor, Any]:
        first, layers = state
        *parts, present = contract.map_state(
            lambda part: part.expand(len(z), *part.shape[1:]), (*memory.tensors(), memory.present)
        )
        text, position, reading = Memory.of(parts, present), first[:, None] + torch.arange(z.shape[1]), None
        places = 0.1 * position
        if model.aligned is not None:
            reading, places = model.place_of(text, position)
        distance = torch.arange(ids.shape[1]) - places[..., None]
        prediction, layers = model.predict(z, first, mask, text, text.present[:, None], layers, distance, reading)
        return prediction.latents, (first + z.shape[1], layers)

    return contract.Stream(
        begin=lambda batch: (torch.zeros(batch, dtype=torch.long), model.initial_layers(batch)),
        run=run,
        channels=model.config.d_latent,
        time=60,
    )


FORMS = LeWMConfig.tiny(9)
every_form = pytest.mark.parametrize("form", FORMS)


def form_stream(form: str) -> contract.Stream:
    torch.manual_seed(0)
    return predictor_stream(FORMS[form].build().eval())


@every_form
def test_the_predictor_reads_no_future(form: str) -> None:
    contract.check_causality(form_stream(form))


@every_form
@torch.no_grad()
def test_the_predictor_takes_any_number_of_steps(form: str) -> None:
    contract.check_chunkings(form_stream(form), seeds=2)
    contract.check_batch_and_padding(form_stream(form))
