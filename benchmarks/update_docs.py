"""Fill the generated parts of the pages, so that no figure is typed by hand and no table is out of date.

    python -m benchmarks.update_docs [--check]

A part stands between ``<!-- generated: benchmarks/NAME -->`` and ``<!-- end generated -->``. A part whose result is not
there yet stays as it is. ``docs/NAME`` instead of ``benchmarks/NAME`` is a table that follows from the code.
``--check`` writes nothing and fails where a page is out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    batch,
    book,
    finetune,
    install,
    listen,
    overview,
    robustness,
    screen_reader,
    watermark,
    web,
)
from benchmarks.autoencoders import tables as autoencoder_tables
from benchmarks.fish import tables as fish_tables
from benchmarks.lewm import tables as lewm_tables
from benchmarks.lewm import voice_tables as lewm_voice_tables
from benchmarks.long_range import report as long_range_report
from benchmarks.machine import RESULTS, ROOT
from benchmarks.sashimi import tables as sashimi_tables
from benchmarks.serve import tables as serve_tables
from benchmarks.smamba import tables as smamba_tables
from benchmarks.speed import tables as speed_tables
from benchmarks.ssm import tables as ssm_tables
from benchmarks.teacher import forms
from benchmarks.teacher import tables as teacher_tables
from benchmarks.text import tables as text_tables
from benchmarks.textbook import tables as textbook_tables
from benchmarks.voice_report import tables as voice_tables

PART = re.compile(r"(<!-- generated: (benchmarks|docs)/([\w-]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)

Render = Callable[[dict[str, Any]], str]
TEACHER_PARTS: dict[str, Render] = {
    "targets": lambda result: f"{teacher_tables.targets(result)}\n\n{teacher_tables.notes(result)}",
    "card": voice_tables.card,
    "speakers": teacher_tables.speakers,
    "contrasts": teacher_tables.contrasts,
}
"""Of a voice that learned from a teacher."""
PARTS: dict[str, tuple[str, Render]] = {
    "promises": ("speed.json", speed_tables.promises),
    "autoencoders": ("autoencoders.json", autoencoder_tables.reconstruction),
    "autoencoders-generation": ("autoencoders.json", autoencoder_tables.generation),
    "autoencoders-legacy": ("autoencoders.json", autoencoder_tables.legacy),
    "autoencoders-sounds": ("autoencoders.json", autoencoder_tables.sounds),
    "batch": ("batch.json", batch.table),
    "book": ("book.json", book.table),
    "finetune": ("finetune.json", finetune.rendered),
    "install": ("install.json", install.breakdown),
    "install-size": ("install.json", install.sentence),
    "speed": (
        "speed.json",
        lambda result: f"{speed_tables.speed_table(result)}\n\n{speed_tables.speed_notes(result)}",
    ),
    "speed-systems": (
        "speed.json",
        lambda result: f"{speed_tables.speed_table(result)}\n\n{speed_tables.conditions(result['machine'])}",
    ),
    "speed-lengths": ("speed.json", speed_tables.lengths_table),
    "frontend": ("frontend.json", text_tables.frontend),
    "g2p": ("g2p.json", text_tables.g2p),
    "frontend-coverage": ("frontend_coverage.json", text_tables.coverage),
    "roman-hindi": ("roman_hindi.json", text_tables.roman_hindi),
    "roman-hindi-kinds": ("roman_hindi.json", text_tables.roman_hindi_kinds),
    "robustness": ("robustness.json", robustness.table),
    "sashimi": ("sashimi.json", sashimi_tables.likelihood),
    "sashimi-generation": ("sashimi.json", sashimi_tables.generation),
    "sashimi-speed": ("sashimi.json", sashimi_tables.speed),
    "sashimi-sounds": ("sashimi.json", sashimi_tables.sounds),
    "screen-reader": ("screen_reader.json", screen_reader.table),
    "watermark": ("watermark.json", lambda result: f"{watermark.table(result)}\n\n{watermark.notes(result)}"),
    "smamba-card": ("smamba_speech.json", voice_tables.card),
    "smamba-targets": ("smamba_speech.json", smamba_tables.targets),
    "smamba-speech": ("smamba_speech.json", smamba_tables.speech),
    "smamba-lengths": ("smamba_lengths.json", smamba_tables.lengths),
    "smamba-training": ("smamba_training.json", smamba_tables.training),
    "textbook": ("textbook.json", textbook_tables.growth),
    "textbook-classifier": ("textbook_classifier.json", textbook_tables.classifier),
    "textbook-generator": ("textbook_generator.json", textbook_tables.generator),
    "listen": ("listen.json", listen.players),
    "listen-first": ("listen.json", listen.first_players),
    "long-range": ("long_range.json", long_range_report.table),
    "serve": ("serve.json", serve_tables.sections),
    "ssm": ("ssm.json", ssm_tables.sections),
    **{
        f"teacher-{voice}-{part}": (f"teacher_{voice}.json", render)
        for voice in ("default", "small")
        for part, render in TEACHER_PARTS.items()
    },
    "teacher-forms": ("teacher_forms.json", forms.rendered),
    "fish-codec": ("fish_codec.json", fish_tables.codec),
    "fish-growth": ("fish_growth.json", fish_tables.growth),
    "fish-card": ("fish_speech_fish.json", voice_tables.card),
    "fish-speech": ("fish_speech_fish.json", fish_tables.speech),
    "fish-adapted": ("fish_adapted.json", fish_tables.adapted),
    "fish-experiments": ("fish_experiments.json", lambda result: fish_tables.experiments(result["rows"])),
    "web-sizes": ("web.json", web.sizes_table),
    "web-speed": ("web.json", web.speed),
    "web-frontend": ("web.json", web.frontend_forms),
    "lewm-engine": ("lewm_engine.json", lewm_tables.engine),
    "lewm-state": ("lewm_report.json", lewm_tables.state),
    "lewm-report": ("lewm_report.json", lewm_tables.report),
    "lewm-voice": ("lewm_voice.json", lewm_voice_tables.voice),
    "lewm-experiments": ("lewm_experiments.json", lewm_voice_tables.experiments),
    **{f"recorded-{part}": ("voice_recorded.json", render) for part, render in voice_tables.PARTS.items()},
}
"""Name of the part → its results, and the function that renders them."""
TABLES: dict[str, Callable[[], str]] = {
    "configs": overview.configs,
    "layers": overview.layers,
    "building-blocks": lambda: overview.exports("nn"),
    "state-space": lambda: overview.exports("ssm"),
    "systems": lambda: overview.systems(""),
    "systems-readme": lambda: overview.systems("docs/systems/"),
    "systems-choice": lambda: overview.systems("systems/"),
}
"""Name of the part → the function that generates it from the code."""


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def filled(page: str, results: Path = RESULTS) -> str:
    """The text of a page with its parts regenerated."""

    def part(match: re.Match[str]) -> str:
        start, source, name, _ = match.groups()
        known = TABLES if source == "docs" else PARTS
        if name not in known:
            raise KeyError(f"no part '{source}/{name}'; there are {', '.join(known)}")
        if source == "docs":
            return f"{start}{TABLES[name]().strip()}\n{match[4]}"
        file, render = PARTS[name]
        if not (results / file).exists():
            return match[0]
        return f"{start}{render(json.loads((results / file).read_text(encoding='utf-8'))).strip()}\n{match[4]}"

    return PART.sub(part, page)


def stale() -> list[Path]:
    return [page for page in pages() if filled(text := page.read_text(encoding="utf-8")) != text]


def update() -> None:
    for page in stale():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.relative_to(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        update()
    elif old := stale():
        sys.exit(f"out of date, run python -m benchmarks.update_docs: {', '.join(page.name for page in old)}")


if __name__ == "__main__":
    main()
