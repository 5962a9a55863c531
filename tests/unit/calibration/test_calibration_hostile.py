"""Calibration files made to harm: refused with a reason, nothing run, memory bounded."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.calibration import read_calibration
from thermodepth.calibration.pickled import read_pickled_dict
from thermodepth.errors import DataError
from thermodepth.synthetic.cameras.rig import ms2_rig, rig_facts
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def npy_around(program: bytes) -> bytes:
    """A `.npy` file of one object, whose pickle is given."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    return stream.getvalue() + program


def npy_with(value: Any, protocol: int = 3) -> bytes:
    return npy_around(pickle.dumps(np.array(value, dtype=object), protocol=protocol))


@pytest.fixture
def bounded() -> Iterator[None]:
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


def refused(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "calib.npy"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_calibration(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert len(message) < 600
    return message


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_code_in_a_pickle_is_never_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    python = f"open({str(mark)!r}, 'w').close()"
    facts: dict[str, Any] = ms2_calibration(ms2_rig())
    calls = {
        "system": Calls(os.system, f"touch {mark}"),
        "'builtins eval'": Calls(eval, python),
        "'builtins exec'": Calls(exec, python),
        "getattr": Calls(getattr, 1, "real"),
    }
    for name, call in calls.items():
        if protocol == 2:
            name = name.replace("builtins", "__builtin__")
        for value in (call, {"K_thrL": call}, [call], {**facts, "K_thrL": [[call]]}):
            message = refused(tmp_path, npy_with(value, protocol))
            assert "calls" in message
            assert name in message
            assert message.endswith("nothing of it was run")
    assert not mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy.testing._private.utils\nrunstring\n(X\x01\x00\x00\x00aX\x01\x00\x00\x00btR.",
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"cnumpy\nndarray\n(K\x01tR.",  # an array of a size of the file's choice
        b"cnumpy\nndarray\n)\x81.",  # NEWOBJ
        b"\x82\x01.",  # EXT1
        b"Pname\n.",  # a persistent id
        b"cnumpy.core.multiarray\n_reconstruct\n}X\x01\x00\x00\x00aK\x01sb.",  # BUILD on a function
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    ],
)
def test_what_else_a_pickle_can_ask_for_is_refused(tmp_path: Path, program: bytes) -> None:
    refused(tmp_path, npy_around(program))


def array_program(shape: bytes, kind: bytes, content: bytes) -> bytes:
    """A pickle of one numpy array that says this shape, type and content."""
    return (
        b"\x80\x03cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01" + shape + b"cnumpy\ndtype\nX\x02\x00\x00\x00" + kind + b"\x89\x88\x87R"
        b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + content
        + b"tb."
    )


@pytest.mark.usefixtures("bounded")
def test_arrays_that_are_larger_than_their_bytes(tmp_path: Path) -> None:
    billion = b"J" + struct.pack("<i", 10**9) + b"\x85"
    eight = b"C\x08" + bytes(8)
    assert "longer or shorter" in refused(
        tmp_path, npy_around(array_program(b"K\x02\x85", b"f8", eight))
    )
    assert "no calibration" in refused(tmp_path, npy_around(array_program(billion, b"f8", eight)))
    # Negative sides, sides that are no numbers, four axes, an array of objects of a billion.
    minus = b"J" + struct.pack("<i", -1) + b"\x85"
    for shape in (minus, b"X\x01\x00\x00\x00a\x85", b"(K\x01K\x01K\x01K\x01t", b"N"):
        refused(tmp_path, npy_around(array_program(shape, b"f8", eight)))
    refused(tmp_path, npy_around(array_program(billion, b"O8", b"]")))
    refused(tmp_path, npy_around(array_program(billion, b"V9", eight)))


@pytest.mark.usefixtures("bounded")
def test_a_header_that_promises_a_billion_objects(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "|O", "fortran_order": False, "shape": (10**9,)}
    )
    assert "expected one dictionary" in refused(tmp_path, stream.getvalue() + b"N.")
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 3)))
    assert "expected one dictionary" in refused(tmp_path, stream.getvalue())


@pytest.mark.usefixtures("bounded")
def test_a_key_that_takes_ages_to_hash(tmp_path: Path) -> None:
    """Sixty tuples of twice the one before: 2^60 items to whom walks them."""
    doubled = b"".join(b"q%cq%c" % (n, n) + b"h%ch%c\x86" % (n, n) for n in range(60))
    for end in (b"K\x01s.", b"\x93."):  # as a key; as a name
        refused(tmp_path, npy_around(b"\x80\x03}K\x01K\x02\x86" + doubled + end))


@pytest.mark.usefixtures("bounded")
def test_endless_steps_and_other_objects(tmp_path: Path) -> None:
    assert "steps" in refused(tmp_path, npy_around(b"\x80\x03" + b"N" * 30_000 + b"."))
    assert "holds no dictionary" in refused(tmp_path, npy_with([1, 2]))
    assert "no 'K_rgbL'" in refused(tmp_path, npy_with({"a": 1}))
    facts: dict[str, Any] = ms2_calibration(ms2_rig())
    for value in ("text", None, [[1, 2], [3]], np.full((3, 3), np.nan), np.zeros((3, 3)), {"a": 1}):
        message = refused(tmp_path, npy_with({**facts, "K_thrL": value}))
        assert "K_thrL" in message


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = npy_of(ms2_calibration(ms2_rig()))
    for length in range(6, len(whole) - 1, 41):
        refused(tmp_path, whole[:length])


