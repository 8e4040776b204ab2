"""``ssmphony prepare`` as people use it: what it says, and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

import ssmphony
from ssmphony.cli import app
from ssmphony.data.manifest import read_manifest
from tests.unit.data.corpora import phrase, reasons, table, write

A, B = "आज मौसम बहुत अच्छा है।", "हम कल बाज़ार जाएँगे।"
Prepare = Callable[..., Result]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    def run(kind: str, *more: str) -> Result:
        command = ["prepare", kind, str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--workers", "1", *more]
        return CliRunner().invoke(app, command)

    return run


def clips(out: Path) -> list[tuple[str, str, str]]:
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["id"], row["speaker"], row["text"]) for row in rows]


def test_it_says_how_the_table_was_read(prepare: Prepare, tmp_path: Path) -> None:
    table(tmp_path / "in", f"01,asha,{A}\n02,ravi,{B}\n")
    done = prepare("ljspeech")
    assert done.exit_code == 0, done.output
    assert "metadata.csv: columns divided by ,: id, speaker, text\n" in done.stderr
    assert "2 clips" in done.stdout
    assert "0 left out" in done.stdout
    assert clips(tmp_path / "out") == [("01", "asha", A), ("02", "ravi", B)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"03|{A}\n04|{B}\n05|{B}\n", "3 times: no audio file of this id ('03', '04', '05')"),
        (f"01|{A}\n01|{B}\n", "several recordings have the same id: '01'"),
        (f"01|{A}\n01.wav|{B}\n", "several recordings have the same id: '01'"),
        (f"{A}\n{B}\n", "not divided by |, a tab, ; or ,: write them as id|text"),
        ("01|\n02|\n", "2 times: no text ('01', '02')"),
        ("", "2 times: no row of metadata.csv names it"),
    ],
)
def test_a_corpus_of_no_use_is_an_error_with_the_reason(
    content: str, message: str, prepare: Prepare, tmp_path: Path
) -> None:
    table(tmp_path / "in", content)
    done = prepare("ljspeech")
    assert done.exit_code == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("ssmphony: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


@pytest.mark.parametrize("kind", ["folder", "audio"])
def test_silence_alone_is_an_error_with_the_reason(kind: str, prepare: Prepare, tmp_path: Path) -> None:
    for name in ("1", "2"):
        write(tmp_path / "in" / f"{name}.wav", phrase(-3.0))
        (tmp_path / "in" / f"{name}.txt").write_text(A, encoding="utf-8")
    done = prepare(kind)
    assert done.exit_code == 1
    assert "2 times: silent (" in done.stderr
    assert len(reasons(tmp_path / "out")) == 2


def test_a_run_after_corrections_takes_them_over(prepare: Prepare, tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n")
    assert prepare("ljspeech").exit_code == 0
    (tmp_path / "corrections.tsv").write_text("01\tअच्छा\tबुरा\n", encoding="utf-8")
    done = prepare("ljspeech", "--set", f"corrections={tmp_path / 'corrections.tsv'}")
    assert done.exit_code == 0, done.output
    assert clips(tmp_path / "out")[0][2] == "आज मौसम बहुत बुरा है।"
    table(corpus, f"01|{B}\n")
    assert prepare("ljspeech").exit_code == 0
    assert clips(tmp_path / "out") == [("01", "in", B)]


def test_several_processes_list_what_is_broken(prepare: Prepare, tmp_path: Path) -> None:
    corpus = table(tmp_path / "in", f"01|{A}\n02|{B}\n03|{A}\n", "01.wav", "02.wav")
    (corpus / "wavs" / "03.wav").write_bytes(b"RIFF")
    command = ["prepare", "ljspeech", os.fspath(corpus), "-o", os.fspath(tmp_path / "out"), "--workers", "2"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert list(reasons(tmp_path / "out")) == ["03"]


def test_the_former_name_of_distill_names_the_new_one(tmp_path: Path) -> None:
    config = tmp_path / "old.yaml"
    config.write_text("task: {kind: acoustic}\nrun: {out: runs/x}\n", encoding="utf-8")
    command = ["mels", str(config), "--init", "default", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert "the command mels is now called distill" in result.output
    assert "trains no acoustic model" in result.output
    assert result.exit_code == 1
    assert "mels" not in CliRunner().invoke(app, ["--help"]).output


def test_align_gives_each_symbol_a_time(prepare: Prepare, tmp_path: Path) -> None:
    """Said by the default voice, so that there are phones to find."""
    voice, folder = ssmphony.load(), tmp_path / "in"
    for name, text in (("01", A), ("02", B)):
        audio = voice.say(text)
        write(folder / f"{name}.wav", audio.samples, audio.sample_rate)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    done = prepare("folder", "--align")
    assert done.exit_code == 0, done.output
    for clip in read_manifest(tmp_path / "out"):
        assert [anchor[:2] for anchor in clip.anchors] == [(i, i + 1) for i in range(len(clip.symbols or ()))]
    again = prepare("folder")
    assert again.exit_code == 1
    assert "prepared with other settings" in again.stderr
