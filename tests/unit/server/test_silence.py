"""Silence on every surface of the server: in pieces, in little memory, up to a limit, and nobody waits for it."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import pytest
from websockets.sync.client import connect
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.tts import Synthesize

from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine
from ssmphony.server.metrics import Metrics
from ssmphony.server.run import load_voices
from ssmphony.server.settings import ServeSettings
from ssmphony.server.wyoming import answering, bind
from tests.unit.server.running import SPEECH, serving

BREAK = "<break time='10s'/>"
ATTACK = f"<speak>क{BREAK * 258}</speak>"
LIMITED = (
    "the breaks of this text add up to 20 s of silence, and 12.5 s are allowed: "
    "shorten them, or speak the text in parts"
)
RATE = 24_000
SECOND = 2 * RATE


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def take(server, text: str, **fields) -> int:
    """How many bytes an answer has; none of them is kept."""
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    body = json.dumps({"input": text, "response_format": "pcm", **fields})
    connection.request("POST", SPEECH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200
    size = 0
    while data := response.read1(1 << 16):
        size += len(data)
    connection.close()
    return size


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("count", "response_format"), [(1, "pcm"), (4, "pcm"), (1, "flac")])
def test_minutes_of_silence_take_no_memory_and_delay_nobody(server, count, response_format):
    for _ in range(3):
        take(server, "नमस्ते।")
    before, most = memory_mb(), [0.0]
    sizes: list[int] = []
    threads = [
        threading.Thread(target=lambda: sizes.append(take(server, ATTACK, response_format=response_format)))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    waits = []
    while any(thread.is_alive() for thread in threads):
        began = time.perf_counter()
        take(server, "हाँ।")
        waits.append(time.perf_counter() - began)
        most.append(memory_mb())
    for thread in threads:
        thread.join()
    alone = server_voice(server).say("<speak>क<break strength='none'/></speak>")
    if response_format == "pcm":
        assert sizes == [2 * len(alone.samples) + 2580 * SECOND] * count
    assert max(most) - before < 30  # 124 MB of it are sent to each
    assert max(waits) < 5.0


def server_voice(server):
    return next(iter(server.engine.voices.values()))


def test_frames_of_a_websocket_are_small(server):
    text = f"<speak>साँस लीजिए।{BREAK * 3}छोड़िए।</speak>"
    sound, ends = b"", []
    with connect(server.url.replace("http", "ws") + "/v1/audio/speech/stream", max_size=1 << 20) as socket:
        for message in ({"type": "start"}, {"type": "text", "text": text}, {"type": "finish"}):
            socket.send(json.dumps(message))
        while not ends or ends[-1] not in ("done", "error"):
            received = socket.recv(timeout=10)
            if isinstance(received, bytes):
                assert len(received) <= 1.5 * SECOND
                sound += received
            else:
                ends.append(json.loads(received)["type"])
    assert ends[-1] == "done"
    assert sound == pcm16(server_voice(server).say(text).samples)


@pytest.mark.parametrize("response_format", ["mp3", "opus", "aac", "flac", "wav"])
def test_encoders_take_silence_in_pieces(server, response_format):
    text = f"<speak>क{BREAK * 6}</speak>"
    data = server.speak(text, response_format=response_format).body
    with av.open(io.BytesIO(data)) as container:
        samples = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert samples == pytest.approx(server_voice(server).say(text).seconds, abs=0.2)


def test_events_hold_a_piece_each(server):
    body = server.speak(f"<speak>क{BREAK * 6}</speak>", stream_format="sse").body
    assert max(map(len, body.split(b"\n\n"))) < 1.5 * SECOND * 4 / 3 + 100


def test_a_listener_who_takes_a_break_as_it_plays_is_not_late(voice):
    """The time for a request grows by the silence that its text asks for."""
    text = "<speak>क<break time='3s'/></speak>"
    with serving(voice, timeout_s=0.5, engine={"buffer_s": 0.5}) as server:
        connection = http.client.HTTPConnection(*server.address, timeout=20)
        body = json.dumps({"input": text, "response_format": "pcm"})
        connection.request("POST", SPEECH, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        first = response.read(1)
        time.sleep(0.8)
        assert first + response.read() == pcm16(voice.say(text).samples)


# -- the limit --------------------------------------------------------------------------------------------------------


def test_too_much_silence_is_an_error_of_the_request(voice):
    text = f"<speak>क{BREAK * 2}</speak>"
    with serving(replace(voice, max_silence_s=12.5)) as server:
        answer = server.speak(text)
        assert answer.status == 400
        assert answer.error["message"] == LIMITED
        assert server.speak(f"<speak>क{BREAK}</speak>").status == 200
        with connect(server.url.replace("http", "ws") + "/v1/audio/speech/stream") as socket:
            for message in ({"type": "start"}, {"type": "text", "text": text}, {"type": "finish"}):
                socket.send(json.dumps(message))
            assert json.loads(socket.recv(timeout=10))["type"] == "started"
            error = json.loads(socket.recv(timeout=10))
            assert (error["type"], error["message"]) == ("error", LIMITED)


def test_wyoming_sends_pieces_and_the_error(voice):
    async def ask(port: int, text: str) -> list:
        events = []
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Synthesize(text).event())
            while (event := await asyncio.wait_for(client.read_event(), 10)) is not None:
                events.append(event)
                if AudioStop.is_type(event.type) or Error.is_type(event.type):
                    break
        return events

    async def main() -> None:
        listener = bind("tcp://127.0.0.1:0")
        async with answering(listener, engine, ServeSettings(), Metrics()):
            port = listener.getsockname()[1]
            events = await ask(port, f"<speak>क{BREAK}</speak>")
            chunks = [AudioChunk.from_event(event).audio for event in events if AudioChunk.is_type(event.type)]
            assert max(map(len, chunks)) <= 1.5 * SECOND
            assert b"".join(chunks) == pcm16(voice.say(f"<speak>क{BREAK}</speak>").samples)
            error = Error.from_event((await ask(port, f"<speak>क{BREAK * 2}</speak>"))[-1])
            assert error.text == LIMITED

    with Engine(replace(voice, max_silence_s=12.5), workers=1) as engine:
        asyncio.run(main())


def test_the_limit_is_a_setting(tiny_voice_folder):
    settings = ServeSettings(voices=(str(tiny_voice_folder),), max_silence_s=12.5)
    assert [voice.max_silence_s for voice in load_voices(settings).values()] == [12.5]
    assert ServeSettings().max_silence_s == 3600.0
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="max_silence_s"):
            ServeSettings(max_silence_s=bad)


# -- documents that begin with something else -------------------------------------------------------------------------


@pytest.mark.parametrize("before", ['<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff", "<!-- टिप्पणी, एक -->"])
def test_a_prolog_is_not_read_aloud(server, before):
    text = before + "<speak>नमस्ते</speak>"
    expected = pcm16(server_voice(server).say("<speak>नमस्ते</speak>").samples)
    assert server.speak(text).body == expected
    sound, words, ended = b"", [], False
    with connect(server.url.replace("http", "ws") + "/v1/audio/speech/stream") as socket:
        socket.send(json.dumps({"type": "start"}))
        for character in text:
            socket.send(json.dumps({"type": "text", "text": character}))
        socket.send(json.dumps({"type": "finish"}))
        while not ended:
            received = socket.recv(timeout=10)
            if isinstance(received, bytes):
                sound += received
                continue
            message = json.loads(received)
            words += message.get("words", [])
            ended = message["type"] in ("done", "error")
    assert sound == expected
    assert [text[word["start"] : word["end"]] for word in words] == ["नमस्ते"]


def test_a_document_type_is_refused(server):
    answer = server.speak("<!DOCTYPE speak><speak>नमस्ते</speak>")
    assert answer.status == 400
    assert "a document type is refused" in answer.error["message"]
