"""What is measured of a server: streams at once, requests at random moments, and memory."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from statistics import median
from typing import NamedTuple

from benchmarks.machine import machine
from benchmarks.serve.servers import BEFORE, NAIVE, OURS, WORKER, Row, listen, running


class Size(NamedTuple):
    """How much is measured."""

    rounds: int = 3
    each: tuple[tuple[int, int], ...] = ((1, 24), (8, 4), (32, 3), (128, 2))
    """Concurrent streams, and how many texts each of them asks for."""
    shares: tuple[float, ...] = (0.3, 0.6)
    """Of what the machine can compute: arrivals ask for that much."""
    seconds: float = 20.0
    """Of arrivals, at each load."""
    limit_s: float = 5.0
    minutes: float = 30.0
    listeners: int = 12
    pause_s: float = 1.0


QUICK = Size(1, ((1, 6), (8, 2), (32, 1), (128, 1)), (0.5,), 6.0, 3.0, 0.5)


def figures(result: Row) -> Row:
    """First audio in ms, rate in seconds of audio a second, processor-seconds of server and client a second of it."""
    fine = [one for one in result["heard"] if one[0] == 200 and one[1] is not None]
    if not fine:
        raise SystemExit("no request was answered with sound")
    firsts = sorted(1000 * one[1] for one in fine)
    audio = sum(one[3] for one in fine)
    return {
        "requests": len(result["heard"]),
        "refused": len(result["heard"]) - len(fine),
        "first_p50_ms": quantile(firsts, 0.5),
        "first_p95_ms": quantile(firsts, 0.95),
        "rate": audio / result["wall_s"],
        "audio_s": audio,
        "server_processor": result["server_processor_s"] / audio,
        "client_processor": result["processor_s"] / audio,
    }


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def compute_limit(voice: str | None, seconds: float) -> float:
    """Seconds of audio per second with one process per core, each with a voice on one thread, and no server."""
    cores = len(os.sched_getaffinity(0))
    command = [*WORKER, "limit", str(seconds), *([voice] if voice else [])]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(cores)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()  # it is ready
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("\n")
        worker.stdin.flush()
    return sum(float(worker.communicate()[0]) for worker in workers)


def concurrency(voice: str | None, size: Size, rival: str = NAIVE, python: str = sys.executable) -> Row:
    """Streams that send their next request as soon as the last is complete, so that their number stays constant."""
    runs: dict[int, dict[str, list[Row]]] = {streams: {OURS: [], rival: []} for streams, _ in size.each}
    limits: list[float] = []
    with running(OURS, voice) as ours, running(rival, voice, python) as other:
        systems = {OURS: ours, rival: other}
        for server in systems.values():
            listen(server, way="closed", listeners=2, each=2)
        for _ in range(size.rounds):
            limits.append(compute_limit(voice, size.limit_s))
            for streams, each in size.each:
                for name, server in systems.items():
                    row = figures(listen(server, way="closed", listeners=streams, each=each))
                    runs[streams][name].append(row)
                    note(f"{streams} streams, {name}: {short(row)}")
        memory = ours.memory_mb()
    single = runs[size.each[0][0]][OURS]
    rows = [
        {
            "streams": streams,
            **{name: medians(found[name]) for name in (OURS, rival)},
            **ratios(found[OURS], found[rival]),
            "of_single": median(row["rate"] / one["rate"] for row, one in zip(found[OURS], single, strict=True)),
            "of_limit": median(row["rate"] / limit for row, limit in zip(found[OURS], limits, strict=True)),
        }
        for streams, found in runs.items()
    ]
    return {"rounds": size.rounds, "limit": median(limits), "memory_mb": memory, "rows": rows}


def compare(voice: str | None, size: Size, python: str) -> str:
    """This version's server and that of another interpreter, in turns: a line for each number of streams."""
    lines: list[str] = []
    for row in concurrency(voice, size, BEFORE, python)["rows"]:
        ratio = row["ratios"]
        lines.append(
            f"{row['streams']} streams: {short(row[OURS])}; before: {short(row[BEFORE])}; before / now: first "
            f"{ratio['first_p50_ms']:.2f} (p95 {ratio['first_p95_ms']:.2f}); now / before: rate {ratio['rate']:.2f}"
        )
    return "\n".join(lines)


