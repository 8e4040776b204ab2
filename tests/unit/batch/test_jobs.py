"""Job files: every format, and what is refused before work begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.batch.formats import INPUT_FORMATS, read_rows
from ssmphony.batch.jobs import Defaults, Job, read_jobs
from ssmphony.cli.batch import InputFormat
from ssmphony.types import SsmphonyError, Style


@pytest.fixture
def jobs(tmp_path: Path, tiny_voice_folder: Path) -> Any:
    defaults = Defaults(voice=str(tiny_voice_folder))

    def read(content: str | bytes, name: str, kind: str | None = None, **changes: Any) -> list[Job]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_jobs(path, defaults._replace(**changes), kind)

    return read


def short(found: list[Job]) -> list[tuple[int, str, str, str]]:
    return [(job.line, job.id, job.file, job.text) for job in found]


def test_the_command_offers_every_format() -> None:
    assert tuple(InputFormat) == INPUT_FORMATS


def test_one_sentence_a_line(jobs: Any) -> None:
    found = jobs("\ufeffनमस्ते।\r\n\n  \nहाँ\u2028जी | यह भी\n", "a.txt")
    assert short(found) == [
        (1, "00001", "00001.wav", "नमस्ते।"),
        (4, "00004", "00004.wav", "हाँ\u2028जी | यह भी"),
    ]


def test_ljspeech(jobs: Any, tmp_path: Path) -> None:
    content = 'LJ001|५ घर\nLJ002|५ घर|पाँच "घर\nwavs/LJ003.wav|एक|\n'
    expected = [
        (1, "LJ001", "LJ001.wav", "५ घर"),
        (2, "LJ002", "LJ002.wav", 'पाँच "घर'),
        (3, "LJ003", "LJ003.wav", "एक"),
    ]
    assert short(jobs(content, "metadata.csv")) == expected
    assert short(jobs(content, "list.txt", "ljspeech")) == expected
    (tmp_path / "wavs").mkdir()
    assert [row.values["text"] for row in read_rows(tmp_path)] == [text for *_, text in expected]


def test_piper(jobs: Any) -> None:
    lines = [
        {"text": "एक", "speaker": "ravi", "output_file": "first.flac"},
        {"text": "दो", "speaker_id": 1},
        {"text": "तीन", "output_file": "third", "speaker": None},
        {"text": "चार", "id": 4, "speed": 1.5, "pitch": -2, "seed": 7},
    ]
    found = jobs("".join(json.dumps(line) + "\n" for line in lines), "jobs.jsonl")
    assert [job.file for job in found] == ["first.flac", "00002.wav", "third.wav", "4.wav"]
    assert [job.id for job in found] == ["first", "00002", "third", "4"]
    assert [job.style.speaker for job in found] == ["ravi", "ravi", None, None]
    assert found[3].style == Style(speed=1.5, pitch_semitones=-2, seed=7)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_with_a_header(jobs: Any, mark: str) -> None:
    rows = [["Id", "text", "speaker", "speed"], ["१", '"एक\nदो"', "ravi", "१.५"], ["b", "तीन"], []]
    content = "\n".join(mark.join(row) for row in rows)
    found = jobs(content, "jobs.csv", style=Style(speed=0.5, pitch_semitones=1))
    assert short(found) == [(2, "१", "१.wav", "एक\nदो"), (4, "b", "b.wav", "तीन")]
    assert found[0].style == Style(speed=1.5, pitch_semitones=1, speaker="ravi")
    assert found[1].style == Style(speed=0.5, pitch_semitones=1)


def test_csv_names_a_voice_and_a_file(jobs: Any, tiny_voice_folder: Path) -> None:
    (job,) = jobs(f"file,text,voice\nx.MP3,एक,{tiny_voice_folder}\n", "jobs.csv", voice="no-such-voice")
    assert job.file == "x.MP3"
    assert job.voice.name == str(tiny_voice_folder.resolve())


def test_the_format_ends_the_name(jobs: Any) -> None:
    assert jobs("एक\n", "a.txt", format="flac")[0].file == "00001.flac"
    with pytest.raises(SsmphonyError, match="unknown format 'flacc', did you mean 'flac'"):
        jobs("एक\n", "a.txt", format="flacc")


CSV = "jobs.csv"
BAD = [
    ("", "a.txt", "holds no jobs"),
    ("\n \n", CSV, "holds no jobs"),
    ("id,text\n", CSV, "holds no jobs"),
    ("एक\n", "a.doc", "give --input-format csv"),
    ("नमस्ते\n", CSV, "no column 'text'"),
    ("id,txt\na,b\n", CSV, "is it 'txt'"),
    ("id,text,vioce\na,b,c\n", CSV, "unknown column 'vioce', did you mean 'voice'"),
    ("text,text\na,b\n", CSV, "'text' occurs twice"),
    ("id,text\na,एक\nb,दो,तीन\n", CSV, "line 3: 3 cells in 2 columns"),
    ('id,text\na,"एक\n', CSV, "line 2: not valid CSV"),
    ("id,text\na,एक\nb,\n", CSV, "line 3: no text"),
    ("id,text,speed\na,एक,fast\n", CSV, "line 2: speed 'fast' is not a number"),
    ("id,text,speed\na,एक,9\n", CSV, "line 2: speed 9 is out of range"),
    ("id,text,speed\na,एक,nan\n", CSV, "line 2: speed nan is out of range"),
    ("id,text,speaker\na,एक,rvai\n", CSV, "line 2: unknown speaker 'rvai', did you mean 'ravi'"),
    ("id,text,voice\na,एक,nobody\n", CSV, "line 2: unknown voice 'nobody'"),
    ("id,text\n../a,एक\n", CSV, r"line 2: '../a.wav' is a path"),
    ("id,text\n/etc/passwd,एक\n", CSV, "is a path"),
    ("id,file,text\n../a,b.wav,एक\n", CSV, "'../a' is a path"),
    ("file,text\na.wma,एक\n", CSV, "'a.wma': a file's name must end in .wav"),
    ("id,text\na,एक\nb,दो\nA,तीन\n", CSV, "line 4: the id 'A' occurs already in line 2 as 'a'"),
    ("id,file,text\na,x.wav,एक\nb,x.wav,दो\n", CSV, "line 3: the file 'x.wav' occurs already in line 2"),
    ("a|b|c|d\n", "m.csv", "line 1: write it as"),
    ("a|एक\na|दो\n", "m.csv", "line 2: the id 'a' occurs already in line 1"),
    ("a|\n", "m.csv", "line 1: no text"),
    ('{"text": "एक"}\n{"text"\n', "a.jsonl", "line 2: not valid JSON"),
    ('["एक"]\n', "a.jsonl", "line 1: a job is a JSON object"),
    ('{"text": 5}\n', "a.jsonl", "line 1: the text must be a string"),
    ('{"txet": "एक"}\n', "a.jsonl", "line 1: unknown key 'txet', did you mean 'text'"),
    ('{"text": "\\ud800"}\n', "a.jsonl", "line 1: the text is not valid Unicode"),
    ('{"text": "एक", "id": "\\ud800\\n"}\n', "a.jsonl", "is not a valid file name"),
    ('{"text": "एक", "output_file": "/var/x.wav"}\n', "a.jsonl", "'/var/x.wav' is a path"),
    ('{"text": "एक", "speaker_id": 2}\n', "a.jsonl", "has 2 speakers"),
    ('{"text": "एक", "speed": []}\n', "a.jsonl", "is not a number"),
    ('{"text": "एक", "seed": 1e400}\n', "a.jsonl", "is not a number"),
    ("एक\n".encode() + b"\xff\n", "a.txt", "line 2: not valid UTF-8"),
]


@pytest.mark.parametrize(("content", "name", "expected"), BAD)
def test_what_is_refused_and_how(jobs: Any, content: str | bytes, name: str, expected: str) -> None:
    with pytest.raises(SsmphonyError) as refusal:
        jobs(content, name)
    message = str(refusal.value)
    assert expected in message
    assert message.isprintable(), message


def test_every_bad_line_is_counted(jobs: Any) -> None:
    with pytest.raises(SsmphonyError, match=r"line 1: .*line 5: no text; and 3 more$"):
        jobs("".join(f"{number}|\n" for number in range(8)), "m.csv")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"cannot read .*nothing\.csv: no such file"):
        read_jobs(tmp_path / "nothing.csv")


@given(st.binary(max_size=80), st.sampled_from(["a.csv", "a.jsonl", "a.txt", "a.tsv"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        rows = read_rows(path)
    except SsmphonyError:
        return
    assert all(1 <= row.line <= content.count(b"\n") + content.count(b"\r") + 1 for row in rows)


def test_the_fingerprint_is_of_what_the_sound_depends_on(jobs: Any) -> None:
    (job,) = jobs("एक\n", "a.txt")
    (again,) = jobs("\n\nएक\n", "b.txt", "text")
    assert job.fingerprint() != job.fingerprint("a lexicon")
    assert job.fingerprint() != jobs("दो\n", "c.txt")[0].fingerprint()
    assert job.fingerprint() != jobs("एक\n", "c.txt", style=Style(seed=1))[0].fingerprint()
    assert (again.line, again.text) == (3, job.text)
