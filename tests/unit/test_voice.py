"""Voice: one sentence after another, chunk by chunk, exactly."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import ssmphony
from ssmphony.interfaces import Decoder, VoiceModel
from ssmphony.types import Audio, FrameGrid, Frames, Mark, Prosody, SsmphonyError, Style, Tokens, VoiceCard
from ssmphony.voice import Voice
from tests.tiny_voice import BLOCK, HOP, VOCODER_LOOKAHEAD, reference

TEXT = "नमस्ते दुनिया! आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। क्या तुम तैयार हो?\nहाँ।"


@pytest.fixture(scope="module")
def voice(tiny_voice_folder) -> Voice:
    return ssmphony.load(tiny_voice_folder, threads=2)


def test_say_is_the_one_shot_computation(voice):
    """No trimmed edge, no missing tail, no state that leaks from one sentence into the next."""
    parts = []
    for sentence in voice.frontend.sentences(TEXT):
        parts += [reference(sentence, Style())[0], np.zeros(round(sentence.pause_after_s * 24_000), np.float32)]
    expected = np.concatenate(parts)
    spoken = voice.say(TEXT)
    assert isinstance(spoken, Audio)
    assert spoken.samples.shape == expected.shape
    np.testing.assert_allclose(spoken.samples, expected, atol=3e-4)  # phases add up rounding through a sentence


def test_chunks_concatenate_to_say(voice):
    whole = voice.say(TEXT)
    chunks = list(voice.stream(TEXT))
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole.samples)
    assert tuple(span for chunk in chunks for span in chunk.words) == whole.words
    assert tuple(span for chunk in chunks for span in chunk.phonemes) == whole.phonemes
    starts = np.cumsum([0, *(len(chunk.samples) for chunk in chunks)])[:-1] / 24_000
    assert [chunk.start_s for chunk in chunks] == pytest.approx(starts)


def test_the_first_chunk_is_one_block(voice):
    first = next(voice.stream("यह एक बहुत लंबा वाक्य है जो कई टुकड़ों में बोला जाएगा और रुकेगा नहीं।"))
    assert len(first.samples) == (BLOCK - VOCODER_LOOKAHEAD) * HOP


def test_spans_end_in_their_chunk_and_tile_the_sentence(voice):
    for chunk in voice.stream(TEXT):
        end = chunk.start_s + chunk.seconds
        assert all(chunk.start_s - 1e-9 < span.end_s <= end + 1e-9 for span in (*chunk.phonemes, *chunk.words))
    (sentence,) = voice.frontend.sentences("नमस्ते दुनिया")
    audio = voice.say("नमस्ते दुनिया")
    durations = reference(sentence, Style())[1]
    ends = np.cumsum(durations) * HOP / 24_000
    assert [span.text for span in audio.phonemes] == list(sentence.symbols)
    assert [span.end_s for span in audio.phonemes] == pytest.approx(ends)
    assert [span.start_s for span in audio.phonemes] == pytest.approx([0.0, *ends[:-1]])
    assert audio.seconds == pytest.approx(ends[-1] + sentence.pause_after_s)


def test_word_times_cover_the_words_of_the_text(voice):
    audio = voice.say(TEXT)
    expected = [word for sentence in voice.frontend.sentences(TEXT) for word in sentence.words]
    assert [word.text for word in audio.words] == [word.text for word in expected]
    assert [TEXT[word.start : word.end] for word in audio.words] == [TEXT[word.start : word.end] for word in expected]
    assert all(word.start_s < word.end_s for word in audio.words)
    assert all(before.end_s <= after.start_s + 1e-9 for before, after in pairwise(audio.words))
    assert audio.words[-1].end_s <= audio.seconds


def test_speed_two_halves_the_length(voice):
    slow, fast = voice.say(TEXT, speed=0.5), voice.say(TEXT, speed=1.0)
    assert slow.seconds / fast.seconds == pytest.approx(2.0, rel=0.03)


def test_pitch_and_speaker_reach_the_model(voice):
    (sentence,) = voice.frontend.sentences("नमस्ते")
    for options, style in (({"pitch": 3.0}, Style(pitch_semitones=3.0)), ({"speaker": "ravi"}, Style(speaker="ravi"))):
        expected = reference(sentence, style)[0]
        spoken = voice.say("नमस्ते", **options).samples[: len(expected)]
        np.testing.assert_allclose(spoken, expected, atol=1e-4)
        assert not np.allclose(spoken[:2000], voice.say("नमस्ते").samples[:2000], atol=1e-3)


def test_text_in_pieces_sounds_like_text_at_once(voice):
    pieces = [TEXT[i : i + 5] for i in range(0, len(TEXT), 5)]
    assert np.array_equal(voice.say(iter(pieces)).samples, voice.say(TEXT).samples)


@pytest.mark.parametrize("text", ["", "   \n\t ", "।।।", "🙂🎉"])
def test_nothing_to_speak_gives_no_chunk(voice, text):
    assert list(voice.stream(text)) == []
    assert voice.say(text).samples.shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0.0}, "speed 0 is out of range"),
        ({"speed": float("nan")}, "speed nan is out of range"),
        ({"pitch": 13.0}, "pitch 13 is out of range"),
        ({"speaker": "ravee"}, "unknown speaker 'ravee', did you mean 'ravi'?"),
    ],
)
def test_bad_styles_are_refused_before_anything_is_spoken(voice, options, message):
    with pytest.raises(SsmphonyError, match=message.replace("?", r"\?")):
        voice.stream("नमस्ते", **options)


def test_a_batch_equals_its_members_alone(voice):
    """Sentences of different length and style, begun together and finished at different steps."""
    sentences = [*voice.frontend.sentences(TEXT)]
    styles = [Style(), Style(speed=0.7), Style(speaker="ravi"), Style(pitch_semitones=-4)]
    together = _speak(voice, sentences, styles)
    for i, (sentence, style) in enumerate(zip(sentences, styles, strict=True)):
        (alone,) = _speak(voice, [sentence], [style])
        assert alone.words == together[i].words
        assert alone.phonemes == together[i].phonemes
        assert alone.samples.shape == together[i].samples.shape
        np.testing.assert_allclose(together[i].samples, alone.samples, atol=1e-5)


def test_a_speech_is_a_value_that_can_be_resumed(voice):
    sentence = next(iter(voice.frontend.sentences("आज मौसम बहुत अच्छा है और हम बाहर घूमने जा रहे हैं।")))
    ((_, kept),) = voice.step([voice.begin(sentence, Style())])
    ((first, after),) = voice.step([kept])
    while not after.done:
        ((_, after),) = voice.step([after])
    ((again, _),) = voice.step([kept])
    assert len(first.samples)
    assert np.array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes


def test_threads_share_a_voice(voice):
    expected = voice.say(TEXT).samples
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(voice.say(TEXT).samples)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(np.array_equal(result, expected) for result in results)


def test_memory_does_not_grow_with_the_text(voice):
    """An endless text, spoken for minutes of sound."""

    def endless() -> Iterator[Tokens]:
        sentence = next(iter(voice.frontend.sentences("नमस्ते दुनिया, कैसे हो।")))
        while True:
            yield sentence

    class Endless:
        symbols = voice.frontend.symbols

        def sentences(self, text):
            return endless()

    chunks = Voice(Endless(), voice.model, voice.codec, voice.card).stream("")
    in_a_sentence = len(list(voice.stream("नमस्ते दुनिया, कैसे हो।")))

    def least_held() -> int:
        """Somewhere in the next sentences; how much depends on the place in a sentence."""
        held: list[int] = []
        for _ in range(3 * in_a_sentence):
            next(chunks)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        return min(held)

    held = []
    gc.freeze()  # thousands of tests' objects need not be looked at each time
    tracemalloc.start()
    try:
        for sentences in (20, 140):
            for _ in range(sentences * in_a_sentence):
                next(chunks)
            held.append(least_held())
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert held[1] - held[0] < 70_000  # keeping as little as one array a chunk would take 130 kB


class CountingModel(VoiceModel):
    """Token k takes durations[k] frames of value k + 1, ``block`` at a time."""

    def __init__(self, durations: list[int], block: int) -> None:
        self.tokens = np.repeat(np.arange(len(durations)), durations)
        self.block = block

    def begin(self, tokens, styles):
        return 0

    def step(self, state):
        spoken = self.tokens[state : state + self.block]
        padded = np.zeros((1, self.block), np.int64)
        padded[0, : len(spoken)] = spoken
        frames = Frames(padded[..., None] + 1.0, padded, np.array([len(spoken)]))
        return frames, state + self.block


class DelayCodec(Decoder):
    """A frame's value on each of its two samples, ``lookahead`` frames late; masked frames are NaN."""

    grid = FrameGrid(200, 2, 1)

    def __init__(self, lookahead: int) -> None:
        self.lookahead = lookahead

    def initial_state(self, batch):
        return np.full((batch, self.lookahead), np.nan)

    def decode(self, frames, mask, state):
        assert frames.shape[1] > 0
        values = np.concatenate([state, np.where(mask, frames[..., 0], np.nan) / 10], axis=1)
        time = frames.shape[1]
        return np.repeat(values[:, :time], 2, axis=1), values[:, time:]


