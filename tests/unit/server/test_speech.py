"""The official client of OpenAI, unmodified, over a real socket."""

from __future__ import annotations

import base64
import io
import json
import logging

import av
import numpy as np
import openai
import pytest
import soundfile
from openai import OpenAI

import ssmphony
from ssmphony.audio.encoding import FORMATS, MEDIA_TYPES, make_encoder
from ssmphony.audio.pcm import pcm16
from ssmphony.server.settings import ServeSettings
from tests.unit.server.running import serving

LOSSY = ("mp3", "opus", "aac")
TELEPHONE = ("g711_ulaw", "g711_alaw")
TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है, चलो।"


@pytest.fixture
def client(server):
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=20) as client:
        yield client


def decode(data: bytes, name: str, sample_rate: int) -> np.ndarray:
    """Samples (n,) of an encoded sound at ``sample_rate``."""
    if name == "pcm":
        return np.frombuffer(data, "<i2") / 32767
    demuxer = {"g711_ulaw": "mulaw", "g711_alaw": "alaw"}.get(name)
    options = {} if demuxer is None else {"sample_rate": "8000"}
    with av.open(io.BytesIO(data), format=demuxer, options=options) as container:
        resampler = av.AudioResampler("flt", "mono", sample_rate)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        frames += resampler.resample(None)
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def likeness(heard: np.ndarray, meant: np.ndarray) -> float:
    """The highest correlation over all shifts: an encoder may add some silence in front."""
    size = 1 << (len(heard) + len(meant)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(meant, size)), size)
    return float(cross.max() / np.sqrt((heard**2).sum() * (meant**2).sum()))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("streaming", [False, True])
def test_the_client_hears_what_the_voice_says(client, voice, name, streaming):
    asked = {"model": "tts-1", "voice": "tiny", "input": TEXT, "response_format": name, "speed": 1.25}
    if streaming:
        extra = {} if name == "flac" else {"stream": True}
        with client.audio.speech.with_streaming_response.create(
            **asked, instructions="Cheerfully.", extra_body=extra
        ) as response:
            assert response.headers["content-type"] == MEDIA_TYPES[name]
            if name == "flac":
                assert "content-length" in response.headers
            else:
                assert response.headers["transfer-encoding"] == "chunked"
                assert response.headers["x-accel-buffering"] == "no"
            data = b"".join(response.iter_bytes())
    else:
        data = client.audio.speech.create(**asked).content
    meant = voice.say(TEXT, speed=1.25).samples
    heard = decode(data, name, voice.sample_rate)
    assert abs(len(heard) - len(meant)) / voice.sample_rate < 0.08
    least = 0.8 if name in LOSSY else 0.5 if name in TELEPHONE else 0.99999  # what this voice says is half noise
    assert likeness(heard, meant) > least
    if name == "wav":
        samples, rate = soundfile.read(io.BytesIO(data))
        assert rate == voice.sample_rate
        assert len(samples) == len(meant)


@pytest.mark.parametrize("name", ["pcm", "mp3"])
def test_events_carry_the_same_sound(client, voice, name):
    request = {"model": "gpt-4o-mini-tts", "voice": {"id": "tiny"}, "input": TEXT, "response_format": name}
    plain = client.audio.speech.create(**request).content
    with client.audio.speech.with_streaming_response.create(**request, stream_format="sse") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]
    *deltas, done = events
    assert len(deltas) > 2
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(delta["audio"]) for delta in deltas) == plain
    assert done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["input_tokens"] == len(TEXT)
    assert usage["output_tokens"] == round(1000 * voice.say(TEXT).seconds)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_speaker_and_pitch_and_voices_left_out(server, client, voice):
    extra = {"speaker": "ravi", "pitch": 3, "fruit": "mango"}
    made = client.audio.speech.create(
        model="x", voice="default", input=TEXT, response_format="pcm", extra_body=extra
    ).content
    assert made == pcm16(voice.say(TEXT, speaker="ravi", pitch=3.0).samples)
    assert server.speak(TEXT).body == pcm16(voice.say(TEXT).samples)
    assert server.speak("<speak>एक <break time='300ms'/> दो</speak>").status == 200


