"""Pictures of recordings above the same sentences spoken by a voice, with phoneme boundaries.

python -m benchmarks.plot_voice VOICE --corpus PREPARED [--ids configs/s4_acoustic/heldout.txt] [--count 3] -o x.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ssmphony.audio.files import read_audio
from ssmphony.evaluation.material import chosen_clips
from ssmphony.evaluation.pictures import Panel, described, draw
from ssmphony.voices.package import load


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