class OneSentence:
    symbols = ("_", "a")

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def sentences(self, text):
        yield self.tokens


@pytest.mark.parametrize("lookahead", [0, 1, 4, 9])
@pytest.mark.parametrize("block", [1, 3, 4, 32])
@pytest.mark.parametrize("durations", [[1], [4], [2, 1, 5], [3, 0, 1, 4], [7, 7, 7]])
@pytest.mark.parametrize("overlap", [False, True])
def test_every_frame_is_decoded_once_whatever_block_and_lookahead(lookahead, block, durations, overlap):
    tokens = Tokens((1,) * len(durations), ("a",) * len(durations), pause_after_s=0.05)
    model, codec = CountingModel(durations, block), DelayCodec(lookahead)
    voice = Voice(OneSentence(tokens), model, codec, VoiceCard("t", "hi"), overlap=overlap)
    audio = voice.say("a")
    spoken = np.repeat(np.arange(len(durations)) + 1, np.array(durations) * 2) / 10
    np.testing.assert_allclose(audio.samples, np.concatenate([spoken, np.zeros(10)]), rtol=1e-6)
    ends = np.cumsum(durations) / 100
    assert [span.end_s for span in audio.phonemes] == pytest.approx(ends)
    assert [span.start_s for span in audio.phonemes] == pytest.approx([0.0, *ends[:-1]])


