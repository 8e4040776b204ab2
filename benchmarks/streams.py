"""Voices through the engine, with several streams at once: how many times real time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.spoken_texts import SENTENCES
from ssmphony.engine import Engine
from ssmphony.voices.package import load

Row = dict[str, Any]


def speak(engine: Engine, streams: int) -> Row:
    """``streams`` sentences at once, each read by its own thread."""
    seconds = [0.0] * streams
    opened = [engine.stream(SENTENCES[i % len(SENTENCES)]) for i in range(streams)]

    def listen(i: int) -> None:
        seconds[i] = sum(chunk.seconds for chunk in opened[i])

    listeners = [threading.Thread(target=listen, args=(i,)) for i in range(streams)]
    begin, processor = time.perf_counter(), time.process_time()
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join()
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    audio = sum(seconds)
    return {"audio_s": audio, "realtime": audio / wall, "processor": processor / audio}


def measure_streams(voices: dict[str, Path], rounds: int, streams: Sequence[int]) -> list[Row]:
    """Best of the rounds, of every voice with every number of streams."""
    engines = {name: Engine(load(path, threads=1), buffer_s=1e9) for name, path in voices.items()}
    runs: dict[tuple[str, int], list[Row]] = {}
    try:
        for engine in engines.values():
            speak(engine, 1)
        for size in streams:
            for _ in range(rounds):
                for name, engine in engines.items():
                    runs.setdefault((name, size), []).append(speak(engine, size))
                    print(f"engine, {name}, {size} streams: {runs[name, size][-1]}", file=sys.stderr, flush=True)
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        rows = {name: engine.stats().slots // workers for name, engine in engines.items()}
    finally:
        for engine in engines.values():
            engine.close(drain=False)
    return [
        {"mixer": name, "streams": size, "rows": rows[name], "audio_s": found[0]["audio_s"], **best(found)}
        for (name, size), found in runs.items()
    ]


def best(runs: list[Row]) -> Row:
    return {"realtime": max(row["realtime"] for row in runs), "processor": min(row["processor"] for row in runs)}
