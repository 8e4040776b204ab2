"""A preparation that is run again sees what was changed in the corpus, and prepares nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ssmphony.data.corpora.curious import Curious
from ssmphony.data.corpora.folder import Folder
from ssmphony.data.corpora.ljspeech import LJSpeech
from ssmphony.data.corpora.reader import Item, Reader
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.types import SsmphonyError
from tests.unit.data.corpora import buzz, curious, phrase, reasons, table, write

A, B, C = "आज मौसम बहुत अच्छा है।", "हम कल बाज़ार जाएँगे।", "दिल्ली भारत की राजधानी है।"


@pytest.fixture
def again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Prepares the corpus in ``in``; returns the recordings that were read for it."""
    read: list[str] = []
    original = LJSpeech.read

    def remember(self: Reader, item: Item) -> object:
        read.append(item.id)
        return original(self, item)  # type: ignore[arg-type]

    monkeypatch.setattr(LJSpeech, "read", remember)

    def run() -> list[str]:
        read.clear()
        prepare(LJSpeech(path=tmp_path / "in"), tmp_path / "out")
        return sorted(read)

    return run


def texts(out: Path) -> dict[str, str]:
    return {clip.id: clip.text for clip in read_manifest(out)}


def forget(out: Path) -> None:
    """Make the journal that of a version without digests."""
    rows = [json.loads(line) for line in (out / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    old = ({key: row[key] for key in ("item", "clips", "rejected")} for row in rows)
    stamp = (out / "journal.jsonl").stat()
    (out / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old), encoding="utf-8")
    os.utime(out / "journal.jsonl", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize("old", [False, True])
def test_a_text_that_was_corrected_is_taken_over(old: bool, again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    assert again() == ["01", "02"]
    if old:
        forget(tmp_path / "out")
    assert again() == []
    table(corpus, f"01|{C}\n02|{B}\n", "03.wav")
    assert again() == ["01"]
    assert texts(tmp_path / "out") == {"01": C, "02": B}
    assert again() == []


@pytest.mark.parametrize("old", [False, True])
def test_a_recording_that_was_replaced_is_prepared(old: bool, again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    write(corpus / "wavs" / "01.wav", np.clip(buzz(1.5, level=3.0), -1, 1))
    assert again() == ["01", "02"]
    assert "clipped" in reasons(tmp_path / "out")["01"]
    if old:
        forget(tmp_path / "out")
    write(corpus / "wavs" / "01.wav", buzz(1.5))
    assert again() == ["01"]
    assert texts(tmp_path / "out") == {"01": A, "02": B}
    assert reasons(tmp_path / "out") == {}
    length = len((corpus / "wavs" / "02.wav").read_bytes())
    write(corpus / "wavs" / "02.wav", phrase(-0.2, 1.4, -0.3))  # of the same size
    assert len((corpus / "wavs" / "02.wav").read_bytes()) == length
    os.utime(corpus / "wavs" / "02.wav", ns=(0, (tmp_path / "out" / "manifest.jsonl").stat().st_mtime_ns + 10**9))
    assert again() == ["02"]


def test_other_times_of_the_same_files_change_nothing(again: Callable[[], list[str]], tmp_path: Path) -> None:
    table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    again()
    shutil.move(tmp_path / "in", tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "in", copy_function=shutil.copyfile)
    assert again() == []
    os.utime(tmp_path / "in" / "wavs" / "01.wav", ns=(0, 1))
    assert again() == []


@pytest.mark.parametrize("old", [False, True])
def test_what_is_gone_is_removed(old: bool, again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n03|{C}\n", "01.wav", "02.wav", "03.wav")
    again()
    if old:
        forget(tmp_path / "out")
    table(corpus, f"01|{A}\n03|{C}\n", "01.wav")
    (corpus / "wavs" / "03.wav").unlink()
    again()
    assert texts(tmp_path / "out") == {"01": A}
    assert reasons(tmp_path / "out") == {
        "03": "no audio file of this id",
        "wavs/02.wav": "no row of metadata.csv names it",
    }
    assert sorted(path.name for path in (tmp_path / "out").glob("*/*")) == ["01.flac", "01.npy"]
    table(corpus, f"01|{A}\n02|{B}\n", "01.wav", "02.wav")
    assert "02" in again()
    assert texts(tmp_path / "out") == {"01": A, "02": B}


def test_a_clip_that_was_deleted_is_made_again(again: Callable[[], list[str]], tmp_path: Path) -> None:
    table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    again()
    (tmp_path / "out" / "audio" / "01.flac").unlink()
    (tmp_path / "out" / "f0" / "02.npy").unlink()
    assert again() == ["01", "02"]
    assert (tmp_path / "out" / "audio" / "01.flac").is_file()


def test_what_could_not_be_read_is_tried_again(again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    (corpus / "wavs" / "02.wav").write_bytes(b"")
    assert again() == ["01", "02"]
    assert again() == ["02"]


def test_a_corpus_that_is_not_there_now_loses_nothing(again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    again()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.parent != tmp_path / "out"}
    manifest = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    for path in (corpus / "wavs").iterdir():
        path.unlink()
    with pytest.raises(SsmphonyError, match="nothing in the corpus can be used; 2 times: no audio file of this id"):
        again()
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == manifest


def test_texts_of_files_and_speakers_of_folders_are_seen(tmp_path: Path) -> None:
    for name in ("asha/1", "ravi/2"):
        write(tmp_path / "in" / f"{name}.wav", phrase(-0.2, 1.5, -0.2))
        (tmp_path / "in" / f"{name}.txt").write_text(A, encoding="utf-8")
    prepare(Folder(path=tmp_path / "in"), tmp_path / "out")
    (tmp_path / "in" / "ravi" / "2.txt").write_text(B, encoding="utf-8")
    prepare(Folder(path=tmp_path / "in"), tmp_path / "out")
    assert texts(tmp_path / "out") == {"asha-1": A, "ravi-2": B}
    (tmp_path / "in" / "ravi" / "2.txt").unlink()
    prepare(Folder(path=tmp_path / "in"), tmp_path / "out")
    assert texts(tmp_path / "out") == {"asha-1": A}


def test_corrections_and_columns_may_come_later(again: Callable[[], list[str]], tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}|happy\n02|{B}|happy\n")
    assert again() == ["01", "02"]
    fixes = tmp_path / "corrections.tsv"
    fixes.write_text("01\tअच्छा\tख़राब\n", encoding="utf-8")
    prepare(LJSpeech(path=corpus, corrections=fixes), tmp_path / "out")
    assert texts(tmp_path / "out")["01"] == "आज मौसम बहुत ख़राब है।"
    fixes.write_text("01\tअच्छा\tबुरा\n", encoding="utf-16")
    prepare(LJSpeech(path=corpus, corrections=fixes), tmp_path / "out")
    assert texts(tmp_path / "out")["01"] == "आज मौसम बहुत बुरा है।"
    assert {clip.speaker for clip in read_manifest(tmp_path / "out")} == {"happy"}
    prepare(LJSpeech(path=corpus, columns="id,text,-"), tmp_path / "out")
    assert texts(tmp_path / "out")["01"] == A
    assert {clip.speaker for clip in read_manifest(tmp_path / "out")} == {"in"}
    with pytest.raises(SsmphonyError, match="other settings"):
        prepare(LJSpeech(path=corpus, speaker="asha"), tmp_path / "out")


def test_a_correction_that_fits_nothing_names_its_file_and_the_id(tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    fixes = tmp_path / "corrections.tsv"
    fixes.write_text("01.wav\tअच्छा\tबुरा\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match=r"corrections\.tsv: the corpus has no recording '01\.wav'"):
        prepare(LJSpeech(path=corpus, corrections=fixes), tmp_path / "out")
    fixes.write_text("01\tनहीं\tबुरा\n", encoding="utf-8")
    with pytest.raises(SsmphonyError, match=r"corrections\.tsv: 'नहीं' must be just once in the text"):
        prepare(LJSpeech(path=corpus, corrections=fixes), tmp_path / "out")


def test_a_folder_of_an_earlier_version_is_resumed(again: Callable[[], list[str]], tmp_path: Path) -> None:
    table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    again()
    forget(tmp_path / "out")
    settings = json.loads((tmp_path / "out" / "prepare.json").read_text(encoding="utf-8"))
    for name in ("columns", "separator"):
        del settings["reader"][name]
    (tmp_path / "out" / "prepare.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
    assert again() == []
    assert texts(tmp_path / "out") == {"01": A, "02": B}


def test_pages_of_an_earlier_version_are_not_cut_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [["राम", 0.1, 2.0], ["आया।", 2.0, 4.2], ["वह", 4.2, 6.5], ["गया!", 6.5, 9.0]]
    corpus = curious(tmp_path / "in", "page", "राम आया। वह गया!", phrase(-0.1, 3.9, -0.5, 4.4, -0.1), times)
    reader = Curious(path=corpus, longest_s=6.0)
    assert prepare(reader, tmp_path / "out").clips == 2
    forget(tmp_path / "out")
    monkeypatch.setattr(Curious, "read", None)
    assert prepare(reader, tmp_path / "out").clips == 2
