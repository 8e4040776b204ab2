"""The scans of Mamba and Mamba-2: every form against the step loop in float64, outputs and gradients."""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F

from ssmphony.ssm import scan
from ssmphony.ssm.scan import build, cpu, naive, operators, reference

NAMES = ("selective_scan", "ssd")
LENGTHS = (1, 63, 500, 1000)
FORMS: dict[str, tuple[ModuleType, torch.dtype]] = {
    "reference": (reference, torch.float64),
    "reference in float32": (reference, torch.float32),
    "compiled": (scan, torch.float32),
}
#: Largest difference over largest value. A gradient with respect to A or D sums over all steps.
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-11}

every_scan = pytest.mark.parametrize("name", NAMES)
every_form = pytest.mark.parametrize("form", FORMS, indirect=True)


@pytest.fixture
def form(request: pytest.FixtureRequest) -> tuple[ModuleType, torch.dtype]:
    if request.param == "compiled":
        request.getfixturevalue("compiled")
    return FORMS[request.param]


def inputs(name: str, length: int, batch: int = 2, low: float = 1e-3, high: float = 1e-1) -> list[Tensor]:
    """Float64; steps log-uniform from ``low`` to ``high``; widths that are no multiple of a vector, two groups."""
    torch.manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64)

    def steps(*shape: int) -> Tensor:
        return low * (high / low) ** torch.rand(*shape, dtype=torch.float64)

    if name == "selective_scan":
        channels, n = 11, 5
        A = -torch.arange(1.0, n + 1, dtype=torch.float64).repeat(channels, 1)
        shared = [normal(batch, length, n) for _ in "BC"]
        u = normal(batch, length, channels)
        values = [u, steps(batch, length, channels), A, *shared, normal(channels), normal(batch, channels, n)]
    else:
        heads, p, groups, n = 4, 9, 2, 6
        A = -torch.linspace(1.0, 16.0, heads, dtype=torch.float64)
        shared = [normal(batch, length, groups, n) for _ in "BC"]
        x = normal(batch, length, heads, p)
        values = [x, steps(batch, length, heads), A, *shared, normal(heads), normal(batch, heads, p, n)]
    # What float32 can hold, so that both precisions compute the same thing.
    return [value.float().double() for value in values]


def resets(length: int, batch: int = 2) -> Tensor:
    """A few, the first step of the first row among them, and none in the last row."""
    reset = torch.rand(batch, length) < 0.03
    reset[0, 0], reset[-1] = True, False
    return reset


def relative(actual: Tensor, expected: Tensor) -> float:
    return float(
        (actual.detach().double() - expected.detach()).abs().max() / expected.detach().abs().max().clamp_min(1e-30)
    )


class Case(NamedTuple):
    """What `inputs` and `resets` are asked for."""

    name: str
    length: int
    low: float = 1e-3
    high: float = 1e-1
    reset: bool = False


def run(module: ModuleType, case: Case, dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, and the gradients for weights that depend on the outputs' shapes alone."""
    values = inputs(case.name, case.length, low=case.low, high=case.high)
    leaves = [value.to(dtype).requires_grad_() for value in values]
    outputs = getattr(module, case.name)(*leaves, resets(case.length) if case.reset else None)
    weights = [torch.arange(y.numel(), dtype=torch.float64).cos().reshape(y.shape).to(dtype) for y in outputs]
    return list(outputs), list(torch.autograd.grad(outputs, leaves, weights))


@functools.cache
def twin(case: Case) -> tuple[list[Tensor], list[Tensor]]:
    return run(naive, case, torch.float64)


def assert_equal(form: tuple[ModuleType, torch.dtype], case: Case) -> None:
    module, dtype = form
    for kind, ours, theirs in zip(("output", "gradient"), run(module, case, dtype), twin(case), strict=True):
        for i, (value, expected) in enumerate(zip(ours, theirs, strict=True)):
            assert value.shape == expected.shape
            assert relative(value, expected) <= TOLERANCE[dtype], f"{kind} {i}"


@every_scan
@every_form
@pytest.mark.parametrize("length", LENGTHS)
def test_equals_the_step_loop(name: str, form: tuple[ModuleType, torch.dtype], length: int) -> None:
    assert_equal(form, Case(name, length))


@every_scan
@every_form
def test_resets_clear_the_state(name: str, form: tuple[ModuleType, torch.dtype]) -> None:
    assert_equal(form, Case(name, 150, reset=True))


@every_scan
@every_form
def test_extreme_steps(name: str, form: tuple[ModuleType, torch.dtype]) -> None:
    """From steps that change nothing to steps that forget everything, side by side."""
    assert_equal(form, Case(name, 200, low=1e-6, high=50.0))


@every_scan
@every_form
def test_a_reset_clears_even_what_is_not_finite(name: str, form: tuple[ModuleType, torch.dtype]) -> None:
    values, reset = [value.to(form[1]) for value in inputs(name, 40)], resets(40)
    values[6][0] = torch.nan
    y, last = getattr(form[0], name)(*values, reset)
    assert y.isfinite().all()
    assert last.isfinite().all()


@every_scan
@every_form
def test_chunks_equal_one_shot(name: str, form: tuple[ModuleType, torch.dtype]) -> None:
    """The state handed on, cut at odd places, through single steps and an empty chunk."""
    values, reset = [value.to(form[1]) for value in inputs(name, 133)], resets(133)
    scan_of = getattr(form[0], name)
    y, last = scan_of(*values, reset)
    u, delta, A, B, C, D, state = values
    parts: list[Tensor] = []
    for begin, end in ((0, 1), (1, 2), (2, 40), (40, 40), (40, 105), (105, 133)):
        cut = [part[:, begin:end] for part in (u, delta, B, C, reset)]
        part, state = scan_of(cut[0], cut[1], A, cut[2], cut[3], D, state, cut[4])
        parts.append(part)
    assert relative(torch.cat(parts, 1), y) <= TOLERANCE[form[1]]
    assert relative(state, last) <= TOLERANCE[form[1]]


@every_scan
@every_form
@pytest.mark.parametrize(("batch", "length"), [(0, 7), (2, 0)])
def test_nothing_to_do(name: str, form: tuple[ModuleType, torch.dtype], batch: int, length: int) -> None:
    values = [value.to(form[1]).requires_grad_() for value in inputs(name, length, batch)]
    y, last = getattr(form[0], name)(*values)
    assert y.shape == values[0].shape
    assert torch.equal(last, values[6])
    gradients = torch.autograd.grad(y.sum() + last.sum(), values, allow_unused=True)
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)


