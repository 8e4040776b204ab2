"""Word times over plain HTTP: in JSON lines, in one object as clients of Kokoro-FastAPI read it, as captions."""

from __future__ import annotations

import base64
import http.client
import io
import json

import pytest
import soundfile

from ssmphony.audio.subtitles import to_srt, to_vtt
from ssmphony.voice import Voice
from tests.unit.server.running import SPEECH, serving

TEXT = "नमस्ते दुनिया। ₹500 का नोट, अच्छा है!"
CAPTIONED = "/dev/captioned_speech"


def ask(server, path, **fields):
    return server.ask("POST", path, json.dumps({"input": TEXT, **fields}))


def meant(voice: Voice, text: str = TEXT, **style) -> list[dict]:
    return [
        {
            "word": word.text,
            "start_time": round(word.start_s, 6),
            "end_time": round(word.end_s, 6),
            "start_char": word.start,
            "end_char": word.end,
        }
        for word in voice.say(text, **style).words
    ]


def joined(body: bytes) -> tuple[bytes, list[dict], set[str], int]:
    lines = [json.loads(line) for line in body.decode().splitlines()]
    sound = b"".join(base64.b64decode(line["audio"]) for line in lines)
    words = [word for line in lines for word in line["timestamps"]]
    return sound, words, {line["audio_format"] for line in lines}, len(lines)


@pytest.mark.parametrize("name", ["pcm", "wav", "mp3", "opus"])
@pytest.mark.parametrize(("path", "fields"), [(SPEECH, {"return_timestamps": True}), (CAPTIONED, {})])
def test_lines_of_sound_and_word_times(server, voice, path, fields, name):
    answer = ask(server, path, response_format=name, speed=1.25, **fields)
    assert answer.headers["content-type"] == "application/x-ndjson"
    sound, words, kinds, count = joined(answer.body)
    assert len(sound) == len(server.speak(TEXT, response_format=name, speed=1.25).body)
    assert words == meant(voice, speed=1.25)
    assert [TEXT[word["start_char"] : word["end_char"]] for word in words] == [word["word"] for word in words]
    assert len(kinds) == 1
    assert count > 2


def test_a_word_comes_with_the_sound_in_which_it_ends(server, voice):
    heard = 0.0
    for line in ask(server, CAPTIONED, response_format="pcm").body.splitlines():
        said = json.loads(line)
        before, heard = heard, heard + len(base64.b64decode(said["audio"])) / 2 / voice.sample_rate
        assert all(before < word["end_time"] <= heard + 1e-6 for word in said["timestamps"])


@pytest.mark.parametrize("name", ["pcm", "mp3", "wav", "flac"])
def test_one_object(server, voice, name):
    answer = ask(server, CAPTIONED, stream=False, response_format=name)
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert set(told) == {"audio", "audio_format", "timestamps"}
    sound = base64.b64decode(told["audio"], validate=True)
    assert told["timestamps"] == meant(voice)
    plain = server.speak(TEXT, response_format=name, stream=False).body
    assert len(sound) == len(plain)
    assert told == ask(server, SPEECH, return_timestamps=True, stream=False, response_format=name).json()
    if name in ("wav", "flac"):
        assert len(soundfile.read(io.BytesIO(sound))[0]) == len(voice.say(TEXT).samples)
    if name == "pcm":
        assert sound == plain


def test_clients_that_want_no_times(server):
    assert ask(server, CAPTIONED, stream=False, return_timestamps=False).json()["timestamps"] == []
    assert joined(ask(server, CAPTIONED, return_timestamps=False).body)[1] == []
    assert ask(server, SPEECH, return_timestamps=False).headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        (SPEECH, {"return_timestamps": True, "stream_format": "sse"}, "return_timestamps"),
        (SPEECH, {"return_timestamps": "yes"}, "return_timestamps"),
        (CAPTIONED, {"voice": "nobody"}, "voice"),
        (CAPTIONED, {"input": ""}, "input"),
        ("/v1/audio/captions", {"response_format": "ass"}, "response_format"),
        ("/v1/audio/captions", {"input": "क" * 50_001}, "input"),
    ],
)
def test_mistakes(server, path, fields, param):
    answer = ask(server, path, **fields)
    assert (answer.status, answer.error["param"]) == (400, param)


@pytest.mark.parametrize("text", [TEXT, "<speak>एक <break time='300ms'/> <s>दो &amp; तीन</s></speak>"])
@pytest.mark.parametrize(("name", "kind"), [("vtt", "text/vtt"), ("srt", "application/x-subrip")])
def test_captions(server, voice, name, kind, text):
    answer = ask(server, "/v1/audio/captions", input=text, response_format=name, speaker="ravi")
    words = voice.say(text, speaker="ravi").words
    write = to_vtt if name == "vtt" else to_srt
    assert answer.body.decode() == write(words, text, markup=text.startswith("<"))
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_captions_as_json(server, voice):
    told = ask(server, "/v1/audio/captions", response_format="json").json()
    assert [word["text"] for word in told["words"]] == [word.text for word in voice.say(TEXT).words]
    assert len(told["phonemes"]) == len(voice.say(TEXT).phonemes)
    assert told["seconds"] == pytest.approx(voice.say(TEXT).seconds, abs=1e-3)


@pytest.mark.parametrize("path", [CAPTIONED, "/v1/audio/captions"])
def test_what_fails_in_the_middle_breaks_the_answer_off(voice, monkeypatch, path):
    """A client must not take half of it for the whole."""
    real = type(voice).decode
    calls = iter(range(1000))

    def failing(self: Voice, batch, frames):
        return real(self, batch, frames) if next(calls) < 20 else 1 / 0

    monkeypatch.setattr(type(voice), "decode", failing)
    with serving(voice) as server, pytest.raises(http.client.IncompleteRead):
        server.ask("POST", path, json.dumps({"input": TEXT * 20}))
    calls = iter(range(1000))
    with serving(voice) as server:  # all of an object is made before any of it is sent
        answer = ask(server, CAPTIONED, input=TEXT * 20, stream=False)
        assert (answer.status, answer.error["code"]) == (500, "voice_failed")


def test_a_client_that_leaves(voice):
    with serving(voice, engine={"buffer_s": 0.5}) as server:
        for path in (CAPTIONED, "/v1/audio/captions"):
            connection = http.client.HTTPConnection(*server.address, timeout=20)
            connection.request("POST", path, json.dumps({"input": TEXT * 500}), {"Content-Type": "application/json"})
            assert connection.getresponse().status == 200
            connection.close()  # `serving` waits until nothing is spoken any more
