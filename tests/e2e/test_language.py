"""Any language that a frontend reads is prepared, trained and spoken: a toy language, and bytes of another script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.cli import app
from ssmphony.config import Config
from ssmphony.data.manifest import read_manifest
from ssmphony.interfaces import Frontend
from ssmphony.text import FRONTENDS
from ssmphony.types import Tokens, Word

ROOT = Path(__file__).resolve().parents[2]
RATE = 24_000


class ToyFrontendConfig(Config):
    """Toki: each syllable is a consonant and a vowel, a line is a sentence."""

    kind: Literal["toki"] = "toki"
    max_tokens: int = 100

    def build(self) -> ToyFrontend:
        return ToyFrontend()


class ToyFrontend(Frontend):
    language = "tok"

    @property
    def symbols(self) -> tuple[str, ...]:
        return ("_", "^", "|", *"aiuktmn")

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        whole = text if isinstance(text, str) else "".join(text)
        place = 0
        for line in whole.splitlines(keepends=True):
            symbols, words, at = ["^"], [], place
            for word in line.split():
                at = whole.index(word, at)
                spoken = [letter for letter in word if letter in "aiuktmn"]
                words.append(Word(word, len(symbols), len(symbols) + len(spoken), at, at + len(word)))
                symbols += spoken
                at += len(word)
            symbols.append("|")
            ids = tuple(map(self.symbols.index, symbols))
            if words:
                yield Tokens(ids, tuple(symbols), tuple(words), line.rstrip("\n"), place, place + len(line))
            place += len(line)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a language takes besides its frontend: an entry in the registry."""
    monkeypatch.setitem(FRONTENDS, "toki", ToyFrontendConfig)


def corpus(folder: Path, texts: Iterable[str]) -> Path:
    random = np.random.default_rng(0)
    (folder / "speaker").mkdir(parents=True)
    for number, text in enumerate(texts):
        time = np.arange(RATE) / RATE
        samples = 0.2 * np.sin(2 * np.pi * 150 * time) + 0.02 * random.standard_normal(len(time))
        soundfile.write(folder / "speaker" / f"{number}.wav", samples.astype(np.float32), RATE)
        (folder / "speaker" / f"{number}.txt").write_text(text, encoding="utf-8")
    return folder


def run(*command: str | Path) -> None:
    app([str(part) for part in command], standalone_mode=False)


def trained(config: str, prepared: Path, out: Path, *more: str) -> Path:
    """Two steps."""
    corpora = f"[{{path: {prepared}}}]"
    settings = (
        *(f"task.corpora={corpora}", f"task.validation={corpora}", "task.optimiser.max_steps=2", f"run.out={out}"),
        *("voice.model.speakers=[speaker]", "run.accelerator=cpu", "run.threads=1", "run.progress=false", *more),
    )
    run("train", ROOT / config, *(part for setting in settings for part in ("--set", setting)))
    return out


@pytest.mark.usefixtures("toy")
def test_a_toy_language_is_prepared_trained_and_spoken(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus", ("kata mini tumu", "nami tuka", "mika tana"))
    run("prepare", "folder", folder, "-o", tmp_path / "prepared", "--frontend", "toki", "--workers", "1")
    first, *_ = read_manifest(tmp_path / "prepared")
    assert (first.language, "".join(first.symbols or ())) == ("tok", "^kataminitumu|")
    codec = ("voice.frontend={kind: toki}", "voice.codec={kind: griffin_lim}", "voice.model.d_model=16")
    out = trained("configs/tiny/s4_acoustic.yaml", tmp_path / "prepared", tmp_path / "run", *codec)
    run("export", out, tmp_path / "voice")
    voice = ssmphony.load(tmp_path / "voice")
    assert voice.card.language == "tok"
    audio = voice.say("kata tumu")
    assert [word.text for word in audio.words] == ["kata", "tumu"]
    assert np.isfinite(audio.samples).all()
    assert audio.seconds > 0.05


def test_bytes_are_trained_on_any_language(tmp_path: Path) -> None:
    texts = ("வணக்கம் உலகம்.", "நல்ல நாள் 25!", "நீங்கள் எப்படி இருக்கிறீர்கள்?")
    folder = corpus(tmp_path / "corpus", texts)
    settings = ("--frontend", "bytes", "--set", "language=ta", "--workers", "1")
    run("prepare", "folder", folder, "-o", tmp_path / "prepared", *settings)
    clips = read_manifest(tmp_path / "prepared")
    assert [clip.language for clip in clips] == ["ta"] * 3
    frontend = FRONTENDS["bytes"]().build()
    assert [clip.symbols for clip in clips] == [frontend.whole(text).symbols for text in texts]
    out = trained(
        "configs/tiny/lewm.yaml",
        tmp_path / "prepared",
        tmp_path / "run",
        "voice.frontend={kind: bytes}",
        "task.vocoder=null",
    )
    assert (out / "config.json").exists()