@every_scan
@pytest.mark.usefixtures("compiled")
def test_rows_of_a_batch_stay_apart(name: str) -> None:
    values = [value.float() for value in inputs(name, 70, batch=3)]
    y, last = getattr(scan, name)(*values)
    shared = (2, 5)  # A and D belong to all rows
    for row in range(3):
        alone = [value if i in shared else value[row : row + 1] for i, value in enumerate(values)]
        y_alone, last_alone = getattr(scan, name)(*alone)
        assert torch.equal(y_alone[0], y[row])
        assert torch.equal(last_alone[0], last[row])


@every_scan
@pytest.mark.usefixtures("compiled")
def test_uninitialised_memory_is_never_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch fills what is allocated empty with NaN; one that were read would come out."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(4).isnan().all()
        outputs, gradients = run(scan, Case(name, 77, reset=True), torch.float32)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(value.isfinite().all() for value in (*outputs, *gradients))


@every_scan
@pytest.mark.usefixtures("compiled")
def test_threads_agree(name: str) -> None:
    """One slice of the channels or several, also more than there are vectors."""
    threads = torch.get_num_threads()
    runs: list[list[Tensor]] = []
    try:
        for count in (1, 2, 3, 14):
            torch.set_num_threads(count)
            outputs, gradients = run(scan, Case(name, 90), torch.float32)
            runs.append([*outputs, *gradients])
    finally:
        torch.set_num_threads(threads)
    for other in runs[1:]:
        for ours, theirs in zip(other, runs[0], strict=True):
            assert relative(ours, theirs) <= 1e-6


@every_scan
@pytest.mark.usefixtures("compiled")
def test_strided_inputs(name: str) -> None:
    """Slices of a projection, as the layers hand them over."""
    values = [value.float() for value in inputs(name, 50)]
    strided = [torch.stack([value, value], -1)[..., 1] for value in values]
    for ours, theirs in zip(getattr(scan, name)(*strided), getattr(scan, name)(*values), strict=True):
        assert torch.equal(ours, theirs)


@every_scan
@pytest.mark.usefixtures("compiled")
def test_operator_is_well_registered(name: str) -> None:
    values = [value.float().requires_grad_() for value in inputs(name, 35)]
    operator = getattr(torch.ops.ssmphony, name).default
    torch.library.opcheck(operator, (*values, resets(35), True))
    torch.library.opcheck(operator, (*(value.detach() for value in values), None, False))


@every_scan
@pytest.mark.usefixtures("compiled")
def test_second_gradients(name: str) -> None:
    """Through the reference form; also where one input is made of another."""
    values = inputs(name, 20)

    def second(module: ModuleType, dtype: torch.dtype) -> Tensor:
        u, delta, *rest = (value.to(dtype).requires_grad_() for value in values)
        made = delta * torch.sigmoid(u if name == "selective_scan" else u.mean(-1))
        y, last = getattr(module, name)(u, made, *rest)
        (first,) = torch.autograd.grad(y.square().sum() + last.sum(), u, create_graph=True)
        return torch.autograd.grad(first.square().sum(), delta)[0]

    assert relative(second(scan, torch.float32), second(naive, torch.float64)) <= 1e-4


@every_scan
def test_reference_passes_gradgradcheck(name: str) -> None:
    values = [value.requires_grad_() for value in inputs(name, 4, batch=1)]
    assert torch.autograd.gradgradcheck(getattr(reference, name), tuple(values), fast_mode=True)


