"""A book becomes an audiobook and an EPUB with overlays; what was spoken is kept until they are whole."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from typer.testing import CliRunner

import ssmphony
from ssmphony.audio.watermark import detect
from ssmphony.books import run as book_run
from ssmphony.books.cast import make_cast, with_roles
from ssmphony.books.read import read_book
from ssmphony.books.run import Made, check_outputs, make_book, work_folder
from ssmphony.cli import app
from ssmphony.types import SsmphonyError, Style
from tests.book_files import CHAPTERS, epub3, png

RATE = 24_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return epub3(tmp_path_factory.mktemp("source") / "kuan.epub")


@pytest.fixture
def speak(source: Path, tiny_voice_folder: Path) -> Any:
    def speak(*outputs: Path, pairs: tuple[str, ...] = (), style: Style = Style(), **options: Any) -> Made:
        check_outputs(source, outputs)
        cast = make_cast(str(tiny_voice_folder), style, pairs)
        return make_book(with_roles(read_book(source), cast), cast, outputs, **{"workers": 1, **options})

    return speak


def audio(file: Any) -> np.ndarray:
    """Samples (n,)."""
    with av.open(file) as container:
        frames = [frame.to_ndarray() for frame in container.decode(container.streams.audio[0])]
    return np.concatenate(frames, axis=1)[0]


@pytest.mark.parametrize("suffix", [".m4b", ".mp3"])
def test_an_audiobook_has_chapters_a_cover_and_metadata(suffix: str, speak: Any, tmp_path: Path) -> None:
    out = tmp_path / f"kuan{suffix}"
    made = speak(out)
    with av.open(out) as book:
        chapters = [
            (chapter["metadata"]["title"], float(chapter["start"] * chapter["time_base"]))
            for chapter in book.chapters()
        ]
        ends = [float(chapter["end"] * chapter["time_base"]) for chapter in book.chapters()]
        assert [title for title, _ in chapters] == list(CHAPTERS)
        assert [start for _, start in chapters] == pytest.approx([0.0, *ends[:-1]], abs=0.002)
        assert ends[-1] == pytest.approx(made.seconds, abs=0.01)
        assert book.duration is not None
        assert book.duration / 1e6 == pytest.approx(made.seconds, abs=0.15)
        tags = {key.lower(): value for key, value in book.metadata.items()}
        assert (tags["title"], tags["artist"], tags["genre"]) == ("पुराना कुआँ", "गीता शर्मा", "Audiobook")
        assert "synthetic voice" in tags["composer"]
        if suffix == ".m4b":
            assert (tags["major_brand"].strip(), tags["media_type"]) == ("M4B", "2")
            assert book.streams.audio[0].language == "hin"
        (cover,) = book.streams.video
        assert cover.disposition & av.stream.Disposition.attached_pic
        assert next(bytes(packet) for packet in book.demux(cover)) == png(60, 80)
    assert len(audio(out)) / RATE == pytest.approx(made.seconds, abs=0.15)
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name]


def test_overlays_light_up_each_word_when_it_is_spoken(speak: Any, tmp_path: Path, tiny_voice_folder: Path) -> None:
    out = tmp_path / "spoken.epub"
    made = speak(out)
    with zipfile.ZipFile(out) as archive:
        assert archive.infolist()[0].filename == "mimetype"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        files = {name: archive.read(name) for name in archive.namelist()}
    total = 0.0
    for number in range(1, len(CHAPTERS) + 1):
        page = ElementTree.fromstring(files[f"EPUB/chapter-{number:04}.xhtml"])
        words = {e.get("id"): "".join(e.itertext()) for e in page.iter("{http://www.w3.org/1999/xhtml}span")}
        smil = files[f"EPUB/chapter-{number:04}.smil"].decode()
        shown = re.findall(r'#(b\d+w\d+)"/><audio src="[^"]*" clipBegin="([\d.]+)s" clipEnd="([\d.]+)s"', smil)
        assert [name for name, _, _ in shown] == list(words)
        clips = [(float(begin), float(end)) for _, begin, end in shown]
        assert all(begin < end for begin, end in clips)
        assert [end for _, end in clips[:-1]] == [begin for begin, _ in clips[1:]]  # nothing is skipped
        sound = audio(io.BytesIO(files[f"EPUB/chapter-{number:04}.m4a"]))
        assert clips[-1][1] == pytest.approx(len(sound) / RATE, abs=0.1)
        total += clips[-1][1]
        if number == 1:  # the heading is spoken first, alone: its words are those of the voice itself
            spoken = ssmphony.load(tiny_voice_folder).say(next(iter(CHAPTERS))).words
            assert list(words.values())[: len(spoken)] == [word.text.strip(":") for word in spoken]
            assert [begin for begin, _ in clips[: len(spoken)]] == pytest.approx([w.start_s for w in spoken], abs=0.001)
            assert "<em>" in files["EPUB/chapter-0001.xhtml"].decode()
            assert "१९४७" in words.values()
    assert total == pytest.approx(made.seconds, abs=0.01)
    package = files["EPUB/package.opf"].decode()
    assert package.count("media-overlay=") == len(CHAPTERS)
    assert files["EPUB/cover.png"] == png(60, 80)


def test_a_chapter_without_words_is_a_page_without_sound(tmp_path: Path, tiny_voice_folder: Path) -> None:
    source = epub3(tmp_path / "a.epub", {"क": "<p>नमस्ते।</p>", "–": '<p><img src="../well.png"/></p>'})
    out, cast = tmp_path / "out.epub", make_cast(str(tiny_voice_folder), Style(), ())
    assert make_book(read_book(source), cast, [out], workers=1).chapters == 1
    with zipfile.ZipFile(out) as archive:
        assert "EPUB/chapter-0002.smil" not in archive.namelist()
        assert b"<img " in archive.read("EPUB/chapter-0002.xhtml")


def test_a_run_that_was_stopped_goes_on(speak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, whole = tmp_path / "kuan.m4b", tmp_path / "whole.m4b"
    speak(whole)
    monkeypatch.setattr("ssmphony.books.script._PART_CHARACTERS", 10)  # several parts
    spoken = 0

    def stop(characters: int, seconds: float) -> None:
        nonlocal spoken
        spoken += 1
        if spoken == 3:
            raise KeyboardInterrupt

    out.write_bytes(b"what was there before")
    with pytest.raises(KeyboardInterrupt):
        speak(out, progress=stop)
    assert out.read_bytes() == b"what was there before"
    parts = sorted(work_folder(out).glob("*.flac"))
    assert len(parts) == 3
    parts[0].write_bytes(b"cut off")  # as after a power cut
    made = speak(out)
    assert made.kept == 2
    assert not work_folder(out).exists()
    assert np.array_equal(audio(out), audio(whole))


def test_what_changed_is_spoken_again(speak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "kuan.m4b"
    monkeypatch.setattr(book_run.shutil, "rmtree", lambda *_, **__: None)
    speak(out)
    assert speak(out, pairs=("2=ravi",)).kept == 2


def test_the_mark_is_in_what_is_written_and_not_in_the_parts(
    speak: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, book, epub = tmp_path / "plain.m4b", tmp_path / "marked.m4b", tmp_path / "marked.epub"
    with monkeypatch.context() as patch:
        patch.setattr(book_run.shutil, "rmtree", lambda *_, **__: None)
        made = speak(plain)
    work_folder(plain).rename(work_folder(book))
    assert speak(book, epub, watermark=True) == made._replace(kept=3)
    assert not detect(audio(plain), RATE).marked
    assert detect(audio(book), RATE).marked
    with zipfile.ZipFile(epub) as archive:
        chapters = [io.BytesIO(archive.read(name)) for name in sorted(archive.namelist()) if name.endswith(".m4a")]
    assert detect(np.concatenate([audio(chapter) for chapter in chapters]), RATE).marked


def test_files_that_cannot_be_made_are_refused_before_work(source: Path, tmp_path: Path) -> None:
    for out, reason in (
        (tmp_path / "a.wav", "must end in .m4b"),
        (tmp_path / "none" / "a.m4b", "no folder"),
        (tmp_path, "must end in"),
        (source, "is the book itself"),
    ):
        with pytest.raises(SsmphonyError, match=re.escape(reason)):
            check_outputs(source, [out])


@pytest.fixture
def command(tiny_voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["book", *map(str, arguments)])


def test_command_lists_chapters(command: Any, source: Path, tmp_path: Path) -> None:
    done = command(source, "--list", "--title", "नया")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "नया – गीता शर्मा"
    assert done.stdout.splitlines()[3].endswith("अंत")
    assert not list(tmp_path.iterdir())


def test_command_writes_both(command: Any, source: Path, tmp_path: Path) -> None:
    (tmp_path / "cover.png").write_bytes(png(9, 9))
    options = ("--voice", "tiny", "--workers", 1, "--overlays", "--cover", "cover.png", "--cast", "dialogue=ravi")
    done = command(source, "-o", "out.m4b", "--watermark", *options)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("out.m4b and out.epub: 3 chapters, 0:00:")
    assert zipfile.ZipFile(tmp_path / "out.epub").read("EPUB/cover.png") == png(9, 9)
    assert detect(audio(tmp_path / "out.m4b"), RATE).marked


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("none.epub",), "cannot read none.epub: no such file"),
        (("a.txt", "-o", "a.ogg"), "its name must end in"),
        (("a.txt", "--cover", "a.txt"), "a cover must be"),
        (("a.txt", "--cast", "9=ravi"), "has 1 chapters"),
        (("a.txt", "--speaker", "nobody"), "nobody"),
        (("a.txt", "--cover", "broken.png"), "the cover cannot be read"),
        (("b.txt",), "nothing to speak"),
    ],
)
def test_command_says_what_is_wrong(arguments: tuple[str, ...], reason: str, command: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("नमस्ते।", encoding="utf-8")
    (tmp_path / "b.txt").write_text("ⵣ", encoding="utf-8")
    (tmp_path / "broken.png").write_bytes(png()[:20])
    done = command(*arguments, "--voice", "tiny", "--workers", "1")
    assert done.exit_code == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.txt", "broken.png"}
