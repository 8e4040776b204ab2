"""Voice agents with their own plugins for OpenAI's endpoint: LiveKit Agents and Pipecat, as they come.

They are no part of the environment for tests (`pip install -e ".[serve,test-clients]"` in one of its own).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import pytest

from ssmphony.audio.pcm import pcm16

pytestmark = pytest.mark.slow
T = TypeVar("T")
REPLY = "नमस्ते! मैं आपकी सहायता के लिए यहाँ हूँ। 😊"


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 60))


@pytest.fixture(scope="module")
def livekit() -> Any:
    pytest.importorskip("livekit.plugins.openai")
    from livekit.agents import tts
    from livekit.plugins import openai

    return openai, tts


async def seconds_of(events: AsyncIterator[Any]) -> float:
    return sum([event.frame.duration async for event in events])


@pytest.mark.parametrize("text", ["नमस्ते दुनिया।", "😊", "..."])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": "tts-1", "voice": "alloy"},
        {"model": "tts-1-hd", "voice": "shimmer", "response_format": "pcm"},
        {"response_format": "wav"},
        {"response_format": "opus"},
        {"model": "tts-1", "response_format": "flac"},
    ],
)
def test_livekit_speaks_a_sentence(livekit, server, voice, text, fields):
    openai, _ = livekit

    async def speak() -> float:
        speaker = openai.TTS(base_url=f"{server.url}/v1", api_key="none", **fields)
        async with speaker.synthesize(text) as stream:
            seconds = await seconds_of(stream)
        await speaker.aclose()
        return seconds

    meant = voice.say(text).seconds
    assert run(speak()) == pytest.approx(meant or 0.1, abs=0.3)


def test_livekit_speaks_a_reply_in_pieces(livekit, server, voice):
    openai, tts = livekit

    async def speak() -> float:
        adapter = tts.StreamAdapter(tts=openai.TTS(base_url=f"{server.url}/v1", api_key="none"))
        async with adapter.stream() as stream:
            for first in range(0, len(REPLY), 4):
                stream.push_text(REPLY[first : first + 4])
            stream.end_input()
            return await seconds_of(stream)

    assert run(speak()) > 0.8 * voice.say(REPLY).seconds


@pytest.mark.parametrize("settings", [{}, {"voice": "onyx", "model": "tts-1", "speed": 1.25}])
@pytest.mark.parametrize("text", ["नमस्ते दुनिया।", "😊"])
def test_pipecat_speaks(server, voice, settings, text):
    pytest.importorskip("pipecat.services.openai.tts")
    from pipecat.frames.frames import ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
    from pipecat.pipeline.worker import PipelineParams
    from pipecat.services.openai.tts import OpenAITTSService
    from pipecat.tests.utils import SleepFrame, run_test

    async def speak() -> tuple[bytes, list[str]]:
        asked = OpenAITTSService.Settings(**settings)
        service = OpenAITTSService(base_url=f"{server.url}/v1", api_key="none", settings=asked)
        down, up = await run_test(
            service,
            frames_to_send=[TTSSpeakFrame(text), SleepFrame(2.0)],
            pipeline_params=PipelineParams(audio_out_sample_rate=24_000),
            start_timeout=10.0,
        )
        sound = b"".join(frame.audio for frame in down if isinstance(frame, TTSAudioRawFrame))
        return sound, [frame.error for frame in (*down, *up) if isinstance(frame, ErrorFrame)]

    sound, errors = run(speak())
    assert errors == []
    if text == "😊":
        assert sound.strip(b"\0") == b""
        return
    speaker, speed = ("asha", 1.0) if not settings else (None, 1.25)
    candidates = ["asha", "ravi"] if speaker is None else [speaker]
    assert any(pcm16(voice.say(text, speaker=name, speed=speed).samples) in sound for name in candidates)
