"""Text in as it is written, sound and word times out."""

from __future__ import annotations

import io
import json

import av
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine
from ssmphony.server.delivery import SILENCE_S
from ssmphony.types import Audio
from tests.unit.server.running import serving
from tests.waiting import wait_for

TEXT = "नमस्ते, मैं सोच रहा हूँ। आज मौसम अच्छा है!"
PATH = "/v1/audio/speech/stream"
LONG = "यह एक लंबा वाक्य है, जो देर तक चलता है। " * 100


class Client:
    def __init__(self, server, **options):
        self.connection = connect(server.url.replace("http", "ws") + PATH, open_timeout=10, close_timeout=1, **options)
        self.heard = 0

    def __enter__(self):
        self.socket = self.connection.__enter__()
        return self

    def __exit__(self, *raised):
        self.connection.__exit__(*raised)

    def send(self, kind, **fields):
        if kind == "start":
            self.heard = 0 if fields.get("format", "pcm") == "pcm" else float("inf")
        self.socket.send(json.dumps({"type": kind, **fields}))

    def next(self):
        """A message, or sound."""
        message = self.socket.recv(timeout=10)
        if isinstance(message, bytes):
            self.heard += len(message)
            return message
        return json.loads(message)

    def until_end(self):
        """Sound, words, and the message that ends the utterance."""
        sound, words = b"", []
        while True:
            message = self.next()
            if isinstance(message, bytes):
                sound += message
            elif message["type"] == "words":
                words += message["words"]
                made = self.heard / 2 / 24_000
                assert all(word["end_s"] <= made + 1e-6 for word in message["words"])
            else:
                assert message["type"] in ("done", "error")
                return sound, words, message

    def say(self, *pieces, **style):
        self.send("start", **style)
        started = self.next()
        assert started["type"] == "started"
        for piece in pieces:
            self.send("text", text=piece)
        self.send("finish")
        return self.until_end()


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client


@pytest.fixture(scope="module")
def spoken(voice) -> Audio:
    """The text by clauses, as the engine speaks what is still being written."""
    with Engine(voice, workers=1) as engine:
        stream = engine.open()
        stream.write(TEXT)
        stream.finish()
        return Audio.join(stream, voice.sample_rate)


def test_the_same_sound_however_the_text_arrives(client, spoken):
    for pieces in ([TEXT], list(TEXT), [TEXT[:7], TEXT[7:30], TEXT[30:]]):
        sound, words, done = client.say(*pieces)
        assert sound == pcm16(spoken.samples)
        assert done == {"type": "done", "seconds": pytest.approx(spoken.seconds)}
        assert [word["text"] for word in words] == [word.text for word in spoken.words]
        assert [TEXT[word["start"] : word["end"]] for word in words] == [word["text"] for word in words]
        times = [time for word in words for time in (word["start_s"], word["end_s"])]
        assert times == sorted(times)


def test_flush_speaks_what_is_there(client):
    client.send("start", voice="tiny", speaker="ravi", speed=1.5, pitch=-2)
    assert client.next() == {"type": "started", "sample_rate": 24_000, "voice": "tiny"}
    client.send("text", text="नमस्ते दुनिया")
    client.send("flush")
    assert isinstance(client.next(), bytes)
    client.send("text", text="चलो")
    client.send("finish")
    _, words, done = client.until_end()
    assert words[-1]["text"] == "चलो"
    assert done["type"] == "done"


def test_cancel_takes_effect_at_once(client, server, spoken):
    client.send("start", speed=0.25)
    client.send("text", text=LONG)
    assert client.next()["type"] == "started"
    assert isinstance(client.next(), bytes)
    client.send("cancel")
    done = client.until_end()[2]
    assert done["cancelled"] is True
    wait_for(lambda: server.engine.stats().running == 0)
    assert client.say(TEXT)[0] == pcm16(spoken.samples)


def test_closing_the_socket_cancels(server):
    before = server.engine.stats().cancelled
    with Client(server) as client:
        client.send("start", speed=0.25)
        client.send("text", text=LONG)
        assert client.next()["type"] == "started"
    wait_for(lambda: server.engine.stats().running == 0)
    assert server.engine.stats().cancelled == before + 1


def test_other_formats(client, voice, spoken):
    sound, _, _ = client.say(TEXT, format="flac")
    with av.open(io.BytesIO(sound)) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert heard.astype("<i2").tobytes() == pcm16(spoken.samples)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_message"),
        ("[]", "invalid_message"),
        ('{"type": "sing"}', "invalid_message"),
        ('{"type": "text", "text": 3}', "invalid_message"),
        ('{"type": "start", "speed": 9}', "invalid_message"),
        ('{"type": "start", "format": "tape"}', "invalid_message"),
        ('{"type": "start", "voice": "../../etc"}', "voice_not_found"),
        ('{"type": "start", "speaker": "nobody"}', "invalid_value"),
        ('{"type": "text", "text": "\\ud800"}', "not_started"),
        ('{"type": "text", "text": "x"}', "not_started"),
        ('{"type": "finish"}', "not_started"),
        (b"\xff\xfe", "invalid_message"),
    ],
)
def test_mistakes_are_reported_and_forgiven(client, spoken, message, code):
    client.socket.send(message)
    told = client.next()
    assert told["type"] == "error"
    assert told["code"] == code
    assert "\n" not in told["message"]
    assert client.say(TEXT)[0] == pcm16(spoken.samples)


