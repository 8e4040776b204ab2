"""What Prometheus reads at ``/metrics``.

With several processes, a scrape reaches any of them. They then keep their numbers in files of one folder, named by
``PROMETHEUS_MULTIPROC_DIR``, and each answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ssmphony.engine import EngineStats
from ssmphony.server.record import Record

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
REFRESH_S = 1.0
_FIRST_AUDIO_S = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 5.0, 10.0)
_REAL_TIME = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0)


class Metrics:
    """Of one application; its registry is its own."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter("ssmphony_requests", "Requests answered.", ["route", "status"], registry=own)
        self._characters = Counter("ssmphony_characters", "Characters asked to be spoken.", registry=own)
        self._audio = Counter("ssmphony_audio_seconds", "Seconds of sound sent.", registry=own)
        self._first = Histogram(
            "ssmphony_first_audio_seconds",
            "From a request to its first sound.",
            buckets=_FIRST_AUDIO_S,
            registry=own,
        )
        self._factor = Histogram(
            "ssmphony_real_time_factor",
            "Time that a request took, over the length of its sound.",
            buckets=_REAL_TIME,
            registry=own,
        )
        self._gauges = {
            name: Gauge(f"ssmphony_{name}", text, registry=own, multiprocess_mode="livesum")
            for name, text in (
                ("streams_running", "Streams that are being spoken."),
                ("streams_queued", "Streams that wait for their turn."),
                ("slots", "Sentences that can be stepped at once."),
                ("slots_used", "Sentences that are being stepped."),
                ("unread_seconds", "Seconds of sound that wait for their listeners."),
            )
        }
        if FOLDER not in os.environ:
            ProcessCollector(registry=own)
        else:
            forget_the_dead(Path(os.environ[FOLDER]))

    def count(self, record: Record) -> None:
        """A request has been answered."""
        self._requests.labels(record.route, str(record.status)).inc()
        self._characters.inc(record.characters)
        self._audio.inc(record.seconds)
        if record.first_audio_s is not None:
            self._first.observe(record.first_audio_s)
        if record.seconds and record.status == 200:
            self._factor.observe(record.took_s / record.seconds)

    def refresh(self, stats: EngineStats) -> None:
        now = (stats.running, stats.queued, stats.slots, stats.slots_used, stats.unread_s)
        for gauge, value in zip(self._gauges.values(), now, strict=True):
            gauge.set(value)

    def text(self) -> bytes:
        registry = self._registry
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)


def forget_the_dead(folder: Path) -> None:
    """Remove the gauges of processes that are no more: a worker that was killed could not."""
    for file in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
        except PermissionError:
            continue