def test_models_and_voices(server, client, voice):
    for model in ("ssmphony", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"):
        assert model in [listed.id for listed in client.models.list()]
        assert client.models.retrieve(model).object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt")
    listed = server.ask("GET", "/v1/audio/voices").json()
    assert listed["max_characters"] == ServeSettings().max_characters
    (card,) = listed["voices"]
    assert card == {
        "id": "tiny",
        "name": "tiny",
        "language": "hi",
        "description": "A voice for tests",
        "licence": "Apache-2.0",
        "attribution": "",
        "speakers": ["asha", "ravi"],
        "speaker_names": {"asha": "Asha", "ravi": "Ravi"},
        "sample_rate": voice.sample_rate,
    }


def test_the_client_understands_errors(client):
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.speech.create(model="x", voice="nobody", input=TEXT)
    assert raised.value.param == "voice"
    assert raised.value.code == "voice_not_found"
    assert "tiny" in raised.value.message
    assert raised.value.request_id.startswith("req_")


def test_sound_leaves_as_it_is_made(voice):
    """The first bytes arrive while the text cannot be finished: the listener holds the rest back."""
    with serving(voice, engine={"buffer_s": 0.5}, max_characters=100_000) as server:
        with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=20) as client:
            asked = {"model": "x", "voice": "tiny", "input": TEXT * 500, "speed": 0.25, "response_format": "wav"}
            with client.audio.speech.with_streaming_response.create(**asked) as response:
                next(response.iter_bytes(4096))
                assert server.engine.stats().finished == 0
        assert server.engine.stats().finished == 0


def test_metrics_and_log(voice, caplog, monkeypatch):
    logger = logging.getLogger("ssmphony.server")
    monkeypatch.setattr(logger, "propagate", True)  # whatever the tests before made of it
    monkeypatch.setattr(logger, "handlers", [])
    with caplog.at_level(logging.INFO, "ssmphony.server"), serving(voice) as server:
        answer = server.speak(TEXT)
        server.speak(TEXT, voice="nobody")
        assert server.metric('ssmphony_requests_total{route="/v1/audio/speech",status="200"}') == 1
        assert server.metric('ssmphony_requests_total{route="/v1/audio/speech",status="400"}') == 1
        assert server.metric("ssmphony_first_audio_seconds_count") == 1
        assert server.metric("ssmphony_real_time_factor_count") == 1
        assert server.metric("ssmphony_audio_seconds_total") == pytest.approx(voice.say(TEXT).seconds)
        assert server.metric("ssmphony_streams_running") == 0
        assert server.metric("ssmphony_slots ") > 0
    asked = answer.headers["x-request-id"]  # the log may still tell of what the test before asked for
    told = [record.fields for record in caplog.records if getattr(record, "fields", {}).get("id") == asked]
    assert [line["status"] for line in told] == [200]
    assert told[0]["characters"] == len(TEXT)
    assert told[0]["first_audio_ms"] > 0
    assert "नमस्ते" not in caplog.text
    with caplog.at_level(logging.INFO, "ssmphony.server"), serving(voice, log_text=True) as server:
        server.speak(TEXT)
    assert caplog.records[-1].fields["text"] == TEXT


@pytest.mark.parametrize("name", FORMATS)
def test_any_sample_rate_and_any_pieces_are_encoded(name):
    time = np.arange(22_050) / 22_050
    tone = (0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)
    encoder = make_encoder(name, 22_050)
    data = b"".join(encoder.encode(piece) for piece in np.split(tone, [1, 1, 500, 15_000])) + encoder.finish()
    heard = decode(data, name, 22_050)
    assert abs(len(heard) - len(tone)) < 0.1 * 22_050
    assert likeness(heard, tone) > 0.98


def test_the_shipped_voice():
    voice = ssmphony.load(threads=1)
    meant = voice.say("नमस्ते दुनिया।").samples
    with serving(voice) as server:
        assert server.speak("नमस्ते दुनिया।").body == pcm16(meant)
        for name in LOSSY:
            heard = server.speak("नमस्ते दुनिया।", response_format=name).body
            assert likeness(decode(heard, name, voice.sample_rate), meant) > 0.98
