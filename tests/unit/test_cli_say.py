"""``ssmphony say``: formats of standard output, and text that is still being written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np
import pytest
from typer.testing import CliRunner

import ssmphony
from ssmphony.audio.files import read_audio
from ssmphony.audio.streams import STREAMED
from ssmphony.cli import app
from ssmphony.cli.live import LiveText
from ssmphony.cli.sinks import StreamFormat
from ssmphony.text.hindi import speak
from ssmphony.types import AudioChunk, Style, TimedSpan
from ssmphony.voice import Voice

TEXT = "नमस्ते दुनिया। कैसे हो?"
SENTENCE = "आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। "


@pytest.fixture
def run(tiny_voice_folder, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, ["say", "--voice", "tiny", *map(str, arguments)])


def test_formats_are_those_that_can_be_streamed():
    assert tuple(each.value for each in StreamFormat) == STREAMED


@pytest.mark.parametrize("name", STREAMED)
def test_formats_on_standard_output(run, name):
    if name in ("aac", "mp3"):
        pytest.importorskip("av")
    result = run(TEXT, "-o", "-", "--format", name)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    begin = {"wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "opus": b"OggS", "aac": b"\xff\xf1", "mp3": b"ID3"}
    assert result.stdout_bytes.startswith(begin.get(name, b""))
    assert len(result.stdout_bytes) > 3000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "-", "--raw"), "--raw and -o - both write to standard output"),
        (("-o", "a.flac", "--format", "wav"), "a file's ending chooses its format"),
        (("--raw", "--keep-partial"), "--keep-partial keeps files"),
        (("-o", "-", "--keep-partial"), "--keep-partial keeps files"),
        (("-o", "a.wma"), "must end in .wav, .flac, .ogg, .mp3, .opus, .pcm, .aac, .m4a"),
    ],
)
def test_options_that_exclude_each_other(run, options, message):
    result = run(TEXT, *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout_bytes == b""


def test_nothing_to_speak_writes_nothing(run):
    result = run("🙂", "-o", "-")
    assert (result.exit_code, result.stdout_bytes) == (1, b"")
    assert result.stderr.startswith("ssmphony: nothing to speak")


@pytest.mark.parametrize("suffix", ["opus", "m4a", "aac"])
def test_formats_of_the_server(run, tmp_path, suffix):
    if suffix != "opus":
        pytest.importorskip("av")
    assert run(TEXT, "-o", tmp_path / f"a.{suffix}").exit_code == 0
    begin = {"opus": b"OggS", "m4a": b"\0\0\0\x1cftypM4A ", "aac": b"\xff\xf1"}[suffix]
    assert (tmp_path / f"a.{suffix}").read_bytes().startswith(begin)


def test_a_format_without_its_encoder(run, tmp_path, monkeypatch):
    monkeypatch.setattr("ssmphony.audio.encoding.find_spec", lambda name: None)
    result = run(TEXT, "-o", tmp_path / "a.m4a")
    assert result.stderr == "ssmphony: .m4a needs PyAV: pip install av, or choose another format\n"
    assert list(tmp_path.iterdir()) == [] or os.listdir(tmp_path) == ["work"]


def paused(*pieces: str) -> Iterator[str]:
    """Each piece comes after a pause."""
    for number, piece in enumerate(pieces):
        if number:
            time.sleep(0.5)
        yield piece


@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        (("एक, ", "दो"), ["एक,", "दो"]),
        (("एक।", "दो"), ["एक।", "दो"]),
        (("एक; ", "दो: ", "तीन"), ["एक;", "दो:", "तीन"]),
        (("एक ", "दो"), ["एक दो"]),
        (("1,", "000 रुपये"), ["1,000 रुपये"]),
        (("8:", "45 बजे"), ["8:45 बजे"]),
        (("example.", "org है"), ["example.org है"]),
        (("डॉ. ", "राम"), ["डॉ. राम"]),
        (("डॉ.", " राम"), ["डॉ. राम"]),
        (("एक [[n ə, ", "m]] दो"), ["एक [[n ə, m]] दो"]),
        (("एक,\n", "दो"), ["एक,", "दो"]),
    ],
)
def test_only_a_complete_clause_ends_at_a_pause(pieces, read):
    live = LiveText(paused(*pieces), pause_s=0.05)
    assert [" ".join(sentence.source.text.split()) for sentence in speak(live)] == read


def test_markup_is_never_cut():
    document = ("<speak>एक, ", "दो।", "</speak>")
    assert "".join(LiveText(paused(*document), pause_s=0.05)) == "".join(document)


def test_text_without_pauses_is_left_as_it_is():
    pieces = [SENTENCE[i : i + 3] for i in range(0, len(SENTENCE), 3)]
    assert list(LiveText(pieces)) == pieces


def test_errors_of_the_text_come_through():
    def broken() -> Iterator[str]:
        yield "एक"
        raise ssmphony.SsmphonyError("not valid UTF-8")

    live = iter(LiveText(broken()))
    assert next(live) == "एक"
    with pytest.raises(ssmphony.SsmphonyError, match="not valid"):
        next(live)


def test_positions_after_several_ends():
    live = LiveText(paused("एक, ", "दो, ", "तीन"), pause_s=0.05)
    text = "".join(live)
    words = tuple(TimedSpan(w, 0.0, 0.0, text.index(w), text.index(w) + len(w)) for w in ("एक", "दो", "तीन"))
    placed = live.placed(AudioChunk(np.zeros(0, np.float32), 24_000, words=words)).words
    assert ["एक, दो, तीन"[word.start : word.end] for word in placed] == ["एक", "दो", "तीन"]


def test_silence_and_its_limit(run, tmp_path):
    wav = tmp_path / "a.wav"
    pause = "<break time='10s'/>"
    assert run(f"<speak>एक{pause * 12}</speak>", "-o", wav).exit_code == 0
    assert 120 < seconds_of(wav) < 125
    wav.unlink()
    refused = run(f"<speak>एक{pause * 361}</speak>", "-o", wav)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [
        "ssmphony: the breaks of this text add up to 3,610 s of silence, and 3,600 s are allowed: "
        "shorten them, or speak the text in parts"
    ]
    assert not list(tmp_path.iterdir())


def seconds_of(path):
    samples, rate = read_audio(path)
    return len(samples) / rate


@pytest.mark.parametrize("suffix", [".srt", ".json"])
def test_what_stands_before_a_document_is_not_spoken_or_shown(run, tmp_path, suffix):
    times = tmp_path / f"a{suffix}"
    text = '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- टिप्पणी --><speak>नमस्ते, दुनिया</speak>'
    (tmp_path / "a.ssml").write_text(text, encoding="utf-8")
    assert run("-f", tmp_path / "a.ssml", "-o", tmp_path / "a.wav", "--timings", times).exit_code == 0
    shown = times.read_text(encoding="utf-8")
    assert "नमस्ते" in shown
    assert not any(hidden in shown for hidden in ("टिप्पणी", "xml", "speak"))


def test_how_codes_are_drawn(run, tmp_path, monkeypatch):
    """It reaches the voice; one that draws none says so."""
    refused = run("नमस्ते", "-o", tmp_path / "a.wav", "--top-p", "0.9")
    assert refused.exit_code == 1
    assert "draws no codes: leave temperature, top_k and top_p out" in refused.stderr.replace("\n", " ")
    asked: list[Style] = []
    speak_as_usual = Voice.speak

    def record(voice: Voice, text: str, style: Style) -> Iterator[AudioChunk]:
        asked.append(style)
        return speak_as_usual(voice, text, Style())

    monkeypatch.setattr(Voice, "speak", record)
    options = ("--temperature", "0", "--top-k", "5", "--top-p", "0.5")
    assert run("नमस्ते", "-o", tmp_path / "a.wav", *options).exit_code == 0
    assert asked == [Style(temperature=0.0, top_k=5, top_p=0.5)]
    assert "choose 0 to 2" in run("नमस्ते", "-o", tmp_path / "a.wav", "--temperature", "3").stderr
