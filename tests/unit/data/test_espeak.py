"""The teacher: every symbol has a phoneme, and every token gets its place in the sound."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.espeak import SPEAKERS, Espeak
from ssmphony.data.corpora.espeak_library import PhonemeEvent, Rendering, espeak_library
from ssmphony.data.corpora.espeak_phonemes import reconcile, to_mnemonics
from ssmphony.data.corpora.reader import Item
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.text.vocabulary import BEGIN, CONSONANTS, PAD, PAUSES, SYMBOLS, VOWELS
from ssmphony.types import SsmphonyError

RATE = 22_050


def installed() -> bool:
    try:
        espeak_library()
    except SsmphonyError:
        return False
    return True


needs_espeak = pytest.mark.skipif(not installed(), reason="espeak-ng is not installed")


def rendering(*events: tuple[int, str], length: int = 20_000) -> Rendering:
    samples = np.full(length, 0.3, np.float32)
    return Rendering(samples, RATE, tuple(PhonemeEvent(*event) for event in events))


def sentences(folder: Path, lines: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "lines.txt"


def test_every_symbol_has_a_phoneme() -> None:
    for symbol in SYMBOLS:
        if symbol not in (PAD, BEGIN, *PAUSES):
            assert to_mnemonics(("^", symbol, "."), ((1, 2),)).startswith("[[")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["n ə m ə s t̪ eː"], "[[n|@|m|'V|s|t|e:]]."),  # a heavy syllable before the final one
        (["k ə m ə l"], "[[k|'V|m|@|l]]."),
        (["b aː z aː ɾ"], "[[b|a:|z|'a:|r]]."),  # a final syllable with three morae
        (["m ẽː"], "[[m|e~]]."),  # clitics carry no stress
        (["p ə ɽʱ n aː"], "[[p|'V|r.|H|n|a:]]."),  # one symbol, two phonemes
    ],
)
def test_words_and_their_stress(words: list[str], expected: str) -> None:
    symbols, spans = ["^"], []
    for word in words:
        spans.append((len(symbols), len(symbols) + len(word.split())))
        symbols += word.split()
    assert to_mnemonics((*symbols, "."), spans) == expected


def test_pauses_stand_between_words() -> None:
    symbols = ("^", "aː", ",", "oː", "iː", "?")
    assert to_mnemonics(symbols, ((1, 2), (3, 4), (4, 5))) == "[['a:]], [['o:]] [['i:]]?"


def test_times_tile_the_sound_and_a_pause_starts_where_its_event_is() -> None:
    sound = rendering((0, "m"), (2000, "a:"), (5000, "_:"), (6000, "_"), (7000, "l"), (9000, "i"), (15_000, "_:"))
    times = reconcile(("^", "m", "aː", ",", "l", "iː", "."), sound)
    starts = [round(start * RATE) for start, _ in times]
    assert starts == [0, 0, 2000, 5000, 7000, 9000, 15_000]
    assert [end for _, end in times[:-1]] == [start for start, _ in times[1:]]
    assert round(times[-1][1] * RATE) == 20_000


def test_a_voiceless_stop_begins_with_its_closure() -> None:
    sound = rendering((0, "a:"), (5000, "k"), (6000, "a:"), (9000, "_:"))
    sound.samples[4000:5000] = 0.0
    assert round(reconcile(("^", "aː", "k", "aː", "."), sound)[2][0] * RATE) == 4000
    sound.samples[:5000] = 0.0
    assert round(reconcile(("^", "aː", "k", "aː", "."), sound)[2][0] * RATE) == 5000 - round(0.12 * RATE)


def test_a_glide_between_vowels_belongs_to_the_first() -> None:
    times = reconcile(("^", "iː", "aː", "."), rendering((0, "i:"), (3000, ";"), (4000, "a:"), (9000, "_:")))
    assert [round(start * RATE) for start, _ in times] == [0, 0, 4000, 9000]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([(0, "m"), (2000, "o:"), (9000, "_:")], "spoke 'o:' for 'aː'"),
        ([(0, "m")], "spoke 'nothing' for 'aː'"),
        ([(0, "m"), (2000, "a:"), (4000, "l"), (9000, "_:")], "more than the sentence"),
        ([(3000, "m"), (2000, "a:"), (9000, "_:")], "out of order"),
    ],
)
def test_events_that_do_not_fit_are_rejected(events: list[tuple[int, str]], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        reconcile(("^", "m", "aː", "."), rendering(*events))


def test_the_choice_of_sentences_is_fixed_and_keeps_the_test_set_out(tmp_path: Path) -> None:
    lines = [f"राम ने {'अ' * (number + 1)} खाया" for number in range(60)]
    lines[5] = lines[28]  # a held-out sentence that stands elsewhere too
    lines[6:10] = ["दो शब्द", "यह iPhone है नया", "उसे १० आम मिले आज", "उसे 10 आम मिले"]
    reader = Espeak(texts=(sentences(tmp_path, lines),), sentences=20, seed=1)
    items = list(reader.items())
    assert items == list(reader.items())
    texts = {item.text for item in items}
    assert len(texts) == 20
    assert not texts & {lines[0], lines[28], lines[56], *lines[6:10]}
    assert [item.speaker for item in items[:8]] == [speaker.name for speaker in SPEAKERS]
    other = Espeak(texts=reader.texts, sentences=20, seed=2)
    assert {item.text for item in other.items()} != texts


def test_stories_are_read_without_their_markup(tmp_path: Path) -> None:
    story = "# हवा\n\n##\nयह है हवा। वह\nभी है हवा?\n\n##\n* License: [CC-BY]\n* Language: hi\n"
    (tmp_path / "1.md").write_text(story, encoding="utf-8")
    texts = {item.text for item in Espeak(texts=(tmp_path,)).items()}
    assert texts == {"यह है हवा।", "वह भी है हवा?"}
    with pytest.raises(SsmphonyError, match="no such file"):
        list(Espeak(texts=(tmp_path / "none.txt",)).items())


def test_without_the_library_one_line_says_what_to_install() -> None:
    """In a process of its own, where no library of the name can be found."""
    code = (
        "import ctypes\n"
        "def missing(*_, **__): raise OSError('no such library')\n"
        "ctypes.CDLL = missing\n"
        "from ssmphony.data.corpora.espeak_library import espeak_library\n"
        "from ssmphony.types import SsmphonyError\n"
        "try: espeak_library()\n"
        "except SsmphonyError as error: assert 'libespeak-ng1' in str(error) and '\\n' not in str(error)\n"
        "else: raise SystemExit('loaded')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path), "PATH": ""})


@needs_espeak
@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.name)
def test_every_phoneme_is_spoken_by_every_speaker(speaker) -> None:
    """Each consonant between vowels, each vowel between consonants, in words: none is lost or merged."""
    library = espeak_library()
    library.choose(speaker.voice, speaker.rate, speaker.pitch, speaker.pitch_range)
    words = [("aː", symbol, "aː") for symbol in CONSONANTS] + [("b", symbol, "b") for symbol in VOWELS]
    for pair in pairwise(words):
        symbols = ("^", *pair[0], *pair[1], ".")
        spans = ((1, 4), (4, 7))
        sound = library.render(to_mnemonics(symbols, spans))
        times = reconcile(symbols, sound)
        assert len(times) == len(symbols)
        assert all(end - start > 0.004 for start, end in times[1:-1]), (pair, times)


@needs_espeak
def test_the_times_are_those_of_the_sound() -> None:
    """A fricative between vowels is where the high frequencies are, a stop where it is silent."""
    library = espeak_library()
    library.choose("hi", 150, 50, 50)
    symbols = ("^", "aː", "s", "aː", "k", "aː", "ʃ", "aː", ".")
    sound = library.render(to_mnemonics(symbols, ((1, 8),)))
    times = reconcile(symbols, sound)
    step = np.abs(np.diff(sound.samples, prepend=0.0))

    def harshness(token: int) -> float:
        start, end = (round(time * RATE) for time in times[token])
        return float(step[start:end].mean() / np.abs(sound.samples[start:end]).mean())

    vowels = max(harshness(token) for token in (1, 3, 5, 7))
    assert harshness(2) > 2 * vowels
    assert harshness(6) > 1.5 * vowels
    stop = round(times[4][0] * RATE)
    assert np.abs(sound.samples[stop : stop + 400]).max() < 0.02 * np.abs(sound.samples).max()


@needs_espeak
def test_a_rendered_corpus_has_an_anchor_for_every_token(tmp_path: Path) -> None:
    lines = ["", "राम ने आम खाया, फिर पानी पिया।", "क्या तुम कल बाज़ार जाओगे?", "पढ़ना-लिखना अच्छी बात है!"]
    reader = Espeak(texts=(sentences(tmp_path, lines),), speakers=SPEAKERS[:2])
    assert prepare(reader, tmp_path / "out").rejected == 0
    for clip in read_manifest(tmp_path / "out"):
        assert clip.symbols is not None
        assert [anchor[:2] for anchor in clip.anchors] == [(at, at + 1) for at in range(len(clip.symbols))]
        assert clip.anchors[0][2] == 0.0
        assert clip.anchors[0][3] == pytest.approx(0.05, abs=1e-3)
        assert clip.anchors[-1][2] == pytest.approx(clip.seconds - 0.05, abs=1e-3)
        assert all(end > start for _, _, start, end in clip.anchors)
        assert clip.anchors[-1][3] == pytest.approx(clip.seconds, abs=1e-4)
        assert 0.04 < (clip.seconds - 0.1) / len(clip.symbols) < 0.16


@needs_espeak
def test_the_same_sentence_has_the_same_times(tmp_path: Path) -> None:
    """Whatever was rendered before it; the sound itself may differ a little, for espeak-ng keeps a state of its own."""
    reader = Espeak(texts=(sentences(tmp_path, ["राम घर गया"]),))
    wanted = Item("espeak-f2-0", "espeak-f2", text="राम घर गया")
    first = reader.read(wanted)[0]
    reader.read(Item("espeak-m4-0", "espeak-m4", text="वह बहुत दूर चला गया"))
    again = reader.read(wanted)[0]
    assert len(again.samples) == pytest.approx(len(first.samples), rel=0.05)
    assert first.spoken is not None
    assert again.spoken is not None
    assert again.spoken.symbols == first.spoken.symbols
    np.testing.assert_allclose(again.spoken.times[:-1], first.spoken.times[:-1], atol=0.06)


@needs_espeak
def test_an_unknown_voice_is_one_line() -> None:
    with pytest.raises(SsmphonyError, match="no voice 'xx-none'"):
        espeak_library().choose("xx-none", 150, 50, 50)
