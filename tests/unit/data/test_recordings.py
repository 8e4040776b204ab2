"""Recordings as people bring them: formats, channels, names, and files with which something is wrong."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ssmphony.data import clips
from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.folder import Folder
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.reader import Reader
from ssmphony.data.corpora.untranscribed import Untranscribed
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import RATE, buzz, phrase, reasons, table, write

TEXT = "आज मौसम बहुत अच्छा है।"
SOUND = phrase(-0.2, 1.5, -0.2)


def flac_without_length(path: Path) -> None:
    """As encoders write it that cannot go back to the header: the number of samples is zero."""
    write(path, SOUND)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)


def wav_with_size(path: Path, size: int) -> None:
    write(path, SOUND)
    content = bytearray(path.read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)


def encoded(path: Path, codec: str, container: str) -> None:
    """A stereo file with the voice on the right, as FFmpeg writes it."""
    av = pytest.importorskip("av")
    sound = np.stack((np.zeros(48_000, np.float32), buzz(1.0, rate=48_000)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=48_000, layout="stereo")
        for first in range(0, sound.shape[1], 960):
            part = np.ascontiguousarray(sound[:, first : first + 960])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            frame.rate, frame.pts = 48_000, first
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("channels", [(0.0, 1.0), (1.0, 0.0), (0.01, 1.0), (1.0, -0.9), (0.0, 0.0, 0.0, 1.0)])
def test_the_loudest_channel_is_taken(channels: tuple[float, ...], tmp_path: Path) -> None:
    sound = buzz(1.0)
    write(tmp_path / "a.wav", np.stack([gain * sound for gain in channels], axis=1))
    samples, rate = read_clip(tmp_path / "a.wav")
    assert rate == RATE
    np.testing.assert_allclose(samples, sound, atol=1e-4)


def test_a_constant_and_what_is_not_a_number_are_no_sound(tmp_path: Path) -> None:
    sound = buzz(1.0)
    for other in (np.full_like(sound, 0.9), np.full_like(sound, np.nan)):
        soundfile.write(tmp_path / "a.wav", np.stack((other, sound), axis=1), RATE, subtype="FLOAT")
        np.testing.assert_allclose(read_clip(tmp_path / "a.wav")[0], sound, atol=1e-6)


def test_a_voice_on_the_right_alone_is_prepared(tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{TEXT}\n", "01.wav")
    write(corpus / "wavs" / "01.wav", np.stack((np.zeros_like(SOUND), SOUND), axis=1))
    assert prepare(LJSpeech(path=corpus), tmp_path / "out").clips == 1


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.m4a", "aac", "ipod"), ("a.aac", "aac", "adts"), ("a.mp4", "aac", "mp4"), ("a.webm", "libopus", "webm")],
)
def test_formats_of_ffmpeg_are_read(name: str, codec: str, container: str, tmp_path: Path) -> None:
    encoded(tmp_path / name, codec, container)
    samples, rate = read_clip(tmp_path / name)
    assert rate == 48_000
    assert len(samples) == pytest.approx(48_000, abs=3000)
    assert np.abs(samples).max() > 0.2


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    encoded(tmp_path / "a.aac", "aac", "adts")
    for name in ("list.mp4", "list.wav"):
        (tmp_path / name).write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.aac\n#EXT-X-ENDLIST\n")
        with pytest.raises(Rejected, match="unreadable"):
            read_clip(tmp_path / name)


def test_a_flac_without_length_is_read(tmp_path: Path) -> None:
    pytest.importorskip("av")
    flac_without_length(tmp_path / "a.flac")
    samples, _ = read_clip(tmp_path / "a.flac")
    np.testing.assert_allclose(samples, SOUND, atol=1e-4)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0])
def test_a_wav_of_unknown_length_is_read(size: int, tmp_path: Path) -> None:
    pytest.importorskip("av")
    wav_with_size(tmp_path / "a.wav", size)
    assert len(read_clip(tmp_path / "a.wav")[0]) == len(SOUND)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_that_was_cut_off_is_rejected(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write(path, (buzz(3.0) + 0.01 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Rejected, match=r"unreadable: (cut off after|.*lost sync)"):
        read_clip(path)


def test_the_length_of_an_mp3_may_be_a_guess(tmp_path: Path) -> None:
    """Without a Xing header libsndfile estimates it by the first frame, which is small here."""
    sound = np.concatenate((np.zeros(RATE, np.float32), np.random.default_rng(0).normal(0, 0.1, 3 * RATE)))
    write(tmp_path / "a.mp3", sound.astype(np.float32))
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(content[content.index(content[:2], 4) :])  # without the first frame, which has it
    assert soundfile.info(tmp_path / "a.mp3").frames > 1.2 * len(sound)
    assert len(read_clip(tmp_path / "a.mp3")[0]) == pytest.approx(len(sound), rel=0.05)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "1.wav", np.tile(SOUND, 2))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "asha").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    assert [item.id for item in Untranscribed(path=tmp_path / "in").items()] == ["asha-1"]


def test_a_rate_that_no_recorder_has_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", SOUND, rate=1)
    with pytest.raises(Rejected, match="sample rate of 1 Hz"):
        read_clip(tmp_path / "a.wav")


def test_sound_of_many_hours_is_not_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_LONGEST_S", 1.0)
    write(tmp_path / "a.wav", np.tile(SOUND, 4))
    with pytest.raises(Rejected, match="hours: split it"):
        read_clip(tmp_path / "a.wav")


BROKEN: dict[str, Any] = {
    "empty.wav": lambda path: path.write_bytes(b""),
    "text.flac": lambda path: path.write_bytes(b"not audio"),
    "header.wav": lambda path: path.write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt "),
    "cut.wav": lambda path: wav_with_size(path, 10_000_000),
    "folder.wav": lambda path: path.mkdir(),
    "link.wav": lambda path: path.symlink_to("nowhere.wav"),
    "pipe.wav": lambda path: os.mkfifo(path),
    "nan.wav": lambda path: soundfile.write(path, np.full(RATE, np.nan), RATE, subtype="FLOAT"),
    "infinite.wav": lambda path: soundfile.write(path, np.full(RATE, np.inf), RATE, subtype="FLOAT"),
    "constant.wav": lambda path: write(path, np.full(RATE, 0.5, np.float32)),
    "silent.wav": lambda path: write(path, np.zeros(RATE, np.float32)),
    "short.wav": lambda path: write(path, buzz(0.001)),
    "film.mp4": lambda path: path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100)),
}


def corpus_of(kind: str, folder: Path) -> Reader:
    """All that is broken, and one recording that is not, called ``zz``."""
    place = folder / ("wavs" if kind == "ljspeech" else "asha")
    place.mkdir(parents=True)
    for name, make in BROKEN.items():
        make(place / name)
        (place / name).with_suffix(".txt").write_text(TEXT, encoding="utf-8")
    write(place / "zz.wav", np.tile(SOUND, 2))
    (place / "zz.txt").write_text(TEXT, encoding="utf-8")
    names = [*BROKEN, "zz.wav"]
    (folder / "metadata.csv").write_text("".join(f"{name}|{TEXT}\n" for name in names), encoding="utf-8")
    readers: dict[str, Reader] = {
        "ljspeech": LJSpeech(path=folder),
        "folder": Folder(path=folder),
        "audio": Untranscribed(path=folder),
    }
    return readers[kind]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("kind", ["ljspeech", "folder", "audio"])
def test_no_broken_file_ends_a_preparation(kind: str, tmp_path: Path) -> None:
    done = prepare(corpus_of(kind, tmp_path / "in"), tmp_path / "out")
    (clip,) = read_manifest(tmp_path / "out")
    assert clip.id.removesuffix("-000").endswith("zz")
    found = {
        name.split("-")[-1] if kind == "folder" else name: reason for name, reason in reasons(tmp_path / "out").items()
    }
    left_out = {name.split("asha-")[-1].split(".")[0].split("-000")[0] for name in found}
    assert {Path(name).stem for name in BROKEN} <= left_out
    assert done.rejected == len(found)
    assert all(found.values())


@pytest.mark.parametrize("kind", ["ljspeech", "audio", "folder"])
def test_a_flac_without_length_leaves_the_others_whole(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "_av", lambda: None)
    folder = table(tmp_path / "in", f"01|{TEXT}\n02|{TEXT}\n", "02.wav")
    write(folder / "wavs" / "02.wav", np.tile(SOUND, 2))
    (folder / "wavs" / "01.txt").write_text(TEXT, encoding="utf-8")
    (folder / "wavs" / "02.txt").write_text(TEXT, encoding="utf-8")
    flac_without_length(folder / "wavs" / "01.flac")
    reader = {"ljspeech": LJSpeech, "audio": Untranscribed, "folder": Folder}[kind](path=folder)
    assert prepare(reader, tmp_path / "out").clips == 1
    (reason,) = (reason for name, reason in reasons(tmp_path / "out").items() if name.endswith("01"))
    assert reason.startswith("unreadable: ")
    assert reason.endswith("pip install av")


def test_any_exception_of_the_analysis_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(samples: object, frames: object) -> None:
        if len(calls) == 0:
            calls.append(1)
            raise IndexError("index 3 is out\nof bounds")
        raise MemoryError

    calls: list[int] = []
    corpus = table(tmp_path / "in", f"01|{TEXT}\n02|{TEXT}\n")
    monkeypatch.setattr("ssmphony.data.finish.track_pitch", fail)
    with pytest.raises(SsmphonyError, match="nothing in the corpus can be used"):
        prepare(LJSpeech(path=corpus), tmp_path / "out")
    assert reasons(tmp_path / "out")["01"] == "cannot be analysed: IndexError: index 3 is out of bounds"
    assert reasons(tmp_path / "out")["02"].startswith("cannot be analysed: MemoryError")
    monkeypatch.undo()
    assert prepare(LJSpeech(path=corpus), tmp_path / "out").clips == 2


def test_a_disk_that_takes_nothing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise soundfile.LibsndfileError(2)

    corpus = table(tmp_path / "in", f"01|{TEXT}\n02|{TEXT}\n")
    monkeypatch.setattr("soundfile.write", full)
    with pytest.raises(SsmphonyError, match="cannot be written"):
        prepare(LJSpeech(path=corpus), tmp_path / "out")
    monkeypatch.undo()
    assert prepare(LJSpeech(path=corpus), tmp_path / "out").clips == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", SOUND)
    (tmp_path / "a.wav").chmod(0)
    with pytest.raises(Rejected, match="unreadable: permission denied"):
        read_clip(tmp_path / "a.wav")
    (tmp_path / "a.wav").chmod(stat.S_IRUSR)


def test_errors_of_the_system_are_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    write(tmp_path / "a.wav", SOUND)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(Rejected, match="unreadable: permission denied"):
        read_clip(tmp_path / "a.wav")


def test_what_a_folder_holds_is_prepared_or_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_av", lambda: None)
    folder = tmp_path / "in" / "ravi"
    for name in ("01.wav", "06.WAV", "07.wav", "08.Flac", "11.wav"):
        write(folder / name, SOUND)
    (folder / "04.m4a").write_bytes(bytes(100))
    (folder / "._01.wav").write_bytes(bytes(100))
    for name in ("01.txt", "04.txt", "06.TXT", "08.LAB", "09.txt", "11.txt"):
        (folder / name).write_text(TEXT, encoding="utf-16" if name == "08.LAB" else "utf-8")
    (folder / "11.txt").write_bytes("caf\xe9 ici".encode("latin-1"))
    prepare(Folder(path=tmp_path / "in"), tmp_path / "out")
    assert [clip.id for clip in read_manifest(tmp_path / "out")] == ["ravi-01", "ravi-06", "ravi-08"]
    found = reasons(tmp_path / "out")
    assert "no text: no 07.txt or .lab" in found["ravi-07"]
    assert found["ravi/09.txt"] == "a text without a recording of the same name"
    assert found["ravi-04"] == "unreadable: .m4a files need PyAV: pip install av"
    assert "looks like Windows-1252" in found["ravi-11"]
    assert len(found) == 4


def test_a_format_of_ffmpeg_is_prepared(tmp_path: Path) -> None:
    encoded(tmp_path / "in" / "ravi" / "04.m4a", "aac", "ipod")
    (tmp_path / "in" / "ravi" / "04.txt").write_text("नमस्ते", encoding="utf-8")
    assert prepare(Folder(path=tmp_path / "in"), tmp_path / "out").clips == 1


def test_names_of_bytes_that_are_not_text_are_listed_or_read(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", np.tile(SOUND, 2))
    os.rename(tmp_path / "in" / "a.wav", os.path.join(os.fsencode(tmp_path / "in"), b"\xe0\xa4.wav"))
    prepare(Untranscribed(path=tmp_path / "in"), tmp_path / "out")
    (clip,) = read_manifest(tmp_path / "out")
    assert clip.id.endswith("-000")


def test_the_prepared_corpus_in_the_corpus_is_none_of_its_recordings(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.tile(SOUND, 2))
    for _ in range(2):
        assert prepare(Untranscribed(path=tmp_path), tmp_path / "out")[:2] == (1, 0)
