"""Files of true length, and what it costs to make them."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import wave

import av
import numpy as np
import pytest
import soundfile

from ssmphony.audio.encoding import wav_header
from ssmphony.audio.pcm import pcm16
from ssmphony.server.delivery import Piece
from ssmphony.server.requests import SHORT
from ssmphony.server.whole import SoundBudget, complete
from ssmphony.types import AudioChunk
from tests.unit.server.running import SPEECH, serving
from tests.unit.server.test_faults import post
from tests.waiting import wait_for

TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है, चलो।"
LONG = "यह एक लंबा वाक्य है, जो देर तक चलता है। " * 20


def frames_of_wav(data: bytes) -> int:
    with wave.open(io.BytesIO(data)) as file:
        return file.getnframes()


@pytest.mark.parametrize("text", [TEXT, LONG])
@pytest.mark.parametrize("rate", [None, 8000])
def test_readers_find_the_true_length_of_wav(server, voice, text, rate):
    answer = server.speak(text, response_format="wav", stream=False, sample_rate=rate)
    meant = voice.say(text)
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "transfer-encoding" not in answer.headers
    samples, found = soundfile.read(io.BytesIO(answer.body), dtype="int16")
    assert len(samples) == frames_of_wav(answer.body) == (len(answer.body) - len(wav_header(found))) // 2
    assert len(samples) / found == pytest.approx(meant.seconds, abs=0.002)
    if rate is None:
        assert samples.astype("<i2").tobytes() == pcm16(meant.samples)


@pytest.mark.parametrize("fields", [{}, {"stream": False}, {"stream": None}])
def test_readers_find_the_true_length_of_flac(server, voice, fields):
    for text in (TEXT, LONG):
        answer = server.speak(text, response_format="flac", **fields)
        samples, _ = soundfile.read(io.BytesIO(answer.body), dtype="int16")
        assert samples.astype("<i2").tobytes() == pcm16(voice.say(text).samples)
        with av.open(io.BytesIO(answer.body)) as container:
            assert container.duration / 1e6 == pytest.approx(len(samples) / voice.sample_rate, abs=0.001)


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_readers_find_the_true_length_of_others(server, voice, name):
    answer = server.speak(TEXT, response_format=name, stream=False)
    samples, rate = soundfile.read(io.BytesIO(answer.body))
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert len(samples) / rate == pytest.approx(voice.say(TEXT).seconds, abs=0.01)


def test_wav_is_whole_where_it_is_short(server):
    short, longer = "क" * SHORT, "क " * (SHORT // 2 + 1)
    assert frames_of_wav(server.speak(short, response_format="wav").body) < 2**30
    assert frames_of_wav(server.speak(longer, response_format="wav").body) > 2**30
    assert frames_of_wav(server.speak(short, response_format="wav", stream=True).body) > 2**30


def test_a_wav_that_is_too_large_for_its_header():
    before = len(wav_header(8000)) - 8
    assert wav_header(8000, 2**32 - before) == wav_header(8000)
    assert wav_header(8000, 2**32 - before - 2) != wav_header(8000)


def test_phonemes_are_spoken_whole_too(server):
    answer = server.ask("POST", "/v1/audio/phonemes/speech", '{"phonemes": "nəməst̪eː"}')
    samples, _ = soundfile.read(io.BytesIO(answer.body))
    assert len(samples) == frames_of_wav(answer.body)


def test_an_error_in_the_middle_has_a_status(voice, monkeypatch):
    real = type(voice).decode
    calls = iter(range(1000))
    with serving(voice) as server:
        monkeypatch.setattr(
            type(voice), "decode", lambda self, batch, frames: real(self, batch, frames) if next(calls) < 5 else 1 / 0
        )
        answer = server.speak(LONG, response_format="flac")
        assert (answer.status, answer.error["code"]) == (500, "voice_failed")
        monkeypatch.undo()
        assert server.server.config.app.state.held.held_s == 0


def test_memory_is_bounded(voice):
    """One sound may not be longer than the limit; together they may not hold more."""
    seconds = voice.say(TEXT).seconds
    with serving(voice, whole_s=1.5 * seconds, engine={"buffer_s": 0.5}) as server:
        room = server.server.config.app.state.held
        refused = server.speak(LONG, response_format="wav", stream=False)
        assert (refused.status, refused.error["code"], refused.error["param"]) == (400, "sound_too_long", "stream")
        assert server.speak(LONG, response_format="wav").status == 200
        assert room.held_s == 0
        room.held_s = seconds  # of another that is being made
        refused = server.speak(TEXT, response_format="flac")
        assert (refused.status, refused.error["code"]) == (429, "server_busy")
        room.held_s = 0
        assert server.speak(TEXT, response_format="flac").status == 200
        wait_for(lambda: room.held_s == 0)  # the place is free a moment after the last byte


def test_what_is_held_is_the_encoded_sound():
    async def pieces():
        for _ in range(100):
            yield Piece(b"", AudioChunk(np.zeros(24_000, np.float32), 24_000))
        yield Piece(b"end", None)

    async def collect():
        return [piece async for piece in complete(pieces(), "flac", 24_000, SoundBudget(100.0))]

    collected = asyncio.run(collect())
    assert b"".join(piece.data for piece in collected) == b"end"
    assert sum(piece.chunk.samples.nbytes for piece in collected if piece.chunk is not None) == 0


def test_a_client_that_leaves_frees_its_place(voice):
    body = b'{"input": "' + (LONG * 20).encode() + b'", "response_format": "flac", "speed": 0.25}'
    with serving(voice) as server:
        room = server.server.config.app.state.held
        with socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(post(body))
            wait_for(lambda: room.held_s > 0)
        wait_for(lambda: room.held_s == 0)
        wait_for(lambda: server.engine.stats().running == 0)
        wait_for(lambda: server.metric(f'ssmphony_requests_total{{route="{SPEECH}",status="499"}}') == 1)


def test_whole_sounds_side_by_side(voice):
    texts = [f"यह वाक्य संख्या {i} है।" for i in range(8)]
    found: dict[str, bytes] = {}
    with serving(voice, engine={"workers": 2}) as server:
        threads = [
            threading.Thread(target=lambda text=text: found.update({text: server.speak(text, stream=False).body}))
            for text in texts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {text: pcm16(voice.say(text).samples) for text in texts}
