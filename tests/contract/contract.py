"""The eleven points that every sequence layer, codec and voice model keeps, as reusable checks.

Whatever streams is described by a `Stream`: how to begin, how to take a block of steps, how far it looks ahead.
A test module builds streams and calls the checks; a codec passes ``steps_out=hop_length``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.interfaces import Decoder, SequenceLayer, State
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import AutoregressiveModel
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel

TOLERANCE = 1e-5
TIME = 150


@dataclass(frozen=True)
class Stream:
    """Anything that reads (batch, time, channel) with a mask, a block at a time.

    run: (x, mask, state) → (output, state), the output (batch, time * steps_out, …) or (batch, time * steps_out).
    """

    begin: Callable[[int], State]
    run: Callable[[Tensor, Tensor, State], tuple[Tensor, State]]
    channels: int
    lookahead: int = 0
    steps_out: int = 1
    time: int = TIME

    def inputs(self, batch: int, time: int | None = None, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(batch, self.time if time is None else time, self.channels, generator=generator)


def layer_stream(layer: SequenceLayer, channels: int, time: int = TIME) -> Stream:
    """A sequence layer as a stream."""
    return Stream(
        begin=layer.initial_state,
        run=lambda x, mask, state: layer.forward(x, state, mask),
        channels=channels,
        lookahead=layer.lookahead,
        time=time,
    )


def codec_stream(codec: Decoder, channels: int, time: int = 40) -> Stream:
    """The decoder of a codec as a stream of samples."""
    return Stream(
        begin=codec.initial_state,
        run=lambda x, mask, state: codec.decode(x, mask, state),
        channels=channels,
        lookahead=codec.lookahead,
        steps_out=codec.grid.hop_length,
        time=time,
    )


def model_stream(model: Any) -> Stream:
    """What streams inside a voice model, by its family."""
    return {"parallel": _parallel_stream, "autoregressive": _autoregressive_stream}[model.family](model)


def _parallel_stream(model: ParallelModel) -> Stream:
    """Expanded tokens → frames."""
    channels = model.encoded_channels + FRAME_FEATURES
    return Stream(model.initial_frames, model.frames, channels, model.lookahead, time=60)


def _autoregressive_stream(model: AutoregressiveModel) -> Stream:
    """Frames, of codes what the model embeds them as, → the frames that follow them or their logits, with one text for
    all rows; the place in it moves by a tenth a frame."""
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        memory = model.encode(ModelInputs(ids, ids > 0, speaker=torch.zeros(1, dtype=torch.long)))
    start: Any = model.start_frame()
    if model.codebooks:
        start = model.embed(start, torch.zeros((), dtype=torch.long))  # type: ignore[operator]

    def run(x: Tensor, mask: Tensor, state: Any) -> tuple[Tensor, Any]:
        position, layers = state
        batch, frames = len(x), list[Tensor]()
        text, seen = pytree.tree_map(lambda part: part.expand(batch, *part.shape[1:]), (memory, ids > 0))
        for step in range(x.shape[1]):
            result = model.advance(x[:, step], position, 0.1 * position, text, seen, layers)
            frames.append(result.frame)
            position, layers = position + 1, result.layers
        return torch.stack(frames, dim=1), (position, layers)

    return Stream(
        begin=lambda batch: (torch.zeros(batch, dtype=torch.long), model.initial_layers(batch)),
        run=run,
        channels=len(start),
        time=24,
    )


def present(x: Tensor) -> Tensor:
    """The mask of a batch without padding."""
    return torch.ones(x.shape[:2], dtype=torch.bool)


def map_state(function: Callable[..., Any], *states: State) -> State:
    """Apply ``function`` to each array of (nested tuples of) equal states."""
    first = states[0]
    if isinstance(first, tuple):
        parts = [map_state(function, *group) for group in zip(*states, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    return function(*states)


def arrays(state: State) -> Iterator[Any]:
    """Every array of a state."""
    if isinstance(state, tuple):
        for part in state:
            yield from arrays(part)
    else:
        yield state


def speak(stream: Stream, x: Tensor, mask: Tensor | None = None, cuts: list[int] | None = None) -> Tensor:
    """The whole output, aligned with the input: fed in the blocks that ``cuts`` mark, lookahead fed and trimmed."""
    mask = present(x) if mask is None else mask
    # What is fed after the end is masked: garbage in it must not matter.
    x = torch.cat([x, x.new_full((x.shape[0], stream.lookahead, x.shape[2]), 7.0)], dim=1)
    mask = torch.cat([mask, torch.zeros(mask.shape[0], stream.lookahead, dtype=torch.bool)], dim=1)
    state, outputs = stream.begin(x.shape[0]), []
    edges = [0, *(cuts or []), x.shape[1]]
    for first, stop in zip(edges, edges[1:], strict=False):
        y, state = stream.run(x[:, first:stop], mask[:, first:stop], state)
        outputs.append(y)
    return torch.cat(outputs, dim=1)[:, stream.lookahead * stream.steps_out :]


def random_cuts(length: int, seed: int) -> list[int]:
    """Strictly increasing places to cut; blocks of one step and long blocks both occur."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, max(2, length // 3)))
    return sorted(
        int(cut) for cut in generator.choice(np.arange(1, length), size=min(count, length - 1), replace=False)
    )


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    """Largest error relative to the largest value (or to 1)."""
    assert actual.shape == expected.shape
    scale = max(1.0, float(expected.detach().abs().max()))
    error = float((actual - expected).detach().abs().max())
    assert error <= tolerance * scale, f"error {error:.2e} at scale {scale:.2e}"


