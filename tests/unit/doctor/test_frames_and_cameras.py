"""What only a `Sample` can show: cameras, kelvin, recordings, time between exposures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from small_set import harmful, scene

from thermodepth.data import Dataset
from thermodepth.doctor import Finding, Severity, examine_dataset
from thermodepth.errors import DataError, SettingsError
from thermodepth.types import RgbView, Sample, ThermalUnit

SIZE = (48, 64)
LENS = np.array([[60, 0, 32], [0, 60, 24], [0, 0, 1]], np.float32)
ASIDE_M, AHEAD_M = 0.2, 0.4  # of the RGB camera


class Listed:
    """Frames that are samples already; an error in their place is raised."""

    noise_is_drawn = False

    def __init__(self, samples: Sequence[Sample | DataError], prefix: str) -> None:
        self._samples = samples
        self.sample_ids = [f"{prefix}-{i:03d}" for i in range(len(samples))]

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw, with_rgb
        sample = self._samples[index]
        if isinstance(sample, DataError):
            raise sample
        return replace(sample, sample_id=self.sample_ids[index])

    def fingerprint(self) -> str:
        return "listed"


def wall(distance_m: float, number: int) -> Sample:
    """A wall and a nearer post, square to both cameras; the RGB one stands aside and ahead."""
    bands = scene(number)
    pose = np.eye(4)
    pose[:3, 3] = -ASIDE_M, 0, -AHEAD_M

    def depth_from(aside_m: float, ahead_m: float) -> NDArray[np.float32]:
        near_m, far_m = distance_m / 2 - ahead_m, distance_m - ahead_m
        x_m = (np.arange(SIZE[1]) + 0.5 - 32) / 60 * near_m + aside_m
        row = np.where(np.abs(x_m) < 0.2 * distance_m, near_m, far_m)
        return np.tile(row, (SIZE[0], 1)).astype(np.float32)

    return Sample(
        sample_id="",
        thermal=bands["Thermal"],
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=LENS,
        depth_m=depth_from(0, 0),
        rgb=bands["RGB"],
        rgb_view=RgbView(
            intrinsics=LENS,
            rgb_from_thermal=pose,
            depth_m=depth_from(ASIDE_M, AHEAD_M),
            later_s=0.004,
        ),
        sequence=f"drive-{number // 5}",
    )


def dataset(
    change: Callable[[Sample, int], Sample | DataError] | None = None,
    *,
    splits: dict[str, range] | None = None,
) -> Dataset:
    """30 train and 10 test frames of walls 2 to 4 m away, each put through `change`."""
    rng = np.random.default_rng(0)
    samples = {n: wall(float(rng.uniform(2, 4)), n) for n in range(40)}
    changed = {n: change(s, n) if change else s for n, s in samples.items()}
    split_indices = splits or {"train": range(30), "test": range(30, 40)}
    return Dataset(
        name="listed",
        spec="listed",
        splits={k: Listed([changed[n] for n in part], "f") for k, part in split_indices.items()},
        protocol="synthetic",
        depth_range_m=(0.3, 80.0),
        training_size=SIZE,
        licence="",
        note="walls",
    )


def faults(frames_set: Dataset) -> dict[str, Finding]:
    return harmful(examine_dataset(frames_set, threads=2))


def with_view(sample: Sample, **changes: object) -> Sample:
    assert sample.rgb_view is not None
    return replace(sample, rgb_view=replace(sample.rgb_view, **changes))


def test_clean_frames_of_two_views_are_clean() -> None:
    assert faults(dataset()) == {}


def test_millimetres_in_a_pose() -> None:
    pose = np.eye(4)
    pose[:3, 3] = -1000 * ASIDE_M, 0, -1000 * AHEAD_M
    report = examine_dataset(
        dataset(lambda s, _: with_view(s, rgb_from_thermal=pose, depth_m=None))
    )
    assert {(one.check, one.count) for one in report.findings} == {("calibration", 40)}
    assert report.findings[0].severity is Severity.ERROR
    assert "millimetres" in report.findings[0].title


def test_a_pose_that_is_no_rotation_and_one_that_is_no_number() -> None:
    for pose in (np.diag([1.0, 1.0, 2.0, 1.0]), np.full((4, 4), np.nan)):
        findings = faults(
            dataset(lambda s, _, p=pose: with_view(s, rgb_from_thermal=p, depth_m=None))
        )
        assert findings["calibration"].severity is Severity.ERROR


def test_a_lens_that_nobody_knows_is_noted_and_no_fault() -> None:
    unknown = np.full((3, 3), np.nan, np.float32)
    report = examine_dataset(
        dataset(lambda s, _: replace(s, intrinsics=unknown, rgb=None, rgb_view=None))
    )
    (note,) = [one for one in report.findings if one.check == "calibration"]
    assert note.severity is Severity.NOTE
    assert note.count == 40
    assert "nothing says what the lens is" in note.title
    with_rgb = faults(dataset(lambda s, _: replace(s, intrinsics=unknown)))
    assert with_rgb["calibration"].severity is Severity.ERROR  # its labels are to be moved


def test_rgb_of_another_size_without_a_calibration() -> None:
    findings = faults(
        dataset(
            lambda s, _: replace(
                s, rgb=np.repeat(np.repeat(s.rgb, 2, axis=0), 2, axis=1), rgb_view=None
            )
        )
    )
    assert set(findings) == {"calibration"}
    assert "RGB 128x96, thermal 64x48" in findings["calibration"].names[0]


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1000 / 256, "stored as millimetres and read as metres*256"),
        (256 / 1000, "stored as metres*256 and read as millimetres"),
    ],
)
def test_two_views_tell_a_wrong_scale_that_the_range_allows(factor: float, words: str) -> None:
    def scaled(sample: Sample, _: int) -> Sample:
        assert sample.depth_m is not None
        assert sample.rgb_view is not None
        assert sample.rgb_view.depth_m is not None
        f = np.float32(factor)
        return replace(
            with_view(sample, depth_m=sample.rgb_view.depth_m * f), depth_m=sample.depth_m * f
        )

    findings = faults(dataset(scaled))
    assert set(findings) == {"depth-scale"}
    assert words in findings["depth-scale"].title


def test_a_pose_that_goes_the_wrong_way() -> None:
    def swapped(sample: Sample, _: int) -> Sample:
        assert sample.rgb_view is not None
        return with_view(sample, rgb_from_thermal=np.linalg.inv(sample.rgb_view.rgb_from_thermal))

    finding = faults(dataset(swapped))["depth-scale"]
    assert finding.severity is Severity.WARNING
    assert "disagree" in finding.title


def test_depth_in_millimetres_taken_for_metres() -> None:
    def scaled(sample: Sample, _: int) -> Sample:
        assert sample.depth_m is not None
        return replace(with_view(sample, depth_m=None), depth_m=sample.depth_m * 1000)

    findings = faults(dataset(scaled))
    assert set(findings) == {"depth-scale"}
    assert "stored as millimetres and read as metres" in findings["depth-scale"].title


@pytest.mark.parametrize(("later_s", "check"), [(0.02, None), (0.12, "skew"), (-0.12, "skew")])
def test_time_between_the_cameras(later_s: float, check: str | None) -> None:
    frames_set = dataset(lambda s, _: with_view(s, later_s=later_s))
    assert set(faults(frames_set)) == ({check} if check else set())
    (finding,) = [one for one in examine_dataset(frames_set).findings if one.check == "skew"]
    assert f"{abs(1000 * later_s):.1f} ms" in finding.title


def test_gain_control_read_as_kelvin() -> None:
    def stretched(sample: Sample, _: int) -> Sample:
        raw = sample.thermal.astype(np.float32)
        grey = np.round((raw - raw.min()) / np.ptp(raw) * 255)
        return replace(
            sample,
            thermal=(250 + grey * 0.4).astype(np.float32),
            thermal_unit=ThermalUnit.KELVIN,
        )

    findings = faults(dataset(stretched))
    assert set(findings) == {"gain-control"}
    assert findings["gain-control"].count == 40


def test_celsius_taken_for_kelvin() -> None:
    def celsius(sample: Sample, _: int) -> Sample:
        return replace(
            sample,
            thermal=(sample.thermal / 64 - 273.15).astype(np.float32),
            thermal_unit=ThermalUnit.KELVIN,
        )

    assert faults(dataset(celsius))["temperature"].severity is Severity.ERROR


def test_each_frame_stretched_to_the_whole_range() -> None:
    def stretched(sample: Sample, _: int) -> Sample:
        raw = sample.thermal.astype(np.float64)
        low, high = np.percentile(raw, [1, 99])
        return replace(
            sample,
            thermal=np.clip((raw - low) / (high - low) * 16383, 0, 16383).astype(np.uint16),
        )

    assert set(faults(dataset(stretched))) == {"gain-control"}


def test_upper_bits_of_16_are_counts() -> None:
    """A 12-bit camera writes multiples of 16, a 14-bit one of 4: quiet scenes have few levels then."""

    def shifted(sample: Sample, _: int) -> Sample:
        quiet = (sample.thermal - 18800) // 12
        return replace(sample, thermal=((1200 + quiet) * 16).astype(np.uint16))

    assert faults(dataset(shifted)) == {}


def test_a_recording_in_two_splits() -> None:
    splits = {"train": range(28), "test": range(28, 40)}
    findings = faults(dataset(splits=splits))
    assert set(findings) == {"leaks"}
    assert findings["leaks"].names == ("drive-5: 3 in train, 2 in test",)


def test_a_named_part_of_a_split_is_no_leak_and_a_nested_split_is() -> None:
    parts = {"train": range(30), "test": range(30, 40), "test_night": range(35, 40)}
    frames_set = dataset(splits=parts)
    night = frames_set.splits["test_night"]
    night.sample_ids = frames_set.splits["test"].sample_ids[5:]  # type: ignore[misc]
    report = examine_dataset(frames_set)
    assert harmful(report) == {}
    assert report.frames == 40
    report = examine_dataset(dataset(splits={"train": range(30), "val": range(10, 20)}))
    leaks = [one for one in report.findings if one.severity is Severity.ERROR]
    assert {one.check for one in leaks} == {"leaks"}


def test_a_frame_that_its_reader_refuses() -> None:
    frames_set = dataset(lambda s, n: DataError("x/7.png: damaged") if n == 7 else s)
    findings = faults(frames_set)
    assert set(findings) == {"readable"}
    assert findings["readable"].names == ("f-007: x/7.png: damaged",)


def test_depth_without_a_value_and_with_a_handful() -> None:
    def holed(sample: Sample, number: int) -> Sample:
        assert sample.depth_m is not None
        depth_m = sample.depth_m.copy()
        depth_m[:] = np.nan
        if number == 4:
            depth_m[20, 30:32] = 2.0
        return replace(sample, depth_m=depth_m) if number in (3, 4) else sample

    report = examine_dataset(dataset(holed))
    findings = {one.severity: one for one in report.findings}
    assert findings[Severity.ERROR].names == ("f-003",)
    assert findings[Severity.WARNING].names[0].startswith("f-004")
    assert {one.check for one in report.findings} == {"depth-holes"}


def test_a_still_camera_is_not_a_copy() -> None:
    """One room, noise apart: frames look alike and are told so as a note, within and across splits."""
    still = scene(0)

    def alike(sample: Sample, number: int) -> Sample:
        noise = np.random.default_rng(number).normal(0, 4, SIZE)
        return replace(
            sample,
            thermal=(still["Thermal"] + noise).astype(np.uint16),
            rgb=(still["RGB"] + noise[..., None] / 4).astype(np.uint8),
            depth_m=wall(2.0, 0).depth_m,
            rgb_view=None,
        )

    frames_set = dataset(alike, splits={"train": range(40)})
    report = examine_dataset(frames_set)
    assert [(one.check, one.severity) for one in report.findings] == [
        ("look-alikes", Severity.NOTE)
    ]


def test_a_sample_is_taken_in_runs() -> None:
    report = examine_dataset(dataset(splits={"train": range(40)}), most_frames=16)
    assert report.frames_read == 16
    frames_set = dataset(
        lambda s, n: replace(s, thermal=wall(2.0, 0).thermal) if n < 4 else s,
        splits={"train": range(40)},
    )
    assert "frozen" in {one.check for one in examine_dataset(frames_set, most_frames=16).findings}


@pytest.mark.parametrize("options", [{"most_frames": 0}, {"threads": 0}])
def test_numbers_that_cannot_be(options: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="expected at least 1"):
        examine_dataset(dataset(), **options)
