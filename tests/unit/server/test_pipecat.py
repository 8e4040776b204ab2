"""The service for Pipecat in `integrations/pipecat`, in Pipecat's own pipeline, with a server.

Pipecat is no part of the environment for tests: see the README there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmphony.audio.pcm import pcm16

pytestmark = pytest.mark.integration
pytest.importorskip("pipecat.services.tts_service", reason="pipecat-ai is not installed")
FOLDER = Path(__file__).parents[3] / "integrations/pipecat/src"
REPLY = 'नमस्ते "दुनिया"। आज ₹500 का मौसम अच्छा है!'
LONG = "आज मौसम बहुत अच्छा है, और हम सब बाहर जाएँगे। " * 60


@pytest.fixture
def make(server, monkeypatch) -> Any:
    if not FOLDER.exists():
        pytest.skip("no checkout")
    monkeypatch.syspath_prepend(FOLDER)
    from pipecat_ssmphony import SsmphonyTTSService

    def service(base_url: str | None = None, **settings: Any) -> SsmphonyTTSService:
        return SsmphonyTTSService(
            base_url=base_url or f"{server.url}/v1", settings=SsmphonyTTSService.Settings(**settings)
        )

    return service


def play(service: Any, frames: Sequence[Any], rate: int = 24_000) -> tuple[list[Any], list[str]]:
    """Send frames; the frames that come out of the pipeline, and the messages of its errors."""
    from pipecat.frames.frames import ErrorFrame
    from pipecat.pipeline.worker import PipelineParams
    from pipecat.tests.utils import run_test

    async def run() -> tuple[list[Any], list[str]]:
        parameters = PipelineParams(audio_out_sample_rate=rate)
        down, up = await run_test(service, frames_to_send=frames, pipeline_params=parameters, start_timeout=30.0)
        return list(down), [frame.error for frame in (*down, *up) if isinstance(frame, ErrorFrame)]

    return asyncio.run(asyncio.wait_for(run(), 120))


def sound_of(frames: Sequence[Any]) -> bytes:
    from pipecat.frames.frames import TTSAudioRawFrame

    return b"".join(frame.audio for frame in frames if isinstance(frame, TTSAudioRawFrame))


def assert_same(sound: bytes, *expected: np.ndarray) -> None:
    """Up to the rounding of samples: streams that run together may differ by it from one that runs alone."""
    found = np.frombuffer(sound, "<i2") / 32768
    meant = np.concatenate(expected)
    assert len(found) == len(meant)
    np.testing.assert_allclose(found, meant, atol=2e-4)


def reply(text: str, size: int = 3) -> list[Any]:
    """As a language model writes it, in tokens."""
    from pipecat.frames.frames import LLMFullResponseEndFrame, LLMFullResponseStartFrame, LLMTextFrame

    tokens = [LLMTextFrame(text[first : first + size]) for first in range(0, len(text), size)]
    return [LLMFullResponseStartFrame(), *tokens, LLMFullResponseEndFrame()]


def test_a_reply_in_tokens_is_one_utterance_with_timed_words(make, voice):
    from pipecat.frames.frames import TTSStartedFrame, TTSStoppedFrame, TTSTextFrame

    frames, errors = play(make(), reply(REPLY), rate=voice.sample_rate)
    assert errors == []
    meant = voice.say(REPLY)
    assert_same(sound_of(frames), meant.samples)
    assert sum(isinstance(frame, TTSStartedFrame) for frame in frames) == 1
    assert sum(isinstance(frame, TTSStoppedFrame) for frame in frames) == 1
    words = [frame for frame in frames if isinstance(frame, TTSTextFrame)]
    assert " ".join(frame.text for frame in words).split() == REPLY.split()
    starts = [(frame.pts - words[0].pts) / 1e9 for frame in words]
    expected = [word.start_s - meant.words[0].start_s for word in meant.words]
    assert starts == pytest.approx(expected, abs=2e-3)


def test_settings_reach_the_server(make, voice):
    from pipecat.frames.frames import TTSSpeakFrame, TTSUpdateSettingsFrame

    service = make(speaker="ravi", speed=1.5)
    change = TTSUpdateSettingsFrame(delta=service.Settings(speaker="asha", speed=1.0))
    frames = [TTSSpeakFrame("नमस्ते।"), change, TTSSpeakFrame("दुनिया।")]
    heard, errors = play(service, frames, rate=voice.sample_rate)
    assert errors == []
    first = voice.say("नमस्ते।", speaker="ravi", speed=1.5).samples
    second = voice.say("दुनिया।", speaker="asha").samples
    assert_same(sound_of(heard), first, second)


def test_an_interruption_stops_the_server_and_the_next_reply_is_whole(make, voice, server):
    from pipecat.frames.frames import InterruptionFrame, TTSAudioRawFrame
    from pipecat.tests.utils import SleepFrame

    service = make()
    append, heard_so_far = service.append_to_audio_context, []

    async def listen(context_id: str, frame: Any) -> None:
        heard_so_far.append(isinstance(frame, TTSAudioRawFrame))
        await append(context_id, frame)

    service.append_to_audio_context = listen

    class Conversation(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            yield from reply(LONG, 40)[:-1]
            while not any(heard_so_far):
                yield SleepFrame(0.05)
            yield InterruptionFrame()
            while server.metric("ssmphony_streams_running"):
                yield SleepFrame(0.05)
            yield from reply("नमस्ते।")

    heard, errors = play(service, Conversation(), rate=voice.sample_rate)
    assert errors == []
    cut = next(place for place, frame in enumerate(heard) if isinstance(frame, InterruptionFrame))
    assert len(sound_of(heard[:cut])) < len(pcm16(voice.say(LONG).samples))
    assert_same(sound_of(heard[cut:]), voice.say("नमस्ते।").samples)


@pytest.mark.parametrize("text", ["😊", "..."])
def test_what_cannot_be_spoken_is_no_failure(make, text):
    from pipecat.frames.frames import TTSSpeakFrame

    frames, errors = play(make(), [TTSSpeakFrame(text)] * 4)
    assert errors == []
    assert sound_of(frames).strip(b"\0") == b""


def test_errors_say_what_is_wrong_and_the_pipeline_ends(make):
    from pipecat.frames.frames import TTSSpeakFrame

    _, errors = play(make(voice="nobody"), [TTSSpeakFrame("नमस्ते।")])
    assert any("nobody" in error for error in errors)
    _, errors = play(make("http://127.0.0.1:9/v1"), [TTSSpeakFrame("नमस्ते।")])
    assert any("127.0.0.1:9" in error for error in errors)
