"""Damaged files of every kind: an error of ours or the right value; no traceback, no hang, no other number.

Seeded, so that a failure comes back; `THERMODEPTH_MUTATIONS=50` makes so many of each file instead of the few
that the suite has time for.
"""

from __future__ import annotations

import os
import resource
import signal
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutants import FOREIGN, KEPT, Make, Subject

from thermodepth.errors import ThermodepthError

#: Of each kind of file; with 9 kinds that are kept and 27 that are foreign, over 500 in all.
EACH_KEPT = int(os.environ.get("THERMODEPTH_MUTATIONS", "30"))
EACH_FOREIGN = int(os.environ.get("THERMODEPTH_MUTATIONS", "12"))
#: Kinds that a package of an extra decodes.
OPTIONAL = {"depth EXR": "OpenEXR", "ONNX": "onnx", "FLIR JPEG": "flyr"}
LONGEST_SPAN = 48  # bytes
#: A reader that is at work for so long hangs; the slowest takes a hundredth.
HANGS_S = 60
#: Of memory beyond what the process has; the largest of these files is 2 MB.
MOST_BYTES = 4 << 30


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Another content: a bit, a span, an end, a piece too much or too little."""
    at = int(draw.integers(len(content)))
    if draw.random() < 0.3:  # headers are small and decide everything
        at = int(draw.integers(min(len(content), 256)))
    span = int(draw.integers(1, LONGEST_SPAN))
    noise = draw.integers(0, 256, span).astype(np.uint8).tobytes()
    piece = content[at : at + span]
    kind = int(draw.integers(9))
    if kind <= 2:
        bit = bytes([content[at] ^ (1 << int(draw.integers(8)))])
        return content[:at] + bit + content[at + 1 :]
    middle = {
        3: noise[:1],
        4: noise[: len(piece)],
        5: (b"\0" if draw.random() < 0.5 else b"\xff") * len(piece),
        6: b"",
        7: piece * 2,
    }
    if kind == 8:
        return content[:at]
    taken = 1 if kind == 3 else len(piece)
    return content[:at] + middle[kind] + content[at + taken :]


def same(a: Any, b: Any) -> bool:
    """Whether two values that readers gave are equal to the last bit."""
    if isinstance(a, np.ndarray) or hasattr(a, "detach"):
        one, other = np.asarray(a), np.asarray(b)
        return one.dtype == other.dtype and bool(
            np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return bool(a == b)


class Hangs(BaseException):
    """Passes every `except Exception`."""


@contextmanager
def guarded() -> Iterator[None]:
    """A hang and a flood of memory become failures."""

    def hangs(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, hangs)
    limit = resource.getrlimit(resource.RLIMIT_AS)
    statm = Path("/proc/self/statm")
    if statm.exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, limit[1]))
    signal.alarm(HANGS_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limit)


def outcomes(subject: Subject, name: str, count: int) -> Iterator[tuple[str, Any]]:
    """(what was changed, the value or None for an error of ours) of so many mutations."""
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    for number in range(count):
        path = subject.files[number % len(subject.files)]
        whole = path.read_bytes()
        damaged = mutated(whole, draw)
        if damaged == whole:
            continue
        path.write_bytes(damaged)
        what = f"{name}, {path.name}, mutation {number}"
        try:
            with guarded(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = subject.read()
        except ThermodepthError:
            value = None
        except BaseException as error:
            kept = path.with_name("damaged-" + path.name)
            kept.write_bytes(damaged)
            raise AssertionError(f"{what} ({kept}): {type(error).__name__}: {error}") from error
        finally:
            path.write_bytes(whole)
        yield what, value


@pytest.mark.parametrize(("name", "make"), KEPT.items(), ids=[*KEPT])
def test_a_kept_file_that_changed_is_refused_or_means_the_same(
    name: str, make: Make, tmp_path: Path
) -> None:
    subject = make(tmp_path)
    right = subject.read()
    assert same(right, subject.read())
    refused = 0
    for what, value in outcomes(subject, name, EACH_KEPT):
        refused += value is None
        assert value is None or same(value, right), f"{what}: another value without a word"
    assert refused > EACH_KEPT // 2


@pytest.mark.parametrize(("name", "make"), FOREIGN.items(), ids=[*FOREIGN])
def test_a_damaged_foreign_file_ends_in_words(name: str, make: Make, tmp_path: Path) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    subject = make(tmp_path)
    subject.read()
    for _ in outcomes(subject, name, EACH_FOREIGN):
        pass


def test_there_are_five_hundred() -> None:
    assert EACH_KEPT * len(KEPT) + EACH_FOREIGN * len(FOREIGN) >= 500
