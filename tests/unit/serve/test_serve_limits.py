"""Tokens of an address, and uploads that are kept for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermodepth.errors import SettingsError
from thermodepth.serve.decoding import Description
from thermodepth.serve.limits import MOST_ADDRESSES, Limits, Rates
from thermodepth.serve.recordings import Recordings, shown_name
from thermodepth.serve.refusals import RefusedError, shortened
from thermodepth.types import ThermalUnit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_tenth_of_a_minute_at_once_and_then_as_time_goes() -> None:
    clock = Clock()
    rates = Rates(60, clock=clock)
    for _ in range(6):
        rates.take("a")
    with pytest.raises(RefusedError, match="60 requests a minute") as refused:
        rates.take("a")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    rates.take("b")
    clock.now += 1.0
    rates.take("a")
    with pytest.raises(RefusedError):
        rates.take("a")


def test_no_rate_and_a_bounded_memory_of_addresses() -> None:
    unlimited = Rates(0)
    for _ in range(1000):
        unlimited.take("a")
    rates = Rates(60)
    for number in range(MOST_ADDRESSES + 50):
        rates.take(str(number))
    assert len(rates._tokens) == MOST_ADDRESSES


@pytest.mark.parametrize("edit", [{"upload_bytes": 0}, {"at_once": 0}, {"requests_per_minute": -1}])
def test_limits_that_cannot_be(edit: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        Limits(**edit)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\frames\\a.png", "a.png"),
        ("a\nb\x1b.png", "a\\nb\\x1b.png"),
        ("", "frame"),
        ("/", "frame"),
        ("wärme.tif", "wärme.tif"),
    ],
)
def test_a_name_is_never_a_path(sent: str, name: str) -> None:
    assert shown_name(sent) == name
    assert len(shown_name("x" * 900)) <= 120


def test_a_message_is_one_line() -> None:
    assert shortened("a\nb") == "a\\nb"
    assert len(shortened("x" * 9000)) == 500


DESCRIPTION = Description(
    frames=1, is_cut=False, first=0, rows=4, columns=4, unit=ThermalUnit.COUNTS, fov_deg=None
)


def upload(recordings: Recordings, size: int) -> str:
    path = recordings.new_path("f.png")
    path.write_bytes(bytes(size))
    return recordings.keep("f.png", path, DESCRIPTION).recording_id


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    clock = Clock()
    limits = Limits(kept_files=3, kept_s=60, upload_bytes=50, kept_bytes=100)
    recordings = Recordings(tmp_path, limits, clock=clock)
    first, second, third = (upload(recordings, 20) for _ in range(3))
    recordings.get(first)
    fourth = upload(recordings, 20)  # more than three
    assert recordings.get(first).size_bytes == 20
    with pytest.raises(RefusedError, match="kept 1 minutes") as gone:
        recordings.get(second)
    assert gone.value.status == 404
    upload(recordings, 70)  # more than a hundred bytes: only the used ones stay
    assert len(list(tmp_path.iterdir())) == 2
    clock.now += 61
    for name in (first, third, fourth):
        with pytest.raises(RefusedError):
            recordings.get(name)
    assert list(tmp_path.iterdir()) == []


def test_uploads_on_their_way_are_bounded_too(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, Limits(upload_bytes=60, kept_bytes=100))
    with pytest.raises(RefusedError, match="larger than") as large, recordings.arriving(61):
        pass
    assert large.value.status == 413
    with recordings.arriving(None), pytest.raises(RefusedError) as busy, recordings.arriving(50):
        pass
    assert busy.value.status == 429
    with recordings.arriving(50):
        pass


def test_a_file_s_own_name_does_not_reach_the_disk(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path, Limits())
    for name in ("../../x.png", "a.tar.gz", "noend", "x.py/..", "x." + "e" * 99, ".hidden"):
        path = recordings.new_path(shown_name(name))
        assert path.parent == tmp_path
        assert path.suffix in (".png", ".gz", "", ".hidden")
