"""What a training of LeWM TTS has reached, on held-out sentences; at any moment of it.

    python -m benchmarks.lewm.report RUN --corpus PREPARED --ids configs/s4_acoustic/heldout.txt -o docs/voices/lewm
        [--prompts PREPARED ...] [--texts sentences.txt --sentences 200] [--recogniser FILE] [--count 10] [--write]

For each held-out sentence: the recording through the vocoder, through the latents (``reconstruct``), predicted a latent
at a time (``predict``), and spoken freely (``synthesize``), each as distance from the recording and as errors of the
recogniser; rollout errors; whether speech after a prompt sounds like it; errors at the end of ``--texts``. Writes
``benchmarks/results/lewm_report.json`` and pictures into the output folder; ``--write`` fills the page from them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from benchmarks.lewm.measures import Hear, Row, listener, mistakes, rollout
from benchmarks.lewm.prompts import among_speakers
from benchmarks.machine import RESULTS, machine, write_json
from ssmphony.audio.files import read_audio
from ssmphony.codecs.lewm import STRIDE
from ssmphony.config import load_json
from ssmphony.data.dataset import Batch, Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.spelling import spelled
from ssmphony.evaluation.material import read_lines
from ssmphony.evaluation.metrics.distance import compare
from ssmphony.evaluation.pictures import Panel, described, draw, save
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.text.registry import build_frontend
from ssmphony.training.config import VoiceConfig
from ssmphony.training.lewm_losses import HORIZONS, places_in_text
from ssmphony.training.lewm_pictures import attention_figure, rollout_figure
from ssmphony.training.lewm_rollout import LeWMVoice, predict, reconstruct, rollout_errors, synthesize
from ssmphony.types import Samples, Style, Tokens

OUT = RESULTS / "lewm_report.json"


def trained(run: Path, checkpoint: Path | None) -> tuple[LeWMVoice, VoiceConfig]:
    """The voice as the run's folder holds it now."""
    block = VoiceConfig(**load_json(run / "config.json")["voice"])
    model = block.model_settings(len(block.frontend_symbols())).build()
    voice = LeWMVoice(model, block.codec_settings().build(), "both")
    source = checkpoint or run
    for part, module in voice.parts().items():
        load_exactly(module, read_weights(source, part), source, f"voice.{part}")
    return voice.eval().requires_grad_(False), block


def steps_of(checkpoint: Path) -> int | None:
    """How many steps it has been trained; None where that cannot be read without unpickling."""
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])
    except Exception:  # what else a checkpoint holds in addition to tensors is up to the trainer
        return None


def sound_of(voice: LeWMVoice, mel: Tensor) -> Samples:
    """Log-mel (frame, n_mels) → samples."""
    return voice.codec.vocoder(mel[None].float())[0].clamp(-1, 1).numpy()


