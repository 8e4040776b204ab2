"""Audio files: whole or not at all."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from ssmphony.audio.files import AudioWriter, PartialFile, read_audio
from ssmphony.types import SsmphonyError

RATE = 24_000
TONE = (0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE * 2) / RATE)).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "error"),
    [(".wav", 1 / 30_000), (".flac", 1 / 30_000), (".ogg", 0.05), (".mp3", 0.05), (".opus", 0.1), (".WAV", 1e-4)],
)
def test_written_in_pieces_and_read_back(tmp_path, suffix, error):
    path = tmp_path / f"tone{suffix}"
    with AudioWriter(path, RATE) as writer:
        for first in range(0, len(TONE), 7001):
            assert not path.exists()
            writer.write(TONE[first : first + 7001])
    samples, rate = read_audio(path)
    assert rate == RATE
    assert samples.dtype == np.float32
    assert len(samples) >= len(TONE)  # MP3 comes in whole frames
    np.testing.assert_allclose(samples[2000 : len(TONE) - 2000], TONE[2000:-2000], atol=error)
    assert os.listdir(tmp_path) == [path.name]


def test_loud_samples_are_clipped_not_wrapped(tmp_path):
    with AudioWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(np.array([1.5, -1.5, 0.0], np.float32))
    assert read_audio(tmp_path / "a.wav")[0] == pytest.approx([1.0, -1.0, 0.0], abs=1e-4)


def test_a_long_piece_in_ogg(tmp_path):
    """libsndfile's Vorbis encoder overruns its stack when it is given millions of samples at once."""
    with AudioWriter(tmp_path / "long.ogg", RATE) as writer:
        writer.write(np.zeros(3_000_000, np.float32))
    assert soundfile.info(tmp_path / "long.ogg").frames == 3_000_000


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "stereo.wav", np.array([[0.5, 0.0], [0.25, -0.25]]), 8000, subtype="FLOAT")
    samples, rate = read_audio(tmp_path / "stereo.wav")
    assert rate == 8000
    assert samples.tolist() == [0.25, 0.0]


def test_unreadable_files_are_one_line(tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"not audio at all" * 10)
    (tmp_path / "damaged.mp3").write_bytes(b"\xff\xfb" + bytes(50))
    for name, message in (
        ("missing.wav", "no such file"),
        ("noise.wav", "not an audio file"),
        ("damaged.mp3", "convert it to WAV or FLAC"),
        ("", "is a directory"),
    ):
        with pytest.raises(SsmphonyError, match=message) as caught:
            read_audio(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(failure), AudioWriter(path, RATE) as writer:  # noqa: PT012
        writer.write(TONE)
        raise failure
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_link_keeps_pointing_at_its_target(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.wav").symlink_to(tmp_path / "real" / "b.wav")
    with AudioWriter(tmp_path / "a.wav", RATE) as writer:
        writer.write(TONE)
    assert (tmp_path / "a.wav").is_symlink()
    assert soundfile.info(tmp_path / "real" / "b.wav").frames == len(TONE)


def test_the_umask_decides_the_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        with AudioWriter(tmp_path / "a.wav", RATE) as writer:
            writer.write(TONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.wav").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xyz", "must end in .wav, .flac, .ogg, .mp3"),
        ("a", "must end in"),
        ("folder.wav", "it is a folder"),
        ("pipe.wav", "not a regular file"),
        ("missing/a.wav", "no such file or directory"),
        ("file/a.wav", "not a directory"),
        ("x" * 300 + ".wav", "file name too long"),
    ],
)
def test_paths_that_cannot_be_written(tmp_path, name, message):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.wav")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(SsmphonyError, match=message), AudioWriter(tmp_path / name, RATE) as writer:
        writer.write(TONE)
    assert sorted(os.listdir(tmp_path)) == before


FULL_DISK = """
import resource, sys
import numpy as np
from pathlib import Path
from ssmphony.audio.files import AudioWriter
from ssmphony.types import SsmphonyError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
noise = np.random.default_rng(0).uniform(-0.5, 0.5, 24000).astype(np.float32)
try:
    with AudioWriter(Path(sys.argv[1]), 24000) as writer:
        for _ in range(int(sys.argv[3])):
            writer.write(noise)
except SsmphonyError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "opus", "m4a", "aac"])
@pytest.mark.parametrize(("limit", "seconds"), [(30, 1), (3_000, 1), (100_000, 30), (200_000, 60)])
def test_a_full_disk_is_noticed_even_while_closing(tmp_path, suffix, limit, seconds):
    """The limit on the file's size stands in for the disk: it binds root too."""
    if suffix in ("m4a", "aac"):
        pytest.importorskip("av")
    path = tmp_path / f"a.{suffix}"
    command = [sys.executable, "-c", FULL_DISK, str(path), str(limit), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == f"cannot write {path}: file too large"
    assert os.listdir(tmp_path) == []


def test_partial_file_writes_bytes(tmp_path):
    with PartialFile(tmp_path / "t.json") as file:
        file.write(b"one ")
        file.write(b"two")
        file.require(1000)
        file.write(b" three")
    assert (tmp_path / "t.json").read_bytes() == b"one two three"


def test_stopped_just_after_the_file_was_made_nothing_stays(monkeypatch, tmp_path):
    really = os.open

    def stop(*arguments):
        os.close(really(*arguments))
        assert len(os.listdir(tmp_path)) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "open", stop)
    with pytest.raises(KeyboardInterrupt), PartialFile(tmp_path / "t.json"):
        pass
    gc.collect()
    assert os.listdir(tmp_path) == []
