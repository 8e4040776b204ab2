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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.lewm.prompts import measure_prompts
from benchmarks.machine import RESULTS, machine, write_json
from ssmphony.codecs.lewm import STRIDE
from ssmphony.config import load_json
from ssmphony.data.dataset import Batch, Corpus, Utterances
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.spelling import spelled
from ssmphony.evaluation.metrics.distance import compare
from ssmphony.evaluation.models.recogniser import WEIGHTS, SpeechRecogniser, character_edits
from ssmphony.evaluation.pictures import Panel, described, draw, save
from ssmphony.export.weights import read_weights
from ssmphony.models.lewm_model import LeWM
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import VoiceConfig
from ssmphony.training.lewm_losses import HORIZONS, mean_errors, places_in_text
from ssmphony.training.lewm_pictures import attention_figure, rollout_figure
from ssmphony.training.lewm_rollout import LeWMVoice, predict, reconstruct, rollout_errors, synthesize
from ssmphony.types import Samples, SsmphonyError, Style, Tokens

OUT = RESULTS / "lewm_report.json"
BATCH = 16
NEAR_END = 0.9
"""Speech that says it is over before this share of the tokens is spoken was cut off."""
Row = dict[str, Any]
Hear = Callable[[Samples, int, str], float]


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


def rollout(clips: Sequence[Row]) -> Row:
    """Means over the clips; the ratio is that of the clips that have room for the longest horizon."""
    errors = mean_errors([{int(h): torch.tensor(e) for h, e in clip["rollout"].items()} for clip in clips])
    long = [clip["rollout"] for clip in clips if HORIZONS[-1] in clip["rollout"]]
    ratio = fmean(e[HORIZONS[-1]] for e in long) / fmean(e[1] for e in long) if long else None
    return {"errors": {step: float(error) for step, error in errors.items()}, "ratio": ratio, "clips": len(long)}


def listener(path: Path | None) -> Hear | None:
    """Character error of a sound against a text; None where no recogniser is there."""
    path = path or WEIGHTS
    if not path.exists():
        print(f"what a recogniser hears is left out: no {path}")
        return None
    try:
        listen = SpeechRecogniser(path)
    except SsmphonyError as error:
        print(f"what a recogniser hears is left out: {error}")
        return None

    def hear(sound: Samples, rate: int, text: str) -> float:
        found = character_edits(listen(sound, rate), text)
        wanted = sum(reference >= 0 for _, reference in found.pairs)
        return found.total / max(1, wanted)

    return hear


@torch.inference_mode()
def ends(model: LeWM, sentences: Sequence[Tokens]) -> Iterator[Row]:
    """How each sentence ends: the share of its tokens spoken by then, and whether the end was predicted."""
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        state = model.begin(batch, [Style()] * len(batch))
        most = state.max_frames
        found: dict[int, Row] = {}
        while len(found) < len(batch):
            state, *_ = model.one_frame(state)
            for i in (i for i in range(len(batch)) if bool(state.done[i]) and i not in found):
                share = (int(state.token[i]) + 1) / len(batch[i])
                found[i] = {"share": share, "foreseen": bool(state.position[i] < most[i])}
        yield from (found[i] for i in range(len(batch)))


def mistakes(voice: LeWMVoice, block: VoiceConfig, path: Path, count: int) -> Row:
    from ssmphony.text import FRONTENDS

    frontend = FRONTENDS[block.frontend["kind"]].model_validate(block.frontend).build()
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    chosen = [lines[i] for i in np.linspace(0, len(lines) - 1, min(count, len(lines))).astype(int)]
    tokens = [next(iter(frontend.sentences(line)), None) for line in chosen]
    spoken = [t for t in tokens if t is not None and 2 <= len(t) <= voice.model.config.max_seq]
    found = list(ends(voice.model, sorted(spoken, key=len)))
    late = sum(not row["foreseen"] for row in found)
    cut = sum(row["foreseen"] and row["share"] < NEAR_END for row in found)
    return {
        "sentences": len(found),
        "never_foreseen": late,
        "cut_off": cut,
        "per_1000": 1000 * (late + cut) / len(found),
    }


def main() -> None:
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
    parser.add_argument("--write", action="store_true", help="fill the documentation")
    chosen = parser.parse_args()
    voice, block = trained(chosen.run, chosen.checkpoint)
    chosen.output.mkdir(parents=True, exist_ok=True)
    symbols, speakers = block.frontend_symbols(), voice.model.config.speakers
    held_out = Corpus(path=str(chosen.corpus), only=str(chosen.ids), durations=chosen.durations)
    utterances = Utterances([held_out], symbols, speakers, voice.codec.config.format, 20.0, spelled)
    by_id = {clip.id: clip for clip in read_manifest(chosen.corpus)}
    hear = listener(chosen.recogniser)
    clips: list[Row] = []
    for index in range(min(chosen.count, len(utterances))):
        batch = utterances.batch([index])
        clip = by_id[batch.names[0]]
        recording = read_recording(chosen.corpus / clip.audio)
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
        "prompts": measure_prompts(voice, chosen.prompts, clips[0]["text"]),
        "ends": mistakes(voice, block, chosen.texts, chosen.sentences) if chosen.texts else None,
    }
    write_json(result, OUT)
    if chosen.write:
        from benchmarks.update_docs import update

        update()


def read_recording(path: Path) -> Samples:
    from ssmphony.audio.files import read_audio

    return read_audio(path)[0]


def draw_clip(recording: Samples, drawn: Row, out: Path, rate: int) -> None:
    sounds = {"recording": recording, **drawn["sounds"]}
    draw([Panel(described(name, sound, rate), sound) for name, sound in sounds.items()], out / "ways.png")
    save(attention_figure(drawn["attention"], drawn["symbols"]), out / "attention.png", dpi=60)


if __name__ == "__main__":
    main()
