"""LJSpeech layout: a table ``metadata.csv`` of ids and texts, and the recordings in ``wavs/``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.audio_files import NO_AUDIO, AudioIndex, existing_folder
from ssmphony.data.corpora.reader import Item, Reader, Utterance
from ssmphony.data.corpora.transcripts import Transcripts, read_transcripts


class LJSpeech(Reader):
    """``id|text``, ``id|text|normalised text`` or ``id|speaker|text``, and the same with tabs, commas or semicolons.

    ``columns`` and ``separator`` say what is otherwise found out (see `read_transcripts`). ``audio`` names the folder
    of the recordings. ``speaker`` is that of all clips; without it the table's, or else the name of the folder.
    """

    kind: Literal["ljspeech"] = "ljspeech"
    path: Path
    metadata: str = "metadata.csv"
    audio: str = "wavs"
    speaker: str | None = None
    columns: str | None = None
    separator: str | None = None

    def layout(self) -> str:
        return self._table(self._recordings()).layout()

    def items(self) -> Iterator[Item]:
        files = self._recordings()
        folder = self.path.resolve().name
        used: dict[Path, str] = {}
        for entry in self._table(files).entries():
            speaker = self.speaker or entry.speaker or folder
            if entry.problem:
                yield Item(f"{self.metadata}, line {entry.line}", speaker, problem=entry.problem)
                continue
            found = files.find(entry.id)
            problem = found.problem
            if found.path is not None and used.setdefault(found.path, found.id) != found.id:
                problem = f"its recording {found.path.name} is that of '{used[found.path]}'"
            yield Item(found.id, speaker, None if problem else found.path, entry.text, problem=problem)
        for path in files.files:
            if path in used:
                continue
            inside = path.relative_to(files.folder)
            yield Item(f"{self.audio}/{inside.as_posix()}", folder, problem=f"no row of {self.metadata} names it")

    def read(self, item: Item) -> Sequence[Utterance]:
        return [read_transcribed(item)]

    def _recordings(self) -> AudioIndex:
        hint = "; name the folder of the recordings with --set audio=NAME"
        return AudioIndex(existing_folder(existing_folder(self.path) / self.audio, hint))

    def _table(self, files: AudioIndex) -> Transcripts:
        return read_transcripts(
            self.path / self.metadata,
            lambda cell: files.find(cell).path is not None,
            letters=frozenset(self.transcriber.letters if self.transcriber else ()) - {" "},
            columns=self.columns,
            separator=self.separator,
        )


def read_transcribed(item: Item) -> Utterance:
    """The whole file of an item as one utterance."""
    if item.path is None:
        raise Rejected(NO_AUDIO)
    samples, rate = read_clip(item.path)
    return Utterance(item.id, item.speaker, samples, rate, item.text, item.word_times)
