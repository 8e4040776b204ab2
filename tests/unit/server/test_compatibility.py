"""What clients of OpenAI's endpoint send, ask for and expect."""

from __future__ import annotations

import io
import json

import pytest
import soundfile
from openai import OpenAI

from ssmphony.audio.encoding import FORMATS
from ssmphony.audio.pcm import pcm16
from ssmphony.server.delivery import NOTHING_SPOKEN, SILENCE_S
from ssmphony.server.names import OPENAI_VOICES
from tests.unit.server.running import SPEECH, serving
from tests.unit.server.test_speech import decode

TEXT = "नमस्ते।"
ORIGIN = "https://a.example"


@pytest.fixture(scope="module")
def open_server(voice):
    with serving(voice, cors_origins=[ORIGIN], aliases=["boss=tiny/ravi"]) as running:
        yield running


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"])
def test_openais_voices_and_models_speak(server, voice, model):
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=20) as client:
        said = {
            name: client.audio.speech.create(model=model, voice=name, input=TEXT, response_format="pcm").content
            for name in OPENAI_VOICES
        }
        by_id = client.audio.speech.create(model=model, voice={"id": "ash"}, input=TEXT, response_format="pcm").content
    speakers = {pcm16(voice.say(TEXT, speaker=speaker).samples) for speaker in ("asha", "ravi")}
    assert set(said.values()) == speakers
    assert said["alloy"] == pcm16(voice.say(TEXT).samples)  # the voice's own speaker
    assert by_id == said["ash"]


def test_aliases_and_case(open_server, voice):
    ravi = pcm16(voice.say(TEXT, speaker="ravi").samples)
    for name in ("boss", "Boss", "tiny/ravi", "TINY/Ravi", "default/ravi"):
        assert open_server.speak(TEXT, voice=name).body == ravi
    assert open_server.speak(TEXT, voice="Default", speaker="RAVI").body == ravi
    assert open_server.speak(TEXT, voice="boss", speaker="asha").body == pcm16(voice.say(TEXT).samples)
    listed = open_server.ask("GET", "/v1/audio/voices").json()
    assert [one["id"] for one in listed["voices"]] == ["tiny"]
    assert {"id": "boss", "voice": "tiny", "speaker": "ravi", "reference": None} in listed["aliases"]
    assert {"id": "alloy", "voice": "tiny", "speaker": "asha", "reference": None} in listed["aliases"]


def test_lists_as_open_webui_and_sillytavern_ask_for_them(server):
    models = server.ask("GET", "/v1/audio/models").json()
    assert {"ssmphony", "tts-1"} <= {model["id"] for model in models["models"]}
    assert models["data"] == models["models"]
    voices = server.ask("GET", "/v1/audio/voices").json()["voices"]
    assert {voice["id"]: voice["name"] for voice in voices} == {"tiny": "tiny"}
    choices = server.ask("GET", "/v1/audio/voices/tts-1").json()["voices"]
    assert [choice["value"] for choice in choices] == ["tiny", "tiny/asha", "tiny/ravi"]
    assert all(server.speak(TEXT, voice=choice["value"]).status == 200 for choice in choices)
    assert server.ask("GET", "/v1/audio/voices/x").status == server.ask("GET", "/v1/models/x").status == 404
    assert server.ask("GET", "/v1/models/TTS-1").json()["id"] == "tts-1"


# -- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["😊", "...", "। !", " ", "<speak></speak>", "<speak><mark name='x'/></speak>", "\ud83d"]
)
def test_a_text_with_nothing_to_speak_is_a_short_silence(server, voice, text):
    answer = server.speak(text)
    assert answer.status == 200
    assert answer.headers[NOTHING_SPOKEN.lower()] == "true"
    assert answer.body == bytes(2 * round(SILENCE_S * voice.sample_rate))
    assert NOTHING_SPOKEN.lower() not in server.speak(TEXT).headers


