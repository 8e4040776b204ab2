"""LeWM TTS in PyTorch, batches of sentences: how many times real time."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from benchmarks.lewm.random_voices import codec_of, matched, model_of, sentences_of
from ssmphony.codecs.latent import Latent
from ssmphony.codecs.lewm import LeWMCodec
from ssmphony.models.lewm_model import LeWM
from ssmphony.types import Style, Tokens

Row = dict[str, Any]


@torch.inference_mode()
def speak_batch(model: LeWM, codec: LeWMCodec | Latent, tokens: list[Tokens], dtype: torch.dtype) -> Row:
    """A batch of sentences to its end, each block decoded as it comes."""
    device = model.head.weight.device
    lowered = torch.autocast(device.type, dtype) if dtype != torch.float32 else nullcontext()
    audio, begin = 0, time.perf_counter()
    with lowered:
        state, sound = model.begin(tokens, [Style()] * len(tokens)), codec.initial_state(len(tokens))
        while not bool(state.done.all()):
            frames, state = model.step(state)
            mask = torch.arange(frames.values.shape[1], device=device) < frames.lengths[:, None]
            samples, sound = codec.decode(frames.values.float(), mask, sound)
            audio += int(frames.lengths.sum())
            samples.cpu()
    wall = time.perf_counter() - begin
    seconds = audio * codec.grid.hop_length / codec.grid.sample_rate
    return {"audio_s": seconds, "realtime": seconds / wall}


def ways() -> list[tuple[str, torch.dtype]]:
    """Where and in what precision."""
    cpu = [("cpu", torch.float32)]
    if not torch.cuda.is_available():
        print("no GPU here: bfloat16 and float16 are not measured", file=sys.stderr, flush=True)
        return cpu
    return [*cpu, *(("cuda", dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16))]


def measure_torch(config: str, mixers: Sequence[str], rounds: int, batches: Sequence[int]) -> list[Row]:
    tokens = sentences_of(matched(config, "attention"))
    results: list[Row] = []
    for device, dtype in ways():
        for mixer in mixers:
            block = matched(config, mixer)
            model, codec = model_of(block).to(device), codec_of(block).to(device)
            for size in batches:
                batch = [tokens[i % len(tokens)] for i in range(size)]
                runs = [speak_batch(model, codec, batch, dtype) for _ in range(rounds + (device != "cpu"))]
                row = {"mixer": mixer, "device": device, "dtype": str(dtype).removeprefix("torch."), "batch": size}
                results.append({**row, "audio_s": runs[0]["audio_s"], "realtime": max(r["realtime"] for r in runs)})
                print(f"torch: {results[-1]}", file=sys.stderr, flush=True)
    return results
