"""The espeak-ng teacher: renders our own phonemes, with the exact sample at which each of them starts.

Its letter-to-sound rules are not used. Its oscillators keep their phase from one sentence to the next: a rendering
repeats within milliseconds, not bit by bit. The symbols of the frontend are translated one by one to mnemonics of its
Hindi voice, and its phoneme events back to our tokens; a sentence whose events do not fit is rejected.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.config import Config
from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.espeak_library import espeak_library
from ssmphony.data.corpora.espeak_phonemes import reconcile, to_mnemonics
from ssmphony.data.corpora.reader import Item, Reader, Spoken, Utterance, build
from ssmphony.data.corpora.sentences import sentences_of
from ssmphony.data.transcript import transcribe
from ssmphony.text.registry import DEFAULT


class EspeakSpeaker(Config):
    """A variant of the voice: words a minute (80 to 450), pitch and its range (0 to 100)."""

    name: str
    voice: str
    rate: int = 150
    pitch: int = 50
    pitch_range: int = 50


SPEAKERS = (
    EspeakSpeaker(name="espeak-hi", voice="hi", rate=150, pitch=45),
    EspeakSpeaker(name="espeak-f1", voice="hi+f1", rate=140, pitch=55, pitch_range=60),
    EspeakSpeaker(name="espeak-f2", voice="hi+f2", rate=150, pitch=60, pitch_range=70),
    EspeakSpeaker(name="espeak-f3", voice="hi+f3", rate=160, pitch=50, pitch_range=55),
    EspeakSpeaker(name="espeak-f5", voice="hi+f5", rate=145, pitch=50, pitch_range=65),
    EspeakSpeaker(name="espeak-m2", voice="hi+m2", rate=155, pitch=40, pitch_range=45),
    EspeakSpeaker(name="espeak-m4", voice="hi+m4", rate=165, pitch=45, pitch_range=60),
    EspeakSpeaker(name="espeak-m7", voice="hi+m7", rate=145, pitch=35, pitch_range=40),
)


class Espeak(Reader):
    """Sentences of ``texts`` (files of one sentence a line, or folders of Markdown stories), spoken by ``speakers``.

    ``sentences`` many are drawn with ``seed`` and dealt to the speakers in turn. Every ``hold_out_every``-th line of
    a text file, from the first, is kept out, wherever else the sentence may stand: it is left for evaluation.
    """

    kind: Literal["espeak"] = "espeak"
    texts: tuple[Path, ...]
    sentences: int = 3600
    seed: int = 0
    fewest_words: int = 3
    most_words: int = 15
    hold_out_every: int = 28
    speakers: tuple[EspeakSpeaker, ...] = SPEAKERS

    def items(self) -> Iterator[Item]:
        held_out: set[str] = set()
        found: dict[str, None] = {}
        for path in self.texts:
            for number, sentence in enumerate(sentences_of(path)):
                if path.is_file() and number % self.hold_out_every == 0:
                    held_out.add(sentence)
                else:
                    found[sentence] = None
        usable = [text for text in found if text not in held_out and self._usable(text)]
        chosen = random.Random(self.seed).sample(usable, min(self.sentences, len(usable)))
        for number, text in enumerate(chosen):
            speaker = self.speakers[number % len(self.speakers)]
            yield Item(f"{speaker.name}-{number:05d}", speaker.name, text=text)

    def read(self, item: Item) -> Sequence[Utterance]:
        transcript = transcribe(item.text or "", build({"kind": DEFAULT}))
        words = tuple((word.first, word.stop) for word in transcript.words)
        speaker = next(speaker for speaker in self.speakers if speaker.name == item.speaker)
        library = espeak_library()
        library.choose(speaker.voice, speaker.rate, speaker.pitch, speaker.pitch_range)
        rendering = library.render(to_mnemonics(transcript.symbols, words))
        if len(rendering.samples) == 0:
            raise Rejected("espeak-ng returned no sound")
        times = reconcile(transcript.symbols, rendering)
        spoken = Spoken(transcript.symbols, words, times)
        return [Utterance(item.id, item.speaker, rendering.samples, rendering.rate, item.text, spoken=spoken)]

    def _usable(self, sentence: str) -> bool:
        """Of the right length, and in Devanagari alone."""
        n_words = len(sentence.split())
        return self.fewest_words <= n_words <= self.most_words and not _FOREIGN.search(sentence)


_FOREIGN = re.compile(r"[^\u0900-\u0965\u0970-\u097F\s\u200c\u200d.,;:!?'\"“”‘’()–—-]")
