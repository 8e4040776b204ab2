"""The contract on every codec, at tiny size. A codec added to the registry is picked up.

Its graph, exported and loaded, is compared with PyTorch in `tests/parity`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ssmphony.codecs import CODECS
from ssmphony.interfaces import Decoder, Encoder
from tests.contract import contract

#: By kind and, where it has several forms, by the form.
TINY: dict[str, Any] = {
    f"{kind} {form}".strip(): config for kind, codec in CODECS.items() for form, config in codec.tiny().items()
}

#: Rounding in a pitch adds up to a phase, and a partial's phase is so many times the fundamental's.
TOLERANCES = {
    "mel_vocoder harmonic": 1e-4,
    "mel_source_filter": 1e-3,
    "fsq": 1e-3,
    "fsq residual": 1e-3,
    "latent": 1e-3,
    "latent sigreg": 1e-3,
}
every_codec = pytest.mark.parametrize("kind", TINY)


def build(kind: str) -> Any:
    """A codec whose every weight matters: fresh networks are nearly constant."""
    codec = TINY[kind].build()
    if isinstance(codec, nn.Module):
        for parameter in codec.parameters():
            nn.init.normal_(parameter, std=0.4)
        codec.eval()
    return codec


def stream(codec: Decoder) -> contract.Stream:
    # codes as the values that they stand for, which have gradients
    channels = codec.quantiser.channels if codec.grid.codebooks else codec.grid.channels  # type: ignore[attr-defined]
    return contract.codec_stream(codec, channels)


@pytest.fixture
def tiny(kind: str) -> contract.Stream:
    torch.manual_seed(0)
    return stream(build(kind))


every_network = pytest.mark.parametrize("kind", [kind for kind in TINY if isinstance(build(kind), nn.Module)])


@every_network
def test_causality(tiny: contract.Stream) -> None:
    contract.check_causality(tiny)


@every_codec
def test_the_future_changes_nothing(tiny: contract.Stream) -> None:
    """Causality without a gradient: other frames after the lookahead give the same samples, to the last bit."""
    x = tiny.inputs(1)
    y, _ = tiny.run(x, contract.present(x), tiny.begin(1))
    for step in (0, tiny.lookahead, tiny.time - 4):  # by the frames after one that counts for little
        other = x.clone()
        other[:, step + 1 :] = tiny.inputs(1, seed=1)[:, step + 1 :]
        z, _ = tiny.run(other, contract.present(other), tiny.begin(1))
        known = (step + 1) * tiny.steps_out
        assert torch.equal(y[:, :known], z[:, :known])
        assert not torch.equal(y, z)


@every_codec
def test_chunkings(kind: str, tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_chunkings(tiny, TOLERANCES.get(kind, contract.TOLERANCE))


@every_codec
def test_snapshot(tiny: contract.Stream) -> None:
    contract.check_snapshot(tiny)


@every_codec
def test_slots(kind: str, tiny: contract.Stream) -> None:
    contract.check_slots(tiny, TOLERANCES.get(kind, 1e-6))


@every_codec
def test_batch_and_padding(kind: str, tiny: contract.Stream) -> None:
    contract.check_batch_and_padding(tiny, TOLERANCES.get(kind, contract.TOLERANCE))


@every_codec
def test_purity(tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_purity(tiny)


@every_codec
def test_lengths(tiny: contract.Stream) -> None:
    contract.check_lengths(tiny)


@pytest.mark.parametrize("kind", [kind for kind in TINY if isinstance(build(kind), Encoder)])
@pytest.mark.parametrize("samples", [0, 1, 15, 16, 17, 31, 33, 100, 1000])
def test_encode_lengths(kind: str, samples: int) -> None:
    """1 + n // hop frames, finite ones, also for a clip shorter than half a window or empty."""
    codec = build(kind)
    sound = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    frames = torch.as_tensor(codec.encode(sound))
    assert frames.shape == (2, 1 + samples // codec.grid.hop_length, codec.grid.channels)
    assert bool(torch.isfinite(frames).all())


@every_network
def test_save_load(kind: str, tmp_path: Path) -> None:
    contract.check_save_load(lambda: build(kind), stream, tmp_path)


@every_codec
def test_determinism(kind: str, tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_stream_determinism(tiny, TOLERANCES.get(kind, contract.TOLERANCE))


@every_codec
def test_edges(kind: str, tiny: contract.Stream) -> None:
    contract.check_edges(tiny, TOLERANCES.get(kind, contract.TOLERANCE))


@every_codec
def test_nothing_but_absent_frames_is_silence(tiny: contract.Stream) -> None:
    x = torch.full_like(tiny.inputs(1), float("nan"))
    samples, _ = tiny.run(x, torch.zeros(x.shape[:2], dtype=torch.bool), tiny.begin(1))
    assert not samples.any()


@every_codec
def test_numpy_in(kind: str, tiny: contract.Stream) -> None:
    """`Voice` hands over NumPy arrays, whoever made the frames."""
    x = tiny.inputs(2)
    expected, _ = tiny.run(x, contract.present(x), tiny.begin(2))
    samples, _ = tiny.run(x.numpy(), contract.present(x).numpy(), tiny.begin(2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.asarray(samples.detach()), np.asarray(expected.detach()))
