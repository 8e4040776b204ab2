"""The plugin for LiveKit Agents in `integrations/livekit`, with LiveKit's own base classes and a server.

LiveKit Agents is no part of the environment for tests: see the README there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.integration
pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")
FOLDER = Path(__file__).parents[3] / "integrations/livekit/src"
REPLY = 'नमस्ते "दुनिया"। आज ₹500 का मौसम अच्छा है!'
LONG = "आज मौसम बहुत अच्छा है, और हम सब बाहर जाएँगे। " * 60


@pytest.fixture
def make(server, voice, monkeypatch) -> Any:
    if not FOLDER.exists():
        pytest.skip("no checkout")
    monkeypatch.syspath_prepend(FOLDER)
    from livekit.plugins import ssmphony

    def tts(base_url: str | None = None, **options: Any) -> ssmphony.TTS:
        return ssmphony.TTS(base_url=base_url or f"{server.url}/v1", sample_rate=voice.sample_rate, **options)

    return tts


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    from livekit.agents.utils import http_context

    async def in_session() -> Any:
        async with http_context.open():
            return await work()

    return asyncio.run(asyncio.wait_for(in_session(), 120))


async def collect(stream: Any) -> tuple[np.ndarray, list[Any]]:
    """Samples and timed words."""
    from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

    sound, words = [], []
    async for event in stream:
        sound.append(np.asarray(event.frame.data, np.int16) / 32768)
        words += event.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
    return np.concatenate(sound), words


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Up to the rounding of samples, and LiveKit's marker of 10 ms at the end."""
    assert len(found) == pytest.approx(len(expected), abs=600)
    size = min(len(found), len(expected))
    np.testing.assert_allclose(found[:size], expected[:size], atol=2e-4)


def test_a_reply_in_tokens_is_one_utterance_with_timed_words(make, voice):
    async def speak() -> tuple[np.ndarray, list[Any]]:
        async with make().stream() as stream:
            for first in range(0, len(REPLY), 3):
                stream.push_text(REPLY[first : first + 3])
                await asyncio.sleep(0)
            stream.end_input()
            return await collect(stream)

    sound, words = run(speak)
    meant = voice.say(REPLY)
    assert_same(sound, meant.samples)
    assert "".join(words) == REPLY
    assert [word.start_time for word in words] == pytest.approx([word.start_s for word in meant.words], abs=2e-3)
    assert [word.end_time for word in words] == pytest.approx([word.end_s for word in meant.words], abs=2e-3)


def test_options_reach_the_server(make, voice):
    async def speak() -> list[np.ndarray]:
        tts = make(speaker="ravi", speed=1.5)
        first, _ = await collect(tts.synthesize("नमस्ते।"))
        tts.update_options(speaker="asha", speed=1.0)
        second, _ = await collect(tts.synthesize("दुनिया।"))
        return [first, second]

    first, second = run(speak)
    assert_same(first, voice.say("नमस्ते।", speaker="ravi", speed=1.5).samples)
    assert_same(second, voice.say("दुनिया।", speaker="asha").samples)


def test_closing_a_stream_stops_the_server(make, server):
    async def interrupt() -> float:
        stream = make().stream()
        stream.push_text(LONG)
        await anext(stream)
        await stream.aclose()
        deadline = time.monotonic() + 10
        while (running := server.metric("ssmphony_streams_running")) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return running  # before the end of the session, which closes all sockets

    assert run(interrupt) == 0


@pytest.mark.parametrize("text", ["😊", "..."])
def test_what_cannot_be_spoken_is_no_failure(make, text):
    async def speak() -> tuple[np.ndarray, list[Any]]:
        return await collect(make().synthesize(text))

    sound, words = run(speak)
    assert not sound.any()
    assert words == []


def test_errors_say_what_is_wrong(make):
    from livekit.agents import APIConnectionError, APIConnectOptions, APIError

    async def speak(tts: Any, attempts: int) -> None:
        options = APIConnectOptions(max_retry=attempts, retry_interval=0.01)
        await collect(tts.synthesize("नमस्ते।", conn_options=options))

    with pytest.raises(APIError, match="nobody") as raised:
        run(lambda: speak(make(voice="nobody"), 3))
    assert not raised.value.retryable
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9"):
        run(lambda: speak(make("http://127.0.0.1:9/v1"), 1))
