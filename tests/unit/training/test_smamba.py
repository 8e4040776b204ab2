"""Training SMamba: known and searched times, references of another clip, each loss by itself, and one that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.data.manifest import read_manifest, write_manifest
from ssmphony.export.weights import read_weights
from ssmphony.training.run import build, read_config, train
from ssmphony.training.smamba_losses import (
    aligned_durations,
    contrast,
    divergence,
    duration_loss,
    frame_mask_of,
    style_distance,
    teacher_styles,
    warmed,
)
from ssmphony.training.tasks.smamba import PAIRS, SMambaTask
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import scalars, settings

SPEAKERS = ("tiny", "other", "third")
ALL_OFF = "{spectral: 0, kl: 0, duration: 0, pitch: 0, voicing: 0, table: 0, speaker: 0, consistency: 0}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine clips of three speakers whose phones have known times, but for the last clip."""
    folder = write_corpus(tmp_path_factory.mktemp("timed") / "tiny", 9, SPEAKERS, every_token=True)
    clips = read_manifest(folder)
    words = tuple((*word, *_span(clips[-1].anchors, word)) for word in clips[-1].words)
    write_manifest(folder, [*clips[:-1], clips[-1].__class__(**{**vars(clips[-1]), "anchors": words})])
    return folder


def _span(anchors: tuple[tuple[int, int, float, float], ...], word: tuple[int, int]) -> tuple[float, float]:
    return anchors[word[0]][2], anchors[word[1] - 1][3]


def task_of(corpus: Path, out: Path, *more: str) -> SMambaTask:
    task = build(read_config(*settings("smamba", corpus, out, *more)), "test")
    assert isinstance(task, SMambaTask)
    return task.train()


# -- data --------------------------------------------------------------------------------------------------------------


def test_references_are_of_the_speaker_and_another_sentence(corpus: Path, tmp_path: Path) -> None:
    """Speakers that the voice does not offer are learnt from, too; they have no row in the table."""
    task = task_of(corpus, tmp_path)
    assert task.model.speaker_names == ("tiny",)
    assert set(task.utterances.speakers) == set(SPEAKERS)
    batch = task.training_batch(0)
    clips = {clip.id: clip for clip in task.utterances.clips}
    sounds = {
        clip.id: task.utterances.batch([index]).features["samples"][0].numpy()
        for index, clip in enumerate(task.utterances.clips)
    }
    for name, speaker, heard in zip(batch.names, batch.speakers, batch.features["reference"], strict=True):
        assert task.utterances.speakers[clips[name].speaker] == int(speaker)
        sources = [other for other, samples in sounds.items() if _holds(samples, heard.numpy())]
        assert len(sources) == 1
        assert sources[0] != name
        assert clips[sources[0]].speaker == clips[name].speaker


def _holds(samples: np.ndarray, part: np.ndarray) -> bool:
    part = part[: int(np.flatnonzero(part)[-1]) + 1]
    (places,) = np.nonzero(np.abs(samples[: len(samples) - len(part) + 1] - part[0]) < 1e-7)
    return any(np.allclose(samples[place : place + len(part)], part, atol=1e-7) for place in places)


