"""Options of the programs that compare with the teacher, and what follows from them."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.teacher.render import TeacherFiles
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import read_manifest as read_voice
from ssmphony.voices.package import locate


def add_teacher(options: argparse.ArgumentParser) -> None:
    """Options for the files of the teacher, and for the names of its speakers."""
    options.add_argument("--model", type=Path, help="the teacher's graph")
    options.add_argument("--vocabulary", type=Path, help="its vocab.json")
    options.add_argument("--voices", type=Path, help="the folder of its voices")
    add_names(options)
    options.add_argument("--workers", type=int, default=1, help="processes (1)")


def add_names(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--speaker",
        type=named,
        action="append",
        default=[],
        metavar="TEACHER=NAME",
        help="what the voice calls a speaker of the teacher, where that differs",
    )


def named(argument: str) -> tuple[str, str]:
    teacher, _, name = argument.partition("=")
    if not teacher or not name:
        raise argparse.ArgumentTypeError(f"'{argument}' is not TEACHER=NAME")
    return teacher, name


def teacher_files(arguments: argparse.Namespace) -> TeacherFiles | None:
    """The files that the options name; raises `SsmphonyError` where only some of them are named."""
    paths = (arguments.model, arguments.vocabulary, arguments.voices)
    if any(paths) and not all(paths):
        raise SsmphonyError("rendering needs all three of --model, --vocabulary and --voices")
    return TeacherFiles(*paths) if all(paths) else None


def common_speakers(planned: list[str], voice: str | None, names: dict[str, str]) -> list[str]:
    """The teacher's speakers that the voice has, by the teacher's names; all for a voice with one speaker only."""
    known = read_voice(locate(voice)).speakers
    found = [speaker for speaker in planned if len(known) < 2 or names.get(speaker, speaker) in known]
    if not found:
        raise SsmphonyError(f"none of {', '.join(planned)} is a speaker of the voice: name them with --speaker")
    return found
