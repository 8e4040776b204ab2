"""Lines and events, settings, configuration files, and what is spoken for a message."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.speechd import configuration
from ssmphony.speechd.message import sentences, spoken
from ssmphony.speechd.protocol import MAX_CHARACTERS, Connection, escape
from ssmphony.speechd.settings import Settings
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import SsmphonyError
from tests.unit.speechd.dispatcher import read_event

FRONTEND = HindiFrontend()


def connection(text: bytes = b"") -> tuple[Connection, io.BytesIO]:
    sink = io.BytesIO()
    return Connection(io.BytesIO(text), sink), sink


@given(st.binary(max_size=64))
def test_escaped_bytes_hold_no_line_feed(data: bytes) -> None:
    assert b"\n" not in escape(data)


def test_sound_survives_the_pipe() -> None:
    pipes, sink = connection()
    samples = (np.arange(-32768, 32768, dtype=np.float32) / 32768).clip(-1, 1)
    pipes.send_audio(samples, 24000)
    event = read_event(io.BytesIO(sink.getvalue()))
    assert event is not None
    assert event.lines == (
        "bits=16",
        "num_channels=1",
        "sample_rate=24000",
        f"num_samples={len(samples)}",
        "big_endian=0",
    )
    np.testing.assert_array_equal(event.samples, (samples * 32767).round().astype(np.int16))


def test_a_dot_ends_a_block_and_a_doubled_one_is_text() -> None:
    pipes, _ = connection("एक\n..\n\n..x\n.\nSTOP\n".encode())
    assert pipes.block() == ["एक", ".", "", ".x"]
    assert list(pipes.commands()) == ["STOP"]


def test_a_text_that_is_too_long_is_read_to_its_end() -> None:
    pipes, _ = connection(b"x" * 1000 + b"\n" + (b"y" * 1000 + b"\n") * (MAX_CHARACTERS // 1000) + b".\nSTOP\n")
    assert pipes.block() is None
    assert list(pipes.commands()) == ["STOP"]


def test_a_block_that_breaks_off() -> None:
    with pytest.raises(EOFError):
        connection(b"rate=5\n")[0].block()


def test_a_mark_cannot_break_the_lines() -> None:
    pipes, sink = connection()
    pipes.send_mark("a\n702 END\n")
    assert sink.getvalue() == b"700-a 702 END\n700 INDEX MARK\n"


@pytest.mark.parametrize(("rate", "speed"), [(-100, 1 / 3), (0, 1), (50, 6**0.5), (100, 6), (1000, 6), (-1000, 1 / 3)])
def test_rate(rate: int, speed: float) -> None:
    settings = Settings().updated([f"rate={rate}"])
    assert settings.style(None, ("speed", "pitch")).speed == pytest.approx(speed)


def test_settings() -> None:
    lines = ["pitch=-50", "volume=0", "punctuation_mode=most", "spelling_mode=on", "cap_let_recogn=spell"]
    lines += ["voice=FEMALE2", "synthesis_voice=small/asha", "language=hi", "pitch_range=3"]
    settings = Settings().updated(lines)
    assert settings == Settings(0, -50, 0, "most", True, True, "female2", "small/asha")
    assert settings.style(None, ("speed", "pitch")).pitch_semitones == -6
    assert settings.gain == 0.5
    assert Settings().gain == 1
    assert Settings().updated(["volume=-100"]).gain == 0
    assert settings.updated(["synthesis_voice=NULL", "voice=NULL", "rate=NULL"]).voice is None


@pytest.mark.parametrize("line", ["rate=fast", "rate=", "punctuation_mode=loud", "", "=", "colour=red", "rate=1.5"])
def test_settings_that_make_no_sense_change_nothing(line: str) -> None:
    assert Settings(rate=20).updated([line, "pitch=5"]) == Settings(rate=20, pitch=5)


def test_a_model_without_speed_and_pitch_is_not_asked_for_them() -> None:
    style = Settings(rate=50, pitch=50).style("asha", ())
    assert (style.speed, style.pitch_semitones, style.speaker) == (1.0, 0.0, "asha")


@pytest.mark.parametrize(
    ("kind", "data", "settings", "expected"),
    [
        ("SPEAK", "<speak>एक, दो</speak>", Settings(), "<speak>एक, दो</speak>"),
        ("SPEAK", "<speak>एक, दो</speak>", Settings(punctuation="all"), "<speak>एक कॉमा, दो</speak>"),
        (
            "SPEAK",
            '<speak>&lt;क&gt; <mark name="a,b"/>&amp;<!-- , --></speak>',
            Settings(punctuation="all"),
            '<speak>लेस दैन क ग्रेटर दैन <mark name="a,b"/>ऐंड <!-- , --></speak>',
        ),
        ("SPEAK", "<speak>ab</speak>", Settings(spelling=True), "<speak>ए, बी</speak>"),
        ("SPEAK", "एक\x00दो\x07", Settings(), "एक दो "),
        ("CHAR", "space", Settings(), "स्पेस"),
        ("CHAR", "A", Settings(capitals=True), "कैपिटल ए"),
        ("KEY", "control_c", Settings(), "कंट्रोल सी"),
        ("SOUND_ICON", "new-mail", Settings(), "new mail"),
    ],
)
def test_what_is_spoken(kind, data: str, settings: Settings, expected: str) -> None:
    assert spoken(kind, data, settings, FRONTEND) == expected


@pytest.mark.parametrize(
    "document",
    [
        "<speak>एक <b>दो</b> तीन</speak>",
        "<speak>एक दो तीन",
        "<speak>एक & दो < तीन</speak>",
        '<!DOCTYPE speak [<!ENTITY x "y">]><speak>एक दो तीन</speak>',
        "<speak>एक <prosody rate='9000'>दो</prosody> तीन</speak>",
    ],
)
def test_what_is_no_ssml_is_still_spoken(document: str) -> None:
    words = [word.text for sentence in sentences(FRONTEND, document) for word in sentence.words]
    assert [word for word in words if word in ("एक", "दो", "तीन")] == ["एक", "दो", "तीन"]


def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "ssmphony.conf"
    assert configuration.read(path) == configuration.read(None) == configuration.Configuration()
    text = '# a comment\n\nVoice "small"  # inline\nthreads 2\nLexicon words.tsv\nVoiceType FEMALE1 small/asha\n'
    path.write_text(text, encoding="utf-8")
    read = configuration.read(path)
    assert read == configuration.Configuration("small", 2, Path("words.tsv"), {"female1": "small/asha"})
    own = tmp_path / "speech-dispatcher/modules/ssmphony.conf"
    own.parent.mkdir(parents=True)
    own.write_text("Voice mine\n", encoding="utf-8")
    assert configuration.read(tmp_path / "missing.conf").voice == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Voise small", "line 1: unknown key 'Voise', did you mean 'Voice'?"),
        ("\nThreads many", "line 2: Threads is a number, 1 to 64"),
        ("Voice", "Voice takes one value"),
        ("Voice a b", "Voice takes one value"),
        ("VoiceType male1", "VoiceType takes a type and a voice"),
        ("VoiceType man small", "unknown type 'man'"),
        ('Voice "small', "no closing quotation"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ssmphony.conf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SsmphonyError, match=message.replace("?", r"\?")) as caught:
        configuration.read(path)
    assert "\n" not in str(caught.value)
