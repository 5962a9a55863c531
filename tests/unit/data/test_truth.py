"""Truth as a sensor gives it: what is left of a frame's truth, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.config import difference
from thermodepth.data import Dataset, open_dataset
from thermodepth.data.frames import CachedFrames, SomeFrames, condition_of, samples_of
from thermodepth.data.loader import BatchStream, check_truth, trained_frames
from thermodepth.data.truth import (
    TruthSettings,
    check_conditions,
    conditions_of,
    frames_with_truth,
    hole_map,
    limited,
    scan_lines,
)
from thermodepth.errors import SettingsError
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Sample, ThermalUnit

SIZE = (48, 64)


@pytest.fixture(scope="module")
def dataset(tiny_pack: Path) -> Dataset:
    return open_dataset(f"synthetic:{tiny_pack}")


def frame(size: tuple[int, int] = SIZE, **changes: Any) -> Sample:
    """A floor that reaches from 1 m at the bottom to 40 m at the top, with a hole of its own."""
    rows, columns = size
    depth_m = np.repeat(np.linspace(40, 1, rows, dtype=np.float32)[:, None], columns, axis=1)
    depth_m[:, 0] = np.nan
    sample = Sample(
        sample_id="floor-1",
        thermal=np.full(size, 7000, np.uint16),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=np.eye(3, dtype=np.float32),
        depth_m=depth_m,
        condition="street-day",
    )
    return replace(sample, **changes)


class OfAUser:
    """Frames of one condition, from a reader that tells it with the frame only."""

    sample_ids = ("floor-1", "floor-2")
    noise_is_drawn = False

    def __init__(self, condition: str) -> None:
        self._condition = condition

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw, with_rgb
        return frame(condition=self._condition, sample_id=self.sample_ids[index])

    def fingerprint(self) -> str:
        return "user"


def left(sample: Sample, *, seed: int = 0, size: tuple[int, int] = SIZE, **limits: Any) -> Any:
    """What is left of its depth."""
    return limited(sample, TruthSettings.parse(limits), size=size, seed=seed).depth_m


def test_the_defaults_leave_the_very_frame() -> None:
    sample = frame()
    assert limited(sample, TruthSettings(), size=SIZE, seed=0) is sample
    without = frame(depth_m=None)
    assert limited(without, TruthSettings(max_m=3.0), size=SIZE, seed=0) is without


def test_reach_and_upper_rows() -> None:
    sample = frame()
    before = np.array(sample.depth_m)
    near = left(sample, max_m=15.0)
    expected = np.where(before <= 15, before, np.nan)
    np.testing.assert_array_equal(near, expected)
    low = left(sample, rows=0.25)  # 12 of 48 rows
    assert np.isnan(low[:12]).all()
    np.testing.assert_array_equal(low[12:], before[12:])
    both = left(sample, max_m=15.0, rows=0.9)
    assert np.isfinite(both).sum() == 5 * 63  # rows 43 to 47, of which one column has no truth
    np.testing.assert_array_equal(sample.depth_m, before)  # a cache may hold it


def test_lines_hold_the_share_that_is_asked_for() -> None:
    for share, apart in ((0.04, 6), (0.01, 12), (0.25, 2), (0.375, 2), (0.5, 1), (0.9, 1)):
        lines = np.stack(
            [scan_lines((96, 128), share, np.random.default_rng(n)) for n in range(40)]
        )
        assert lines.mean() == pytest.approx(share, rel=0.03)
        assert lines.any((0, 2)).all()  # where lines lie is drawn
        # Neighbours in a column are both points where every row is a line, and else never.
        pairs = (lines[:, 1:] & lines[:, :-1]).mean()
        assert pairs == (pytest.approx(share**2, rel=0.05) if apart == 1 else 0.0)


def test_a_line_crosses_the_frame_with_little_tilt() -> None:
    lines = scan_lines((96, 128), 0.01, np.random.default_rng(3))  # every twelfth row
    rows = np.flatnonzero(lines.any(1))
    assert len(rows) <= 8 * 4 + 4  # of 8 lines, each over the rows that its tilt crosses
    assert lines.sum(1).max() > 4


def test_holes_are_exact_in_share_and_hang_together() -> None:
    import cv2

    for share in (0.05, 0.2, 0.6):
        holes = hole_map((96, 128), share, np.random.default_rng(1))
        assert holes.mean() == pytest.approx(share, abs=1e-4)
        regions, _ = cv2.connectedComponents(holes.view(np.uint8))
        assert regions - 1 <= 24


def test_lines_survive_the_size_of_the_training() -> None:
    """A frame four times as large gives the training, at any of its sizes, as many points."""
    sample = frame((192, 256))
    shares = []
    for n in range(30):
        depth_m = left(replace(sample, sample_id=f"floor-{n}"), keep=0.04)
        at_size = depth_m[2::4, 2::4]
        assert at_size.shape == SIZE
        shares.append(np.isfinite(at_size).mean())
    assert np.mean(shares) == pytest.approx(0.04 * 63 / 64, rel=0.06)
    assert min(shares) > 0.02


def test_what_is_left_is_a_function_of_seed_and_frame() -> None:
    sample = frame()
    one = left(sample, keep=0.1, holes=0.2)
    np.testing.assert_array_equal(left(sample, keep=0.1, holes=0.2), one)
    for other in (
        left(sample, keep=0.1, holes=0.2, seed=1),
        left(replace(sample, sample_id="floor-2"), keep=0.1, holes=0.2),
    ):
        assert not np.array_equal(other, one, equal_nan=True)
    # One limit more leaves the others where they were.
    both = np.isfinite(left(sample, keep=0.1)) & np.isfinite(left(sample, holes=0.2))
    np.testing.assert_array_equal(np.isfinite(one), both)


def test_conditions_by_name_and_by_part(dataset: Dataset) -> None:
    frames = dataset.split("train")
    conditions = dict(zip(frames.sample_ids, conditions_of(frames), strict=True))

    def of_frames(*names: str) -> set[str]:
        limits = TruthSettings(conditions=names)
        return {conditions[name] for name in frames_with_truth(frames, limits, seed=0) or ()}

    assert of_frames("day") == of_frames("street-day") == of_frames("rain", "day") == {"street-day"}
    assert of_frames("street") == {"street-day", "street-night"}
    assert of_frames("rain") == set()
    assert frames_with_truth(frames, TruthSettings(max_m=5.0), seed=0) is None
    assert frames_with_truth(OfAUser(""), TruthSettings(conditions=("day",)), seed=0) == set()


def test_so_many_frames_are_drawn_by_the_seed_the_fewer_among_the_more(dataset: Dataset) -> None:
    frames = dataset.split("train")

    def drawn(count: int, seed: int = 0, *conditions: str) -> frozenset[str]:
        limits = TruthSettings(frames=count, conditions=conditions)
        return frames_with_truth(frames, limits, seed=seed) or frozenset()

    assert len(drawn(5)) == 5
    assert drawn(3) < drawn(5) < drawn(11) < drawn(50) == set(frames.sample_ids)
    assert len({drawn(3, seed) for seed in range(6)}) > 3
    by_day = {
        n for n, c in zip(frames.sample_ids, conditions_of(frames), strict=True) if "day" in c
    }
    assert drawn(3, 0, "day") < drawn(50, 0, "day") == by_day


def test_frames_without_truth_are_otherwise_as_they_were() -> None:
    sample, limits = frame(), TruthSettings(frames=1)
    inside = limited(sample, limits, size=SIZE, seed=0, with_truth={"floor-1"})
    np.testing.assert_array_equal(inside.depth_m, sample.depth_m)
    outside = limited(sample, limits, size=SIZE, seed=0, with_truth={"floor-2"})
    assert np.isnan(outside.depth_m).all()
    assert outside.thermal is sample.thermal


def test_readers_tell_the_condition_without_decoding(dataset: Dataset) -> None:
    frames = dataset.split("train")
    read = [sample.condition for sample in samples_of(frames)]
    assert conditions_of(frames) == read
    assert set(read) == {"street-day", "street-night"}
    some = CachedFrames(SomeFrames(frames, [3, 1]), budget_bytes=0)
    assert conditions_of(some) == [read[3], read[1]]

    assert condition_of(OfAUser("street-day"), 0) == "street-day"


class TestStream:
    def batch(self, dataset: Dataset, label: bool = False, **limits: Any) -> Any:
        edits = {f"data.truth.{name}": value for name, value in limits.items()}
        run = TrainingSettings().edit({"data.batch_size": 12, **edits}).resolved(dataset)
        assert run.data.size is not None

        def label_of(sample_id: str) -> Any:
            del sample_id
            return np.ones((64, 64), np.float32)

        return BatchStream(
            dataset.split("train"),
            run.data,
            size=run.data.size,
            seed=0,
            label_of=label_of if label else None,
        ).batch(0)

    def test_truth_alone_is_limited(self, dataset: Dataset) -> None:
        whole, near = self.batch(dataset, label=True), self.batch(dataset, label=True, max_m=5.0)
        assert bool((near.image == whole.image).all())
        assert bool((near.sky == whole.sky).all())
        assert bool(near.label_valid.all())
        # A frame may be enlarged by 1.15, and is nearer then: no truth is left beyond the reach.
        assert 0 < int(near.depth_valid.sum()) < int(whole.depth_valid.sum())
        assert not bool((near.depth_valid & ~whole.depth_valid).any())
        assert float(near.depth_m.max()) <= 5.0
        assert bool((near.depth_m[near.depth_valid] == whole.depth_m[near.depth_valid]).all())

    def test_other_conditions_keep_their_labels(self, dataset: Dataset) -> None:
        by_day = self.batch(dataset, label=True, conditions=["day"])
        with_truth = by_day.depth_valid.flatten(1).any(1).tolist()
        frames = dataset.split("train")
        conditions = dict(zip(frames.sample_ids, conditions_of(frames), strict=True))
        assert with_truth == [conditions[name] == "street-day" for name in by_day.sample_ids]
        assert set(with_truth) == {True, False}
        assert bool(by_day.label_valid.all())

    def test_so_many_frames_have_truth(self, dataset: Dataset) -> None:
        batch = self.batch(dataset, label=True, frames=4)
        assert int(batch.depth_valid.flatten(1).any(1).sum()) == 4  # of twelve, each once
        assert bool(batch.label_valid.all())


class TestSettings:
    def test_published_runs_keep_their_fingerprint(self) -> None:
        before = TrainingSettings().fingerprint()
        assert TrainingSettings().edit({"data.truth.keep": 1.0}).fingerprint() == before
        assert TrainingSettings().edit({"data.truth.keep": 0.5}).fingerprint() != before

    def test_the_head_and_the_range_of_truth_stay(self, dataset: Dataset) -> None:
        whole = TrainingSettings().resolved(dataset)
        near = TrainingSettings().edit({"data.truth.max_m": 5.0}).resolved(dataset)
        assert difference(whole, near) == {"data.truth.max_m": (None, 5.0)}
        assert near.model.depth_range_m == dataset.depth_range_m

    @pytest.mark.parametrize(
        ("edits", "message"),
        [
            ({"rows": 1.0}, "data.truth.rows"),
            ({"keep": 0.0}, "data.truth.keep"),
            ({"holes": 1.0}, "data.truth.holes"),
            ({"max_m": 0.0}, "data.truth.max_m"),
            ({"frames": 0}, "data.truth.frames"),
            ({"conditions": ["day", "day"]}, "expected distinct names"),
            ({"conditions": [""]}, "expected distinct names"),
            ({"max_m": 0.2}, r"min_truth_m 0.3 must be below truth.max_m 0.2"),
            ({"max_m": 0.31}, "leaves no pixel of truth in any of 12 frames"),
            ({"conditions": ["dawn"]}, r"unknown condition 'dawn'.*known: day, night, street, "),
        ],
    )
    def test_what_cannot_be_is_refused_before_labels(
        self, dataset: Dataset, edits: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            TrainingSettings().edit({f"data.truth.{k}": v for k, v in edits.items()}).resolved(
                dataset
            )

    def test_drawn_frames_must_be_of_the_conditions(self, dataset: Dataset) -> None:
        edits = {"data.most_frames": 1, "data.truth.conditions": ["day"], "data.size": [64, 64]}
        data = TrainingSettings().edit(edits).data
        refused = 0
        for seed in range(8):
            if condition_of(trained_frames(dataset, data, seed=seed), 0) == "street-day":
                check_truth(dataset, data, seed=seed)
                continue
            refused += 1
            with pytest.raises(SettingsError, match=f"none of the 1 .* by seed {seed} is of them"):
                check_truth(dataset, data, seed=seed)
        assert 0 < refused < 8

    def test_a_data_set_without_conditions_says_so(self, dataset: Dataset) -> None:
        silent = replace(dataset, splits={"train": OfAUser("")})
        with pytest.raises(SettingsError, match="does not say of which condition the frames of"):
            check_conditions(silent, "train", TruthSettings(conditions=("day",)))

    def test_words(self) -> None:
        assert TruthSettings().words == ""
        limits = TruthSettings(max_m=15.0, rows=0.3, keep=0.04, holes=0.1, conditions=("day",))
        assert TruthSettings(frames=1).words == "only in 1 frame, drawn by the seed"
        assert limits.words == (
            "up to 15 m, not in the upper 30 % of the rows, on scan lines with 4 % of the pixels, with holes "
            "in 10 % of the frame, only in frames of day"
        )