def assert_same(actual: State, expected: State) -> None:
    """Equal to the last bit."""
    for a, b in zip(arrays(actual), arrays(expected), strict=True):
        assert torch.equal(torch.as_tensor(a), torch.as_tensor(b))


# 1 ------------------------------------------------------------------------------------------------------------------


def check_causality(stream: Stream) -> None:
    """No output step reads an input step beyond its lookahead: the gradient is exactly zero."""
    for step in (0, stream.time // 2, stream.time - 2):
        x = stream.inputs(1).requires_grad_()
        y, _ = stream.run(x, present(x), stream.begin(1))
        y[:, step * stream.steps_out : (step + 1) * stream.steps_out].square().sum().backward()
        assert x.grad is not None
        assert not x.grad[:, step + 1 :].any(), f"output step {step} reads the future"
        if step >= stream.lookahead:
            assert x.grad[:, step - stream.lookahead].any(), f"output step {step} does not read its own input"


# 2 ------------------------------------------------------------------------------------------------------------------


def check_chunkings(stream: Stream, tolerance: float = TOLERANCE, seeds: int = 4) -> None:
    """Any cutting into blocks gives the one-shot output, also one step at a time."""
    x = stream.inputs(2)
    whole = speak(stream, x)
    total = stream.time + stream.lookahead
    for cuts in (*(random_cuts(total, seed) for seed in range(seeds)), list(range(1, total))):
        assert_close(speak(stream, x, cuts=cuts), whole, tolerance)


# 3 ------------------------------------------------------------------------------------------------------------------


def check_snapshot(stream: Stream) -> None:
    """A state put aside (also as bytes) continues identically after the stream has gone elsewhere."""
    x, other = stream.inputs(2), stream.inputs(2, seed=1)
    half = stream.time // 2
    _, state = stream.run(x[:, :half], present(x)[:, :half], stream.begin(2))
    stored = map_state(lambda array: np.asarray(torch.as_tensor(array).detach()).copy(), state)
    expected = stream.run(x[:, half:], present(x)[:, half:], state)
    stream.run(other, present(other), state)
    restored = map_state(torch.from_numpy, stored)
    assert_same(stream.run(x[:, half:], present(x)[:, half:], restored), expected)


# 4 ------------------------------------------------------------------------------------------------------------------


def check_slots(stream: Stream, tolerance: float = 1e-6) -> None:
    """State is batch-first: a slot reset or swapped changes that row alone, the others stay bit-equal."""
    x = stream.inputs(3)
    half = stream.time // 2
    first, rest = x[:, :half], x[:, half:]
    _, state = stream.run(first, present(first), stream.begin(3))
    expected, _ = stream.run(rest, present(rest), state)
    fresh = stream.begin(3)
    chosen = torch.tensor([False, True, False])
    reset = map_state(lambda old, new: torch.where(_rows(chosen, old), torch.as_tensor(new), old), state, fresh)
    y, _ = stream.run(rest, present(rest), reset)
    assert torch.equal(y[[0, 2]], expected[[0, 2]])
    alone, _ = stream.run(rest, present(rest), fresh)
    assert torch.equal(y[1], alone[1])
    assert not torch.equal(y[1], expected[1])
    order = torch.tensor([2, 1, 0])
    swapped, _ = stream.run(rest[order], present(rest), map_state(lambda old: torch.as_tensor(old)[order], state))
    assert_close(swapped[order], expected, tolerance)


def _rows(chosen: Tensor, like: Any) -> Tensor:
    return chosen.reshape(-1, *[1] * (torch.as_tensor(like).ndim - 1))


# 5 ------------------------------------------------------------------------------------------------------------------


def check_batch_and_padding(stream: Stream, tolerance: float = TOLERANCE) -> None:
    """A batch equals its members alone, whatever stands in the padding, NaN included."""
    lengths = [stream.time, stream.time // 3, 1]
    rows = [stream.inputs(1, length, seed) for seed, length in enumerate(lengths)]
    for filler in (0.0, 1e3, float("nan")):
        x = torch.full((3, stream.time, stream.channels), filler)
        for slot, row in enumerate(rows):
            x[slot, : row.shape[1]] = row[0]
        mask = torch.arange(stream.time) < torch.tensor(lengths).unsqueeze(1)
        y = speak(stream, x, mask)
        for slot, row in enumerate(rows):
            assert_close(y[slot : slot + 1, : row.shape[1] * stream.steps_out], speak(stream, row), tolerance)


# 6 ------------------------------------------------------------------------------------------------------------------


def check_purity(stream: Stream) -> None:
    """Inputs and states are left as they were; two threads on one object agree with one."""
    x, mask = stream.inputs(2), present(stream.inputs(2))
    _, state = stream.run(x, mask, stream.begin(2))
    before = map_state(lambda array: torch.as_tensor(array).clone(), (x, mask, state))
    expected = stream.run(x, mask, state)
    assert_same((x, mask, state), before)
    assert_same(stream.run(x, mask, state), expected)
    batches = [stream.inputs(2, seed=seed) for seed in range(6)]
    single = [speak(stream, batch) for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        for threaded, alone in zip(pool.map(lambda batch: speak(stream, batch), batches), single, strict=True):
            assert torch.equal(threaded, alone)


# 7 ------------------------------------------------------------------------------------------------------------------


def check_lengths(stream: Stream) -> None:
    """A block of n steps gives exactly n times ``steps_out``, and the state keeps its shape and type."""
    start = stream.begin(2)
    for length in (1, 2, 3, 17, 63, 64, 65, 130):
        x = stream.inputs(2, length)
        y, state = stream.run(x, present(x), start)
        assert y.shape[:2] == (2, length * stream.steps_out)
        for a, b in zip(arrays(state), arrays(start), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)


# 8 ------------------------------------------------------------------------------------------------------------------


def check_save_load(build: Callable[[], nn.Module], stream: Callable[[Any], Stream], folder: Path) -> None:
    """Weights written as safetensors and read into a new object give the same output; none of them is complex."""
    saved, other = build().eval(), build().eval()
    x = stream(saved).inputs(2)
    assert not torch.equal(speak(stream(saved), x), speak(stream(other), x)), "two fresh objects must differ"
    for name, parameter in saved.named_parameters():
        assert not parameter.is_complex(), f"{name} is complex"
    save_file({name: value.contiguous() for name, value in saved.state_dict().items()}, folder / "weights.safetensors")
    other.load_state_dict(load_file(folder / "weights.safetensors"))
    assert torch.equal(speak(stream(saved), x), speak(stream(other), x))


def check_export(stream: Stream, folder: Path, tolerance: float = TOLERANCE, block: int = 32) -> None:
    """An ONNX graph of ``block`` steps, state explicit, runs a stream as PyTorch does, at another batch size."""
    ort = pytest.importorskip("onnxruntime")
    graph = _Graph(stream).eval()
    x = stream.inputs(2, block)
    dimension = torch.export.Dim("batch")
    flat = tuple(arrays(stream.begin(2)))
    program = torch.onnx.export(
        graph,
        (x, present(x), *flat),
        dynamo=True,
        dynamic_shapes=({0: dimension}, {0: dimension}, tuple({0: dimension} for _ in flat)),
        verbose=False,
    )
    assert program is not None
    program.save(folder / "stream.onnx")
    session = ort.InferenceSession(folder / "stream.onnx")
    names = [node.name for node in session.get_inputs()]
    x = stream.inputs(3, 3 * block, seed=1)
    mask = torch.arange(3 * block) < torch.tensor([3 * block, block + 5, 1]).unsqueeze(1)
    state, exported = stream.begin(3), [array.detach().numpy() for array in arrays(stream.begin(3))]
    for first in range(0, 3 * block, block):
        piece, seen = x[:, first : first + block], mask[:, first : first + block]
        y, state = stream.run(piece, seen, state)
        values = (piece.numpy(), seen.numpy(), *exported)
        out, *exported = session.run(None, dict(zip(names, values, strict=False)))
        assert_close(torch.from_numpy(out), y.detach(), tolerance)


def check_compiled(layer: Any, channels: int, backend: str) -> None:
    """`torch.compile` takes a sequence and single steps as one graph each: outputs, state, gradients of weights."""
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend=backend, dynamic=False)
    generator = torch.Generator().manual_seed(0)
    weights = list(layer.parameters())
    for steps in (70, 1):
        x = torch.randn(2, steps, channels, generator=generator)
        warm = layer(x, layer.initial_state(2), present(x))[1]
        state = map_state(torch.Tensor.detach, warm)
        expected, ours = (run(x, state, present(x)) for run in (layer, compiled))
        assert_close(ours[0], expected[0])
        for a, b in zip(arrays(ours[1]), arrays(expected[1]), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        if torch.is_grad_enabled():
            grads = [torch.autograd.grad(y.square().sum(), weights, allow_unused=True) for y, _ in (expected, ours)]
            for a, b in zip(*grads, strict=True):
                assert (a is None) == (b is None)
                if a is not None and b is not None:
                    assert_close(b, a, 10 * TOLERANCE)


def check_exported_program(layer: Any, channels: int) -> None:
    """`torch.export`, strict, takes single steps and a block; the program carries a stream as the layer does."""
    for steps in (1, 17):
        x = torch.randn(2, 3 * steps, channels, generator=torch.Generator().manual_seed(0))
        state = layer.initial_state(2)
        program = torch.export.export(layer, (x[:, :steps], state, present(x[:, :steps])), strict=True).module()
        other = state
        for piece in x.split(steps, dim=1):
            y, state = layer(piece, state, present(piece))
            z, other = program(piece, other, present(piece))
            assert_close(z, y)


class _Graph(nn.Module):
    """A stream as a module with flat state, as exporters want it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream = stream

    def forward(self, x: Tensor, mask: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
        values = iter(flat)
        state = map_state(lambda _: next(values), self.stream.begin(1))
        y, state = self.stream.run(x, mask, state)
        return (y, *arrays(state))


# 9 ------------------------------------------------------------------------------------------------------------------


def check_determinism(
    speak_once: Callable[[int, int], Tensor], tolerance: float = TOLERANCE, blocks: tuple[int, ...] = (1, 7, 1000)
) -> None:
    """``speak_once(seed, block)``: the same seed gives the same sound whatever the block size.

    Neither reads the global random state nor moves it.
    """
    before = torch.random.get_rng_state()
    expected = speak_once(3, blocks[-1])
    assert torch.equal(torch.random.get_rng_state(), before), "the global random state was used"
    for block in blocks:
        with torch.random.fork_rng():
            torch.manual_seed(block)
            assert_close(speak_once(3, block), expected, tolerance)


def check_stream_determinism(stream: Stream, tolerance: float = TOLERANCE) -> None:
    """`check_determinism` for a stream: its input is the function of the seed."""

    def speak_once(seed: int, block: int) -> Tensor:
        cuts = list(range(block, stream.time + stream.lookahead, block))
        return speak(stream, stream.inputs(1, seed=seed), cuts=cuts)

    check_determinism(speak_once, tolerance)


# 10 -----------------------------------------------------------------------------------------------------------------


def check_edges(stream: Stream, tolerance: float = TOLERANCE) -> None:
    """No steps is an error with a plain message; one step alone is the first step of a longer stream."""
    nothing = stream.inputs(1, 0)
    with pytest.raises(ValueError, match="at least one step"):
        stream.run(nothing, present(nothing), stream.begin(1))
    x = stream.inputs(1)
    alone, _ = stream.run(x[:, :1], present(x)[:, :1], stream.begin(1))
    longer, _ = stream.run(x, present(x), stream.begin(1))
    assert_close(alone, longer[:, : stream.steps_out], tolerance)
    assert bool(torch.isfinite(speak(stream, x[:, :1])).all())


# 11 -----------------------------------------------------------------------------------------------------------------

#: Steps of the sequences packed into each row; the first one continues what stood in the state.
PACKED = ((70, 1, 5, 64), (0, 90, 50), (140,), (0, 1, 2, 137))


def check_resets(layer: SequenceLayer, channels: int, tolerance: float = TOLERANCE) -> None:
    """Sequences packed into a row, marked where they begin, equal their parts alone: outputs, gradients, last state.

    One shot, and in blocks whose first step is a reset, or that end in front of one, or that hold several.
    """
    torch.manual_seed(0)
    ahead = layer.lookahead
    time = sum(PACKED[0]) + ahead * len(PACKED)
    x, mask = torch.full((len(PACKED), time, channels), 7.0), torch.zeros(len(PACKED), time, dtype=torch.bool)
    reset = torch.zeros_like(mask)
    parts: list[tuple[int, int, int, bool]] = []
    for row, lengths in enumerate(PACKED):
        first = 0
        for number, length in enumerate(lengths):
            stop = time if number == len(lengths) - 1 else first + length + ahead * (length > 0)
            x[row, first : first + length] = torch.randn(length, channels)
            mask[row, first : first + length] = True
            reset[row, first] |= number > 0
            parts += [(row, first, stop, number > 0)] if length else []
            first = stop
    x.requires_grad_()
    warm = torch.randn(len(PACKED), 9, channels)
    before = map_state(torch.Tensor.detach, layer.forward(warm, layer.initial_state(len(PACKED)), present(warm))[1])

    def alone() -> tuple[Tensor, State]:
        y, last = torch.zeros_like(x), before
        for row, first, stop, fresh in parts:
            state = layer.initial_state(1) if fresh else map_state(lambda part, row=row: part[row : row + 1], before)
            part, state = layer.forward(x[row : row + 1, first:stop], state, mask[row : row + 1, first:stop])
            y = y.index_put((torch.tensor([row]), torch.arange(first, stop)), part[0])
            last = map_state(lambda whole, one, row=row: whole.index_copy(0, torch.tensor([row]), one), last, state)
        return y, last

    def packed(cuts: list[int]) -> tuple[Tensor, State]:
        state, outputs = before, []
        for first, stop in zip([0, *cuts], [*cuts, time], strict=True):
            y, state = layer.forward(x[:, first:stop], state, mask[:, first:stop], reset[:, first:stop])
            outputs.append(y)
        return torch.cat(outputs, dim=1), state

    wanted = [x, *(value for value in cast("nn.Module", layer).parameters() if value.requires_grad)]
    weight = torch.randn(x.shape)

    def gradients(y: Tensor, state: State) -> list[Tensor]:
        floats = [part for part in arrays(state) if part.is_floating_point() and part.requires_grad]
        loss = (y * weight).sum() + sum((part.square().sum() for part in floats), torch.zeros(()))
        return list(torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True))

    expected = alone()
    expected_gradients = gradients(*expected)
    for cuts in ([], [70 + ahead], [69, 70, 71 + ahead, 90], [1, 2, 100]):
        y, state = packed(cuts)
        assert_close(y, expected[0], tolerance)
        for a, b in zip(arrays(state), arrays(expected[1]), strict=True):
            if a.numel():
                assert_close(a.float(), b.float(), tolerance)
        for a, b in zip(gradients(y, state), expected_gradients, strict=True):
            assert_close(a, b, 10 * tolerance)
