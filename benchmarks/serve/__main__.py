"""``ssmphony serve`` under load, compared with a naive server that speaks one text after another.

    python -m benchmarks.serve [--voice VOICE] [--rounds 3] [--minutes 30] [--only concurrency,arrivals,memory]
                               [--quick] [--write] [--before PYTHON]

Real processes on the loopback and on two cores: both servers and, as a third, their listeners, who cost little
(`benchmarks.serve.client`). The servers take turns within a round, ratios are taken within a round, and figures are
medians of rounds. ``--only`` measures some sections again and leaves the others as they are. Writes
``benchmarks/results/serve.json``; ``--write`` also fills the tables of the documentation from it. ``--quick`` takes
two minutes and stores nothing. ``--before`` names the interpreter of an environment with another version of ssmphony,
whose server takes the place of the naive one; it prints the ratios and stores nothing. Reads /proc: Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmarks.machine import RESULTS, write_json
from benchmarks.serve import tables
from benchmarks.serve.measure import QUICK, SECTIONS, Size, compare, measure
from benchmarks.serve.servers import Row

CORES = 2
"""For everything together, the listeners too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", help="a voice or its folder; the default one, if not given")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--minutes", type=float, help="of mixed load; 30, if not given")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="two minutes; stores nothing")
    parser.add_argument("--write", action="store_true", help="fill the pages")
    parser.add_argument("--before", metavar="PYTHON", help="an interpreter with the version to compare with")
    parser.add_argument("--output", type=Path, default=RESULTS / "serve.json")
    chosen = parser.parse_args()
    sections = chosen.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"--only: no section {', '.join(unknown)}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    size = QUICK if chosen.quick else Size()
    size = size._replace(rounds=chosen.rounds or size.rounds, minutes=chosen.minutes or size.minutes)
    if chosen.before:
        print(compare(chosen.voice, size, chosen.before))
        return
    result: Row = json.loads(chosen.output.read_text()) if chosen.output.exists() and not chosen.quick else {}
    for name in sections:  # what is measured is kept, whatever happens to the next
        result |= measure(chosen.voice, size, [name])
        if not chosen.quick:
            write_json(result, chosen.output)
    print(tables.sections(result))
    if chosen.write and not chosen.quick:
        from benchmarks.update_docs import update

        update()


if __name__ == "__main__":
    main()
