"""Training LeWM TTS on latents of a codec: losses of each form, known times of letters, and a voice that listens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.export.voice import CardConfig, export
from ssmphony.models.lewm_memory import Memory
from ssmphony.reference import reference_from
from ssmphony.training.lewm_losses import spoken_tokens, token_ends
from ssmphony.training.lewm_rollout import corrupted
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.latents import LatentsTask
from ssmphony.types import SsmphonyError
from ssmphony.voices import package
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import scalars, settings


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("latents") / "tiny", speakers=("tiny", "other"), every_token=True)


def task_of(corpus: Path, out: Path, *more: str) -> LatentsTask:
    task = build(read_config(*settings("latents", corpus, out, *more)), "test")
    assert isinstance(task, LatentsTask)
    return task.train()


FREE = ("voice.model.placement=free", "voice.model.pace_head=true")
FORMS = {
    ("voice.model.head=flow",): {"latent", "clip", "drawn", "duration", "sound", "alignment", "table"},
    ("voice.model.head=gaussian", *FREE): {"latent", "clip", "drawn", "pace", "stop", "sound", "alignment", "table"},
    ("voice.model.head=mse", "task.weights.sound=0"): {"latent", "clip", "duration", "alignment", "table"},
}


@pytest.mark.parametrize("more", FORMS)
def test_every_loss_of_a_form_is_active(corpus: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    task = task_of(corpus, tmp_path, *more)
    task.step = 5
    batch = task.training_batch(0)
    found = task.losses(task.run(batch))
    assert set(found) == FORMS[more] | {"loss"}
    assert all(bool(torch.isfinite(value)) for value in found.values())
    found["loss"].backward()
    assert task.model.head.weight.grad is not None
    assert task.model.speakers.weight.grad is not None
    assert not any(parameter.requires_grad for parameter in task.codec.parameters())
    if task.model.drawn is not None:
        assert any(p.grad is not None and bool(p.grad.any()) for p in task.model.drawn.parameters())


def test_a_speaker_without_a_row_is_known_by_a_reference(corpus: Path, tmp_path: Path) -> None:
    """Of the two speakers, the table has one: the other's clips always come with a reference, and train the encoder."""
    task = task_of(corpus, tmp_path, "task.reference_share=0")
    batch = task.make_batch(task.utterances, list(range(len(task.utterances))))
    assert {0, 1} == set(batch.speakers.tolist())
    who, _, _ = task._speakers(batch)
    rows = task.model.speakers.weight[0].expand_as(who)
    from_table = (who == rows).all(dim=1)
    assert torch.equal(from_table, batch.speakers == 0)


def test_the_mean_of_a_reference_is_that_of_its_sound(corpus: Path, tmp_path: Path) -> None:
    """A clip that is shorter than references are is followed by silence, which is not counted; and a row of the table
    moves towards the means of its speaker's clips."""
    task = task_of(corpus, tmp_path)
    sound = 0.1 * torch.randn(1, 12_000)
    followed = torch.cat([sound, torch.zeros(1, 12_000)], dim=1)
    torch.testing.assert_close(task._mean_latents(followed)[0], task.codec.encode(followed)[0, :20].mean(0))
    assert not task.model.speaker_means.any()
    task.run(task.make_batch(task.utterances, list(range(len(task.utterances)))))
    assert task.model.speaker_means[0].any()


def test_an_offset_stays_the_same_through_a_clip(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    run = task.run(task.training_batch(0))
    unread = Memory((), (), run.mask)
    given = corrupted(task.model, run.z, run.mask, unread, run.places, 0.0, 0.0, 1, offset=2.0) - run.z
    assert torch.allclose(given, given[:, :1].expand_as(given), atol=1e-5)
    assert float(given[:, 0].std(dim=0).min()) > 0


def test_ends_of_tokens_are_the_inverse_of_places() -> None:
    anchors = [(1, 3, 4.0, 9.0), (4, 6, 12.0, 13.0)]
    ends = token_ends(anchors, 7, 20)
    assert len(ends) == 7
    assert ends[-1] == 20
    assert np.all(np.diff(ends) >= 0)
    np.testing.assert_allclose(ends[[0, 2, 3, 5]], [4.0, 9.0, 12.0, 13.0])
    np.testing.assert_allclose(spoken_tokens(anchors, 7, 20, ends[:-1]), np.arange(6) + 0.5, atol=1e-5)
    assert token_ends([], 1, 5).tolist() == [5.0]


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ("voice.codec={kind: mel_vocoder}", "voice.codec.kind latent"),
        ("voice.model.d_latent=6", "d_latent is 6, voice.codec.d_latent 8"),
    ],
)
def test_a_voice_that_does_not_fit(corpus: Path, tmp_path: Path, setting: str, error: str) -> None:
    with pytest.raises(SsmphonyError, match=error):
        task_of(corpus, tmp_path, setting)


@pytest.mark.integration
def test_the_voice_speaks_as_whoever_a_recording_is_of(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(*settings("latents", corpus, out))
    assert {"train/drawn", "val/rollout_1", "val/latent_rank"} <= scalars(out).keys()
    config = read_config(*settings("latents", corpus, out))
    folder = export(config.voice.model_dump(), out, out, CardConfig(name="t", language="hi"), tmp_path / "voice")
    voice = package.load(folder, threads=1)
    own = voice.say("नमस्ते", seed=1).samples
    assert np.array_equal(own, voice.say("नमस्ते", seed=1).samples)
    assert not np.array_equal(own, voice.say("नमस्ते", seed=2).samples)
    noise = np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    heard = voice.say("नमस्ते", seed=1, reference=reference_from(0.1 * noise, voice.encoder, voice.model)).samples
    assert heard.shape != own.shape or not np.allclose(heard, own)
    assert len(voice.say("नमस्ते", speed=2.0).samples) < len(own)