@pytest.mark.parametrize("stream", [None, True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_the_silence_is_a_sound_in_each_format(server, voice, name, stream):
    if name == "flac" and stream:
        return  # refused, whatever the text
    data = server.speak("😊", response_format=name, stream=stream).body
    assert abs(len(decode(data, name, voice.sample_rate)) / voice.sample_rate - SILENCE_S) < 0.1


def test_events_of_a_text_with_nothing_to_speak(server):
    answer = server.speak("😊", stream_format="sse")
    assert answer.status == 200
    *deltas, done = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line]
    assert deltas
    assert done["usage"]["output_tokens"] == round(1000 * SILENCE_S)


@pytest.mark.parametrize("given", ["\ud83d {}", "{} \ude00", "{}\ud83d\ude00", "\ude00\ud83d{}"])
def test_half_a_character_has_no_sound(server, voice, given):
    body = json.dumps({"input": given.format(TEXT), "response_format": "pcm", "instructions": "\ud800"})
    assert "\\ud8" in body
    answer = server.ask("POST", SPEECH, body)
    assert answer.status == 200
    assert answer.body == pcm16(voice.say(TEXT).samples)


def test_null_is_the_default(server, voice):
    names = server.ask("GET", "/openapi.json").json()["components"]["schemas"]["SpeechRequest"]["properties"]
    assert {"speed", "pitch", "response_format", "stream_format", "stream", "sample_rate"} <= set(names)
    for name in set(names) - {"input"}:
        asked = {"input": TEXT, "response_format": "pcm", name: None}
        answer = server.ask("POST", SPEECH, json.dumps(asked))
        assert answer.status == 200, name
        assert name == "response_format" or answer.body == pcm16(voice.say(TEXT).samples)
    assert (
        server.ask("POST", SPEECH, json.dumps({"input": TEXT, **dict.fromkeys(set(names) - {"input"})})).status == 200
    )


# -- methods and headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        "authorization,content-type,x-stainless-os,x-stainless-lang,x-stainless-retry-count,x-stainless-timeout",
        "content-type,user-agent",
        "authorization,content-type,openai-organization,openai-project",
        "x-anything",
    ],
)
def test_a_page_of_an_allowed_site_may_send_any_header(open_server, headers):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    answer = open_server.ask("OPTIONS", SPEECH, headers={"Origin": ORIGIN, **asked})
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(headers.split(",")) <= allowed
    other = open_server.ask("OPTIONS", SPEECH, headers={"Origin": "https://z.example", **asked})
    assert other.status == 400
    assert "access-control-allow-origin" not in other.headers
    seen = open_server.speak("😊", headers={"Origin": ORIGIN}).headers["access-control-expose-headers"]
    assert {"X-Request-Id", "X-Sample-Rate", NOTHING_SPOKEN} <= set(seen.split(", "))


def test_head_is_answered_where_get_is(server):
    paths = server.ask("GET", "/openapi.json").json()["paths"]
    places = [path.replace("{model}", "tts-1") for path, methods in paths.items() if "get" in methods]
    assert {"/health", "/metrics", "/v1/audio/voices", "/v1/models/tts-1"} <= set(places)
    for path in [*places, "/", "/main.js", "/openapi.json"]:
        head, got = server.ask("HEAD", path), server.ask("GET", path)
        assert (head.status, head.body) == (200, b""), path
        assert head.headers["content-type"] == got.headers["content-type"]
        if path != "/metrics":
            assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.body))
    assert server.ask("HEAD", SPEECH).status == 405
    assert server.ask("HEAD", "/nothing").status == 404
    assert server.metric('ssmphony_requests_total{route="/health",status="200"}') >= 2


def test_head_needs_the_key(voice):
    with serving(voice, api_key="k") as server:
        assert server.ask("HEAD", "/v1/models").status == 401
        assert server.ask("HEAD", "/health").status == 200


def test_streams_are_not_buffered_by_proxies(server):
    for fields in ({}, {"stream_format": "sse"}, {"response_format": "wav", "stream": True}):
        assert server.speak(TEXT, **fields).headers["x-accel-buffering"] == "no"


# -- the form of the sound --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("name", ["pcm", "wav", "flac", "mp3", "aac"])
def test_the_sample_rate_that_is_asked_for(server, voice, name, rate):
    answer = server.speak(TEXT, response_format=name, sample_rate=rate)
    assert answer.headers["x-sample-rate"] == str(rate)
    meant = voice.say(TEXT).seconds
    if name == "pcm":
        assert len(answer.body) / 2 / rate == pytest.approx(meant, abs=0.002)
    elif name == "aac":
        assert len(decode(answer.body, name, rate)) / rate == pytest.approx(meant, abs=0.3)
    else:
        samples, found = soundfile.read(io.BytesIO(answer.body))
        assert found == rate
        assert len(samples) / rate == pytest.approx(meant, abs=0.002 if name != "mp3" else 0.3)


@pytest.mark.parametrize("name", ["g711_ulaw", "g711_alaw"])
def test_the_telephone(server, voice, name):
    for fields in ({}, {"sample_rate": 8000}, {"stream": False}):
        answer = server.speak(TEXT, response_format=name, **fields)
        assert answer.headers["x-sample-rate"] == "8000"
        assert len(answer.body) / 8000 == pytest.approx(voice.say(TEXT).seconds, abs=0.002)
