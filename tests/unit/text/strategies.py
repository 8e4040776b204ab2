"""Random text that looks like what people type: Hindi letters and signs, digits, Latin, marks, and anything else."""

from __future__ import annotations

from hypothesis import strategies as st

_DEVANAGARI = st.characters(min_codepoint=0x0900, max_codepoint=0x097F)
_MARKS = st.sampled_from([*"।॥?!.…,;:-–—\"'“”‘’()[]|\n\r /%₹$°@#&+=*_~", "\u200d", "\u200c", "\u2028"])
_ASCII = st.characters(min_codepoint=32, max_codepoint=126)
_DIGITS = st.sampled_from("0123456789०१२३४५६७८९")
_WORDS = st.sampled_from(
    ["डॉ.", "ए.", "पी.", "कि.मी.", "बजे", "है", "नमस्ते", "10वीं", "8:45", "12/3/2024", "3.5", "BJP", "iPhone", "और", "रु."]
)
_PIECES = st.one_of(_DEVANAGARI, _DEVANAGARI, _MARKS, _ASCII, _DIGITS, _WORDS, st.just(" "), st.characters())

texts = st.one_of(st.text(), st.lists(_PIECES, max_size=60).map("".join))
"""Any string at all, or a likely one; lone surrogates and unassigned characters included."""


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and the same text in random pieces."""
    text = draw(texts)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    edges = [0, *places, len(text)]
    return text, [text[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]
