"""What a child process makes of files, and what stops it."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.serve.decoding import Decoders
from thermodepth.serve.limits import Limits
from thermodepth.serve.refusals import RefusedError
from thermodepth.types import ThermalUnit

ROWS, COLUMNS = 24, 32


def counts(seed: int = 0) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(7000, 7400, (ROWS, COLUMNS)).astype(np.uint16)


def png(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def npy(array: NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def pages() -> bytes:
    stream = io.BytesIO()
    first, *others = [Image.fromarray(counts(seed)) for seed in range(3)]
    first.save(stream, "TIFF", save_all=True, append_images=others)
    return stream.getvalue()


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    opened = Decoders(Limits(slots=1, frames=5, frame_pixels=100_000, decoding_s=20.0))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("content", "frames", "is_cut", "unit"),
    [
        (png(counts()), 1, False, ThermalUnit.COUNTS),
        (png((counts() // 32).astype(np.uint8)), 1, False, ThermalUnit.DISPLAY),
        (npy((counts() / 25).astype(np.float32)), 1, False, ThermalUnit.KELVIN),
        (pages(), 3, False, ThermalUnit.COUNTS),
        (npy(np.stack([counts(seed) for seed in range(7)])), 5, True, ThermalUnit.COUNTS),
    ],
    ids=["16 bit", "8 bit", "kelvin", "pages", "stack"],
)
def test_what_files_hold(
    content: bytes,
    frames: int,
    is_cut: bool,
    unit: ThermalUnit,
    decoders: Decoders,
    tmp_path: Path,
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    description = decoders.describe(path, "f")
    assert (description.frames, description.is_cut) == (frames, is_cut)
    assert (description.rows, description.columns, description.unit) == (ROWS, COLUMNS, unit)


def test_frames_of_a_stack_in_any_order(decoders: Decoders, tmp_path: Path) -> None:
    path = tmp_path / "stack"
    path.write_bytes(npy(np.stack([counts(seed) for seed in range(4)])))
    for number in (2, 3, 0, 0, 1):
        frame = decoders.frame(path, "stack.npy", number)
        np.testing.assert_array_equal(frame.raw, counts(number))
        assert (frame.index, frame.origin) == (number, "stack.npy")
    with pytest.raises(RefusedError, match="no frame 4"):
        decoders.frame(path, "stack.npy", 4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "not a PNG"),
        (b"PK\x03\x04" + bytes(100), "not a PNG|ZIP"),
        (png(counts())[:200], "truncated|cut off|damaged"),
        (npy(np.array([{"a": 1}], dtype=object), allow_pickle=True), "."),
        (npy(np.full((ROWS, COLUMNS), np.nan, np.float32)), "not finite|every pixel"),
        (npy(np.zeros((0, 5), np.uint16)), "no pixels|shape"),
        (png(np.full((ROWS, COLUMNS), 7, np.uint16)), "closed shutter"),
        (png(np.arange(400 * 500, dtype=np.uint16).reshape(400, 500)), "0.1 million pixels"),
        (b"\x93NUMPY\x01\x00v\x00" + b"<img src=x>".ljust(117) + b"\n", "damaged NPY"),
    ],
    ids=["text", "zip", "cut", "pickle", "nan", "empty", "flat", "large", "html"],
)
def test_refusals_name_the_file_and_no_folder(
    content: bytes, reason: str, decoders: Decoders, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=reason) as refused:
        decoders.describe(path, "bad.png")
    assert refused.value.status == 422
    assert str(refused.value).startswith("bad.png")
    assert str(tmp_path) not in str(refused.value)


def test_memory_time_and_crashes_end_in_a_sentence_and_the_next_file_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "large"
    path.write_bytes(npy(np.arange(3000 * 9000, dtype=np.uint16).reshape(3000, 9000)))
    good = tmp_path / "good"
    good.write_bytes(png(counts()))
    decoders = Decoders(Limits(slots=1, decoding_bytes=40_000_000, decoding_s=20.0))
    try:
        with pytest.raises(RefusedError, match="40 MB of memory"):
            decoders.describe(path, "large.npy")
        assert decoders.describe(good, "good.png").frames == 1
        (child,) = decoders._all
        assert child._process is not None
        os.kill(child._process.pid, signal.SIGSTOP)
        child._limits = Limits(decoding_s=0.1)
        with pytest.raises(RefusedError, match=r"more than the 0\.1 s"):
            decoders.describe(good, "good.png")
        assert child._process is None
    finally:
        decoders.close()