@pytest.mark.parametrize("block", [1, 3, 32])
def test_a_louder_token_grows_within_a_frame(block):
    loud = (Prosody(), Prosody(gain_db=20 * np.log10(3)), Prosody())
    tokens = Tokens((1,) * 3, ("a",) * 3, prosody=loud)
    voice = Voice(OneSentence(tokens), CountingModel([2, 2, 2], block), DelayCodec(1), VoiceCard("t", "hi"))
    gain = [1, 1, 1, 1, np.sqrt(3), 3, 3, 3, np.sqrt(3), 1, 1, 1]
    np.testing.assert_allclose(voice.say("a").samples, np.array(gain) * np.repeat([0.1, 0.2, 0.3], 4), rtol=1e-5)


def test_what_overshoots_is_bent_not_cut_off():
    decibels = (-12.0, 9.0, 10.0, 8.0, 8.0)  # of 0.1, 0.2 … 0.5
    tokens = Tokens((1,) * 5, ("a",) * 5, prosody=tuple(map(Prosody, (1.0,) * 5, (0.0,) * 5, decibels)))
    voice = Voice(OneSentence(tokens), CountingModel([2] * 5, 4), DelayCodec(1), VoiceCard("t", "hi"))
    samples = voice.say("a").samples[3::4]  # where the gain has arrived
    wanted = np.arange(1, 6) / 10 * 10 ** (np.array(decibels) / 20)
    np.testing.assert_allclose(samples[:2], wanted[:2], rtol=1e-5)
    assert (samples[2:] > 0.9).all()
    assert (samples[2:] < np.minimum(wanted[2:], 1.0)).all()
    assert (np.diff(samples) > 0).all()


