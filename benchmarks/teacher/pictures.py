"""Spectrograms with pitch of ten sentences: the teacher, the student, and the voice that was there before.

    python -m benchmarks.teacher.pictures VOICE --cache FOLDER [--before default] -o docs/voices/FOLDER
        [--model kokoro.onnx --vocabulary vocab.json --voices FOLDER] [--speaker hf_alpha=alpha ...]

The sentences are those of ``pictures.tsv``; the teacher's clips stay in the cache. Pitch is tracked in all of them in
the same way.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.teacher.options import add_teacher, common_speakers, teacher_files
from benchmarks.teacher.render import PICTURES, read_plan, teacher_clips
from benchmarks.teacher.student import Student
from benchmarks.voices import voice_argument
from ssmphony.audio.files import read_audio
from ssmphony.audio.resample import resample
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.material import rendition
from ssmphony.evaluation.pictures import FORMAT, Panel, described, draw
from ssmphony.types import Audio, SsmphonyError


def panel(name: str, audio: Audio) -> Panel:
    samples = resample(audio.samples, audio.sample_rate, FORMAT.sample_rate)
    said = rendition(audio)
    marks = [(span.start_s, span.text) for span in said.phonemes]
    return Panel(described(name, samples, FORMAT.sample_rate), samples, marks)


def picture(clip: Clip, folder: Path, voices: dict[str, Student], path: Path) -> int:
    """Write the picture of a sentence; returns its bytes."""
    samples, rate = read_audio(folder / clip.audio)
    sound = resample(samples, rate, FORMAT.sample_rate)
    marks = [(begin, (clip.symbols or ())[first]) for first, _, begin, _ in clip.anchors]
    panels = [Panel(described(f"teacher, {clip.speaker}", sound, FORMAT.sample_rate), sound, marks)]
    for name, student in voices.items():
        audio = student.voice.say(clip.text, speaker=student.style(clip.speaker).speaker)
        panels.append(panel(name, audio))
    return draw(panels, path, height=1.7, pitches=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("voice", help="a voice or its folder")
    options.add_argument("--cache", type=Path, required=True, help="the teacher's clips stay here")
    options.add_argument("--before", help="the voice that was there before")
    options.add_argument("-o", "--output", type=Path, required=True)
    add_teacher(options)
    arguments = options.parse_args()
    voice, names = voice_argument(arguments.voice), dict(arguments.speaker)
    try:
        plan = read_plan(PICTURES)
        speakers = common_speakers(list({speaker for _, speaker, _ in plan}), voice, names)
        plan = [line for line in plan if line[1] in speakers]
        folder = arguments.cache / "teacher" / "pictures"
        clips = teacher_clips(folder, plan, teacher_files(arguments), arguments.workers)
        voices = {"student": Student(voice, names)}
        if arguments.before:
            voices["before"] = Student(voice_argument(arguments.before))
    except SsmphonyError as error:
        sys.exit(str(error))
    arguments.output.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        path = arguments.output / f"{clip.id}.png"
        print(f"{path}: {picture(clip, folder, voices, path) // 1024} KB")


if __name__ == "__main__":
    main()
