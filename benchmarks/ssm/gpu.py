"""The scans on a GPU compared with those of mamba_ssm, and with the bandwidth of the memory.

    python -m benchmarks.ssm.gpu [--rounds 20]

Prints, for each scan, length and pass: milliseconds, how many times ours the others take, and the fraction of the
memory roofline, which is the time that reading each input and writing each output once would take at the speed of a
copy measured in the same run. Outputs are compared with float64 before anything is timed. Peers, where they import:
``pip install mamba-ssm``.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from benchmarks.ssm import peers
from ssmphony.ssm.scan import reference

LENGTHS = (2048, 16_384)
BATCH = 8
#: Of the largest value: above it two forms do not compute the same thing. TF32 alone is about 1e-3.
DIFFERENCE = 5e-3
COPY_BYTES = 1 << 30
OPERATIONS = {"selective scan": reference.selective_scan, "SSD": reference.ssd}


def mamba_ssm_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> peers.Call:
    """Its CUDA kernel; time is its last axis, and laying tensors out that way is not timed."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    uT, deltaT, BT, CT = (part.transpose(1, 2).contiguous() for part in (u, delta, B, C))
    return lambda: selective_scan_fn(uT, deltaT, A, BT, CT, D).transpose(1, 2)


def mamba_ssm_ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> peers.Call:
    """Its Triton kernels."""
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    return lambda: mamba_chunk_scan_combined(x, dt, A, B, C, chunk_size=256, D=D)


def forms(operation: str) -> dict[str, peers.Form]:
    """Ours first; mamba_ssm where it imports."""
    ours, peer = {
        "selective scan": ((peers.our_scan, peers.our_reference_scan), mamba_ssm_scan),
        "SSD": ((peers.our_ssd, peers.our_reference_ssd), mamba_ssm_ssd),
    }[operation]
    found: dict[str, peers.Form] = {"ssmphony": ours[0], "PyTorch form": ours[1]}
    return {**found, "mamba_ssm": peer} if importlib.util.find_spec("mamba_ssm") else found


def milliseconds(call: Callable[[], object], rounds: int) -> float:
    """Median on the GPU's own clock, after as many calls again to warm up as compiling needs."""
    for _ in range(3):
        call()
    taken: list[float] = []
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in "be")
        begin.record()
        call()
        end.record()
        torch.cuda.synchronize()
        taken.append(begin.elapsed_time(end))
    return median(taken)


def bytes_a_second(rounds: int) -> float:
    """Read and written by a copy of a gibibyte."""
    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2e3 * COPY_BYTES / milliseconds(lambda: target.copy_(source), rounds)


def least_bytes(tensors: list[Tensor], y: Tensor, backward: bool) -> int:
    """Each input read and the output written once; backward reads both again and writes a gradient an input."""
    inputs, output = (sum(part.numel() * part.element_size() for part in parts) for parts in (tensors, [y]))
    return inputs + output + (2 * inputs + output if backward else 0)


def measure(operation: str, length: int, backward: bool, rounds: int, speed: float) -> str:
    """One line of the report."""
    arguments = [value.cuda() for value in peers.arguments(operation, BATCH, length) if isinstance(value, Tensor)]
    leaves = [value.requires_grad_(backward) for value in arguments]
    u, delta, A, B, C, D = (value.detach()[:1] if value.dim() > 2 else value.detach() for value in arguments)
    state = u.new_zeros(1, *A.shape) if operation == "selective scan" else u.new_zeros(1, *u.shape[2:], B.shape[-1])
    exact = OPERATIONS[operation](*(value.double() for value in (u, delta, A, B, C, D, state)))[0]

    def run(call: Callable[[], Tensor]) -> Tensor:
        y = call()
        if backward:
            torch.autograd.grad(y, leaves, torch.ones_like(y))
        return y.detach()

    taken: dict[str, float] = {}
    for name, form in forms(operation).items():
        with torch.set_grad_enabled(backward):
            call = form(*leaves)
            y = run(call)
            error = float((y[:1].double() - exact).abs().max() / exact.abs().max())
            if not error <= DIFFERENCE:
                raise AssertionError(f"{operation}, {length} steps: {name} is {error:.1e} away from float64")
            taken[name] = milliseconds(lambda call=call: run(call), rounds)
    ours = taken.pop("ssmphony")
    floor = 1e3 * least_bytes(arguments, y, backward) / speed
    others = ", ".join(f"{name} {time:.2f} ms ({time / ours:.2f} times)" for name, time in taken.items())
    passes = "forward and backward" if backward else "forward"
    return f"{operation}, {length} steps, {passes}: {ours:.2f} ms, {floor / ours:.0%} of the roofline; {others}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    if not torch.cuda.is_available():
        sys.exit("benchmarks.ssm.gpu needs a GPU that PyTorch can use, and finds none")
    speed = bytes_a_second(rounds)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}: a copy moves {speed / 1e9:.0f} GB/s")
    if not importlib.util.find_spec("mamba_ssm"):
        print("mamba_ssm is not installed: only the PyTorch form is compared with ours")
    for operation in OPERATIONS:
        for length in LENGTHS:
            for backward in (False, True):
                print(measure(operation, length, backward, rounds, speed), flush=True)


if __name__ == "__main__":
    main()
