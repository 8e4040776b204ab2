"""The module between two pipes, with a voice of small random weights."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ssmphony.audio.pcm import pcm16
from ssmphony.speechd import voices
from ssmphony.speechd.configuration import Configuration
from ssmphony.speechd.voices import Voices
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import load
from tests.unit.speechd.dispatcher import Dispatcher, loaded, sound, voices_of

TEXT = "नमस्ते दुनिया, आज मौसम अच्छा है।"
LONG = " ".join([TEXT] * 400)


@pytest.fixture
def dispatcher(tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dispatcher]:
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    running = Dispatcher(voices_of(tiny_voice_folder)).start()
    yield running
    running.close()


def samples_of(folder: Path, text: str, **style) -> np.ndarray:
    return np.frombuffer(pcm16(loaded(folder).say(text, **style).samples), "<i2")


def same_but_for_the_beginning(heard: np.ndarray, expected: np.ndarray) -> None:
    """Silence at the beginning is left out."""
    assert len(expected) - 2400 < len(heard) <= len(expected)
    np.testing.assert_array_equal(heard, expected[len(expected) - len(heard) :])


def test_a_message_is_spoken(dispatcher: Dispatcher, tiny_voice_folder: Path) -> None:
    events = dispatcher.say(f"<speak>{TEXT}</speak>")
    assert [event.line for event in events[:2]] == ["701 BEGIN", "705 AUDIO"]
    assert [event.line for event in events].count("701 BEGIN") == 1
    assert events[-1].line == "702 END"
    assert max(len(event.samples) for event in events) <= 2400
    same_but_for_the_beginning(sound(events), samples_of(tiny_voice_folder, TEXT))


def test_settings_are_followed(dispatcher: Dispatcher, tiny_voice_folder: Path) -> None:
    lines = ["rate=100", "pitch=50", "volume=0", "synthesis_voice=tiny/ravi"]
    assert dispatcher.ask("SET", *lines) == ["207 OK RECEIVING SETTINGS", "203 OK SETTINGS RECEIVED"]
    heard = sound(dispatcher.say(TEXT)).astype(int)
    expected = samples_of(tiny_voice_folder, TEXT, speed=6.0, pitch=6.0, speaker="ravi").astype(int)
    assert len(expected) - 2400 < len(heard) <= len(expected)
    assert abs(heard - expected[-len(heard) :] // 2).max() <= 1


def test_marks_stand_between_the_samples(dispatcher: Dispatcher, tiny_voice_folder: Path) -> None:
    document = '<speak><mark name="start"/>एक दो <mark name="middle"/>तीन चार।<mark name="end"/></speak>'
    events = dispatcher.say(document)
    named = [event.lines[0] for event in events if event.line == "700 INDEX MARK"]
    assert named == ["start", "middle", "end"]
    middle = next(i for i, event in enumerate(events) if event.lines[:1] == ("middle",))
    audio = loaded(tiny_voice_folder).say(document)
    total = round(next(mark.start_s for mark in audio.marks if mark.text == "middle") * audio.sample_rate)
    left_out = len(audio.samples) - len(sound(events))
    assert abs(len(sound(events[:middle])) - (total - left_out)) <= 1


def test_stop_ends_the_message_and_the_synthesis(dispatcher: Dispatcher) -> None:
    assert dispatcher.ask("SPEAK", LONG)[-1] == "200 OK SPEAKING"
    assert [dispatcher.read().line for _ in range(3)] == ["701 BEGIN", "705 AUDIO", "705 AUDIO"]
    dispatcher.write("STOP\nSTOP\n")
    events = list(dispatcher.until_end())
    assert events[-1].line == "703 STOP"
    assert len(sound(events)) < 24000 * 60  # the whole text takes many minutes
    # nothing of the old message comes after it
    assert [event.line for event in dispatcher.say("एक")][-1] == "702 END"
    assert dispatcher.ask("LIST VOICES") == ["200 OK VOICE LIST SENT"]


def test_stop_before_the_first_sound(dispatcher: Dispatcher) -> None:
    for _ in range(20):
        dispatcher.write("SPEAK\n")
        dispatcher.read()
        dispatcher.write(f"{LONG}\n.\nSTOP\n")
        assert dispatcher.read().line == "200 OK SPEAKING"
        lines = [event.line for event in dispatcher.until_end()]
        assert (lines[0], lines[-1]) == ("701 BEGIN", "703 STOP")


def test_pause_ends_at_the_next_mark(dispatcher: Dispatcher) -> None:
    document = "<speak>" + "".join(f'{TEXT} <mark name="__spd_{i}"/> ' for i in range(200)) + "</speak>"
    assert dispatcher.ask("SPEAK", document)[-1] == "200 OK SPEAKING"
    assert [dispatcher.read().line for _ in range(2)] == ["701 BEGIN", "705 AUDIO"]
    dispatcher.write("PAUSE\n")
    lines = [event.line for event in dispatcher.until_end()]
    assert lines[-2:] == ["700 INDEX MARK", "704 PAUSE"]
    assert lines.count("700 INDEX MARK") < 200


def test_pause_without_a_mark_reaches_the_end(dispatcher: Dispatcher) -> None:
    assert dispatcher.ask("SPEAK", TEXT)[-1] == "200 OK SPEAKING"
    dispatcher.write("PAUSE\n")
    assert list(dispatcher.until_end())[-1].line == "702 END"


@pytest.mark.parametrize(("kind", "data"), [("CHAR", "क"), ("CHAR", "space"), ("CHAR", " "), ("KEY", "control_alt_a")])
def test_characters_and_keys(dispatcher: Dispatcher, kind: str, data: str) -> None:
    events = dispatcher.say(data, kind)
    assert (events[0].line, events[-1].line) == ("701 BEGIN", "702 END")
    assert len(sound(events))


def test_a_letter_has_no_pause_after_it(dispatcher: Dispatcher) -> None:
    """The pause of a sentence would only keep the next letter waiting."""
    assert len(sound(dispatcher.say("क", "CHAR"))) < len(sound(dispatcher.say("क")))


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_an_empty_message(dispatcher: Dispatcher, text: str) -> None:
    assert dispatcher.ask("SPEAK", text) == ["202 OK RECEIVING MESSAGE", "301 ERROR CANT SPEAK"]
    assert dispatcher.say("एक")[-1].line == "702 END"


@pytest.mark.parametrize("text", ["<speak></speak>", "<speak>…</speak>", "!!!"])
def test_a_message_without_words(dispatcher: Dispatcher, text: str) -> None:
    assert [event.line for event in dispatcher.say(text)] == ["701 BEGIN", "702 END"]


@pytest.mark.parametrize(
    "text",
    ["<speak>एक <b>दो</speak>", "<speak>एक", '<speak><voice name="nobody">एक</voice></speak>', "<speak>\x01एक</speak>"],
)
def test_bad_markup_is_spoken_all_the_same(dispatcher: Dispatcher, text: str) -> None:
    events = dispatcher.say(text)
    assert events[-1].line == "702 END"
    assert len(sound(events))


def test_a_message_that_cannot_be_spoken_ends_too(dispatcher: Dispatcher) -> None:
    breaks = '<break time="10s"/>' * 400
    assert dispatcher.say(f"<speak>एक{breaks}</speak>")[-1].line == "703 STOP"
    assert dispatcher.say("एक")[-1].line == "702 END"


@pytest.mark.parametrize("name", ["nobody", "tiny/nobody", "tiny/", "/", "../tiny", "tiny/asha/x"])
def test_an_unknown_voice_is_replaced(dispatcher: Dispatcher, tiny_voice_folder: Path, name: str) -> None:
    dispatcher.ask("SET", f"synthesis_voice={name}")
    same_but_for_the_beginning(sound(dispatcher.say("एक")), samples_of(tiny_voice_folder, "एक"))


def test_voices_are_listed(dispatcher: Dispatcher) -> None:
    dispatcher.write("LIST VOICES\n")
    listed = dispatcher.read().lines
    assert "tiny/asha\thi\tnone" in listed
    assert "tiny/ravi\thi\tnone" in listed


@pytest.mark.parametrize("command", ["", "HELLO", "speak", "SPEAK now", "705 AUDIO"])
def test_unknown_commands(dispatcher: Dispatcher, command: str) -> None:
    assert dispatcher.ask(command) == ["300 ERR UNKNOWN COMMAND"]


def test_the_other_commands(dispatcher: Dispatcher) -> None:
    assert dispatcher.ask("LOGLEVEL", "log_level=5")[-1] == "203 OK LOGLEVEL SET"
    assert dispatcher.ask("DEBUG ON /var/log/x.log") == ["200 OK DEBUGGING ON"]
    assert dispatcher.ask("DEBUG OFF") == ["200 OK DEBUGGING OFF"]
    assert dispatcher.ask("AUDIO", "audio_output_method=pulse")[-1] == "300 ERR CANT OPEN AUDIO"
    dispatcher.write("STOP\nPAUSE\n")  # nothing is spoken: no answer
    assert dispatcher.ask("QUIT") == ["210 OK QUIT"]
    dispatcher.thread.join(10)
    assert not dispatcher.thread.is_alive()


def test_quit_while_speaking(dispatcher: Dispatcher) -> None:
    dispatcher.ask("SPEAK", LONG)
    dispatcher.write("QUIT\n")
    while dispatcher.read().line != "210 OK QUIT":
        pass
    dispatcher.thread.join(10)
    assert not dispatcher.thread.is_alive()


@pytest.mark.parametrize("command", ["", "SPEAK\nनमस्ते\n", "SET\nrate=1\n", f"SPEAK\n{LONG}\n.\n"])
def test_the_dispatcher_disappears(tiny_voice_folder: Path, command: str) -> None:
    running = Dispatcher(voices_of(tiny_voice_folder)).start()
    running.write(command)
    time.sleep(0.05)
    running.close()


def test_a_voice_that_cannot_be_loaded() -> None:
    def fail() -> Voices:
        raise SsmphonyError("unknown voice 'x'")

    running = Dispatcher(fail)
    running.write("INIT\n")
    event = running.read()
    assert (event.lines, event.line) == (("ssmphony: unknown voice 'x'",), "399 ERR CANT INIT MODULE")
    assert running.ask("SPEAK", "एक")[-1] == "401 ERROR INTERNAL"
    running.close()


def test_the_small_voice_is_preferred(tiny_voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSMPHONY_VOICES", str(tmp_path))
    assert voices.preferred() == "default"
    shutil.copytree(tiny_voice_folder, tmp_path / voices.PREFERRED)
    assert voices.preferred() == "small"
    made = Voices(Configuration(voice_types={"female1": "small/asha", "male1": "ravi", "male2": "gone/x"}))
    kinds = [made.choose(voices.Settings(voice_type=kind)).speaker for kind in ("female1", "male1", "male2", None)]
    assert kinds == ["asha", "ravi", None, None]


def test_a_speaker_of_the_configuration(tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    assert Voices(Configuration(voice="tiny/ravi")).choose(voices.Settings()).speaker == "ravi"
    with pytest.raises(SsmphonyError, match="nobody"):
        Voices(Configuration(voice="tiny/nobody"))


def test_few_voices_stay_loaded(tiny_voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSMPHONY_VOICES", str(tmp_path))
    for name in ("a", "b", "c"):
        shutil.copytree(tiny_voice_folder, tmp_path / name)
    made: list[str] = []

    def counted(folder: Path, **options):
        made.append(folder.name)
        return load(folder, **options)

    kept = Voices(Configuration(voice="a"), counted)
    for name in ("a/ravi", "b/asha", "b", "a", "c", "a", "b"):
        kept.choose(voices.Settings(voice=name))
    assert made == ["a", "b", "c", "b"]
