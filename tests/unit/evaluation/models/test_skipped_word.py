"""The trained recogniser finds words that were cut out of a clip or said twice, and seldom misses one that is there."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.models.recogniser import WEIGHTS, Recognition, SpeechRecogniser, word_faults
from ssmphony.types import Audio, Samples, Tokens
from ssmphony.voices.package import load

SENTENCES = (
    "सुबह की धूप में छोटा सा गाँव धीरे धीरे जागा।",
    "बच्चे अपने बस्ते उठाकर नदी के किनारे वाले स्कूल चले।",
    "रास्ते में एक बूढ़े किसान ने उन्हें मीठे आम दिए।",
    "कहानी में एक राजा था जिसे संगीत बहुत पसंद था।",
    "आज शाम को मेरे दोस्त अपने परिवार के साथ बाज़ार जाएँगे।",
    "पहाड़ों पर बर्फ़ गिरने से सड़कें बंद हो गई थीं।",
    "छोटी लड़की ने चिड़िया को पानी पिलाया और दाना खिलाया।",
    "बारिश के बाद आसमान में सुंदर इंद्रधनुष दिखाई दिया।",
)
LONG_ENOUGH = 4
"""Phones of a word: postpositions of two phones may hide in their neighbours."""


@pytest.fixture(scope="module")
def listener() -> SpeechRecogniser:
    if not WEIGHTS.is_file():
        pytest.skip("no recogniser is shipped")
    return SpeechRecogniser()


def spoken() -> list[tuple[Audio, Tokens]]:
    voice = load(threads=1)
    return [(voice.say(text), next(iter(voice.frontend.sentences(text)))) for text in SENTENCES]


def words_of(tokens: Tokens) -> list[tuple[str, ...]]:
    return [tokens.symbols[word.first : word.stop] for word in tokens.words]


@pytest.mark.slow
def test_words_that_were_cut_out_or_doubled_are_found(listener: SpeechRecogniser) -> None:
    skipped: list[bool] = []
    repeated: list[bool] = []
    false: list[int] = []
    for audio, tokens in spoken():
        words, rate = words_of(tokens), audio.sample_rate

        def hear(samples: Samples, rate: int = rate) -> Recognition:
            return listener(samples, rate)

        whole = word_faults(hear(audio.samples), words)
        false.append(len(whole.skipped) + len(whole.repeated) + whole.invented)
        for index, (span, phones) in enumerate(zip(audio.words, words, strict=True)):
            if len(phones) < LONG_ENOUGH or words.count(phones) > 1:  # धीरे धीरे: said how often?
                continue
            start, end = round(span.start_s * rate), round(span.end_s * rate)
            before, word, after = np.split(audio.samples, [start, end])
            skipped.append(index in word_faults(hear(np.concatenate([before, after])), words).skipped)
            repeated.append(index in word_faults(hear(np.concatenate([before, word, word, after])), words).repeated)
    assert len(skipped) > 10
    assert np.mean(skipped) > 0.8
    assert np.mean(repeated) > 0.8
    assert sum(false) <= 2
