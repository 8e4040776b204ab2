"""Wyoming with the protocol's own client: the audio, who is refused, and what is left after a disconnect."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine
from ssmphony.server.delivery import SILENCE_S
from ssmphony.server.log import LOGGER
from ssmphony.server.metrics import Metrics
from ssmphony.server.settings import ServeSettings
from ssmphony.server.wyoming import answering, bind
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.package import load

TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है।"
LONG = "यह एक लंबी कहानी है। " * 200
ANY = "tcp://127.0.0.1:0"


@pytest.fixture(scope="module")
def voice(tiny_voice_folder: Path) -> Voice:
    return load(tiny_voice_folder, threads=1)


@pytest.fixture
def engine(voice: Voice) -> Iterator[Engine]:
    with Engine(voice, workers=1) as engine:
        yield engine


@asynccontextmanager
async def server(engine: Engine, metrics: Metrics | None = None, **settings: Any) -> AsyncGenerator[int, None]:
    listener = bind(ANY)
    async with answering(listener, engine, ServeSettings(**settings), metrics or Metrics()):
        yield listener.getsockname()[1]


def with_server(engine: Engine, talk: Callable[[int], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        async with server(engine, **settings) as port:
            await asyncio.wait_for(talk(port), 30)

    asyncio.run(main())


def client(port: int) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", port, read_timeout=20)


async def heard(connection: AsyncTcpClient, last: type[Any] = AudioStop) -> tuple[bytes, list[str]]:
    """The sound, and the events in their order, up to the first of a kind."""
    sound, kinds = b"", list[str]()
    while (event := await connection.read_event()) is not None:
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (24000, 2, 1)
            assert chunk.timestamp == round(1000 * len(sound) / 48000)
            sound += chunk.audio
        if not kinds or kinds[-1] != event.type:
            kinds.append(event.type)
        if last.is_type(event.type):
            break
    return sound, kinds


def eventually(condition: Callable[[], bool]) -> Awaitable[None]:
    async def wait() -> None:
        until = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < until
            await asyncio.sleep(0.01)

    return wait()


def test_describes_its_voices(engine: Engine) -> None:
    async def talk(port: int) -> None:
        async with client(port) as connection:
            await connection.write_event(Describe().event())
            event = await connection.read_event()
            assert event is not None
            (program,) = Info.from_event(event).tts
            assert program.name == "ssmphony"
            assert program.installed
            assert program.supports_synthesize_streaming
            voice, second = program.voices
            assert (voice.name, voice.languages, voice.description) == ("tiny", ["hi"], "Tiny")
            assert [speaker.name for speaker in voice.speakers or []] == ["asha", "ravi"]
            assert (second.name, second.languages, second.description) == ("tiny/ravi", ["hi"], "Tiny: Ravi")
            assert all(voice.attribution.name and voice.installed for voice in program.voices)
            await connection.write_event(Ping("1").event())
            event = await connection.read_event()
            assert event is not None
            assert Pong.from_event(event).text == "1"

    with_server(engine, talk)


@pytest.mark.parametrize(
    ("asked", "speaker"),
    [
        (None, None),
        (SynthesizeVoice(name="tiny", speaker="ravi"), "ravi"),
        (SynthesizeVoice(name="tiny/ravi"), "ravi"),
        (SynthesizeVoice(name="Tiny", speaker="RAVI"), "ravi"),
        (SynthesizeVoice(language="hi-IN"), None),
    ],
)
def test_a_text_sounds_as_the_voice_says_it(
    engine: Engine, voice: Voice, asked: SynthesizeVoice | None, speaker: str | None
) -> None:
    async def talk(port: int) -> None:
        async with client(port) as connection:
            for text in (TEXT, "दो।"):  # one after the other on one connection
                await connection.write_event(Synthesize(text, asked).event())
                sound, kinds = await heard(connection)
                assert kinds == ["audio-start", "audio-chunk", "audio-stop"]
                assert sound == pcm16(voice.say(text, speaker=speaker).samples)

    with_server(engine, talk)


def test_text_in_pieces_is_spoken_before_its_end(engine: Engine) -> None:
    def alone() -> bytes:
        with engine.open() as stream:
            stream.write(TEXT)
            stream.finish()
            return pcm16(np.concatenate([chunk.samples for chunk in stream]))

    async def talk(port: int) -> None:
        async with client(port) as connection:
            await connection.write_event(SynthesizeStart().event())
            for piece in ("नमस्ते ", "दुनिया। ", "आज "):
                await connection.write_event(SynthesizeChunk(piece).event())
            start, chunk = await connection.read_event(), await connection.read_event()
            assert start is not None
            assert chunk is not None
            assert AudioStart.is_type(start.type)
            first = AudioChunk.from_event(chunk).audio
            assert first
            await connection.write_event(SynthesizeChunk("मौसम अच्छा है।").event())
            await connection.write_event(Synthesize(TEXT).event())  # as Home Assistant does, for older servers
            await connection.write_event(SynthesizeStop().event())
            rest = b""
            while (event := await connection.read_event()) and AudioChunk.is_type(event.type):
                rest += AudioChunk.from_event(event).audio
            assert event is not None
            assert AudioStop.is_type(event.type)
            event = await connection.read_event()
            assert event is not None
            assert SynthesizeStopped.is_type(event.type)
            assert first + rest == alone()

    with_server(engine, talk)


def test_many_clients_at_once(engine: Engine, voice: Voice) -> None:
    texts = [f"{number} बच्चे खेल रहे हैं। वे खुश हैं।" for number in range(8)]

    async def one(port: int, text: str) -> bytes:
        async with client(port) as connection:
            await connection.write_event(Synthesize(text).event())
            return (await heard(connection))[0]

    async def talk(port: int) -> None:
        sounds = await asyncio.gather(*(one(port, text) for text in texts))
        assert sounds == [pcm16(voice.say(text).samples) for text in texts]

    with_server(engine, talk)


@pytest.mark.parametrize("complete", [True, False])
def test_who_leaves_frees_the_stream(engine: Engine, complete: bool) -> None:
    async def talk(port: int) -> None:
        connection = client(port)
        await connection.connect()
        await connection.write_event((Synthesize(LONG) if complete else SynthesizeStart()).event())
        event = await connection.read_event()
        assert event is not None
        assert AudioStart.is_type(event.type)
        assert engine.stats().running == 1
        await connection.disconnect()
        await eventually(lambda: engine.stats().running == 0)
        assert engine.stats().cancelled == 1

    with_server(engine, talk)


def test_who_takes_nothing_is_cut_off(engine: Engine) -> None:
    async def main() -> None:
        listener = bind(ANY)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        settings = ServeSettings(stall_s=0.2)
        async with answering(listener, engine, settings, Metrics()):
            with socket.socket() as stalled:
                stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stalled.connect(listener.getsockname())
                stalled.sendall(raw({"type": "synthesize", "data": {"text": LONG}}))
                await eventually(lambda: engine.stats().cancelled == 1)

    asyncio.run(main())


def raw(header: Any) -> bytes:
    return json.dumps(header).encode() + b"\n"


def event(kind: str, **data: Any) -> bytes:
    return raw({"type": kind, "data": data})


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (event("synthesize", text="क", voice={"name": "asha"}), "voice_not_found", "unknown voice 'asha'"),
        (event("synthesize", text="क", voice={"name": "../../etc"}), "voice_not_found", "unknown voice"),
        (event("synthesize", text="क", voice={"name": "\ud800"}), "voice_not_found", "unknown voice"),
        (event("synthesize", text="क", voice={"language": "en"}), "voice_not_found", "no voice speaks 'en'"),
        (event("synthesize", text="क", voice={"name": "tiny", "speaker": "?"}), "invalid_value", "unknown speaker '?'"),
        (event("synthesize", text="क", voice={"speaker": "?"}), "invalid_value", "unknown speaker '?'"),
        (event("synthesize", text="क", voice={"language": "hi", "speaker": "?"}), "invalid_value", "unknown speaker"),
        (event("synthesize-start", voice={"language": "hi", "speaker": "?"}), "invalid_value", "unknown speaker"),
        (event("synthesize", text=5), "invalid_event", "synthesize: text: input should be a valid string"),
        (event("synthesize"), "invalid_event", "synthesize: text: field required"),
        (event("synthesize", text="क", text_format="html"), "invalid_event", "synthesize: text_format"),
        (event("synthesize", text="क" * 301), "string_above_max_length", "301 characters"),
        (event("synthesize", text="<speak><b></speak>"), "invalid_value", ""),
        (event("synthesize-chunk", text="क"), "invalid_event", "send synthesize-start first"),
        (event("synthesize-stop"), "invalid_event", "not begun"),
        (event("synthesize-start") + event("synthesize-start"), "invalid_event", "inside another"),
        (event("synthesize-start") + event("synthesize-chunk", text="क" * 301), "string_above_max_length", "301"),
        (b"GET / HTTP/1.1\r\n\r\n", "invalid_event", "not an event"),
        (b"x" * 100_000, "invalid_event", "not an event"),
        (b"[" * 60_000 + b"\n", "invalid_event", "not an event"),
        (raw([1]), "invalid_event", "not an event"),
        (raw({"kind": "synthesize"}), "invalid_event", "not an event"),
        (raw({"type": "synthesize", "data": [1]}), "invalid_event", "synthesize: data"),
        (raw({"type": "synthesize", "data_length": 1 << 40}), "body_too_large", "larger than 4096 bytes"),
        (raw({"type": "x", "payload_length": 1 << 40}), "body_too_large", "larger than 4096 bytes"),
    ],
)
def test_errors_are_reported_and_end_the_connection(engine: Engine, sent: bytes, code: str, message: str) -> None:
    async def talk(port: int) -> None:
        connection = client(port)
        await connection.connect()
        assert connection._writer is not None
        connection._writer.write(sent)
        while (received := await connection.read_event()) is not None and not Error.is_type(received.type):
            assert AudioStart.is_type(received.type)
        assert received is not None
        error = Error.from_event(received)
        assert error.code == code
        assert message in error.text
        assert "\n" not in error.text
        assert await connection.read_event() is None
        await connection.disconnect()
        await eventually(lambda: engine.stats().running == 0)

    with_server(engine, talk, max_characters=300, max_body_bytes=4096)


def test_what_it_does_not_know_is_dropped(engine: Engine) -> None:
    async def talk(port: int) -> None:
        async with client(port) as connection:
            await connection.write_event(Event("transcribe", {"name": "x"}, b"1234"))
            await connection.write_event(Synthesize("।").event())  # nothing to speak
            silence, events = await heard(connection)
            assert events == ["audio-start", "audio-chunk", "audio-stop"]
            assert silence == bytes(2 * round(SILENCE_S * 24_000))

    with_server(engine, talk)


def test_limits(engine: Engine) -> None:
    async def crowd(port: int) -> None:
        async with client(port) as first:
            await first.write_event(Ping().event())
            await first.read_event()
            async with client(port) as second:
                event = await second.read_event()
                assert event is not None
                assert Error.from_event(event).code == "too_many_connections"

    async def idle(port: int) -> None:
        async with client(port) as connection:
            assert await connection.read_event() is None

    async def late(port: int) -> None:
        async with client(port) as connection:
            await connection.write_event(SynthesizeStart().event())
            event = await connection.read_event()
            event = await connection.read_event()
            assert event is not None
            assert Error.from_event(event).code == "timeout"

    with_server(engine, crowd, connections=1)
    with_server(engine, idle, idle_s=0.05)
    with_server(engine, late, timeout_s=0.1)


def test_what_is_spoken_when_it_stops_is_spoken_to_its_end(engine: Engine, voice: Voice) -> None:
    async def main() -> None:
        async with client_of_a_server_that_stops(engine) as connection:
            assert (await heard(connection))[0] == pcm16(voice.say(TEXT).samples)
            assert await connection.read_event() is None

    asyncio.run(main())


@asynccontextmanager
async def client_of_a_server_that_stops(engine: Engine) -> AsyncGenerator[AsyncTcpClient, None]:
    async with server(engine) as port:
        connection = client(port)
        await connection.connect()
        await connection.write_event(Synthesize(TEXT).event())
        await eventually(lambda: engine.stats().opened == 1)
    yield connection
    await connection.disconnect()


def test_requests_are_counted(engine: Engine) -> None:
    metrics = Metrics()

    async def main() -> None:
        async with server(engine, metrics) as port, client(port) as connection:
            await connection.write_event(Synthesize(TEXT).event())
            await heard(connection)
            await connection.write_event(SynthesizeStop().event())
            await connection.read_event()

    asyncio.run(main())
    text = metrics.text().decode()
    assert 'ssmphony_requests_total{route="wyoming",status="200"} 1.0' in text
    assert 'ssmphony_requests_total{route="wyoming",status="400"} 1.0' in text
    assert f"ssmphony_characters_total {len(TEXT)}.0" in text


@pytest.mark.parametrize("uri", ["127.0.0.1:10200", "udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://:1", "tcp://a:b"])
def test_only_addresses(uri: str) -> None:
    with pytest.raises(SsmphonyError, match="write it as"):
        bind(uri)


def test_a_port_that_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    with bind(ANY) as taken:
        taken.listen()
        with pytest.raises(SsmphonyError, match="address already in use"):
            bind(f"tcp://127.0.0.1:{taken.getsockname()[1]}")
    with caplog.at_level(logging.WARNING, LOGGER), bind("tcp://0.0.0.0:0"):
        assert "no key" in caplog.text
