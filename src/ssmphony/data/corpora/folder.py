"""A folder, searched recursively, of audio files with a ``.txt`` or ``.lab`` transcript of the same name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.data.corpora.audio_files import all_files, clip_id, is_audio, some_audio_files
from ssmphony.data.corpora.ljspeech import read_transcribed
from ssmphony.data.corpora.reader import Item, Reader, Utterance
from ssmphony.data.text_files import read_text
from ssmphony.types import SsmphonyError

_TEXTS = (".txt", ".lab")
_LONGEST_TEXT = 1 << 20  # bytes


class Folder(Reader):
    """``speaker`` names the speaker of every file; without it each top-level subfolder is a speaker."""

    kind: Literal["folder"] = "folder"
    path: Path
    speaker: str | None = None

    def items(self) -> Iterator[Item]:
        recordings = some_audio_files(self.path)
        texts = _texts(self.path)
        spoken: set[Path] = set()
        for path in recordings:
            inside = path.relative_to(self.path)
            owner = inside.parts[0] if len(inside.parts) > 1 else self.path.resolve().name
            text = texts.get(_stem(path))
            spoken.update((text,) if text else ())
            yield self._item(clip_id(inside), self.speaker or owner, path, text)
        for path in sorted(texts.values()):
            if path not in spoken:
                name = path.relative_to(self.path).as_posix()
                yield Item(name, self.speaker or "", problem="a text without a recording of the same name")

    def read(self, item: Item) -> Sequence[Utterance]:
        return [read_transcribed(item)]

    def _item(self, name: str, speaker: str, path: Path, text: Path | None) -> Item:
        if text is None:
            return Item(name, speaker, path, "", problem=f"no text: no {path.stem}.txt or .lab next to it")
        try:
            return Item(name, speaker, path, " ".join(read_text(text, _LONGEST_TEXT).split()))
        except SsmphonyError as error:
            return Item(name, speaker, path, "", problem=f"no text: {error}")


def _texts(folder: Path) -> dict[str, Path]:
    """The transcripts below ``folder`` by their place without suffix; a ``.txt`` goes before a ``.lab``."""
    found = [path for path in all_files(folder) if path.suffix.lower() in _TEXTS and not path.is_dir()]
    found.sort(key=lambda path: (-_TEXTS.index(path.suffix.lower()), path))
    return {_stem(path): path for path in found if not path.name.startswith("._")}


def _stem(path: Path) -> str:
    return str(path.with_suffix("")) if is_audio(path) or path.suffix.lower() in _TEXTS else str(path)
