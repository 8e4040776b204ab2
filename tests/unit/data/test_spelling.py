"""Phonemes become bytes, and word times stay with the words."""

from __future__ import annotations

from ssmphony.data.manifest import Clip
from ssmphony.data.spelling import spelled
from ssmphony.text.utf8 import decode, tokenise

CLIP = Clip(
    id="a",
    audio="audio/a.flac",
    seconds=1.0,
    speaker="s",
    language="hi",
    text="नमक है।",
    symbols=("^", "n", "ə", "m", "ə", "k", "ɦ", "ɛː", "."),
    words=((1, 6), (6, 8)),
    anchors=((1, 3, 0.1, 0.3), (3, 6, 0.3, 0.5), (6, 8, 0.5, 0.9)),
)


def test_words_and_phones_keep_their_times() -> None:
    clip = spelled(CLIP)
    clip.check()
    assert decode(tokenise(CLIP.text).ids) == CLIP.text
    assert clip.symbols == tokenise(CLIP.text).symbols
    assert clip.words == ((1, 10), (11, 17))
    assert clip.anchors == ((1, 5, 0.1, 0.3), (5, 10, 0.3, 0.5), (11, 17, 0.5, 0.9))


def test_words_that_do_not_match_have_no_times() -> None:
    clip = spelled(Clip(**{**CLIP.__dict__, "text": "एक नमक है।"}))
    clip.check()
    assert clip.anchors == ()
    assert len(clip.words) == 3
