"""Silence in the engine: made as it is read, resumed in the middle, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace

import numpy as np
import pytest

import ssmphony
from ssmphony.engine import DeadlineExceeded, Engine
from ssmphony.timeline import PAUSE_S
from ssmphony.types import Audio, SsmphonyError, Style
from ssmphony.voice import Voice
from tests import ar_voice
from tests.waiting import wait_for

BREAK = "<break time='10s'/>"
LONG = f"<speak>नमस्ते {BREAK * 258}</speak>"
SHORT = "<speak>नमस्ते <break time='2.3s'/> दुनिया, <break time='1s'/> हाँ।</speak>"


@pytest.fixture(scope="module", params=["autoregressive", "tiny"])
def voice(request, tiny_voice_folder) -> Voice:
    tiny = ssmphony.load(tiny_voice_folder, threads=1)
    return tiny if request.param == "tiny" else replace(ar_voice.make_voice(), frontend=tiny.frontend)


def join(chunks, voice: Voice) -> Audio:
    return Audio.join(chunks, voice.sample_rate)


@pytest.mark.parametrize("workers", [1, 3])
def test_silence_is_as_long_as_alone(voice, workers):
    texts = [SHORT, "नमस्ते। क्या?", f"<speak>हाँ{BREAK}{BREAK}</speak>"] * 3
    with Engine(voice, workers=workers) as engine:
        streams = [engine.stream(text, style=Style(speed=0.8)) for text in texts]
        for stream, text in zip(streams, texts, strict=True):
            spoken, alone = join(stream, voice), voice.say(text, speed=0.8)
            assert np.array_equal(spoken.samples, alone.samples)
            assert spoken.words == alone.words
        assert engine.stats()[:2] == (0, 0)


def test_no_more_silence_is_made_than_the_listener_may_hold(voice):
    with Engine(voice, workers=2, buffer_s=3.0) as engine:
        streams = [engine.stream(LONG) for _ in range(4)]
        wait_for(lambda: engine.stats().unread_s >= 4 * 3.0)
        time.sleep(0.05)
        assert engine.stats().unread_s < 4 * (3.0 + 1.0)
        assert engine.stats().slots_used == 0  # who is silent takes no slot
        for stream in streams:
            for _ in range(20):
                assert next(stream).seconds <= 1.0
        wait_for(lambda: engine.stats().unread_s >= 4 * 3.0)
        assert engine.stats().unread_s < 4 * (3.0 + 1.0)


def test_others_are_spoken_while_silence_is_taken_as_fast_as_it_is_made(voice):
    """Who has minutes of silence ahead has no turn between the blocks of who has none."""
    engines: list[Engine] = []
    made: list[float] = []

    class Watched:
        capabilities, begin = voice.model.capabilities, voice.model.begin

        def step(self, state):
            made.extend(engine.stats().audio_s for engine in engines)
            return voice.model.step(state)

    text = "आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं।"
    with Engine(replace(voice, model=Watched()), workers=1) as engine:
        engines.append(engine)
        silent = [engine.stream(f"<speak>क{BREAK * 360}</speak>") for _ in range(2)]
        readers = [threading.Thread(target=deque, args=(stream, 0)) for stream in silent]
        for thread in readers:
            thread.start()
        wait_for(lambda: engine.stats().audio_s > 120)
        before = len(made)
        spoken = join(engine.stream(text), voice)
        steps = made[before:]
        for stream in silent:
            stream.cancel()
        for thread in readers:
            thread.join()
    assert np.array_equal(spoken.samples, voice.say(text).samples)
    assert len(steps) > 2
    assert steps[-1] - steps[0] <= spoken.seconds


@pytest.mark.parametrize("pieces", [0, 1, 3, 4])
def test_a_stream_is_stored_and_resumed_in_the_middle_of_silence(voice, pieces):
    expected = voice.say(SHORT, speed=0.9)
    with Engine(voice, workers=2, buffer_s=0.1) as engine:
        stream = engine.stream(SHORT, style=Style(speed=0.9))
        heard = []
        while not heard or heard[-1].samples.any():
            heard.append(next(stream))
        heard += [next(stream) for _ in range(pieces)]
        state = stream.snapshot()
        heard += stream
    with Engine(voice, workers=1) as engine:
        spoken = join([*heard, *engine.resume(state)], voice)
    assert np.array_equal(spoken.samples, expected.samples)
    assert spoken.words == expected.words
    if pieces in (1, 3):
        assert len(state) < 6000  # no state of the model or the codec is needed


def test_a_deadline_leaves_time_for_breaks(voice):
    with Engine(voice, workers=1, buffer_s=0.5) as engine:
        stream = engine.stream(SHORT, deadline_s=0.5)
        late = engine.stream("<speak>नमस्ते <break time='0.1s'/> दुनिया</speak>", deadline_s=0.5)
        heard = [next(stream), next(late)]
        time.sleep(0.8)
        assert np.array_equal(join([heard[0], *stream], voice).samples, voice.say(SHORT).samples)
        with pytest.raises(DeadlineExceeded, match=r"not spoken within 0\.6 s"):
            deque(late, maxlen=0)


def test_too_much_silence_is_refused_before_sound(voice):
    with Engine(voice, workers=1) as engine:
        with pytest.raises(SsmphonyError, match="add up to 3,610 s of silence, and 3,600 s are allowed"):
            next(engine.stream(f"<speak>नमस्ते {BREAK * 361}</speak>"))
        assert np.array_equal(join(engine.stream("हाँ।"), voice).samples, voice.say("हाँ।").samples)


def test_the_documents_of_one_stream_share_the_limit(voice):
    with Engine(voice, workers=1) as engine:
        stream = engine.open()
        for _ in range(2):
            stream.write(f"<speak>हाँ{BREAK * 180}</speak>")
            stream.flush()
        stream.write(f"<speak>हाँ{BREAK}</speak>")
        stream.finish()
        while engine.stats().audio_s < 3600:
            next(stream)
        with pytest.raises(SsmphonyError, match="add up to 3,610 s"):
            deque(stream, maxlen=0)


def test_what_is_resumed_remembers_the_silence_so_far(voice):
    with Engine(voice, workers=1, buffer_s=PAUSE_S) as engine:
        stream = engine.open()
        stream.write(f"<speak>नमस्ते{BREAK * 300}</speak>")
        stream.flush()
        next(stream)
        state = stream.snapshot()
        resumed = engine.resume(state)
        resumed.write(f"<speak>हाँ{BREAK * 100}</speak>")
        resumed.finish()
        with pytest.raises(SsmphonyError, match="add up to 4,000 s"):
            list(resumed)
