"""Sound into pipes and standard output: readable though nobody knew its length, and whole in an ordinary file."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.audio.files import FORMATS, AudioWriter
from ssmphony.audio.sndfile import SndfileEncoder
from ssmphony.audio.streams import STREAMED, StreamWriter
from ssmphony.types import SsmphonyError

RATE = 24_000
TONE = (0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE * 2) / RATE)).astype(np.float32)
EXACT = ("wav", "flac", "pcm")


def decoded(path: Path, count: int = 10 * RATE) -> np.ndarray:
    """The samples that are there, whatever length the header states."""
    if path.suffix in (".m4a", ".aac"):
        av = pytest.importorskip("av")
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        return np.concatenate(frames)
    if path.suffix == ".pcm":
        return np.frombuffer(path.read_bytes(), "<i2").astype(np.float32) / 32768
    with soundfile.SoundFile(path) as file:
        assert file.samplerate == RATE
        return file.read(count, dtype="float32")


def written(file, name: str) -> None:
    if name == "aac":
        pytest.importorskip("av")
    with StreamWriter(file, name, RATE) as writer:
        for first in range(0, len(TONE), 7001):
            writer.write(TONE[first : first + 7001])


@pytest.mark.parametrize("name", STREAMED)
def test_a_stream_can_be_read(tmp_path, name):
    pipe = io.BytesIO()
    written(pipe, name)
    path = tmp_path / f"a.{name}"
    path.write_bytes(pipe.getvalue())
    samples = decoded(path)
    assert 0 <= len(samples) - len(TONE) <= (0 if name in (*EXACT, "ogg", "opus") else 2304)
    if name in EXACT:
        np.testing.assert_allclose(samples, TONE, atol=1 / 30_000)
    else:
        assert np.sqrt(np.mean(samples[4000:40000] ** 2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("name", [name for name in STREAMED if name != "flac"])
def test_sound_leaves_while_it_is_made(name):
    if name == "aac":
        pytest.importorskip("av")
    pipe = io.BytesIO()
    with StreamWriter(pipe, name, RATE) as writer:
        writer.write(np.concatenate([TONE, TONE]))
        assert len(pipe.getvalue()) > 1000


@pytest.mark.parametrize("name", ["wav", "flac", "mp3"])
def test_an_ordinary_file_states_its_length(tmp_path, name):
    with open(os.open(tmp_path / f"a.{name}", os.O_WRONLY | os.O_CREAT), "wb") as file:
        written(file, name)
    assert 0 <= soundfile.info(tmp_path / f"a.{name}").frames - len(TONE) <= (2304 if name == "mp3" else 0)


@pytest.mark.parametrize("mode", ["ab", "wb"])
def test_what_a_file_holds_already_is_not_touched(tmp_path, mode):
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")
    with open(path, mode) as file:
        if mode == "wb":
            file.write(b"before")
            file.flush()
        written(file, "wav")
    assert path.read_bytes()[:10] == b"beforeRIFF"
    (tmp_path / "a.wav").write_bytes(path.read_bytes()[6:])
    assert len(decoded(tmp_path / "a.wav")) == len(TONE)


def test_a_file_that_is_broken_off_is_still_readable(tmp_path):
    path = tmp_path / "a.wav"
    with pytest.raises(KeyboardInterrupt), path.open("wb") as file, StreamWriter(file, "wav", RATE) as writer:  # noqa: PT012
        writer.write(TONE)
        raise KeyboardInterrupt
    assert soundfile.info(path).frames == len(TONE)


@pytest.mark.parametrize("suffix", FORMATS)
def test_files_of_every_format(tmp_path, suffix):
    if suffix in (".m4a", ".aac"):
        pytest.importorskip("av")
    path = tmp_path / f"a{suffix}"
    with AudioWriter(path, RATE) as writer:
        for first in range(0, len(TONE), 7001):
            writer.write(TONE[first : first + 7001])
    assert 0 <= len(decoded(path)) - len(TONE) <= 2304
    assert os.listdir(tmp_path) == [path.name]


def test_an_m4a_file_states_its_length(tmp_path):
    av = pytest.importorskip("av")
    with AudioWriter(tmp_path / "a.m4a", RATE) as writer:
        writer.write(TONE)
    with av.open(str(tmp_path / "a.m4a")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration / 1e6 == pytest.approx(2.0, abs=0.1)


def test_without_pyav(tmp_path, monkeypatch):
    monkeypatch.setattr("ssmphony.audio.encoding.find_spec", lambda name: None)
    with (
        pytest.raises(SsmphonyError, match="needs PyAV: pip install av") as refused,
        AudioWriter(tmp_path / "a.m4a", RATE),
    ):
        pass
    assert "\n" not in str(refused.value)
    assert os.listdir(tmp_path) == []
    with pytest.raises(SsmphonyError, match="needs PyAV"):
        StreamWriter(io.BytesIO(), "aac", RATE)
    with AudioWriter(tmp_path / "a.opus", RATE) as writer:
        writer.write(TONE)
    written(pipe := io.BytesIO(), "mp3")
    (tmp_path / "pipe.mp3").write_bytes(pipe.getvalue())
    assert 0 <= len(decoded(tmp_path / "pipe.mp3")) - len(TONE) <= 2304


def test_a_rate_that_opus_lacks(tmp_path):
    with (
        pytest.raises(SsmphonyError, match="does not support a sample rate of 22050 Hz"),
        AudioWriter(tmp_path / "a.opus", 22_050),
    ):
        pass
    assert os.listdir(tmp_path) == []
    with pytest.raises(SsmphonyError, match="does not support"):
        SndfileEncoder(".opus", 44_100)