def test_flipped_bytes_give_a_reason_or_a_calibration() -> None:
    rng = np.random.default_rng(0)
    whole = npy_of(ms2_calibration(ms2_rig()))
    harmless, reasons = 0, []
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            harmless += isinstance(read_pickled_dict(bytes(damaged), "x"), dict)
        except DataError as error:
            reasons.append(str(error))
    assert harmless
    assert reasons
    assert all(reason.startswith("x: ") for reason in reasons)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_numpy_writes_today_and_wrote_before_is_read(protocol: int) -> None:
    value = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.float64(2.5),
        "c": np.ones(2, ">i4"),
        "d": 1.5,
    }
    values = read_pickled_dict(npy_with(value, protocol), "x")
    assert {key: np.asarray(values[key]).tolist() for key in value} == {
        "a": [[0, 1, 2], [3, 4, 5]],
        "b": 2.5,
        "c": [1, 1],
        "d": 1.5,
    }


@pytest.mark.usefixtures("bounded")
def test_bombs_and_giants_in_text(tmp_path: Path) -> None:
    path = tmp_path / "cams.yaml"
    path.write_text(
        "cam0: &a [1,1,1]\n" + "".join(f"x{n}: [*a,*a]\n" for n in range(9)),
    )
    with pytest.raises(DataError, match="anchors and aliases"):
        read_calibration(path)
    path.write_text("%YAML:1.0\n---\nK1: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(DataError, match=r"tag 'tag:yaml.org,2002:python/object"):
        read_calibration(path, cameras={"1": "thermal"})
    path.write_text('{"thermal": ' + "[" * 100_000)
    with pytest.raises(DataError, match=r"not JSON|nested too deep"):
        read_calibration(path)
    path.write_text('{"thermal": 1, "thermal": 2}')
    with pytest.raises(DataError, match="stands twice"):
        read_calibration(path)
    for head in (b"\x93NUMPY", b"cam0:\n", b"{", b""):
        with path.open("wb") as stream:
            stream.write(head)
            stream.truncate(100_000_000)
        with pytest.raises(DataError, match="larger than 1000000 bytes"):
            read_calibration(path)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("thermal", "width"), 10**9, "width"),
        (("thermal", "width"), 0, "width"),
        (("thermal", "width"), 1.5, "whole pixels"),
        (("thermal", "width"), True, "not a finite number"),
        (("thermal", "intrinsics"), [[-1, 0, 1], [0, 1, 1], [0, 0, 1]], "not a camera matrix"),
        (("thermal", "intrinsics"), [[1e-320, 0, 1], [0, 1, 1], [0, 0, 1]], "no camera has such"),
        (("thermal", "intrinsics"), [[1, 0, 1], [0, 1e8, 1], [0, 0, 1]], "no camera has such"),
        (("thermal", "intrinsics"), [[1, 0, 1], [0, 1, -1e8], [0, 0, 1]], "no camera has such"),
        (("thermal", "intrinsics"), [[1, 1e8, 1], [0, 1, 1], [0, 0, 1]], "no camera has such"),
        (("thermal", "intrinsics"), [[1] * 100] * 100, "more than 64 numbers"),
        (("thermal", "intrinsics"), [[[[[[1]]]]]], "nested deeper"),
        (("thermal", "body_from_camera"), [0] * 15 + [1], "no inverse"),
        (("thermal", "body_from_camera"), [1e300] * 12, "no inverse"),
        (("thermal", "body_from_camera"), [1] * 16, "last row"),
        (("thermal", "body_from_camera"), float("nan"), "not a finite number"),
        (("thermal", "body_from_camera"), "a" * 10_000, "not a finite number"),
        (("pixel_centre",), [1], "pixel_centre"),
        (("axes",), "ahead, left, up", "axes"),
        (("\x1b[31m",), {"intrinsics": 1}, "camera '\\x1b[31m'"),
        (("rgb", "distortion"), {"model": "\x1b", "coefficients": []}, "a word such as radtan"),
        (("rgb", "distortion"), 3, "expected model and coefficients"),
    ],
)
def test_impossible_numbers_are_named(
    tmp_path: Path, place: tuple[str, ...], value: Any, reason: str
) -> None:
    facts = rig_facts(ms2_rig())
    owner: Any = facts
    for key in place[:-1]:
        owner = owner[key]
    owner[place[-1]] = value
    path = tmp_path / "rig.json"
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError) as error:
        read_calibration(path)
    assert repr(place[0])[1:-1] in str(error.value)
    assert str(error.value).isprintable()
    assert reason in str(error.value)
    assert len(str(error.value)) < 300


def test_bytes_of_something_else_name_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content in (b"", b"hello", b"\x80\x04N.", bytes(range(256)), b"{}", b"[1]"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"not a calibration that is read here \(ms2: MS2's"):
            read_calibration(path)
