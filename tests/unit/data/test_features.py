"""Each task gets the features it names, on the frames of its codec, computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.audio.mel import MelEncoder, log_mel
from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.data.dataset import Corpus, Utterances
from ssmphony.data.features import mel as mel_module
from ssmphony.data.features.f0 import F0Feature
from ssmphony.data.features.feature import Source
from ssmphony.data.features.registry import FEATURES, Needs
from ssmphony.data.manifest import Clip, read_manifest, write_manifest
from ssmphony.interfaces import Encoder
from ssmphony.types import FrameGrid, MelFormat, SsmphonyError

RATE = 24_000
SYMBOLS = ("_", "^", "aː", ".")
COARSE = FrameGrid(RATE, 300, 1)
"""80 frames a second."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three clips of two speakers, the pitch rising from 100 Hz, each phone timed to 25 ms."""
    folder = tmp_path / "prepared"
    (folder / "audio").mkdir(parents=True)
    (folder / "f0").mkdir()
    clips: list[Clip] = []
    for number, (speaker, n) in enumerate((("a", 12_000), ("a", 18_000), ("b", 6_000))):
        name = f"c{number}"
        samples = np.full(n, 0.1 * (number + 1), np.float32)
        soundfile.write(folder / "audio" / f"{name}.flac", samples, RATE)
        np.save(folder / "f0" / f"{name}.npy", 100 * 2.0 ** np.linspace(0, 1, 1 + n // 300).astype(np.float32))
        seconds = n / RATE
        anchors = ((0, 1, 0.0, 0.05), (1, 2, 0.05, 0.175), (2, 3, 0.175, seconds))
        clips.append(
            Clip(name, f"audio/{name}.flac", seconds, speaker, "hi", "आ", SYMBOLS[1:], ((1, 2),), anchors, 80.0)
        )
    write_manifest(folder, clips)
    return folder


def utterances(corpus: Path, needs: Needs) -> Utterances:
    return Utterances([Corpus(path=str(corpus))], SYMBOLS, ("a", "b"), needs)


def source(corpus: Path, number: int = 0) -> Source:
    return Source(corpus, read_manifest(corpus)[number])


def test_a_batch_holds_exactly_what_is_named(corpus: Path) -> None:
    names = ("samples", "f0", "energy", "durations", "reference")
    batch = utterances(corpus, Needs(names, COARSE, reference_s=0.1)).batch([0, 2])
    assert set(batch.features) == set(names)
    assert batch.features["samples"].shape == (2, 12_000)
    assert batch.frame_mask.sum(1).tolist() == [41, 21]
    assert batch.features["f0"].shape == batch.features["energy"].shape == (2, 41)
    assert batch.features["durations"].tolist() == [[4, 10, 27], [4, 10, 7]]
    assert batch.features["reference"].shape == (2, 2_400)
    with pytest.raises(KeyError):
        _ = batch.mels


def test_a_wrong_name_says_the_right_one(corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match="unknown feature 'energi', did you mean 'energy'"):
        Needs(("energi",), COARSE)
    for name in ("mel", "codes"):
        with pytest.raises(SsmphonyError, match="codec"):
            utterances(corpus, Needs((name,), COARSE)).batch([0])


def test_pitch_is_taken_at_the_times_of_the_frames(corpus: Path) -> None:
    same = F0Feature(COARSE).read(source(corpus))
    np.testing.assert_array_equal(same, np.load(corpus / "f0" / "c0.npy"))
    fine = F0Feature(FrameGrid(RATE, 100, 1)).read(source(corpus))
    np.testing.assert_allclose(fine[:-2], 100 * 2.0 ** np.linspace(0, 1, 121)[:-2], rtol=1e-5)


def test_pitch_is_that_of_the_middle_of_a_hop_but_for_log_mel(corpus: Path) -> None:
    hertz, known = FEATURES["f0"](Needs(("f0",), COARSE)).read(source(corpus)), np.load(corpus / "f0" / "c0.npy")
    np.testing.assert_allclose(hertz[:-1], np.sqrt(known[:-1] * known[1:]), rtol=1e-5)
    mel = MelFormat(sample_rate=RATE, n_fft=1_200, hop_length=COARSE.hop_length)
    np.testing.assert_array_equal(FEATURES["f0"](Needs.of_mel(mel)).read(source(corpus)), known)


def test_pitch_stays_unvoiced_where_it_is(corpus: Path) -> None:
    np.save(corpus / "f0" / "c0.npy", np.array([0, 0, 200, 0, 100, 100] + [0] * 35, np.float32))
    track = F0Feature(FrameGrid(RATE, 150, 1)).read(source(corpus))
    assert track[:12].tolist() == [0, 0, 0, 200, 200, 0, 0, 100, 100, 100, 100, 0]


def test_energy_is_the_level_of_each_frame(corpus: Path) -> None:
    energy = FEATURES["energy"](Needs(("energy",), COARSE)).read(source(corpus, 1))
    np.testing.assert_allclose(energy[:-1], np.log(0.2 + 1e-3) / 2 + 2, atol=1e-3)
    assert energy[-1] < energy[0]  # after the end of the clip


def test_durations_need_the_time_of_each_phone(corpus: Path) -> None:
    clips = read_manifest(corpus)
    write_manifest(corpus, [replace(clips[0], anchors=clips[0].anchors[1:2]), *clips[1:]])
    with pytest.raises(SsmphonyError, match="c0 has no time for each phone"):
        utterances(corpus, Needs(("durations",), COARSE)).batch([0])


def test_what_takes_long_is_computed_once(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def count(samples: np.ndarray, mel_format: MelFormat) -> np.ndarray:
        calls.append(len(samples))
        return log_mel(samples, mel_format)

    monkeypatch.setattr(mel_module, "log_mel", count)
    first = utterances(corpus, Needs.of_mel(MelFormat())).batch([0, 1])
    again = utterances(corpus, Needs.of_mel(MelFormat())).batch([0, 1])
    assert calls == [12_000, 18_000]
    assert first.mels.equal(again.mels)
    utterances(corpus, Needs.of_mel(MelFormat(n_mels=80))).batch([0])  # other settings, another file
    assert len(calls) == 3
    soundfile.write(corpus / "audio" / "c0.flac", np.zeros(12_000, np.float32), RATE)
    silent = utterances(corpus, Needs.of_mel(MelFormat())).batch([0])
    assert silent.mels[0].max() == pytest.approx(np.log(1e-7))


def test_a_damaged_or_a_closed_cache_changes_nothing(corpus: Path) -> None:
    read = FEATURES["mel"](Needs.of_mel(MelFormat())).read
    expected = read(source(corpus))
    (kept,) = corpus.glob("features/mel-*/c0.npy")
    kept.write_bytes(b"broken")
    np.testing.assert_array_equal(read(source(corpus)), expected)
    for path in sorted(corpus.glob("features/*/*")):
        path.unlink()
    (corpus / "features" / kept.parent.name).rmdir()
    (corpus / "features" / kept.parent.name).write_text("in the way", encoding="utf-8")
    np.testing.assert_array_equal(read(source(corpus)), expected)


def test_samples_come_at_the_rate_of_the_codec(corpus: Path) -> None:
    half = FEATURES["samples"](Needs(("samples",), FrameGrid(12_000, 150, 1))).read(source(corpus))
    assert half.shape == (6_000,)
    np.testing.assert_allclose(half[100:-100], 0.1, atol=1e-3)
    with pytest.raises(SsmphonyError, match="prepared at 24000 Hz, and the codec takes 44100 Hz"):
        FEATURES["samples"](Needs(("samples",), FrameGrid(44_100, 512, 1))).read(source(corpus))
    crops = AudioCrops([CropSource(path=str(corpus))], 8, 0, MelFormat(sample_rate=12_000, hop_length=150), pitch=0.0)
    batch = crops.batch(0, 4)
    assert batch.samples.shape == (4, 8 * 150)
    assert batch.pitch.min() >= 99


class Sign(Encoder):
    """Two codebooks: the sign of each frame's first sample, and the number of the frame."""

    grid = FrameGrid(RATE, 3_000, 2, (2, 1_000))

    def encode(self, samples: np.ndarray) -> np.ndarray:
        frames = samples[:, :: self.grid.hop_length]
        return np.stack([frames > 0, np.broadcast_to(np.arange(frames.shape[1]), frames.shape)], axis=2)


def test_codes_are_the_frames_of_an_encoder(corpus: Path) -> None:
    batch = utterances(corpus, Needs(("codes",), Sign.grid, encoder=Sign(), identity="v1")).batch([0])
    assert batch.features["codes"].tolist() == [[[1, 0], [1, 1], [1, 2], [1, 3]]]
    assert len(list(corpus.glob("features/codes-*/c0.npy"))) == 1
    other = Needs(("codes",), COARSE, encoder=MelEncoder(MelFormat()), identity="v2")
    assert utterances(corpus, other).batch([0]).features["codes"].shape == (1, 47, 100)
    assert len(list(corpus.glob("features/codes-*/c0.npy"))) == 2


@pytest.fixture
def many(tmp_path: Path) -> Callable[[int], Utterances]:
    """Clips of one speaker, clip ``n`` of the constant n / 100."""

    def build(count: int) -> Utterances:
        folder = tmp_path / f"many-{count}"
        (folder / "audio").mkdir(parents=True)
        for n in range(count):
            soundfile.write(folder / "audio" / f"{n}.flac", np.full(3_000, n / 100, np.float32), RATE)
        write_manifest(
            folder, [Clip(str(n), f"audio/{n}.flac", 0.125, "a", "hi", "आ", SYMBOLS[1:]) for n in range(count)]
        )
        return utterances(folder, Needs(("reference",), COARSE, reference_s=0.1, seed=7))

    return build


def test_a_reference_is_another_clip_of_the_speaker(many: Callable[[int], Utterances]) -> None:
    source = many(5)
    seen: set[int] = set()
    for step in range(60):
        reference = source.batch([2], step).features["reference"]
        assert reference.equal(source.batch([2], step).features["reference"])
        seen.add(round(float(reference[0, 0]) * 100))
    assert seen == {0, 1, 3, 4}


def test_the_only_clip_of_a_speaker_is_its_own_reference(many: Callable[[int], Utterances]) -> None:
    assert many(1).batch([0]).features["reference"].shape == (1, 2_400)
