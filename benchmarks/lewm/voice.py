"""What an exported LeWM voice of the codec `latent` has reached: clarity, naturalness, drift, ends, and prompts.

    python -m benchmarks.lewm.voice VOICE --corpus prepared/kokoro --ids configs/s4_spectrum/heldout.txt
        [--prompts prepared/unseen] [--texts sentences.txt] [--count 20] [--speed] [-o result.json] [--write]

Each held-out sentence is spoken freely, predicted a latent at a time from the true ones, and reconstructed; the
recogniser's character error, DistillMOS and the mel L1 are compared with the recording's. Rollout errors are those of
PyTorch, from the weights in the package. ``--prompts`` is a prepared corpus of ten or more speakers that the voice has
never heard: each trial speaks after one of its clips, and the output must be nearest to its own clip among ten.
``--texts`` has a sentence on each line: how many end too early or never. ``--speed`` measures streams in the engine and
blocks early and late in a sentence. ``--write`` stores the result, sounds and pictures, and fills the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks import commands
from benchmarks.lewm import voice_tables
from benchmarks.lewm.measures import Row, listener, mistakes, rollout
from benchmarks.lewm.positions import in_runtime, turns
from benchmarks.lewm.prompts import among_clips, prompts_of
from benchmarks.machine import ROOT, machine, write_json
from benchmarks.players import section
from benchmarks.streams import measure_streams
from ssmphony.audio.files import read_audio
from ssmphony.config import parse
from ssmphony.data.dataset import Batch, Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.manifest import read_manifest
from ssmphony.data.spelling import spelled
from ssmphony.evaluation.material import read_lines
from ssmphony.evaluation.metrics.distance import compare
from ssmphony.export.weights import read_weights
from ssmphony.models.lewm_model import LeWM
from ssmphony.nn.weights import checksum, load_exactly
from ssmphony.reference import reference_from
from ssmphony.training.config import VoiceConfig
from ssmphony.training.lewm_losses import HORIZONS, known_ends, places_in_text
from ssmphony.training.lewm_rollout import rollout_errors
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices import package
from ssmphony.voices.manifest import read_manifest as read_voice

STREAMS = (1, 8, 64)
PAGE = ROOT / "docs" / "voices" / "lewm"


class Parts(NamedTuple):
    """A package in PyTorch."""

    model: LeWM
    codec: Any
    symbols: tuple[str, ...]


def parts_of(folder: Path) -> Parts:
    """Raises `SsmphonyError` where the package came without its weights."""
    block = parse(VoiceConfig, read_voice(folder).voice.model_dump())
    symbols = block.frontend_symbols()
    model, codec = block.model_settings(len(symbols)).build(), block.codec_settings().build()
    load_exactly(model, read_weights(folder, "model"), folder, "voice.model")
    load_exactly(codec, read_weights(folder, "codec"), folder, "voice.codec")
    return Parts(model.eval().requires_grad_(False), codec.eval().requires_grad_(False), symbols)


@torch.inference_mode()
def predicted(parts: Parts, batch: Batch, z: Tensor) -> tuple[Samples, dict[int, float]]:
    """The sound of latents that are predicted from the true ones z (1, time, d_latent), and the errors of a rollout."""
    mask = torch.ones_like(z[..., 0], dtype=torch.bool)
    places = places_in_text(batch, mask)
    memory = parts.model.read(batch.ids, batch.token_mask, batch.speakers, known_ends(batch))
    latents = parts.model.teacher_forced(z, mask, memory, places).latents
    errors = rollout_errors(parts.model, z, memory, HORIZONS, places)
    return parts.codec.render(latents).samples[0].numpy(), {step: float(error) for step, error in errors.items()}


def sentences(
    voice: Voice, parts: Parts, corpus: Corpus, count: int, judges: dict[str, Callable[..., float]]
) -> list[Row]:
    """Figures of held-out clips, for each way of speaking them."""
    grid = parts.codec.grid
    needs = Needs(("codes",), grid, encoder=parts.codec, identity=checksum(parts.codec))
    utterances = Utterances([corpus], parts.symbols, parts.model.speaker_names, needs, 20.0, spelled)
    by_id = {clip.id: clip for clip in read_manifest(Path(corpus.path))}
    rows: list[Row] = []
    for index in range(min(count, len(utterances))):
        batch = utterances.batch([index])
        clip = by_id[batch.names[0]]
        recording, z = read_audio(Path(corpus.path) / clip.audio)[0], batch.features["codes"]
        with torch.inference_mode():
            copy = parts.codec.render(z).samples[0].numpy()
        step, errors = predicted(parts, batch, z)
        sounds = {"recording": recording, "reconstruct": copy, "predict": step}
        sounds["synthesize"] = voice.say(clip.text, speaker=clip.speaker).samples
        ways: Row = {way: {name: judge(sound, clip) for name, judge in judges.items()} for way, sound in sounds.items()}
        for way in ("reconstruct", "predict", "synthesize"):
            ways[way]["mel_l1"] = compare(recording, sounds[way], aligned=way != "synthesize").mel_l1
        rows.append({"id": clip.id, "ways": ways, "rollout": errors})
        print(clip.id, {way: {k: round(v, 3) for k, v in part.items()} for way, part in ways.items()}, flush=True)
    return rows


def judged(rate: int, recogniser: Path | None) -> dict[str, Callable[..., float]]:
    """What can be measured here of a sound and its clip."""
    from ssmphony.evaluation.models.distillmos import DistillMos

    found: dict[str, Callable[..., float]] = {}
    if (hear := listener(recogniser)) is not None:
        found["characters"] = lambda sound, clip: hear(sound, rate, clip.text)
    try:
        opinion = DistillMos()
        found["distillmos"] = lambda sound, clip: opinion(sound, rate)
    except SsmphonyError as error:
        print(error)
    return found


def measure(
    voice: Voice,
    parts: Parts,
    corpus: Corpus,
    count: int,
    recogniser: Path | None = None,
    others: Path | None = None,
    trials: int = 50,
    texts: Path | None = None,
) -> Row:
    """All figures of a voice: of ``count`` held-out clips; with ``others``, prepared clips of speakers that the voice
    does not have, of prompts; with ``texts``, of the ends of its lines."""
    rows = sentences(voice, parts, corpus, count, judged(voice.sample_rate, recogniser))
    means = {
        way: {name: fmean(row["ways"][way][name] for row in rows) for name in part}
        for way, part in rows[0]["ways"].items()
    }
    result: Row = {"machine": machine(), "means": means, "rollout": rollout(rows), "clips": rows}
    if others is not None:
        text = next(clip.text for clip in read_manifest(Path(corpus.path)) if clip.id == rows[0]["id"])
        result["prompts"] = among_clips(voice, others, text, trials)
    if texts is not None:
        result["ends"] = mistakes(parts.model, voice.frontend, read_lines(texts))
    return result


def speed_of(folder: Path, rounds: int = 3) -> Row:
    """Times real time by streams, and milliseconds of a block after 10 and after 5,000 latents."""
    streams = {str(row["streams"]): row["realtime"] for row in measure_streams({"voice": folder}, rounds, STREAMS)}
    early, late = (row["ms"] for row in turns(*in_runtime("voice", folder, (10, 5000)), rounds, {}))
    return {"streams": streams, "early_ms": early, "late_ms": late}


def sounds_of(voice: Voice, corpus: Corpus, row: Row, others: Path | None) -> list[Row]:
    """Sections for the page: a sentence as its speaker and three others, and clips with what is spoken after them."""
    clip = next(clip for clip in read_manifest(Path(corpus.path)) if clip.id == row["id"])
    recording = read_audio(Path(corpus.path) / clip.audio)[0]
    speakers = [clip.speaker, *(name for name in voice.model.speaker_names if name != clip.speaker)][:4]
    spoken = {f"spoken, {name}": voice.say(clip.text, speaker=name).samples for name in speakers}
    sections = [section("a held-out sentence", {"recording": recording, **spoken}, voice.sample_rate, PAGE)]
    if others is not None:
        pairs: dict[str, Samples] = {}
        for name, prompt in list(prompts_of(voice, others).items())[:2]:
            sound = read_audio(others / prompt.audio)[0]
            reference = reference_from(sound, voice.encoder, voice.model)
            pairs[f"clip of {name}"] = sound
            pairs[f"spoken after it, {name}"] = voice.say(clip.text, reference=reference).samples
        sections.append(section("after a clip of a speaker never heard", pairs, voice.sample_rate, PAGE))
    return sections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", type=Path, help="a package with its weights")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--recogniser", type=Path)
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--speed", action="store_true", help="measure streams and blocks, on a quiet machine")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--write", action="store_true", help="store result and sounds; fill the page")
    chosen = parser.parse_args()
    corpus = Corpus(path=str(chosen.corpus), only=str(chosen.ids))
    voice, parts = package.load(chosen.voice, threads=1), parts_of(chosen.voice)
    prompts, texts = chosen.prompts, chosen.texts
    measured = measure(voice, parts, corpus, chosen.count, chosen.recogniser, prompts, chosen.trials, texts)
    result: Row = {"voice": chosen.voice.name, **measured}
    if chosen.speed:
        result["speed"] = speed_of(chosen.voice)
    print(voice_tables.voice(result))
    if chosen.output is not None:
        write_json(result, chosen.output)
    if chosen.write:
        PAGE.mkdir(parents=True, exist_ok=True)
        result["sounds"] = sounds_of(voice, corpus, result["clips"][0], prompts)
        commands.store("lewm_voice.json", result, write=True)


if __name__ == "__main__":
    main()
