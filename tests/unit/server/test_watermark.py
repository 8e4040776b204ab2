"""A server that marks what it speaks, in every way that it is asked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ssmphony.audio.pcm import pcm16
from ssmphony.audio.watermark import Watermark
from ssmphony.voice import Voice
from tests.unit.server.running import serving

TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है, चलो।"


def marked(voice: Voice, text: str) -> bytes:
    samples = voice.say(text).samples
    watermark = Watermark(voice.sample_rate)
    return pcm16(np.concatenate((watermark.process(samples), watermark.finish())))


@pytest.fixture(scope="module")
def marking(voice):
    with serving(voice, watermark=True) as running:
        yield running


@pytest.mark.parametrize("stream", [True, False])
def test_what_is_streamed_is_the_marked_whole(marking, voice, stream):
    assert marking.speak(TEXT, stream=stream).body == marked(voice, TEXT)


def test_word_times_stay(marking, server):
    answers = [each.speak(TEXT, return_timestamps=True, stream=False).json() for each in (marking, server)]
    assert answers[0]["timestamps"] == answers[1]["timestamps"]
    assert answers[0]["audio"] != answers[1]["audio"]


def test_nothing_to_speak_is_still_a_short_silence(marking):
    answer = marking.speak("😀")
    assert answer.headers["x-nothing-spoken"] == "true"
    assert not any(answer.body)


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"stream_format": "sse"}, {"response_format": "wav"}])
def test_every_answer_with_speech_says_that_it_is_synthetic(server, fields):
    answer = server.speak(TEXT, **fields)
    assert answer.headers["x-synthetic-media"] == "speech; digitalsourcetype=trainedAlgorithmicMedia"


def test_other_answers_do_not(server):
    assert "x-synthetic-media" not in server.ask("GET", "/v1/audio/voices").headers
    assert "x-synthetic-media" not in server.ask("POST", "/v1/audio/speech", json.dumps({"input": ""})).headers
