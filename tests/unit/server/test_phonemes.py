"""The phonemes of a text, and speech from phonemes, as clients of Kokoro-FastAPI ask for them, and plainly."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ssmphony.audio.pcm import pcm16
from ssmphony.text.utf8 import ByteFrontend
from tests.unit.server.running import serving

TEXT = "नमस्ते दुनिया, ₹500 दो।\nक्या?"
PHONEMES = "nəməst̪eː d̪ʊnɪjaː, pãːtʃsɔːɾʊpjeː d̪oː.\nkjaː?"


def ask(server, path, **fields):
    return server.ask("POST", path, json.dumps(fields))


@pytest.mark.parametrize(("path", "name"), [("/dev/phonemize", "text"), ("/v1/audio/phonemes", "input")])
def test_the_phonemes_of_a_text(server, voice, path, name):
    told = ask(server, path, **{name: TEXT}).json()
    assert told["phonemes"] == PHONEMES
    assert told["tokens"] == [number for sentence in voice.frontend.sentences(TEXT) for number in sentence.ids]
    assert [TEXT[word["start"] : word["end"]] for word in told["words"]] == [word["text"] for word in told["words"]]
    assert told["words"][0]["phonemes"] == "nəməst̪eː"
    assert ask(server, path, **{name: "घर"}, lexicon={"घर": "मकान"}).json()["phonemes"] == "məkaːn."
    assert ask(server, path, **{name: "🙂"}).json() == {"phonemes": "", "tokens": [], "words": []}


def test_what_clients_of_kokoro_send(server):
    told = ask(server, "/dev/phonemize", text="घर", language="h").json()
    answer = ask(server, "/dev/generate_from_phonemes", phonemes=told["phonemes"], voice="tiny")
    assert answer.headers["content-type"] == "audio/wav"
    samples, rate = soundfile.read(io.BytesIO(answer.body), dtype="int16")
    assert samples.tobytes() == server.speak("घर").body
    assert rate == 24_000


@pytest.mark.parametrize("path", ["/dev/generate_from_phonemes", "/v1/audio/phonemes/speech"])
def test_speech_from_phonemes(server, voice, path):
    """What was written in phonemes sounds as the text that they were read from."""
    said = ask(server, path, phonemes=PHONEMES, response_format="pcm", speed=1.25, speaker="ravi").body
    assert said == pcm16(voice.say(TEXT, speed=1.25, speaker="ravi").samples)
    ascii_ = ask(server, path, phonemes="g_h@r p@r", response_format="pcm").body
    assert ascii_ == pcm16(voice.say("[[ɡʱəɾ]] [[pəɾ]]").samples)
    assert not np.array_equal(said, ascii_)


def test_many_phonemes(voice):
    with serving(voice, max_characters=2000) as server:  # a text of them in brackets would be longer
        assert ask(server, "/v1/audio/phonemes/speech", phonemes="a " * 1000).status == 200
        answer = ask(server, "/v1/audio/phonemes/speech", phonemes="a " * 1001)
        assert (answer.error["code"], answer.error["param"]) == ("string_above_max_length", "phonemes")
        assert ask(server, "/dev/phonemize", text="क" * 2001).error["code"] == "string_above_max_length"


@pytest.mark.parametrize(
    ("path", "fields", "told", "param"),
    [
        ("/dev/generate_from_phonemes", {"phonemes": "ɡʱəɾ θɪŋk"}, "character 6: 'θ' in 'θɪŋk' is not a", "phonemes"),
        ("/dev/generate_from_phonemes", {"phonemes": ""}, "at least 1 character", "phonemes"),
        ("/dev/generate_from_phonemes", {"voice": "tiny"}, "missing 'phonemes'", "phonemes"),
        ("/dev/generate_from_phonemes", {"phonemes": "a", "voice": "asha"}, "unknown voice 'asha'", "voice"),
        ("/dev/phonemize", {"text": ""}, "at least 1 character", "text"),
        ("/dev/phonemize", {"input": "घर"}, "missing 'text'", "text"),
        ("/v1/audio/phonemes", {"input": "<speak><x/></speak>"}, "SSML, line 1, column 8", "input"),
        ("/v1/audio/phonemes", {"input": "घर", "voice": "asha"}, "unknown voice 'asha'", "voice"),
        ("/v1/audio/phonemes", {"input": "घर", "lexicon": "घर"}, "lexicon, line 1", "lexicon"),
    ],
)
def test_mistakes(server, path, fields, told, param):
    answer = ask(server, path, **fields)
    assert answer.status == 400
    assert told in answer.error["message"]
    assert answer.error["param"] == param


def test_a_voice_that_reads_letters(voice):
    with serving(replace(voice, frontend=ByteFrontend())) as server:
        for path, fields in (("/dev/phonemize", {"text": "घर"}), ("/dev/generate_from_phonemes", {"phonemes": "a"})):
            answer = ask(server, path, **fields)
            assert (answer.status, answer.error["code"]) == (400, "no_phonemes")