def test_a_slow_token_slows_nothing_else(voice):
    (tokens,) = voice.frontend.sentences("नमस्ते दुनिया।")
    places = range(len(tokens))
    slow = replace(tokens, prosody=tuple(Prosody(speed=0.5 if place == 3 else 1.0) for place in places))
    plain, slower = ([span.end_s - span.start_s for span in _speak(voice, [t], [Style()])[0].phonemes]
                     for t in (tokens, slow))  # fmt: skip
    frame = voice.codec.grid.hop_length / voice.sample_rate
    assert slower[3] == pytest.approx(2 * plain[3], abs=1.01 * frame)
    assert slower[:3] + slower[4:] == pytest.approx(plain[:3] + plain[4:])


@pytest.mark.parametrize("block", [1, 4, 32])
@pytest.mark.parametrize("lookahead", [0, 5])
def test_marks_are_passed_in_order_each_once(block, lookahead):
    marks = (Mark("begin", 0), Mark("inside", 2), Mark("same place", 2), Mark("end", 3))
    tokens = Tokens((1,) * 3, ("a",) * 3, pause_after_s=0.1, marks=marks)
    voice = Voice(OneSentence(tokens), CountingModel([2, 3, 4], block), DelayCodec(lookahead), VoiceCard("t", "hi"))
    passed = [(span.text, span.start_s) for span in voice.say("a").marks]
    assert passed == [("begin", 0.0), ("inside", 0.05), ("same place", 0.05), ("end", 0.09)]


def test_a_sentence_may_have_a_speaker_of_its_own(voice):
    (tokens,) = voice.frontend.sentences("नमस्ते दुनिया।")
    other = voice.card.speakers[1]
    spoken = replace(voice, frontend=OneSentence(replace(tokens, speaker=other))).say("")
    assert np.array_equal(spoken.samples, voice.say("नमस्ते दुनिया।", speaker=other).samples)
    with pytest.raises(SsmphonyError, match="unknown speaker 'nobody'"):
        replace(voice, frontend=OneSentence(replace(tokens, speaker="nobody"))).say("")


@pytest.mark.parametrize("overlap", [False, True])
def test_an_error_of_the_model_reaches_who_listens(overlap):
    class Failing(CountingModel):
        def step(self, state):
            if state == 8:
                raise SsmphonyError("out of breath")
            return super().step(state)

    tokens = Tokens((1,), ("a",))
    chunks = Voice(OneSentence(tokens), Failing([40], 4), DelayCodec(1), VoiceCard("t", "hi"), overlap).stream("a")
    assert [len(next(chunks).samples) for _ in range(2)] == [6, 8]
    with pytest.raises(SsmphonyError, match="out of breath"):
        next(chunks)


def test_a_stream_that_is_closed_leaves_no_thread(voice):
    assert voice.overlap
    before = threading.active_count()
    chunks = voice.stream(TEXT)
    next(chunks)
    assert threading.active_count() == before  # nothing delays the first sound
    next(chunks)
    assert threading.active_count() == before + 1
    chunks.close()
    assert threading.active_count() == before


def test_torch_parts_speak_too():
    torch = pytest.importorskip("torch")

    class TorchModel(CountingModel):
        def step(self, state):
            frames, state = super().step(state)
            return Frames(*(torch.as_tensor(part) for part in frames)), state

    class TorchCodec(DelayCodec):
        def decode(self, frames, mask, state):
            samples, state = super().decode(frames, mask, state)
            return torch.as_tensor(samples), state

    tokens = Tokens((1, 1), ("a", "a"))
    voice = Voice(OneSentence(tokens), TorchModel([2, 3], 4), TorchCodec(2), VoiceCard("t", "hi"))
    assert voice.say("a").samples == pytest.approx([0.1] * 4 + [0.2] * 6)


def _speak(voice: Voice, sentences: list[Tokens], styles: list[Style]) -> list[Audio]:
    batch = [voice.begin(sentence, style) for sentence, style in zip(sentences, styles, strict=True)]
    chunks: list[list] = [[] for _ in sentences]
    while not all(speech.done for speech in batch):
        made = voice.step(batch)
        batch = [speech for _, speech in made]
        for row, (chunk, _) in zip(chunks, made, strict=True):
            row.append(chunk)
    return [Audio.join(row, voice.sample_rate) for row in chunks]