def test_speakers_are_held_out_with_their_blends(tmp_path: Path) -> None:
    voices = ("tiny", "other", "tiny:0.5,other:0.5", "third:1,other:2")
    corpus = write_corpus(tmp_path / "corpus", 8, voices, every_token=True)
    (tmp_path / "held.txt").write_text("# never trained on\nother\nthird\n", encoding="utf-8")
    of = {
        "task.corpora": f"[{{path: {corpus}, exclude_speakers: {tmp_path / 'held.txt'}}}]",
        "task.validation": f"[{{path: {corpus}, only_speakers: {tmp_path / 'held.txt'}}}]",
    }
    task = task_of(corpus, tmp_path / "run", *(f"{key}={value}" for key, value in of.items()))
    assert {clip.speaker for clip in task.utterances.clips} == {"tiny"}
    assert {clip.speaker for clip in task.held_out.clips} == {"other", "third:1,other:2"}
    (tmp_path / "held.txt").write_text("nobody\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match=r"held\.txt: leaves no clip of .*corpus"):
        task_of(corpus, tmp_path / "run", *(f"{key}={value}" for key, value in of.items()))


def test_pairs_are_of_as_many_speakers(corpus: Path, tmp_path: Path) -> None:
    of_ids = f"task.speakers={{corpora: [{{path: {corpus}, speaker_of: 'clip-(.)'}}], count: 4, seconds: 0.2}}"
    task = task_of(corpus, tmp_path, of_ids)
    first, again, other = (task.training_batch(number).features[PAIRS] for number in (0, 0, 1))
    assert first.shape == (2, 4, 4800)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert PAIRS not in task.validation_batches()[0].features
    assert float(task.read(task.training_batch(0)).losses["speaker"]) > 0.0
    with pytest.raises(SsmphonyError, match="only 3 speakers"):
        task_of(corpus, tmp_path, f"task.speakers={{corpora: [{{path: {corpus}}}], count: 4, seconds: 0.2}}")
    with pytest.raises(SsmphonyError, match="finds no speaker in the id clip-0"):
        task_of(corpus, tmp_path, f"task.speakers={{corpora: [{{path: {corpus}, speaker_of: '(x)'}}], count: 2}}")


# -- alignment ---------------------------------------------------------------------------------------------------------


def test_known_times_are_kept_and_others_are_searched(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    index = [clip.id for clip in task.utterances.clips].index
    batch = task.utterances.batch([index("clip-1"), index("clip-8")])
    known = batch.features["known_durations"]
    assert int(known[0].sum()) == int(batch.frame_mask[0].sum())
    assert not known[1].any()
    made = task.read(batch)
    assert torch.equal(made.durations[0], known[0])
    counts = made.durations[1][batch.token_mask[1]]
    assert int(counts.sum()) == int(batch.frame_mask[1].sum())
    assert int(counts.min()) >= 1
    ends = made.durations[1].cumsum(0)
    for first, stop, start, end in batch.anchors[1]:  # the path keeps to the words that are known
        assert abs(float(ends[first - 1]) - start) <= 6.0
        assert abs(float(ends[stop - 1]) - end) <= 6.0


def test_a_search_finds_what_the_prior_says() -> None:
    """Three tokens whose means are far apart, in a row whose times are unknown, next to one where they are known."""
    means = torch.tensor([[0.0, 5.0, -5.0], [0.0, 0.0, 0.0]])[..., None].expand(2, 3, 2)
    frames = torch.tensor([0, 0, 1, 1, 1, 2])
    noise = torch.stack([means[0, frames], torch.zeros(6, 2)])
    statistics = torch.cat([means, torch.zeros(2, 3, 2)], dim=-1)
    known = torch.tensor([[0, 0, 0], [1, 1, 4]])
    found = aligned_durations(_batch(3, 6), noise, statistics, known, 4.0)
    assert found.tolist() == [[2, 3, 1], [1, 1, 4]]
    with pytest.raises(SsmphonyError, match="clip a has fewer frames than phones"):
        aligned_durations(_batch(3, 2), noise[:, :2], statistics, known, 4.0)


def _batch(tokens: int, frames: int):
    from ssmphony.data.dataset import Batch

    mask = torch.ones(2, tokens, dtype=torch.bool)
    nothing = torch.zeros(2, tokens, dtype=torch.long)
    present = torch.ones(2, frames, dtype=torch.bool)
    return Batch(("a", "b"), nothing, nothing, mask, nothing[:, 0], present, ((), ()), {})


@pytest.mark.parametrize("alignment", ["known", "search"])
def test_losses_reach_what_they_train(corpus: Path, tmp_path: Path, alignment: str) -> None:
    """Every parameter of the voice gets a gradient, however it is aligned."""
    pairs = f"task.speakers={{corpora: [{{path: {corpus}}}], count: 2, seconds: 0.2}}"
    task = task_of(corpus, tmp_path, f"task.alignment={alignment}", "task.style_dropout=0.5", pairs)
    torch.manual_seed(1)
    for _, parameter in task.voice.named_parameters():  # what is zero at first passes nothing on
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    batch = task.training_batch(0)
    made = task.read(batch)
    fake, real = task.crops(batch, made)
    task.total(made.losses | {"spectral": task.spectral(fake, real)}).backward()
    assert {name for name, value in task.voice.named_parameters() if value.grad is None} == set()


@pytest.mark.parametrize("name", ["spectral", "kl", "duration", "pitch", "voicing", "table", "speaker", "consistency"])
def test_every_loss_can_be_switched_off(corpus: Path, tmp_path: Path, name: str) -> None:
    """Alone, it is the whole; with a weight of 0 it is not in the sum."""
    pairs = f"task.speakers={{corpora: [{{path: {corpus}}}], count: 2, seconds: 0.2}}"
    task = task_of(corpus, tmp_path, f"task.weights={ALL_OFF}", f"task.weights.{name}=2", pairs)
    losses = {key: torch.tensor(float(10**i)) for i, key in enumerate(type(task.config.weights).model_fields)}
    assert float(task.total(losses)) == 2.0 * float(losses[name])


def test_a_share_of_the_sound_is_made_from_the_text(corpus: Path, tmp_path: Path) -> None:
    """Then the sound's loss trains the text encoder in place of the posterior encoder."""
    for share, trained, untouched in ((0.0, "posterior", "text"), (1.0, "text", "posterior")):
        task = task_of(corpus, tmp_path, f"task.spoken={share}", f"task.weights={ALL_OFF}", "task.weights.spectral=1")
        for parameter in task.voice.parameters():  # what is zero at first passes nothing on
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
        batch = task.training_batch(0)
        fake, real = task.crops(batch, task.read(batch))
        task.spectral(fake, real).backward()
        reached = {
            name.split(".")[1]
            for name, value in task.voice.named_parameters()
            if value.grad is not None and value.grad.any()
        }
        assert trained in reached
        assert untouched not in reached


def test_sound_that_is_unlike_its_style_costs(corpus: Path, tmp_path: Path) -> None:
    """That loss trains what made the sound, not the style encoder that judges it."""
    task = task_of(corpus, tmp_path)
    batch = task.training_batch(0)
    sound = batch.features["reference"].clone().requires_grad_()
    styles = task.styles(sound).detach()
    assert float(task.consistency(sound, styles)) == pytest.approx(0.0, abs=1e-5)
    loss = task.consistency(sound, -styles)
    assert float(loss) == pytest.approx(2.0, abs=1e-5)
    task.consistency(sound, styles.roll(1, dims=1)).backward()
    assert sound.grad is not None
    assert sound.grad.any()
    assert all(value.grad is None for value in task.model.style.parameters())


def test_a_crop_is_the_recording(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    batch = task.training_batch(0)
    fake, real = task.crops(batch, task.read(batch))
    assert fake.shape == real.shape == (len(batch.names), (32 - 4) * 300)
    for row, samples in zip(real, batch.features["samples"], strict=True):
        assert _holds(samples.numpy(), row.numpy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("voice.codec.d_latent=4", "voice.model.d_latent must equal voice.codec.d_latent"),
        ("voice.codec.kind=spectrum", "with voice.codec.kind smamba"),
        ("task.weights.teacher_style=1", "needs task.teacher_voices"),
    ],
)
def test_settings_that_do_not_fit(corpus: Path, tmp_path: Path, change: str, message: str) -> None:
    more = ("voice.codec={kind: spectrum}",) if "kind=" in change else (change,)
    with pytest.raises(SsmphonyError, match=message):
        task_of(corpus, tmp_path, *more)


# -- losses ------------------------------------------------------------------------------------------------------------


def test_the_divergence_is_that_of_gaussians() -> None:
    """Its mean over draws is the closed form; padding does not count."""
    torch.manual_seed(0)
    mean, log_std = torch.tensor(0.7), torch.tensor(-0.5)
    noise = mean + log_std.exp() * torch.randn(1, 200_000, 1)
    mask = torch.ones(1, 200_000, dtype=torch.bool)
    prior_mean, prior_log_std = torch.full_like(noise, -0.2), torch.full_like(noise, 0.3)
    posterior, prior = (
        torch.distributions.Normal(mean, log_std.exp()),
        torch.distributions.Normal(torch.tensor(-0.2), torch.tensor(0.3).exp()),
    )
    expected = torch.distributions.kl_divergence(posterior, prior)
    found = divergence(noise, torch.full_like(noise, -0.5), prior_mean, prior_log_std, mask)
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0.0)


def test_durations_that_are_drawn_lose_their_likelihood() -> None:
    frames, mask = torch.tensor([[4, 0, 2]]), torch.ones(1, 3, dtype=torch.bool)
    mean, spread = torch.zeros(1, 3), torch.full((1, 3), -0.3)
    normal = torch.distributions.Normal(0.0, float(spread[0, 0].exp()))
    target = frames.clamp(min=1).log()
    expected = -(normal.log_prob(target) + 0.5 * np.log(2 * np.pi))[0, [0, 2]].mean()
    torch.testing.assert_close(duration_loss(mean, spread, frames, mask), expected)
    torch.testing.assert_close(duration_loss(mean, None, frames, mask), target[0, [0, 2]].mean())


def test_speakers_that_are_told_apart_cost_nothing() -> None:
    one = torch.eye(6)
    assert float(contrast(one, one)) < 0.01 < float(contrast(one, one.roll(1, dims=0)))
    torch.testing.assert_close(contrast(torch.ones(6, 3), torch.ones(6, 3)), torch.tensor(6.0).log())


def test_styles_of_the_teacher(tmp_path: Path) -> None:
    """Of voices and blends; who is no voice of the teacher has none, and does not count."""
    random = np.random.default_rng(0)
    voices = {name: random.standard_normal((5, 256)).astype(np.float32) for name in ("asha", "ravi")}
    for name, values in voices.items():
        (tmp_path / f"{name}.bin").write_bytes(values.tobytes())
    table = teacher_styles(tmp_path, ("asha", "asha:3,ravi:1", "reader"))
    expected = 0.75 * voices["asha"].mean(0)[:128] + 0.25 * voices["ravi"].mean(0)[:128]
    normalised = torch.from_numpy((expected - expected.mean()) / expected.std())
    torch.testing.assert_close(table[1], normalised, atol=1e-3, rtol=0.0)
    assert bool(torch.isnan(table[2]).all())
    styles = torch.where(torch.isnan(table), 7.0, table)
    assert float(style_distance(styles, table)) == 0.0
    assert float(style_distance(styles + 1.0, table)) == pytest.approx(1.0)
    with pytest.raises(SsmphonyError, match="holds no voice of the speakers"):
        teacher_styles(tmp_path, ("reader",))


def test_silence_after_a_reference_is_no_frame_of_it() -> None:
    samples = torch.zeros(3, 1000)
    samples[0, :], samples[1, :400] = 0.5, 0.5
    assert frame_mask_of(samples, 11, 100).sum(dim=1).tolist() == [11, 5, 1]


def test_the_divergence_is_warmed_up() -> None:
    assert [warmed(step, 4) for step in (0, 1, 3, 9)] == [0.25, 0.5, 1.0, 1.0]
    assert warmed(0, 0) == 1.0


@pytest.mark.integration
def test_a_training_learns(corpus: Path, tmp_path: Path) -> None:
    """Losses fall, and both parts of the voice are there afterwards."""
    out = train(*settings("smamba", corpus, tmp_path / "run", "task.optimiser.max_steps=40", "task.spoken=0.25"))
    curves = scalars(out)
    for name in ("spectral", "kl", "duration", "pitch", "voicing"):
        values = list(curves[f"train/{name}"].values())
        assert sum(values[-5:]) < 0.95 * sum(values[:5]), name
    assert {"val/loss", "val/spoken", "val/kl", "train/generator"} <= curves.keys()
    assert all(read_weights(out / "last.ckpt", part) for part in ("model", "codec"))
