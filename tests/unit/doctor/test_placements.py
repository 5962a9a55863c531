"""A camera that did not move between train and test, and one that did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from small_set import scene, write_frame

from thermodepth.doctor import Severity, examine

SIZE = (48, 64)
NUMBERS = (*range(1, 13), *range(107, 131), *range(262, 270))  # test, train, val of MM5


def table_top(number: int, angle: int, noise: float = 4.0):
    """A frame under one of the angles: a table and a lamp of its own, and some object on it."""
    random = np.random.default_rng(1000 + angle)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] / SIZE[0]
    depth = (
        700 + 500 * random.random() - (300 + 200 * random.random()) * y + 150 * random.random() * x
    )
    thermal = 18900 + 400 * np.sin(4 * random.random() * x + 5 * random.random() * y + angle)
    own = np.random.default_rng(number)
    top, left = own.integers(0, SIZE[0] - 10), own.integers(0, SIZE[1] - 10)
    thermal[top : top + 10, left : left + 10] += 300
    depth[top : top + 10, left : left + 10] -= 60
    bands = scene(number, SIZE)
    bands["Thermal"] = (thermal + own.normal(0, noise, SIZE)).round().astype(np.uint16)
    bands["Depth"] = (depth + own.normal(0, 2, SIZE)).round().astype(np.uint16)
    return bands


@pytest.fixture
def placement_titles(tmp_path) -> Callable[[Callable[[int], int]], list[str]]:
    """`placement_titles(angle_of)`: the titles of what the check says of frames under those angles."""

    def call(angle_of: Callable[[int], int]) -> list[str]:
        for number in NUMBERS:
            write_frame(tmp_path / "set", number, table_top(number, angle_of(number)))
        report = examine(f"mm5:{tmp_path / 'set'}", threads=2)
        mine = [one for one in report.findings if one.check == "placements"]
        assert {one.severity for one in mine} <= {Severity.WARNING}
        return [one.title for one in mine]

    return call


def test_the_same_angles_on_both_sides_are_said(placement_titles):
    titles = placement_titles(lambda number: number % 3)
    assert [title.split(" share")[0] for title in titles] == ["train and val", "train and test"]
    assert all("the nearest training frame's depth errs by 0.0" in title for title in titles)


def test_an_angle_of_its_own_for_each_split_is_what_is_asked_for(placement_titles):
    assert placement_titles(lambda number: 0 if number < 107 else 1 if number < 262 else 2) == []


def test_only_the_split_that_shares_is_named(placement_titles):
    titles = placement_titles(lambda number: 7 if number < 107 else number % 3)
    assert [title.split(" share")[0] for title in titles] == ["train and val"]


def test_scenes_that_are_each_their_own_are_left_alone(tmp_path):
    for number in NUMBERS:
        write_frame(tmp_path / "set", number, scene(number))
    report = examine(f"mm5:{tmp_path / 'set'}", threads=2)
    assert "placements" not in {one.check for one in report.findings}
