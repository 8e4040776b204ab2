"""What the attributes of prosody, emphasis and break say. Errors are `ValueError` with what to write instead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from ssmphony.tokens import SPEEDS, Prosody

MAX_BREAK_S = 10.0
SEMITONES = 12.0
DECIBELS = (-120.0, 12.0)
COMMON_PITCH_HZ = 200.0
_NUMBER = r"(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})"
"""A number of CSS: its zero before the point may be left out."""

_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.35, "strong": 0.6, "x-strong": 1.0}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PITCHES = {"x-low": -5.0, "low": -2.5, "medium": 0.0, "default": 0.0, "high": 2.5, "x-high": 5.0}
_VOLUMES = {"silent": -120.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0}
_EMPHASIS = {
    "strong": Prosody(0.85, 1.5, 3.0),
    "moderate": Prosody(0.92, 1.0, 1.5),
    "none": Prosody(),
    "reduced": Prosody(1.1, -0.5, -2.0),
}
_T = TypeVar("_T")


def pause_s(attributes: Mapping[str, str]) -> float:
    """Seconds of a break, at most `MAX_BREAK_S`."""
    if "time" not in attributes:
        return _choice(attributes, "strength", "medium", _BREAKS)
    match = re.fullmatch(rf"\+?({_NUMBER})(ms|s)", attributes["time"].strip(), re.ASCII)
    if not match:
        raise ValueError(f"time '{attributes['time']}' is not one: write 500ms or 0.5s")
    return min(float(match[1]) / (1000 if match[2] == "ms" else 1), MAX_BREAK_S)


def emphasis(attributes: Mapping[str, str]) -> Prosody:
    return _choice(attributes, "level", "moderate", _EMPHASIS)


def prosody(attributes: Mapping[str, str]) -> Prosody:
    speed = _amount(attributes, "rate", _RATES, {"%": _share, "": _factor}, "slow, 80% or 1.2")
    pitch = _amount(attributes, "pitch", _PITCHES, {"st": float, "%": _semitones, "Hz": _hertz}, "high, +2st or -10%")
    gain = _amount(attributes, "volume", _VOLUMES, {"dB": float, "%": _loudness, "": _volume}, "soft or +6dB")
    return Prosody(speed, pitch, gain)


def combine(outer: Prosody, inner: Prosody) -> Prosody:
    """An element inside another: paces multiply, semitones and decibels add up, within what a voice can do."""
    pitch = outer.pitch_semitones + inner.pitch_semitones
    return Prosody(
        _clip(outer.speed * inner.speed, SPEEDS),
        _clip(pitch, (-SEMITONES, SEMITONES)),
        _clip(outer.gain_db + inner.gain_db, DECIBELS),
    )


def _choice(attributes: Mapping[str, str], key: str, default: str, choices: Mapping[str, _T]) -> _T:
    value = attributes.get(key, default)
    if value not in choices:
        raise ValueError(f"{key} '{value}' is not known: use {', '.join(choices)}")
    return choices[value]


def _amount(
    attributes: Mapping[str, str],
    key: str,
    names: Mapping[str, float],
    units: Mapping[str, Callable[[str], float]],
    examples: str,
) -> float:
    value = attributes.get(key, "default").strip()
    if value in names:
        return names[value]
    match = re.fullmatch(rf"([+-]?{_NUMBER})(\D{{0,3}})", value, re.ASCII)
    if not match or match[2] not in units:
        raise ValueError(f"{key} '{value}' is not understood: write {examples}")
    return units[match[2]](match[1])


def _factor(number: str) -> float:
    """A rate without a unit, as SSML 1.0 had it."""
    if not SPEEDS[0] <= float(number) <= SPEEDS[1]:
        raise ValueError(f"rate '{number}' is out of range: write a factor of {SPEEDS[0]} to {SPEEDS[1]}, or 150%")
    return float(number)


def _hertz(number: str) -> float:
    """A change, or with no sign a pitch, against the pitch of a common voice: what it is of this one is not known."""
    pitch = float(number) + (COMMON_PITCH_HZ if number[0] in "+-" else 0.0)
    return 12 * math.log2(max(pitch, 20.0) / COMMON_PITCH_HZ)


def _volume(number: str) -> float:
    """0 to 100, as SSML 1.0 had it, where 100 is the loudness of the voice; with a sign it is a change of that."""
    return _decibels(float(number) / 100 + (1.0 if number[0] in "+-" else 0.0))


def _loudness(percent: str) -> float:
    return _decibels(_share(percent))


def _decibels(factor: float) -> float:
    return 20 * math.log10(factor) if factor > 1e-6 else DECIBELS[0]


def _share(percent: str) -> float:
    """80% is four fifths; with a sign it is a change: +10% is 1.1."""
    return float(percent) / 100 + (1.0 if percent[0] in "+-" else 0.0)


def _semitones(percent: str) -> float:
    return 12 * math.log2(max(_share(percent), 0.1))


def _clip(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
