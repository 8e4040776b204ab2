"""Music that is written by rule and played by a sound font: the scores, and the corpus of what a stand-in plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.data.corpora import music
from ssmphony.data.corpora.music import RATE, SOUND_FONT, Music, play
from ssmphony.data.corpora.music_score import DRUMS, GENRES, write_score
from ssmphony.data.finish import Limits
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.types import SsmphonyError


class Organ:
    """Stands in for a synthesiser: each key that is held is a sine, on both channels."""

    def __init__(self) -> None:
        self.held: set[tuple[int, int]] = set()
        self.programs: dict[int, int] = {}
        self.time = 0

    def sounds_off(self) -> None:
        self.held.clear()

    def program_select(self, channel: int, font: int, bank: int, program: int, is_drums: bool = False) -> None:
        self.programs[channel] = program

    def noteon(self, channel: int, key: int, velocity: int) -> None:
        self.held.add((channel, key))

    def noteoff(self, channel: int, key: int) -> None:
        self.held.discard((channel, key))

    def generate(self, count: int) -> memoryview:
        time = (self.time + np.arange(count)) / RATE
        self.time += count
        waves = [np.sin(2 * np.pi * 440.0 * 2 ** ((key - 69) / 12) * time) for _, key in self.held]
        mono = np.sum(waves, axis=0) if waves else np.zeros(count)
        return memoryview(np.repeat(mono.astype(np.float32), 2).tobytes())


@pytest.fixture
def organ(monkeypatch: pytest.MonkeyPatch) -> Organ:
    organ = Organ()
    monkeypatch.setattr(music, "_loaded", lambda font: (organ, 0))
    return organ


@pytest.fixture
def font(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.sf2"
    path.write_bytes(b"RIFF")
    return path


@pytest.mark.parametrize("genre", GENRES)
def test_a_score_follows_from_its_seed(genre: str) -> None:
    score = write_score(genre, 20.0, (0, 1))
    assert score == write_score(genre, 20.0, (0, 1))
    assert score.notes != write_score(genre, 20.0, (0, 2)).notes
    assert score.notes == tuple(sorted(score.notes, key=lambda note: note.start))
    assert all(0 <= note.start < note.end <= 20.0 for note in score.notes)
    assert all(0 <= note.key < 128 and 0 < note.velocity < 128 for note in score.notes)
    assert any(note.channel == DRUMS for note in score.notes) == GENRES[genre].drums
    assert {note.channel for note in score.notes} - {DRUMS} == {0, 1, 2} == score.programs.keys()
    assert score.notes[-1].start > 15.0


@pytest.mark.parametrize("genre", GENRES)
def test_a_piece_is_in_one_key(genre: str) -> None:
    pitches = {note.key % 12 for note in write_score(genre, 30.0, (3, 4)).notes if note.channel != DRUMS}
    keys = [{(tonic + step) % 12 for step in GENRES[genre].scale} for tonic in range(12)]
    assert any(pitches <= key for key in keys)


def test_notes_sound_when_the_score_says(organ: Organ) -> None:
    score = write_score("chorale", 4.0, (0,))
    samples = play(score, Path("stand-in"), 5.0)
    assert len(samples) == 5 * RATE
    assert np.abs(samples).max() == pytest.approx(0.9)
    first, last = min(note.start for note in score.notes), max(note.end for note in score.notes)
    assert not samples[: round(first * RATE)].any()
    assert not samples[round(last * RATE) + 1 :].any()
    assert organ.programs == {**score.programs, DRUMS: 0}


def test_pieces_become_clips_of_equal_length(tmp_path: Path, organ: Organ, font: Path) -> None:
    reader = Music(path=tmp_path / "pieces", pieces=6, seconds=3.0, clip_s=1.5, sound_font=font)
    prepare(reader, tmp_path / "out", limits=Limits(sample_rate=16_000), workers=1)
    clips = read_manifest(tmp_path / "out")
    assert [clip.id for clip in clips[:2]] == ["0000-classical-0", "0000-classical-1"]
    assert {clip.speaker for clip in clips} == set(GENRES)
    assert {clip.symbols for clip in clips} == {None}
    for clip in clips:
        samples, rate = soundfile.read(tmp_path / "out" / clip.audio)
        assert (len(samples), rate) == (24_000, 16_000)
        assert np.abs(samples).max() > 0.05


def test_what_is_missing_is_said(tmp_path: Path, font: Path) -> None:
    with pytest.raises(SsmphonyError, match="apt-get install fluid-soundfont-gm"):
        list(Music(path=tmp_path / "pieces", sound_font=tmp_path / "none.sf2").items())
    pytest.importorskip("tinysoundfont")
    reader = Music(path=tmp_path / "pieces", sound_font=font)
    with pytest.raises(SsmphonyError, match=r"tiny\.sf2: not a sound font"):
        reader.read(next(reader.items()))


@pytest.mark.integration
@pytest.mark.skipif(not SOUND_FONT.is_file(), reason="fluid-soundfont-gm is not installed")
def test_the_sound_font_plays_the_same_twice() -> None:
    pytest.importorskip("tinysoundfont")
    score = write_score("dance", 3.0, (0,))
    samples = play(score, SOUND_FONT, 4.0)
    assert np.sqrt(np.mean(samples**2)) > 0.02
    np.testing.assert_allclose(play(score, SOUND_FONT, 4.0), samples, atol=1e-3)
