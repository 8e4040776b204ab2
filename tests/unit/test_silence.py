"""Silence between sentences comes in pieces, costs no model and no memory, and has a limit."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import ssmphony
from ssmphony.timeline import PAUSE_S
from ssmphony.types import Audio, SsmphonyError, Style, Tokens
from ssmphony.voice import MAX_SILENCE_S, Voice

RATE = 24_000


@pytest.fixture(scope="module")
def voice(tiny_voice_folder) -> Voice:
    return ssmphony.load(tiny_voice_folder, threads=1)


def document(*seconds: float) -> str:
    breaks = [f'<break time="{length:.3f}s"/>' for length in seconds]
    return f"<speak>नमस्ते {''.join(breaks)} दुनिया। <mark name='end'/></speak>"


class Counting:
    """A model that counts its steps."""

    def __init__(self, voice: Voice) -> None:
        self.model, self.steps, self.capabilities = voice.model, 0, voice.model.capabilities

    def begin(self, tokens, styles):
        return self.model.begin(tokens, styles)

    def step(self, state):
        self.steps += 1
        return self.model.step(state)


@pytest.mark.parametrize("speed", [1.0, 0.5, 1.7])
@pytest.mark.parametrize("overlap", [False, True])
def test_a_break_is_silence_and_changes_nothing_else(voice, overlap, speed):
    voice = replace(voice, overlap=overlap)
    expected = voice.say(document(0.0), speed=speed)
    silence = round(7.3 / speed * RATE)
    whole = voice.say(document(7.3), speed=speed)
    chunks = list(voice.stream(document(7.3), speed=speed))
    joined = Audio.join(chunks, RATE)
    assert np.array_equal(joined.samples, whole.samples)
    assert joined.words == whole.words

    second = [phoneme for phoneme in expected.phonemes if phoneme.text == "^"][1]
    place = round(second.start_s * RATE)
    sound = np.concatenate([whole.samples[:place], whole.samples[place + silence :]])
    assert np.array_equal(sound, expected.samples)
    assert not whole.samples[place : place + silence].any()
    assert whole.words[0] == expected.words[0]
    assert whole.words[1].start_s == pytest.approx(expected.words[1].start_s + silence / RATE)
    assert whole.marks[0].start_s == pytest.approx(expected.marks[0].start_s + silence / RATE)
    starts = np.cumsum([0, *(len(chunk.samples) for chunk in chunks)])[:-1] / RATE
    assert [chunk.start_s for chunk in chunks] == pytest.approx(starts)


def test_no_chunk_holds_more_silence_than_half_a_second(voice):
    longest_sound = max(chunk.seconds for chunk in voice.stream(document(0.0)))
    chunks = list(voice.stream(document(10, 10, 3.3)))
    silent = [chunk.seconds for chunk in chunks if not chunk.samples.any()]
    assert sum(silent) == pytest.approx(23.3)
    assert max(silent) <= PAUSE_S
    assert max(chunk.seconds for chunk in chunks) <= max(longest_sound, PAUSE_S)


def test_a_short_pause_comes_with_the_sound_before_it(voice):
    for text in ("नमस्ते।", "नमस्ते।\nहाँ।", document(0.4)):
        assert all(chunk.samples.any() for chunk in voice.stream(text))


def test_the_model_rests_while_it_is_silent(voice):
    steps = []
    for text in (document(0.0), document(*[10] * 20)):
        model = Counting(voice)
        assert len(replace(voice, model=model).say(text).samples)
        steps.append(model.steps)
    assert steps[0] == steps[1] > 0


def test_silence_before_the_first_word_and_alone(voice):
    text = "<speak><break time='4s'/>नमस्ते</speak>"
    audio = voice.say(text)
    assert not audio.samples[: 4 * RATE].any()
    assert np.array_equal(audio.samples[4 * RATE :], voice.say("<speak>नमस्ते</speak>").samples)
    assert audio.words[0].start_s >= 4
    only = list(voice.stream("<speak><break time='4s'/></speak>"))
    assert sum(len(chunk.samples) for chunk in only) == 4 * RATE
    assert max(chunk.seconds for chunk in only) <= PAUSE_S


def test_a_sentence_in_its_pause_can_be_kept_and_stepped_with_others(voice):
    first, second = voice.frontend.sentences(document(1.7))
    speech = voice.begin(first, Style())
    while not speech.progress.spoken:
        ((_, speech),) = voice.step([speech])
    assert speech.pausing
    assert (speech.model, speech.codec, speech.waiting) == (None, None, ())
    other = voice.begin(second, Style())
    ((piece, after), (sound, _)) = voice.step([speech, other])
    ((again, _),) = voice.step([speech])
    ((alone, _),) = voice.step([other])
    assert len(piece.samples) == len(again.samples) == PAUSE_S * RATE
    assert piece.start_s == again.start_s
    assert np.array_equal(sound.samples, alone.samples)
    lengths = [len(piece.samples)]
    while not after.done:
        ((piece, after),) = voice.step([after])
        lengths.append(len(piece.samples))
    assert sum(lengths) == round(1.7 * RATE)
    ((nothing, end),) = voice.step([after])
    assert not nothing
    assert end == after


def test_memory_does_not_grow_with_the_silence(voice):
    list(voice.stream(document(2.0)))
    tracemalloc.start()
    try:
        samples = sum(len(chunk.samples) for chunk in voice.stream(document(*[10] * 258)))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples > 2580 * RATE
    assert most < 4_000_000  # the silence is 248 MB


# -- the limit --------------------------------------------------------------------------------------------------------


def hours(count: int) -> str:
    return document(*[10] * (360 * count))


def test_an_hour_is_allowed_and_more_is_refused_before_anything_is_spoken(voice):
    assert MAX_SILENCE_S == 3600
    next(voice.stream(hours(1)))
    message = r"the breaks of this text add up to 7,200 s of silence, and 3,600 s are allowed: shorten them, or speak"
    for text in (hours(2), iter(hours(2))):
        chunks = voice.stream(text)
        with pytest.raises(SsmphonyError, match=message):
            next(chunks)
    tenths = document(*[0.1] * 36_000)
    next(voice.stream(tenths))


def test_slow_speech_has_longer_breaks(voice):
    next(voice.stream(hours(2), speed=2.0))
    with pytest.raises(SsmphonyError, match="7,200 s"):
        next(voice.stream(hours(1), speed=0.5))


def test_a_voice_may_have_another_limit(voice):
    strict = replace(voice, max_silence_s=2.5)
    assert strict.say(document(1.5, 1.0)).seconds > 2.5
    with pytest.raises(SsmphonyError, match=r"add up to 2\.6 s of silence, and 2\.5 s are allowed"):
        strict.say(document(1.5, 1.1))
    assert replace(voice, max_silence_s=0.0).say(document(0.0)).seconds > 0
    next(replace(voice, max_silence_s=float("inf")).stream(hours(2)))


def test_pauses_between_sentences_are_no_breaks(voice):
    """A book has hours of them."""

    class Book:
        symbols = voice.frontend.symbols

        def sentences(self, text):
            (sentence,) = voice.frontend.sentences("हाँ।")
            for _ in range(4):
                yield replace(sentence, pause_after_s=0.75 * MAX_SILENCE_S)

    tokens: list[Tokens] = list(Book().sentences(""))
    total = 0.0
    for sentence in tokens:
        total = voice.silence_s(sentence, Style(), total)
    assert total == 0.0