def test_one_utterance_at_a_time(client):
    client.send("start")
    assert client.next()["type"] == "started"
    client.send("start")
    assert client.next()["code"] == "already_started"
    client.send("finish")
    assert client.until_end()[2] == {"type": "done", "seconds": 0.0}


@pytest.mark.parametrize(
    ("fields", "rate", "width"),
    [
        ({"sample_rate": 8000}, 8000, 2),
        ({"sample_rate": 48_000}, 48_000, 2),
        ({"format": "g711_ulaw"}, 8000, 1),
        ({"format": "g711_alaw", "sample_rate": 8000}, 8000, 1),
    ],
)
def test_the_sample_rate_that_is_asked_for(client, spoken, fields, rate, width):
    client.send("start", **fields)
    assert client.next()["sample_rate"] == rate
    client.send("text", text=TEXT)
    client.send("finish")
    sound = b""
    while not isinstance(message := client.next(), dict) or message["type"] == "words":
        sound += message if isinstance(message, bytes) else b""
    assert message["type"] == "done"
    assert len(sound) / width / rate == pytest.approx(spoken.seconds, abs=0.002)


def test_a_sample_rate_that_there_is_not(client):
    client.send("start", format="opus", sample_rate=44_100)
    assert "opus has no sample rate of 44100 Hz" in client.next()["message"]
    client.send("start", sample_rate=1)
    assert "sample_rate" in client.next()["message"]


def test_openais_names_and_aliases(client, spoken):
    assert client.say(TEXT, voice="alloy")[0] == client.say(TEXT, voice="Tiny")[0] == pcm16(spoken.samples)
    ravi = client.say(TEXT, voice="tiny", speaker="ravi")[0]
    assert ravi != pcm16(spoken.samples)
    assert client.say(TEXT, voice="TINY/Ravi")[0] == client.say(TEXT, voice="coral")[0] == ravi


def test_what_cannot_be_spoken(client, server):
    silence, _, done = client.say("🙂 ***")
    assert done == {"type": "done", "seconds": SILENCE_S, "nothing_spoken": True}
    assert silence == bytes(len(silence))
    assert len(silence) == 2 * round(SILENCE_S * 24_000)
    assert client.say("<speak><nonsense></speak>")[2]["code"] == "invalid_value"
    assert client.say("क" * 50_001)[2]["code"] == "string_above_max_length"


def test_a_full_server_refuses_one_and_serves_the_others(voice):
    with serving(voice, streams=1, engine={"running": 1, "queue": 0}) as server, Client(server) as client:
        with Client(server) as other:
            other.send("start")
            assert other.next()["type"] == "started"
            client.send("start")
            assert client.next()["code"] == "server_busy"
        wait_for(lambda: server.engine.stats().running == 0)
        assert client.say(TEXT)[2]["type"] == "done"
        counted = {status: f'ssmphony_requests_total{{route="{PATH}",status="{status}"}}' for status in (101, 200, 499)}
        assert server.metric(counted[200]) == server.metric(counted[499]) == 1  # utterances
        assert server.metric(counted[101]) == 1  # sockets that were closed


def test_silence_ends_a_socket(voice):
    with serving(voice, idle_s=0.2) as server, Client(server) as client:
        client.send("start")
        assert client.next()["type"] == "started"
        assert client.next()["code"] == "idle_timeout"
        with pytest.raises(ConnectionClosed):
            client.next()


def test_a_client_that_takes_nothing_is_cut_off(voice, spoken):
    with serving(voice, stall_s=1.0, engine={"buffer_s": 2.0}) as server:
        with Client(server, max_queue=1) as stalled, Client(server) as client:
            stalled.send("start", speed=0.25)
            stalled.send("text", text=LONG)
            stalled.send("finish")
            wait_for(lambda: server.engine.stats().unread_s >= 2.0)
            assert client.say(TEXT)[0] == pcm16(spoken.samples)
            wait_for(lambda: server.engine.stats().running == 0)
        assert server.engine.stats().cancelled == 1


def test_a_server_that_stops_says_so(voice):
    with serving(voice) as server, Client(server) as client:
        client.send("start")
        assert client.next()["type"] == "started"
        server.server.should_exit = True
        with pytest.raises(ConnectionClosed) as closed:
            client.next()
        assert closed.value.rcvd.code == 1012


def test_keys_and_origins(voice):
    with serving(voice, api_key="secret", cors_origins=["https://good.example"]) as server:
        for options in ({}, {"additional_headers": {"Authorization": "Bearer wrong"}}):
            with pytest.raises(InvalidStatus) as refused, Client(server, **options):
                pass
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body)["error"]["code"] == "invalid_api_key"
        key = {"Authorization": "Bearer secret"}
        with pytest.raises(InvalidStatus) as refused, Client(server, additional_headers=key, origin="https://a.b"):
            pass
        assert refused.value.response.status_code == 403
        for options in (
            {"additional_headers": key, "origin": "https://good.example"},
            {"additional_headers": key, "origin": server.url},
            {"subprotocols": ["realtime", "openai-insecure-api-key.secret"]},
        ):
            with Client(server, **options) as client:
                assert client.say(TEXT)[2]["type"] == "done"