def arrivals(voice: str | None, size: Size) -> Row:
    """Requests at random moments, independent of earlier ones: what an individual listener experiences."""
    limit = compute_limit(voice, size.limit_s)
    rows: list[Row] = []
    with running(OURS, voice) as ours, running(NAIVE, voice) as other:
        systems = {OURS: ours, NAIVE: other}
        for server in systems.values():
            warm = figures(listen(server, way="closed", listeners=2, each=5))
        each_s = warm["audio_s"] / warm["requests"]
        for share in size.shares:
            rate = share * limit / each_s
            found: dict[str, list[Row]] = {OURS: [], NAIVE: []}
            for seed in range(size.rounds):
                for name, server in systems.items():
                    row = figures(listen(server, way="open", rate=rate, seconds=size.seconds, seed=seed))
                    found[name].append(row)
                    note(f"{rate:.1f} requests a second, {name}: {short(row)}")
            medians_of = {name: medians(runs) for name, runs in found.items()}
            rows.append({"share": share, "rate": rate, **medians_of, **ratios(found[OURS], found[NAIVE])})
    return {"rounds": size.rounds, "limit": limit, "rows": rows}


def ratios(ours: list[Row], other: list[Row]) -> Row:
    pairs = list(zip(ours, other, strict=True))
    firsts = {key: median(b[key] / a[key] for a, b in pairs) for key in ("first_p50_ms", "first_p95_ms")}
    return {"ratios": {**firsts, "rate": median(a["rate"] / b["rate"] for a, b in pairs)}}


def medians(rows: list[Row]) -> Row:
    return {key: median(row[key] for row in rows) for key in rows[0]}


def memory(voice: str | None, size: Size) -> Row:
    """Resident memory of a fresh server: idle, under mixed load, and after it."""
    seconds = 60 * size.minutes
    samples: list[tuple[float, float]] = []
    with running(OURS, voice) as server:
        time.sleep(1.0)
        idle = server.memory_mb()
        done = threading.Event()

        def watch() -> None:
            begin = time.monotonic()
            while not done.wait(1.0):
                samples.append((time.monotonic() - begin, server.memory_mb()))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            plan = {"way": "mixed", "listeners": size.listeners, "seconds": seconds, "pause_s": size.pause_s}
            answers = listen(server, **plan)["heard"]
        finally:
            done.set()
            watching.join()
        time.sleep(2.0)
        after = server.memory_mb()
    note(f"idle {idle:.0f} MB, after {after:.0f} MB")
    return {
        "minutes": size.minutes,
        "listeners": size.listeners,
        "requests": len(answers),
        "refused": sum(one[0] != 200 for one in answers),
        "idle_mb": idle,
        "after_mb": after,
        **flatness(samples, seconds / 3),
    }


def flatness(samples: list[tuple[float, float]], since_s: float) -> Row:
    """Of the samples (second, MB) from ``since_s`` on: their median, the farthest from it (of all, and of the medians
    of minutes), and the drift an hour."""
    late = [sample for sample in samples if sample[0] >= since_s]
    values = [mb for _, mb in late]
    middle = median(values)
    minutes: dict[int, list[float]] = {}
    for second, mb in late:
        minutes.setdefault(int(second // 60), []).append(mb)
    mean_s, mean_mb = sum(second for second, _ in late) / len(late), sum(values) / len(late)
    spread = sum((second - mean_s) ** 2 for second, _ in late)
    slope = sum((second - mean_s) * (mb - mean_mb) for second, mb in late) / spread if spread else 0.0
    return {
        "median_mb": middle,
        "peak_mb": max(mb for _, mb in samples),
        "deviation_mb": max(abs(mb - middle) for mb in values),
        "minutes_deviation_mb": max(abs(median(minute) - middle) for minute in minutes.values()),
        "drift_mb_per_hour": 3600 * slope,
    }


def short(row: Row) -> str:
    return f"first {row['first_p50_ms']:.0f}/{row['first_p95_ms']:.0f} ms, {row['rate']:.1f} s/s"


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


SECTIONS = {"concurrency": concurrency, "arrivals": arrivals, "memory": memory}


def measure(voice: str | None, size: Size, sections: list[str]) -> Row:
    return {name: {"machine": machine(), **SECTIONS[name](voice, size)} for name in sections}
