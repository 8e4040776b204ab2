"""Speed, first sound, memory, start-up and size of our voices next to other systems.

    python -m benchmarks.speed [--voice VOICE ...] [--peer NAME=PYTHON ...] [--only NAME ...] [--threads 1 2]
                               [--words 10 40] [--rounds 9] [--quick] [--write | --output FILE]

Each system runs in a process of its own, warm; they take turns, so that a busy moment of the machine meets all of them;
figures are medians. Peers run in their own environments: `python -m benchmarks.speed.environments` makes them, and
`--peer` names the interpreter of one that is elsewhere. ``--write`` stores ``benchmarks/results/speed.json`` and fills
the pages from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.machine import RESULTS, write_json
from benchmarks.speed.environments import FOLDER
from benchmarks.speed.measure import WORDS, measure
from benchmarks.speed.peers import PEERS
from benchmarks.speed.process import programs_of
from benchmarks.speed.systems import SYSTEMS
from benchmarks.speed.tables import lengths_table, speed_notes, speed_table
from benchmarks.update_docs import update
from benchmarks.voices import voices_of

SLOW = [name for name, system in SYSTEMS.items() if system.slow] + [
    name for name, peer in PEERS.items() if peer.system.slow
]


def peer(argument: str) -> tuple[str, str]:
    """``NAME=PYTHON`` of an option."""
    name, _, python = argument.partition("=")
    if name not in PEERS or not python:
        raise argparse.ArgumentTypeError(f"'{argument}' is not NAME=PYTHON with a NAME of {', '.join(PEERS)}")
    if not Path(python).is_file():
        raise argparse.ArgumentTypeError(f"there is no interpreter {python}")
    return name, str(Path(python).absolute())  # not resolved: the link is what names the environment


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--voice", action="append", default=[], help="a voice, its folder, or a folder of voices; may be repeated"
    )
    options.add_argument("--peer", type=peer, action="append", default=[], metavar="NAME=PYTHON")
    options.add_argument("--peers", type=Path, default=FOLDER, help=f"folder of environments ({FOLDER})")
    options.add_argument("--only", nargs="+", metavar="NAME", help="systems to measure")
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of CPU threads (1 2)")
    options.add_argument("--words", type=int, nargs="+", default=list(WORDS), help="lengths of the texts (10 40 400)")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--quick", action="store_true", help=f"without {', '.join(SLOW)} and a text of 10,000 words")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    options.add_argument("--output", type=Path, help="a file for the result")
    return options


def main() -> None:
    options = parser()
    arguments = options.parse_args()
    voices = [voice for argument in arguments.voice for voice in voices_of(argument)]
    programs = programs_of(voices, dict(arguments.peer), arguments.peers)
    chosen = arguments.only or [name for name in programs if not (arguments.quick and name in SLOW)]
    for name in chosen:
        if name not in programs:
            options.error(f"no system '{name}' here; there are {', '.join(programs)}")
    words = sorted(set(arguments.words))
    if any(count < 10 or count % 10 for count in words) or min(arguments.threads) < 1 or arguments.rounds < 1:
        options.error("--words are multiples of 10, --threads and --rounds at least 1")
    if arguments.write and (arguments.only or arguments.quick or words != list(WORDS)):
        options.error("--write stores whole results; give --output FILE with --only, --words or --quick")
    programs = {name: program for name, program in programs.items() if name in chosen}
    long = not arguments.quick and words == list(WORDS)
    result = measure(programs, sorted(set(arguments.threads)), arguments.rounds, words, long)
    print(speed_table(result), lengths_table(result), speed_notes(result), sep="\n\n")
    target = RESULTS / "speed.json" if arguments.write else arguments.output
    if target:
        write_json(result, target)
    if arguments.write:
        update()


if __name__ == "__main__":
    main()
