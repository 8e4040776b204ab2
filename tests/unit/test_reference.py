"""References: values, files, and what a model can read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ssmphony.reference import check_reference, load_reference, save_reference
from ssmphony.types import Reference, ReferenceInput, SsmphonyError

FRAMES, CODES = np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(4).reshape(2, 2)


def test_a_reference_is_its_arrays() -> None:
    frames = FRAMES.copy()
    reference = Reference({"frames": frames, "codes": CODES})
    frames[:] = 9
    np.testing.assert_array_equal(reference.arrays["frames"], FRAMES)
    with pytest.raises(ValueError, match="read-only"):
        reference.arrays["frames"][0, 0] = 1
    same = Reference({"codes": CODES, "frames": FRAMES})
    assert reference == same
    assert hash(reference) == hash(same)
    assert reference != Reference({"frames": FRAMES})
    assert reference != Reference({"frames": FRAMES.reshape(2, 3), "codes": CODES})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "1 to 16 arrays, not 0"),
        ({"x": np.zeros(4, np.float32)}, r"the array 'x' of a reference is float32 \(4,\)"),
        ({"x": np.zeros((2, 0), np.float32)}, "the array 'x'"),
        ({"x": np.zeros((2, 2))}, "float64"),
        ({"x": np.array([["a"]], dtype=object)}, "object"),
        ({"x": np.full((1, 1), np.nan, np.float32)}, "not finite"),
        ({"x": np.zeros((5 << 20, 1), np.float32)}, "20.0 MiB is too large: cut it to 16 MiB"),
    ],
)
def test_other_arrays_are_refused(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        Reference(arrays)


def test_files(tmp_path: Path) -> None:
    path, reference = tmp_path / "reference.safetensors", Reference({"frames": FRAMES, "codes": CODES})
    save_reference(reference, path)
    assert load_reference(path) == reference
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_is_one_line_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    for path in (tmp_path / "a.wav", tmp_path / "missing" / "a.safetensors", tmp_path / "folder.safetensors"):
        with pytest.raises(SsmphonyError, match=f"cannot write {path}: ") as caught:
            save_reference(Reference({"frames": FRAMES}), path)
        assert ".part" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.safetensors"]


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path, reference = tmp_path / "reference.safetensors", Reference({"frames": FRAMES})
    with pytest.raises(SsmphonyError, match=r"cannot read .*: no such file"):
        load_reference(path)
    save_reference(reference, path)
    whole = path.read_bytes()
    damaged = [b"", b"RIFF", whole[:-4], whole[:-1] + b"\xff", whole + b"x", save({"frames": FRAMES})]
    damaged += [save({"frames": FRAMES}, metadata={"ssmphony.reference": "0"}), json.dumps({}).encode() * 4]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(SsmphonyError) as caught:
            load_reference(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (ReferenceInput("codes", 2, 9, "int64"), "this reference holds frames, the voice reads codes"),
        (ReferenceInput("frames", 3, 9), "float32 with 2 channels, the voice reads float32 with 3"),
        (ReferenceInput("frames", 2, 9, "int64"), "the voice reads int64"),
        (ReferenceInput("frames", 2, 2), "has 3 steps, the voice reads 2: cut the clip"),
    ],
)
def test_what_a_model_cannot_read(expected: ReferenceInput, message: str) -> None:
    reference = Reference({"frames": FRAMES})
    check_reference(reference, [ReferenceInput("frames", 2, 3)])
    with pytest.raises(SsmphonyError, match=message):
        check_reference(reference, [expected])
