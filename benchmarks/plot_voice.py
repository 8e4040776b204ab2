"""Pictures of recordings above the same sentences spoken by a voice, with phoneme boundaries.

python -m benchmarks.plot_voice VOICE --corpus PREPARED [--ids configs/ssmphony/heldout.txt] [--count 3] -o x.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.pictures import Panel, draw
from ssmphony.audio.files import read_audio
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.types import Samples
from ssmphony.voices.package import load


def chosen_clips(corpus: Path, ids: Path | None) -> list[Clip]:
    """The clips with these ids, in their order; all transcribed ones without a list."""
    clips = {clip.id: clip for clip in read_manifest(corpus) if clip.symbols}
    if ids is None:
        return list(clips.values())
    return [clips[name] for name in ids.read_text(encoding="utf-8").split() if name in clips]


def described(name: str, samples: Samples, rate: int) -> str:
    """A panel's title with length and level."""
    return (
        f"{name}: {len(samples) / rate:.2f} s, rms {np.sqrt(np.mean(samples**2)):.3f}, peak {np.abs(samples).max():.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    voice = load(Path(arguments.voice) if Path(arguments.voice).is_dir() else arguments.voice)
    panels: list[Panel] = []
    for clip in chosen_clips(arguments.corpus, arguments.ids)[: arguments.count]:
        recording, rate = read_audio(arguments.corpus / clip.audio)
        audio = voice.say(clip.text)
        times = [(start, end) for _, _, start, end in clip.anchors]
        marks = [(span.start_s, span.text) for span in audio.phonemes]
        panels.append(Panel(described(f"{clip.id}, recording", recording, rate), recording, spans=times))
        panels.append(Panel(described("synthesis", audio.samples, audio.sample_rate), audio.samples, marks))
    print(f"{arguments.output}: {draw(panels, arguments.output) // 1024} KB")


if __name__ == "__main__":
    main()