@torch.inference_mode()
def report(voice: LeWMVoice, clip: Clip, batch: Batch, recording: Samples, hear: Hear | None) -> tuple[Row, Row]:
    """Figures of one clip, and what is drawn of it."""
    rate, mel, speaker = voice.codec.grid.sample_rate, batch.mels[0], int(batch.speakers[0])
    symbols = spelled(clip).symbols or ()
    tokens = Tokens(tuple(batch.ids[0].tolist()), tuple(symbols))
    mean, _, mask = voice.codec.encoder(voice.codec.normalise(mel[None]), torch.ones_like(mel[None, :, 0]).bool())
    places = places_in_text(batch, mask, STRIDE)
    spoken = synthesize(voice, tokens, Style(speaker=voice.model.config.speakers[speaker]))
    sounds = {
        "copy": sound_of(voice, mel),
        "reconstruct": sound_of(voice, reconstruct(voice, mel)),
        "predict": sound_of(voice, predict(voice, mel, tokens, speaker, places[0])),
        "synthesize": sound_of(voice, spoken.mel),
    }
    ways: dict[str, Row] = {"recording": {}}
    for way, sound in sounds.items():
        distance = compare(recording, sound, aligned=way != "synthesize")
        ways[way] = {"mel_l1": distance.mel_l1, "mcd_db": distance.mcd_db}
    if hear is not None:
        for way, sound in {"recording": recording, **sounds}.items():
            ways[way]["characters"] = hear(sound, rate, clip.text)
    memory = voice.model.read(batch.ids, batch.token_mask, batch.speakers)
    errors = {step: float(error) for step, error in rollout_errors(voice.model, mean, memory, HORIZONS, places).items()}
    row = {"id": clip.id, "text": clip.text, "ways": ways, "rollout": errors, "stopped": spoken.stopped}
    row |= {"seconds": clip.seconds, "spoken_s": len(sounds["synthesize"]) / rate}
    drawn = {
        "attention": voice.model.teacher_forced(mean, mask, memory, places).attention[0],
        "symbols": symbols,
        "sounds": sounds,
    }
    return row | {"variance": float(mean.var(dim=1).mean())}, drawn


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a training")
    parser.add_argument("--checkpoint", type=Path, help="one of its checkpoints; the last, if not given")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--durations", help="what `ssmphony distill` wrote of the corpus, see `Corpus.durations`")
    parser.add_argument("--count", type=int, default=100, help="largest number of held-out sentences")
    parser.add_argument("--prompts", type=Path, nargs="*", default=[], help="prepared corpora of several speakers")
    parser.add_argument("--texts", type=Path, help="one sentence per line")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--recogniser", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="fill the pages")
    chosen = parser.parse_args(arguments)
    voice, block = trained(chosen.run, chosen.checkpoint)
    chosen.output.mkdir(parents=True, exist_ok=True)
    symbols, speakers = block.frontend_symbols(), voice.model.config.speakers
    held_out = Corpus(path=str(chosen.corpus), only=str(chosen.ids), durations=chosen.durations)
    needs = Needs.of_mel(voice.codec.config.format, ("mel",))
    utterances = Utterances([held_out], symbols, speakers, needs, 20.0, spelled)
    by_id = {clip.id: clip for clip in read_manifest(chosen.corpus)}
    hear = listener(chosen.recogniser)
    clips: list[Row] = []
    for index in range(min(chosen.count, len(utterances))):
        batch = utterances.batch([index])
        clip = by_id[batch.names[0]]
        recording = read_audio(chosen.corpus / clip.audio)[0]
        row, drawn = report(voice, clip, batch, recording, hear)
        if not clips:
            draw_clip(recording, drawn, chosen.output, voice.codec.grid.sample_rate)
        clips.append(row)
        print(clip.id, {way: round(part.get("mel_l1", 0.0), 3) for way, part in row["ways"].items()}, flush=True)
    drift = rollout(clips)
    variance = fmean(clip["variance"] for clip in clips)
    errors = {step: torch.tensor(error) for step, error in drift["errors"].items()}
    save(rollout_figure(errors, variance), chosen.output / "rollout.png", dpi=60)
    checkpoint = chosen.checkpoint or chosen.run / "last.ckpt"
    result: Row = {
        "machine": machine(),
        "folder": chosen.output.name,
        "steps": steps_of(checkpoint),
        "max_steps": load_json(chosen.run / "config.json")["task"]["optimiser"].get("max_steps"),
        "clips": clips,
        "rollout": drift,
        "variance": variance,
        "prompts": among_speakers(voice, chosen.prompts, clips[0]["text"]),
        "ends": None,
    }
    if chosen.texts:
        lines = read_lines(chosen.texts)
        spread = [lines[i] for i in np.linspace(0, len(lines) - 1, min(chosen.sentences, len(lines))).astype(int)]
        result["ends"] = mistakes(voice.model, build_frontend(block.frontend or {}), spread)
    write_json(result, OUT)
    if chosen.write:
        from benchmarks.update_docs import update

        update()


def draw_clip(recording: Samples, drawn: Row, out: Path, rate: int) -> None:
    sounds = {"recording": recording, **drawn["sounds"]}
    draw([Panel(described(name, sound, rate), sound) for name, sound in sounds.items()], out / "ways.png")
    save(attention_figure(drawn["attention"], drawn["symbols"]), out / "attention.png", dpi=60)


if __name__ == "__main__":
    main()