@every_scan
def test_other_dtypes_run_in_pytorch(name: str) -> None:
    """bfloat16 activations with float32 parameters: computed in float32, handed back as they came."""
    values = inputs(name, 30)
    mixed = [value.to(torch.float32 if i in (2, 5, 6) else torch.bfloat16) for i, value in enumerate(values)]
    y, last = getattr(scan, name)(*mixed)
    expected, expected_last = getattr(naive, name)(*(value.double() for value in mixed))
    assert (y.dtype, last.dtype) == (torch.bfloat16, torch.float32)
    assert relative(y, expected) <= 1e-2
    assert relative(last, expected_last) <= 2e-2
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = getattr(scan, name)(*(value.float() for value in values))
    assert relative(y, getattr(naive, name)(*values)[0]) <= TOLERANCE[torch.float32]


@every_scan
def test_the_time_of_the_reference_is_no_loop_over_steps(name: str) -> None:
    """The autograd graph of 1,024 steps holds far fewer nodes than steps."""
    leaves = [value.requires_grad_() for value in inputs(name, 1024, batch=1)]
    seen, front = set[object](), [getattr(reference, name)(*leaves)[0].grad_fn]
    while front:
        node = front.pop()
        if node is not None and node not in seen:
            seen.add(node)
            front += [following for following, _ in node.next_functions]
    assert len(seen) < 300


@every_scan
def test_shapes_that_do_not_fit(name: str) -> None:
    values = inputs(name, 5)
    values[3] = F.pad(values[3], (0, 1)) if name == "selective_scan" else values[3][:, :4]
    with pytest.raises(ValueError, match=f"{name}: (B|C) must have shape"):
        getattr(scan, name)(*values)
    with pytest.raises(ValueError, match="reset must have shape"):
        getattr(scan, name)(*inputs(name, 5), torch.zeros(2, 4, dtype=torch.bool))


@pytest.mark.parametrize(
    ("missing", "level", "message"),
    [("compiler", logging.WARNING, "install a C++ compiler"), ("sense", logging.ERROR, "compiling them failed")],
)
def test_without_the_compiled_form(
    missing: str,
    level: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where it cannot be had, the reference runs, and that is said once; an error is never passed over."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cpu, "_ready", None)
    if missing == "compiler":
        monkeypatch.setenv("CXX", "no-such-compiler")
    else:
        (tmp_path / "broken.cpp").write_text("this is not C++", encoding="utf-8")
        monkeypatch.setattr(build, "FOLDER", tmp_path)
    values = [value.float() for value in inputs("selective_scan", 10)]
    with caplog.at_level(logging.WARNING, logger=cpu.__name__):
        y, _ = scan.selective_scan(*values)
        scan.selective_scan(*values)
    assert torch.equal(y, reference.selective_scan(*values)[0])
    assert [record.levelno for record in caplog.records] == [level]
    assert message in caplog.text


@pytest.mark.parametrize("triton", [True, False])
def test_which_form_runs_on_a_gpu(triton: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's, but for float64 and where it is missing."""
    called: list[str] = []

    def form(label: str, inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        called.append(label)
        return inputs[0], inputs[6]

    monkeypatch.setattr(operators, "call", lambda operator, given, reset: form(operator, given))
    monkeypatch.setattr(scan, "_load_triton", lambda: triton)
    for name in NAMES:
        monkeypatch.setitem(operators.REFERENCE, name, lambda *given: form("reference", given))
        with FakeTensorMode():
            for dtype in (torch.float32, torch.bfloat16, torch.float64):
                getattr(scan, name)(*(torch.empty(v.shape, dtype=dtype, device="cuda") for v in inputs(name, 3)))
    expected = [[f"triton_{name}"] * 2 + ["reference"] if triton else ["reference"] * 3 for name in NAMES]
    assert called == [*expected[0], *expected[1]]


def test_triton_is_missing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Said once."""
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "ssmphony.ssm.scan.triton", raising=False)
    scan._load_triton.cache_clear()
    with caplog.at_level(logging.WARNING, logger=scan.__name__):
        assert not any(scan._load_triton() for _ in range(2))
    scan._load_triton.cache_clear()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "install Triton" in caplog.text


def test_one_process_compiles_and_the_others_wait(tmp_path: Path) -> None:
    path, made, answers = tmp_path / "cache" / "library.so", list[Path](), list[bool]()

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.05)
        assert not path.exists()
        (folder / path.name).write_text("whole", encoding="utf-8")

    def work() -> None:
        answers.append(build.once(path, make))

    _all_at_once(work, 4)
    assert len(made) == 1
    assert sorted(answers) == [False, False, False, True]
    assert path.read_text(encoding="utf-8") == "whole"
    assert {file.name for file in path.parent.iterdir()} == {"library.so", "library.sha256", "library.lock"}


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "library.so"

    def fail(folder: Path) -> None:
        (folder / path.name).write_text("half", encoding="utf-8")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        build.once(path, fail)
    assert {file.name for file in tmp_path.iterdir()} == {"library.lock"}
    assert build.once(path, lambda folder: (folder / path.name).touch())


def test_the_cache_tells_machines_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    wide, flags = build.library(), build.flags()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert build.library() != wide
    assert "-mavx512f" in flags
    assert not [flag for flag in build.flags() if flag.startswith("-m")]
    assert "-march=native" not in flags


def _all_at_once(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
