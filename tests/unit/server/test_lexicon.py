"""Words as they are to be said: for a server, for a request, for an utterance on a WebSocket."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from websockets.sync.client import connect

from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine
from ssmphony.server.lexicon import MAX_CHARACTERS, parse
from ssmphony.server.run import load_voices
from ssmphony.server.settings import ServeSettings, read_settings
from ssmphony.text.hindi import Lexicon
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.text.utf8 import ByteFrontend
from ssmphony.types import SsmphonyError
from tests.unit.server.running import serving

TEXT = "NVIDIA आगे है, घर में।"
LINES = "# names\nnvidia\tएनविडिया\nघर\tm @ k a: n\n"


def meant(voice, *lexicons: str) -> bytes:
    frontend = voice.frontend
    for lexicon in lexicons:
        frontend = frontend.with_lexicon(Lexicon.parse(lexicon.split("\n")))
    return pcm16(replace(voice, frontend=frontend).say(TEXT).samples)


@pytest.mark.parametrize("lexicon", [LINES, "\ufeff" + LINES, {"nvidia": "एनविडिया", "घर": "məkaːn"}])
def test_a_request_brings_its_own_words(server, voice, lexicon):
    assert meant(voice, LINES) != meant(voice)
    assert server.speak(TEXT, lexicon=lexicon).body == meant(voice, LINES)
    assert server.speak(TEXT).body == meant(voice)  # for that request only


@pytest.mark.parametrize("lexicon", [None, "", {}, "# nothing\n\n"])
def test_no_words_change_nothing(server, voice, lexicon):
    assert server.speak(TEXT, lexicon=lexicon).body == meant(voice)


@pytest.mark.parametrize(
    ("lexicon", "told"),
    [
        ("घर\tमकान\nकल", "lexicon, line 2: write the word, a tab"),
        ("घर\tθ", "lexicon, line 1: 'θ' in 'θ' is neither a phone nor a Devanagari letter"),
        ({"घर": "मकान", "कल": "θ"}, "lexicon, line 2: 'θ'"),
        ({"घर\nकल": "मकान"}, "lexicon, entry 1: give a word"),
        ({"# घर": "मकान"}, "lexicon, entry 1: give a word"),
        ("घर\tमकान\nघर\tमकान", "given a second time"),
        ("घर\tमकान\n" * 3000, f"a request may bring {MAX_CHARACTERS}"),
        ("घर\t" + "मकान " * 50, "line 1: 253 characters, where 200 may stand"),
        ("\n".join(f"घर\tमकान\tc{i}" for i in range(17)), "'घर' has 17 lines, where 16 may stand"),
    ],
)
def test_a_lexicon_that_is_refused(server, lexicon, told):
    answer = server.speak(TEXT, lexicon=lexicon)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "invalid_lexicon", "lexicon")
    assert told in answer.error["message"]


@pytest.mark.parametrize("lexicon", [5, ["घर"], {"घर": 5}])
def test_what_is_no_lexicon(server, lexicon):
    answer = server.speak(TEXT, lexicon=lexicon)
    assert (answer.status, answer.error["param"]) == (400, "lexicon")


def test_a_voice_that_reads_letters_takes_none(voice):
    with serving(replace(voice, frontend=ByteFrontend())) as server:
        answer = server.speak(TEXT, lexicon=LINES)
    assert answer.status == 400
    assert "reads letters" in answer.error["message"]


def test_an_utterance_brings_its_own_words(server, voice):
    address = server.url.replace("http", "ws", 1) + "/v1/audio/speech/stream"
    with connect(address) as socket:
        socket.send(json.dumps({"type": "start", "lexicon": "घर"}))
        assert json.loads(socket.recv())["code"] == "invalid_lexicon"
        socket.send(json.dumps({"type": "start", "lexicon": LINES}))
        for message in ({"type": "text", "text": "घर"}, {"type": "finish"}):
            socket.send(json.dumps(message))
        heard = b""
        while (message := socket.recv()) and (isinstance(message, bytes) or json.loads(message)["type"] != "done"):
            heard += message if isinstance(message, bytes) else b""
    said = replace(voice, frontend=voice.frontend.with_lexicon(Lexicon.parse(LINES.split("\n")))).say("घर")
    assert heard == pcm16(said.samples)


def test_the_worst_lexicon_costs_little():
    """Whoever sends it must not hold up those who speak: words are found about as fast as a text is read."""
    near = " ".join("क*" for _ in range(60))
    lines = [f"अ\tब\tझ{i} {near}" for i in range(16)]
    worst = HindiFrontend().with_lexicon(parse("\n".join(["अ " * 95 + "ब\tब", *lines])))
    began = time.process_time()
    assert len(list(worst.sentences("अ " * 2500))) == 13
    assert time.process_time() - began < 4  # 0.5 s


# -- of the server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path):
    path = tmp_path / "names.tsv"
    path.write_text("nvidia\tएनविडिया\nघर\tआवास\n", encoding="utf-8")
    return path


def test_a_server_with_a_lexicon(words, voice, tiny_voice_folder):
    settings = read_settings({"voices": (str(tiny_voice_folder),)}, {"SSMPHONY_SERVE_LEXICON": str(words)})
    voices = load_voices(settings)
    with serving(voices["tiny"]) as server:
        assert server.speak(TEXT).body == meant(voice, words.read_text())
        mine = server.speak(TEXT, lexicon="घर\tm @ k a: n").body
        assert mine == meant(voice, words.read_text(), "घर\tm @ k a: n")  # which wins over the server's


def test_a_lexicon_for_the_voices_that_take_one(words, voice, monkeypatch):
    loaded = {"hindi": voice, "letters": replace(voice, frontend=ByteFrontend())}
    monkeypatch.setattr("ssmphony.server.run.name_voices", lambda settings: {name: name for name in names})
    monkeypatch.setattr("ssmphony.server.run.load", lambda name, threads: loaded[name])
    names = ["hindi", "letters"]
    voices = load_voices(ServeSettings(lexicon=words))
    assert voices["hindi"].frontend.lexicon is not None
    assert voices["letters"].frontend is loaded["letters"].frontend
    names = ["letters"]
    with pytest.raises(SsmphonyError, match=r"names\.tsv: this voice reads letters"):
        load_voices(ServeSettings(lexicon=words))


# -- of the engine ----------------------------------------------------------------------------------------------------


def test_a_stream_with_words_of_its_own_cannot_be_stored(voice):
    with Engine(voice, workers=1) as engine:
        words = voice.frontend.with_lexicon(Lexicon.parse(["घर\tमकान"]))
        with engine.open(frontend=words) as stream, pytest.raises(SsmphonyError, match="give the lexicon to the voice"):
            stream.snapshot()
        with pytest.raises(ValueError, match="other symbols"):
            engine.open(frontend=ByteFrontend())
