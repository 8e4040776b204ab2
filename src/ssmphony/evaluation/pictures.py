"""Spectrogram pictures: a recording above its synthesis, with words, phonemes and pitch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from ssmphony.audio.mel import log_mel
from ssmphony.audio.pitch import track_pitch
from ssmphony.types import MelFormat, Samples

FORMAT = MelFormat()
_LINES = (("black", "-"), ("darkorange", "-"), ("gray", ":"))
"""Colour and style, told apart in the picture's palette."""
COLOURS = 64  # of the picture's palette: a sixth of the bytes of full colour, and no eye sees it


@dataclass(frozen=True)
class Panel:
    """One spectrogram: ``marks`` are (start in s, label) of phonemes, ``spans`` (start, end) of words."""

    title: str
    samples: Samples
    marks: Sequence[tuple[float, str]] = ()
    spans: Sequence[tuple[float, float]] = ()


def draw(
    panels: Sequence[Panel], path: Path, width: float = 11.0, height: float = 2.0, *, pitches: bool = False
) -> int:
    """Write the panels below each other on one time axis, as a PNG of few colours; returns its bytes.

    ``pitches``: with the pitch of all of them on one axis at the bottom.
    """
    longest = max(len(panel.samples) for panel in panels) / FORMAT.sample_rate
    count = len(panels) + pitches
    figure = Figure(figsize=(width, height * count))
    axes = figure.subplots(count, 1, sharex=True, squeeze=False)
    for axis, panel in zip(axes[: len(panels), 0], panels, strict=True):
        _panel(axis, panel)
        axis.set_xlim(0, longest)
    if pitches:
        _pitches(axes[-1, 0], panels)
    axes[-1, 0].set_xlabel("s", fontsize=8)
    figure.tight_layout(pad=0.4)
    return save(figure, path)


def save(figure: Figure, path: Path, dpi: int = 80) -> int:
    """Write a figure as a PNG of few colours; returns its bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=dpi)
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    return path.stat().st_size


def described(name: str, samples: Samples, rate: int) -> str:
    """A panel's title with length and level."""
    level, peak = np.sqrt(np.mean(samples**2)), np.abs(samples).max()
    return f"{name}: {len(samples) / rate:.2f} s, rms {level:.3f}, peak {peak:.2f}"


def _panel(axis: Axes, panel: Panel) -> None:
    mel = log_mel(panel.samples)
    seconds = len(mel) / FORMAT.frame_rate
    axis.imshow(
        mel.T, origin="lower", aspect="auto", extent=(0, seconds, 0, mel.shape[1]), vmin=-8, vmax=2, cmap="magma"
    )
    pitch = track_pitch(panel.samples)
    bands = (FORMAT.n_mels + 1) * _mel(pitch) / _mel(FORMAT.f_max)
    shown = np.where(pitch > 0, bands, np.nan)
    axis.plot(np.arange(len(pitch)) / FORMAT.frame_rate, shown, color="cyan", linewidth=1.0)
    for start, label in panel.marks:
        axis.axvline(start, color="white", linewidth=0.3)
        axis.text(start, mel.shape[1] + 1, label, fontsize=7, va="bottom")
    for start, end in panel.spans:
        axis.axvline(start, color="white", linewidth=0.6, linestyle=":")
        axis.axvline(end, color="white", linewidth=0.6, linestyle=":")
    axis.set_ylim(0, mel.shape[1] + 12)  # room for the phonemes
    axis.set_yticks([0, 50, 100])
    axis.set_title(panel.title, fontsize=8, loc="left")
    axis.tick_params(labelsize=7)


def _pitches(axis: Axes, panels: Sequence[Panel]) -> None:
    for panel, (colour, line) in zip(panels, cycle(_LINES), strict=False):
        pitch = track_pitch(panel.samples)
        seconds = np.arange(len(pitch)) / FORMAT.frame_rate
        shown, label = np.where(pitch > 0, pitch, np.nan), panel.title.split(":")[0]
        axis.plot(seconds, shown, line, color=colour, linewidth=1.4, label=label)
    axis.set_yscale("log", base=2)
    ticks = [hertz for hertz in (75, 100, 150, 200, 300, 400) if axis.get_ylim()[0] <= hertz <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, [str(hertz) for hertz in ticks])
    axis.minorticks_off()
    axis.grid(axis="y", linewidth=0.3)
    axis.set_title("pitch, Hz", fontsize=8, loc="left")
    axis.legend(fontsize=7, loc="upper right", ncols=len(panels), frameon=False)
    axis.tick_params(labelsize=7)


def _mel(hertz: npt.NDArray[np.floating] | float) -> npt.NDArray[np.float64]:
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)
