"""The process of one system: loads it, then speaks what it is asked to and answers with the times.

    PYTHON -m benchmarks.speed.worker SYSTEM --threads 2 [--voice VOICE]

Speaks a protocol of JSON lines over standard input and output. The first answer describes the system, or is
``{"missing": reason}``. A request ``{"text": …, "only_first": false}`` is answered with a row of `speak_once`, or with
``{"error": reason}``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any, TextIO

from benchmarks.speed.peers import PEERS
from benchmarks.speed.systems import SYSTEMS, System, SystemMissing

FIRST_S = 0.1
"""Seconds of audio that count as the first sound."""


class _Enough(Exception):
    """The first sound has been generated; the rest need not be."""


def speak_once(system: System, text: str, *, only_first: bool = False) -> dict[str, Any]:
    """Speak once: seconds of audio, wall and processor seconds for each of them, seconds until the first 100 ms."""
    samples, first = 0, float("nan")
    begin, processor = time.perf_counter(), time.process_time()

    def on_samples(count: int) -> None:
        nonlocal samples, first
        samples += count
        if first != first and samples >= FIRST_S * system.sample_rate:
            first = time.perf_counter() - begin
            if only_first:
                raise _Enough

    try:
        system.speak(text, on_samples)
    except _Enough:
        return {"first_s": first}
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    audio = samples / system.sample_rate
    if not audio:
        raise RuntimeError(f"{system.label} spoke nothing")
    return {"audio_s": audio, "wall": wall / audio, "processor": processor / audio, "first_s": first}


def serve(system: System, requests: TextIO, answers: TextIO) -> None:
    """Answer requests until there are no more."""
    about = {name: getattr(system, name) for name in ("label", "language", "slow", "sample_rate")}
    print(json.dumps(about), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        try:
            answer = speak_once(system, request["text"], only_first=request["only_first"])
        except Exception as error:  # of any kind: systems are not ours
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    systems = {**SYSTEMS, **{name: peer.system for name, peer in PEERS.items()}}
    parser = argparse.ArgumentParser(description="The process of one system; benchmarks.speed starts it.")
    parser.add_argument("system", choices=systems)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--voice")
    arguments = parser.parse_args()
    # What a system prints must not come between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            system = systems[arguments.system](arguments.voice, arguments.threads)
        except (SystemMissing, ImportError) as missing:
            print(json.dumps({"missing": str(missing)}), file=answers, flush=True)
        else:
            serve(system, sys.stdin, answers)


if __name__ == "__main__":
    main()
