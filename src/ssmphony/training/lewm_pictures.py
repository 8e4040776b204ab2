"""Figures of a LeWM training for TensorBoard: attention to the text, drift, collapse, and validation clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssmphony.data.dataset import Batch
from ssmphony.training import pictures
from ssmphony.training.lewm_rollout import LeWMVoice, synthesize
from ssmphony.training.task import Task
from ssmphony.types import Style, Tokens


def attention_figure(attention: Tensor, symbols: Sequence[str]) -> Figure:
    """attention (time, token): how much each latent looks at each token."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    axis = figure.subplots()
    axis.imshow(attention.detach().cpu().float().T.numpy(), origin="lower", aspect="auto", cmap="Greys")
    step = max(1, len(symbols) // 50)
    axis.set(xlabel="latent", ylabel="token", yticks=range(0, len(symbols), step), yticklabels=symbols[::step])
    return figure


def rollout_figure(errors: Mapping[int, Tensor], variance: float) -> Figure:
    """Mean squared error of the latent against how far ahead it is predicted; guessing the mean gives the variance."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot(list(errors), [float(error) for error in errors.values()], marker="o", label="rollout")
    axis.axhline(variance, color="grey", linestyle="--", label="variance of the latents")
    axis.set(xscale="log", xlabel="latents ahead", ylabel="mean squared error", xticks=list(errors))
    axis.set_xticklabels([str(step) for step in errors])
    axis.legend()
    return figure


def spectrum_figure(variances: Tensor, rank: float) -> Figure:
    """Variance along each principal axis of the latents; a cliff is a collapse."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(variances.cpu().numpy())
    axis.set(xlabel="principal axis", ylabel="variance", title=f"effective rank {rank:.1f} of {len(variances)}")
    return figure


def log_rollout(task: Task[Any, Any], errors: Mapping[int, Tensor], variance: float) -> None:
    if errors:
        pictures.log_figure(task, "rollout", rollout_figure(errors, variance))


def log_spectrum(task: Task[Any, Any], variances: Tensor, rank: float) -> None:
    pictures.log_figure(task, "latents", spectrum_figure(variances, rank))


def show_clip(
    task: Task[Any, Any],
    voice: LeWMVoice,
    batch: Batch,
    symbols: Sequence[str],
    decoded: Tensor,
    predicted: Tensor,
    attention: Tensor,
) -> None:
    """Log one validation clip: recorded, reconstructed, predicted and synthesized; and its attention to the text, whose
    tokens are ``symbols``."""
    model, codec, name = voice.model, voice.codec, batch.names[0]
    ids = batch.ids[0].tolist()
    speaker = model.config.speakers[int(batch.speakers[0])]
    spoken = synthesize(voice, Tokens(tuple(ids), tuple(symbols)), Style(speaker=speaker))
    frames = batch.mels.shape[1]
    mels = {
        "recording": batch.mels[0],
        "reconstructed": codec.denormalise(decoded[0, :frames]),
        "predicted": codec.denormalise(predicted[0, :frames]),
        "synthesized": spoken.mel,
    }
    pictures.log_mels(task, f"mel/{name}", mels)
    pictures.log_figure(task, f"attention/{name}", attention_figure(attention[0], symbols))
    with torch.autocast(decoded.device.type, enabled=False):
        sounds = {f"{title}/{name}": codec.vocoder(mel[None].float())[0] for title, mel in mels.items()}
    pictures.log_audio(task, sounds, codec.grid.sample_rate)
