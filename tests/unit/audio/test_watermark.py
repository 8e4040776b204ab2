"""The inaudible mark: found where it is, not where it is not, and the same however the sound comes in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.audio.resample import resample
from ssmphony.audio.watermark import Watermark, detect, marked
from ssmphony.types import Audio, AudioChunk, Samples, SsmphonyError, TimedSpan

RATE = 24_000


def speech_like(seconds: float, seed: int = 0, rate: int = RATE) -> Samples:
    """Harmonics of a gliding pitch and noise, with syllables."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = 140 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voiced = sum(np.sin(number * phase) / number for number in range(1, 36))
    syllables = 0.02 + np.clip(np.sin(2 * np.pi * 3.1 * time + seed), 0, None) ** 2
    sound = syllables * (voiced + 0.3 * rng.standard_normal(len(time)))
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def mark(samples: Samples, rate: int = RATE, key: str = "ssmphony") -> Samples:
    watermark = Watermark(rate, key)
    return np.concatenate((watermark.process(samples), watermark.finish()))


def in_pieces(samples: Samples, sizes: list[int]) -> Samples:
    watermark = Watermark(RATE)
    parts: list[Samples] = []
    place = 0
    for size in sizes:
        parts.append(watermark.process(samples[place : place + size]))
        place += size
    parts += [watermark.process(samples[place:]), watermark.finish()]
    return np.concatenate(parts)


@pytest.mark.parametrize("sizes", [[1] * 700, [239, 1, 241, 480], [0, 5000, 0, 77], [240] * 40, []])
def test_pieces_add_up_to_the_whole(sizes: list[int]) -> None:
    samples = speech_like(1.5)
    np.testing.assert_array_equal(in_pieces(samples, sizes), mark(samples))


@pytest.mark.parametrize("count", [0, 1, 239, 240, 241, 480, 10_007])
@pytest.mark.parametrize("rate", [8000, 22_050, 24_000, 44_100, 48_000])
def test_the_length_stays(count: int, rate: int) -> None:
    assert len(mark(np.zeros(count, np.float32), rate)) == count


def test_the_change_is_small_and_above_five_kilohertz_there_is_none() -> None:
    samples = speech_like(3)
    change = np.abs(np.fft.rfft(mark(samples) - samples)) ** 2
    assert 0.001 < change.sum() / (np.abs(np.fft.rfft(samples)) ** 2).sum() < 0.02
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    assert change[frequencies > 5500].sum() < 1e-3 * change.sum()


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_it_is_found_at_every_rate_and_place(rate: int) -> None:
    samples = mark(speech_like(6, rate=rate), rate)
    for start in (rate // 2, 1234, 2 * rate + 77):
        found = detect(samples[start : start + 4 * rate], rate)
        assert found.marked
        assert found.start_s == pytest.approx(start / rate % 3.84, abs=0.008)


def test_it_survives_noise_and_resampling() -> None:
    samples = mark(speech_like(5))
    noise = np.random.default_rng(1).standard_normal(len(samples)).astype(np.float32)
    noisy = (samples + 0.1 * np.sqrt(np.mean(samples**2)) * noise).astype(np.float32)
    assert detect(noisy, RATE).marked
    assert detect(resample(samples, RATE, 16_000), 16_000).marked


def test_a_part_of_a_long_sound_is_enough() -> None:
    part = mark(speech_like(20))
    assert detect(np.concatenate((speech_like(31, 5), part, speech_like(17, 6))), RATE).marked


def test_other_sounds_and_other_keys_have_none() -> None:
    for seed in range(12):
        assert not detect(speech_like(4, seed), RATE).marked
    samples = mark(speech_like(6), key="mine")
    assert detect(samples, RATE, "mine").marked
    assert not detect(samples, RATE).marked


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE), np.ones(5 * RATE)])
def test_of_what_says_nothing_nothing_is_said(samples: Samples) -> None:
    found = detect(samples.astype(np.float32), RATE)
    assert not found.marked
    assert 0 <= found.bound <= 1


def test_rates_of_less_than_a_telephone_are_refused() -> None:
    with pytest.raises(SsmphonyError, match="6000 Hz has no room for the mark"):
        Watermark(6000)
    with pytest.raises(SsmphonyError, match="6000 Hz"):
        detect(np.zeros(6000, np.float32), 6000)


def test_chunks_keep_their_words_and_their_places() -> None:
    samples = speech_like(1)
    cuts = [0, 5000, 5001, 14_000, len(samples)]
    word = TimedSpan("शब्द", 0.1, 0.4, 0, 4)
    chunks = [AudioChunk(samples[a:b], RATE, a / RATE, words=(word,)) for a, b in zip(cuts, cuts[1:], strict=False)]
    made = list(marked(chunks, RATE))
    joined = Audio.join(made, RATE)
    np.testing.assert_array_equal(joined.samples, mark(samples))
    assert joined.words == (word,) * 4
    place = 0
    for chunk in made:
        assert chunk.start_s == place / RATE
        place += len(chunk.samples)
