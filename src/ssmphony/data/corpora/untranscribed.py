"""Audio without transcripts, for vocoders and codecs: long recordings are cut at their pauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.data.clips import Rejected, read_clip
from ssmphony.data.corpora.audio_files import NO_AUDIO, clip_id, some_audio_files
from ssmphony.data.corpora.reader import Item, Reader, Utterance
from ssmphony.data.silence import cut_spans


class Untranscribed(Reader):
    """Every audio file below ``path``, in clips of ``shortest_s`` to ``longest_s`` seconds."""

    kind: Literal["audio"] = "audio"
    path: Path
    speaker: str | None = None
    shortest_s: float = 2.0
    longest_s: float = 12.0

    def items(self) -> Iterator[Item]:
        speaker = self.speaker or self.path.resolve().name
        for path in some_audio_files(self.path):
            yield Item(clip_id(path.relative_to(self.path)), speaker, path)

    def read(self, item: Item) -> Sequence[Utterance]:
        if item.path is None:
            raise Rejected(NO_AUDIO)
        samples, rate = read_clip(item.path)
        spans = cut_spans(samples, rate, self.shortest_s, self.longest_s)
        if not spans:
            raise Rejected(f"shorter than {self.shortest_s:g} s")
        return [
            Utterance(f"{item.id}-{part:03d}", item.speaker, samples[start:stop], rate)
            for part, (start, stop) in enumerate(spans)
        ]
