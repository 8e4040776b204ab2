"""Many streams at once sound as each does alone; what happens to one does not reach another."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ssmphony
from ssmphony.engine import DeadlineExceeded, Engine, EngineBusy, EngineClosed, Stream, VoiceFailed
from ssmphony.engine.job import StreamJob
from ssmphony.engine.probe import rows_of
from ssmphony.engine.reader import TextReader
from ssmphony.engine.slots import Slots
from ssmphony.types import Audio, AudioChunk, SsmphonyError, Style
from ssmphony.voice import Voice
from tests import ar_voice
from tests.waiting import wait_for

TEXTS = ["नमस्ते।", "आज मौसम अच्छा है, चलो। हाँ?", "एक दो तीन चार पाँच छह सात। आठ! नौ।", "", "🙂", "क्या?\nहाँ।"]
LONG = "यह एक लंबा वाक्य है, जो देर तक चलता है। " * 40
SHORTER = LONG[: len(LONG) // 8]


class Gated(ar_voice.TinyAutoregressive):
    """Waits at each step while its gate is shut; raises for what begins with the id of ``bad``."""

    def __init__(self, bad: int = -1) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.bad = bad
        self.stepped: list[set[int]] = []
        """How many tokens the sentences have of each step that was let through."""

    def step(self, state):
        assert self.gate.wait(10)
        self.stepped.append(set((state.tokens != 0).sum(axis=1).tolist()))
        if (state.tokens[:, 1] == self.bad).any():
            raise ZeroDivisionError("no breath")
        return super().step(state)


@pytest.fixture(scope="module")
def voice() -> Voice:
    return ar_voice.make_voice()


def join(chunks: Iterable[AudioChunk], voice: Voice) -> Audio:
    return Audio.join(chunks, voice.sample_rate)


def equal(one: AudioChunk, other: AudioChunk) -> bool:
    return np.array_equal(one.samples, other.samples) and one.words == other.words and one.phonemes == other.phonemes


# -- equal to alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("frames", [1, 32])
def test_streams_sound_as_they_do_alone(voice, workers, frames):
    styles = [Style(speed=0.7, seed=2), Style(pitch_semitones=3.0), Style()]
    asked = [(text, styles[i % 3]) for i, text in enumerate(TEXTS * 3)]
    with Engine(voice, workers=workers, frames=frames) as engine:
        streams = [engine.stream(text, style=style) for text, style in asked]
        for stream, (text, style) in zip(streams, asked, strict=True):
            assert equal(join(stream, voice), Audio.join(voice.speak(text, style), voice.sample_rate))
        stats = engine.stats()
    assert (stats.running, stats.slots_used, stats.opened, stats.finished) == (0, 0, len(asked), len(asked))
    assert stats.slots == workers * max(1, frames // ar_voice.BLOCK)


@pytest.mark.parametrize("dynamic_batch", [True, False])
def test_streams_of_an_exported_voice_sound_as_they_do_alone(tmp_path, dynamic_batch):
    """Whether or not its graphs compute a row alike alone and in a batch: if not, it is stepped alone."""
    from tests.tiny_voice import make_voice

    voice = ssmphony.load(make_voice(tmp_path / "tiny", dynamic_batch=dynamic_batch), threads=1)
    with Engine(voice, workers=2) as engine:
        streams = [engine.stream(text, style=Style(speaker=speaker)) for text in TEXTS for speaker in ("asha", "ravi")]
        for number, stream in enumerate(streams):
            expected = voice.say(TEXTS[number // 2], speaker=("asha", "ravi")[number % 2])
            assert equal(join(stream, voice), expected)


def test_a_voice_whose_rows_disturb_each_other_is_stepped_alone(voice):
    class Rounding(ar_voice.TinyAutoregressive):
        def step(self, state):
            frames, state = super().step(state)
            return frames._replace(values=frames.values + np.float32(1e-6) * (len(frames.values) > 1)), state

    assert rows_of(voice, 32) == 8
    assert rows_of(replace(voice, model=Rounding()), 32) == 1
    assert rows_of(voice, 1) == 1


def job(voice: Voice, text: str) -> StreamJob:
    """A job whose first sentence has begun."""
    lock = threading.Condition()
    made = StreamJob(voice, Style(), TextReader(voice.frontend), 0.0, None, lock)
    made.speech = voice.begin(next(iter(voice.frontend.sentences(text))), Style())
    return made


@settings(max_examples=25)
@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=12))
def test_whoever_joins_or_leaves_leaves_the_others_bit_equal(who):
    """Slots are filled, vacated, reset and filled again in any order."""
    voice = ar_voice.make_voice()
    texts = ["क", "कखग घ", "a b", "नमस्ते दुनिया, कैसे", "0123456789", "हाँ"]
    together, alone = [job(voice, text) for text in texts], [job(voice, text).speech for text in texts]
    slots = Slots()
    for chosen in who:
        members = [together[i] for i in chosen if together[i].speech is not None]
        slots.arrange(members)
        for member, outcome in slots.step(voice) if members else []:
            assert not isinstance(outcome, Exception)
            chunk, speech = outcome
            i = together.index(member)
            expected, alone[i] = voice.step([alone[i]])[0]
            assert equal(chunk, expected)
            assert chunk.samples.tobytes() == expected.samples.tobytes()
            member.speech = None if speech.done else speech
            if speech.done:
                slots.leave(member)


def test_several_voices_share_an_engine(voice, tiny_voice_folder):
    tiny = ssmphony.load(tiny_voice_folder, threads=1)
    with Engine({"a": voice, "b": tiny}, workers=2) as engine:
        streams = [engine.stream(text, name) for text in TEXTS for name in ("a", "b")]
        for number, stream in enumerate(streams):
            own = (voice, tiny)[number % 2]
            assert equal(join(stream, own), own.say(TEXTS[number // 2]))
        with pytest.raises(SsmphonyError, match="unknown voice 'c'; this engine has a, b"):
            engine.open("c")


# -- text as it is written --------------------------------------------------------------------------------------------


def test_sound_comes_after_the_first_clause(voice):
    with Engine(voice, workers=1) as engine, engine.open() as stream:
        stream.write("नमस्ते दोस्तो, आ")
        first = next(stream)
        assert len(first.samples)
        stream.write("ज हम")
        stream.flush()
        stream.write("चलेंगे")
        stream.finish()
        spoken = join([first, *stream], voice)
    parts = [voice.say(part).words for part in ("नमस्ते दोस्तो,", "आज हम", "चलेंगे")]
    assert [word.text for word in spoken.words] == [word.text for words in parts for word in words]
    written = "नमस्ते दोस्तो, आज हमचलेंगे"
    assert [written[word.start : word.end] for word in spoken.words] == [word.text for word in spoken.words]


def test_a_text_that_is_finished_takes_no_more(voice):
    with Engine(voice, workers=1) as engine:
        stream = engine.open()
        stream.finish()
        stream.finish()
        assert list(stream) == []
        stream.write("dropped, like all that is written to a stream that has ended")
        long = engine.stream(LONG)
        with pytest.raises(SsmphonyError, match="open another stream"):
            long.write("और")


def test_text_in_pieces_without_clauses_is_what_say_says(voice):
    text = TEXTS[2] + TEXTS[1]
    with Engine(voice, workers=2) as engine:
        stream = engine.open(clauses=False)
        for letter in text:
            stream.write(letter)
        stream.finish()
        assert equal(join(stream, voice), voice.say(text))


def test_async_reading_and_writing(voice):
    async def talk(engine: Engine, text: str) -> Audio:
        async with engine.open(clauses=False) as stream:

            async def write() -> None:
                for i in range(0, len(text), 7):
                    stream.write(text[i : i + 7])
                    await asyncio.sleep(0)
                stream.finish()

            writing = asyncio.create_task(write())
            chunks = [chunk async for chunk in stream]
            await writing
            return join(chunks, voice)

    async def main(engine: Engine) -> list[Audio]:
        return await asyncio.gather(*(talk(engine, text) for text in TEXTS * 2))

    with Engine(voice, workers=2) as engine:
        for spoken, text in zip(asyncio.run(main(engine)), TEXTS * 2, strict=True):
            assert equal(spoken, voice.say(text))


# -- order, limits and faults -----------------------------------------------------------------------------------------


def test_a_new_stream_does_not_wait_for_a_long_one(voice):
    model = Gated()
    with Engine(replace(voice, model=model), workers=1, frames=4, buffer_s=1e9) as engine:
        long = engine.stream(LONG * 20)
        next(long)
        model.gate.clear()
        short = engine.stream("हाँ।")
        before = len(model.stepped)
        model.gate.set()
        next(short)
        (sentence,) = voice.frontend.sentences("हाँ।")
        assert any(len(sentence) in lengths for lengths in model.stepped[before : before + 3])
        assert not long.done


def test_streams_share_alike(voice):
    """One worker, one slot: nobody gets far ahead of the others."""
    with Engine(voice, workers=1, frames=1, buffer_s=1e9) as engine:
        streams = [engine.stream(LONG * 5) for _ in range(3)]
        wait_for(lambda: engine.stats().audio_s > 12)
        made = [job.produced_s for job in engine._scheduler._jobs]  # pyright: ignore[reportPrivateUsage]
        assert max(made) - min(made) < 3.0
        del streams


def test_a_full_engine_refuses_and_a_cancelled_stream_makes_room(voice):
    model = Gated()
    with Engine(replace(voice, model=model), workers=1, running=2, queue=1) as engine:
        model.gate.clear()
        first, second, third = (engine.stream(text) for text in TEXTS[:3])
        assert (engine.stats().running, engine.stats().queued) == (2, 1)
        with pytest.raises(EngineBusy, match="try again later"):
            engine.stream("और")
        first.cancel()
        assert (engine.stats().running, engine.stats().queued) == (2, 0)
        fourth = engine.stream(TEXTS[0])
        model.gate.set()
        assert list(first) == []
        for stream, text in ((second, TEXTS[1]), (third, TEXTS[2]), (fourth, TEXTS[0])):
            assert equal(join(stream, voice), voice.say(text))
        assert engine.stats().refused == 1


def test_a_stream_cancelled_midway_disturbs_nobody(voice):
    with Engine(voice, workers=2) as engine:
        kept = [engine.stream(text) for text in TEXTS]
        gone = [engine.stream(LONG) for _ in range(4)]
        for stream in gone:
            next(stream)
            stream.cancel()
            assert stream.done
        for stream, text in zip(kept, TEXTS, strict=True):
            assert equal(join(stream, voice), voice.say(text))
        assert engine.stats().cancelled == 4


def test_a_stream_that_is_dropped_is_cancelled(voice):
    with Engine(voice, workers=1, running=1, queue=0, buffer_s=0.5) as engine:
        stream = engine.stream(LONG)
        next(stream)
        del stream
        gc.collect()
        assert equal(join(engine.stream("हाँ।"), voice), voice.say("हाँ।"))


def test_a_listener_who_stalls_holds_little_and_delays_nobody(voice):
    with Engine(voice, workers=1, buffer_s=0.5) as engine:
        stalled = engine.stream(SHORTER)
        wait_for(lambda: engine.stats().unread_s >= 0.5 and engine.stats().slots_used == 0)
        held = engine.stats()
        for text in TEXTS:
            assert equal(join(engine.stream(text), voice), voice.say(text))
        assert engine.stats().unread_s == pytest.approx(held.unread_s)
        assert held.unread_s < 1.5
        assert equal(join(stalled, voice), voice.say(SHORTER))


@pytest.mark.parametrize("frames", [1, 32])
def test_an_error_in_a_voice_ends_that_stream_only(voice, frames):
    bad = voice.frontend.symbols.index("42")
    failing = replace(voice, model=Gated(bad))
    with Engine(failing, workers=1, frames=frames) as engine:
        streams = [engine.stream(text) for text in ("A। हाँ।", "A। B।", "नमस्ते।")]
        assert equal(join(streams[0], voice), voice.say("A। हाँ।"))
        heard = []
        with pytest.raises(
            VoiceFailed, match="the voice 'autoregressive' failed: ZeroDivisionError: no breath"
        ) as caught:
            heard.extend(streams[1])
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert heard == [] or np.array_equal(heard[0].samples, voice.say("A।").samples[: len(heard[0].samples)])
        assert equal(join(streams[2], voice), voice.say("नमस्ते।"))
        assert engine.stats().failed == 1
        assert equal(join(engine.stream("C।"), voice), voice.say("C।"))


def test_a_text_that_is_refused_raises_where_it_is_read(tiny_voice_folder):
    tiny = ssmphony.load(tiny_voice_folder, threads=1)
    with Engine(tiny, workers=1) as engine:
        with pytest.raises(SsmphonyError, match="SSML, line 1"):
            list(engine.stream("<speak>नमस्ते"))
        with pytest.raises(SsmphonyError, match="unknown speaker 'nobody'"):
            engine.stream("नमस्ते", style=Style(speaker="nobody"))
        with pytest.raises(SsmphonyError, match="speed 9 is out of range"):
            engine.open(style=Style(speed=9))
        assert len(join(engine.stream("नमस्ते"), tiny).samples)


def test_a_deadline_ends_what_runs_waits_or_is_idle(voice):
    model = Gated()
    with Engine(replace(voice, model=model), workers=2, running=2, queue=2) as engine:
        idle = engine.open(deadline_s=0.05)
        with pytest.raises(DeadlineExceeded, match=r"not spoken within 0\.05 s"):
            next(idle)
        model.gate.clear()
        running = engine.stream(TEXTS[1])
        late = engine.stream(TEXTS[2], deadline_s=0.05)
        queued = engine.stream(TEXTS[2], deadline_s=0.05)
        wait_for(lambda: engine.stats().slots_used == 2)
        time.sleep(0.06)
        model.gate.set()
        for stream in (late, queued):
            with pytest.raises(DeadlineExceeded):
                list(stream)
        assert equal(join(running, voice), voice.say(TEXTS[1]))


def test_closing_finishes_what_was_written(voice):
    before = threading.active_count()
    engine = Engine(voice, workers=2, running=2)
    streams = [engine.stream(text) for text in TEXTS]
    written = engine.open(clauses=False)
    written.write("अधूरा वाक्य")
    engine.close()
    assert threading.active_count() == before
    for stream, text in zip(streams, TEXTS, strict=True):
        assert equal(join(stream, voice), voice.say(text))
    assert equal(join(written, voice), voice.say("अधूरा वाक्य"))
    with pytest.raises(EngineClosed, match="takes no new text"):
        engine.open()
    engine.close()


@pytest.mark.parametrize("drain", [True, False])
def test_closing_ends_what_cannot_be_finished(voice, drain):
    before = threading.active_count()
    engine = Engine(voice, workers=2, running=2, buffer_s=0.3)
    streams = [engine.stream(LONG) for _ in range(3)]
    reader = threading.Thread(target=lambda: list(_quietly(streams[2])))
    reader.start()
    next(streams[0])
    engine.close(drain=drain, timeout_s=0.1)
    reader.join(10)
    assert not reader.is_alive()
    assert threading.active_count() == before
    with pytest.raises(EngineClosed, match="was closed"):
        list(streams[0])
    assert list(streams[0]) == []


def _quietly(stream: Stream) -> Iterator[AudioChunk]:
    try:
        yield from stream
    except EngineClosed:
        return


def test_hundreds_of_short_streams_leave_nothing_behind(voice):
    with Engine(voice, workers=2, running=32, queue=1000) as engine:
        streams = [engine.stream("a") for _ in range(300)]
        expected = voice.say("a").samples
        for number, stream in enumerate(streams):
            if number % 10 == 3:
                stream.cancel()
            else:
                assert np.array_equal(join(stream, voice).samples, expected)
        stats = engine.stats()
        assert (stats.running, stats.queued, stats.slots_used) == (0, 0, 0)
        assert stats.finished + stats.cancelled == 300
        del streams, stream
        gc.collect()
        wait_for(lambda: sum(isinstance(thing, StreamJob) for thing in gc.get_objects()) == 0)
