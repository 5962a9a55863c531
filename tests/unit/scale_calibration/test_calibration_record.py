"""A calibration as a whole: fitted, written, read, and refused where it belongs to something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.scale_calibration import (
    CalibratedModel,
    CalibrationLens,
    DistanceSample,
    ScaleCalibration,
    advice,
    fit_scale,
    outliers,
    stored_calibration,
)

LENS = CalibrationLens(fx=772.5, fy=772.5, cx=320.0, cy=256.0)
MODEL = CalibratedModel(
    fingerprint="0123456789abcdef", name="mine", short_side=160, frame_size=(512, 640), lens=LENS
)
RATIOS = (1.50, 1.52, 1.47, 1.55, 1.49, 1.51, 1.46, 1.53, 1.50)


def samples(count: int, *, frames: str = "a", source: str = "point") -> list[DistanceSample]:
    return [
        DistanceSample(
            frame=frames[n % len(frames)],
            x=10.0 + n,
            y=20.0,
            source=source,  # type: ignore[arg-type]
            kind="depth",
            distance_m=RATIOS[n] * (2.0 + n),
            depth_m=RATIOS[n] * (2.0 + n),
            predicted_m=2.0 + n,
        )
        for n in range(count)
    ]


def test_five_samples() -> None:
    fit = fit_scale(samples(5), MODEL)
    calibration = fit.calibration
    logs = np.log(RATIOS[:5])
    assert calibration.scale == pytest.approx(np.exp(logs.mean()))
    half = 2.776445 * logs.std(ddof=1) / np.sqrt(5)  # t of 4 degrees of freedom
    assert calibration.interval == pytest.approx(
        (calibration.scale * np.exp(-half), calibration.scale * np.exp(half))
    )
    np.testing.assert_allclose(calibration.residuals, calibration.scale / np.array(RATIOS[:5]) - 1)
    np.testing.assert_allclose(
        calibration.corrected(np.full((2, 2), 3.0, np.float32)), 3 * calibration.scale, rtol=1e-6
    )


def test_a_record_comes_back_whole_and_a_changed_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "metres.json"
    calibration = fit_scale(samples(9, frames="abc"), MODEL).calibration
    calibration.write(path)
    assert ScaleCalibration.read(path) == calibration
    assert stored_calibration(tmp_path) == calibration
    assert stored_calibration(tmp_path / "none") is None
    first = path.read_bytes()
    calibration.write(path)
    assert path.read_bytes() == first
    path.write_text(path.read_text().replace('"short_side": 160', '"short_side": 320'))
    with pytest.raises(DataError, match=r"checksum does not fit.*calibrate again"):
        ScaleCalibration.read(path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 2}', '{"scale": 1}'])
def test_other_files_are_no_calibration(content: str, tmp_path: Path) -> None:
    path = tmp_path / "metres.json"
    path.write_text(content)
    with pytest.raises(DataError, match="calibrate again, or leave it out"):
        ScaleCalibration.read(path)


@pytest.mark.parametrize(
    "edit",
    [
        {"scale": 5.0},  # outside its interval
        {"scale": -1.0},
        {"frame_size": [0, 640]},
        {"samples": []},
        {"format": 2},
        {"surprise": 1},
    ],
)
def test_a_record_that_cannot_be_is_refused(edit: dict[str, object]) -> None:
    tree = json.loads(json.dumps(fit_scale(samples(5), MODEL).calibration.tree()))
    with pytest.raises(SettingsError):
        ScaleCalibration.parse({**tree, **edit})


class TestMoreSamples:
    def test_all_of_them_are_fitted_anew(self) -> None:
        first = fit_scale(samples(3), MODEL).calibration
        both = fit_scale(samples(9)[3:], MODEL, previous=first).calibration
        at_once = fit_scale(samples(9), MODEL).calibration
        assert (both.scale, both.interval, both.samples) == (
            at_once.scale,
            at_once.interval,
            at_once.samples,
        )
        assert [fit.samples for fit in both.history] == [3, 9]

    def test_a_pixel_that_is_measured_again_counts_once(self) -> None:
        first = fit_scale(samples(3), MODEL).calibration
        again = samples(3)[1].edit({"distance_m": 4.8, "depth_m": 4.8})
        both = fit_scale([again], MODEL, previous=first).calibration
        assert len(both.samples) == 3
        assert both.samples[1].distance_m == 4.8

    def test_a_pixel_twice_at_once_is_a_mistake(self) -> None:
        with pytest.raises(DataError, match=r"a, pixel \(10, 20\): given twice, with 3 and 3 m"):
            fit_scale([samples(1)[0], samples(1)[0]], MODEL)

    def test_none_is_none(self) -> None:
        with pytest.raises(DataError, match="no sample"):
            fit_scale([], MODEL)


class TestWhoseItIs:
    calibration = fit_scale(samples(5), MODEL).calibration

    def test_another_model_and_another_working_size(self) -> None:
        self.calibration.check_model(MODEL.fingerprint, 160)
        with pytest.raises(
            SettingsError, match=r"of model 0123456789abcdef \(mine\), and this is model f"
        ):
            self.calibration.check_model("f" * 16, 160)
        with pytest.raises(SettingsError, match="give --short-side 160"):
            self.calibration.check_model(MODEL.fingerprint, 320)

    @pytest.mark.parametrize(
        ("focal_px", "size"),
        [
            (772.5, (512, 640)),
            (780.0, (512, 640)),
            (386.25, (256, 320)),  # resized
            (772.5, (256, 320)),  # cropped
            (772.5, (640, 512)),  # on its side
        ],
    )
    def test_the_same_lens_in_every_dress(self, focal_px: float, size: tuple[int, int]) -> None:
        self.calibration.check_lens(focal_px, size)

    def test_another_lens(self) -> None:
        with pytest.raises(
            SettingsError, match=r"a lens of 45.0 degrees.*this frame has 60.0 degrees"
        ):
            self.calibration.check_lens(554.26, (512, 640))

    def test_without_a_lens_the_shape_is_compared(self) -> None:
        calibration = self.calibration.edit({"lens": None})
        calibration.check_lens(None, (256, 320))
        with pytest.raises(SettingsError, match="another shape, with no lens to compare"):
            calibration.check_lens(None, (480, 640))


class TestAdvice:
    @pytest.mark.parametrize(
        ("count", "frames", "words"),
        [
            (1, "a", "1 sample: a scale without an interval"),
            (2, "ab", "2 samples: a scale without an interval"),
            (3, "abc", "the interval is wide because they are few"),
            (5, "a", "all samples are of one frame"),
            (6, "ab", "two frames say little"),
            (5, "abcde", "from 8 samples on"),
            (9, "abc", "a scale alone: an offset or a slope has to be better"),
        ],
    )
    def test_by_the_amount_of_evidence(self, count: int, frames: str, words: str) -> None:
        fit = fit_scale(samples(count, frames=frames), MODEL)
        assert any(words in line for line in advice(fit)), advice(fit)
        assert (fit.calibration.interval is None) == (count < 3)

    def test_one_sweep_has_no_interval_and_two_have(self) -> None:
        one = fit_scale(samples(9, source="lidar"), MODEL)
        assert one.calibration.interval is None
        assert "one frame and one sweep" in advice(one)[0]
        assert fit_scale(samples(9, frames="ab", source="lidar"), MODEL).calibration.interval

    def test_a_slip_is_named(self) -> None:
        slip = samples(9, frames="abc")
        slip[4] = slip[4].edit({"distance_m": 90.0, "depth_m": 90.0})
        fit = fit_scale(slip, MODEL)
        assert outliers(fit) == [4]
        assert any(line.startswith("sample 5 (b,14,20,90) is off by -90%") for line in advice(fit))
        assert fit.calibration.scale == pytest.approx(1.5, rel=0.05)

    def test_samples_of_one_distance(self) -> None:
        near = [s.edit({"predicted_m": 4.0, "depth_m": 6.0, "distance_m": 6.0}) for s in samples(3)]
        assert any(
            "all samples lie between 6 and 6 m" in line for line in advice(fit_scale(near, MODEL))
        )

    def test_a_model_that_is_wrong_by_more_than_a_factor(self) -> None:
        rng = np.random.default_rng(0)
        wild = [
            s.edit({"predicted_m": s.predicted_m * float(r)})
            for s, r in zip(samples(9), np.exp(rng.normal(0, 0.4, 9)), strict=True)
        ]
        assert any("the model's own error" in line for line in advice(fit_scale(wild, MODEL)))

    def test_an_assumed_lens_is_said(self) -> None:
        assumed = CalibratedModel(
            fingerprint="f",
            name="",
            short_side=160,
            frame_size=(512, 640),
            lens=LENS.edit({"assumed": True}),
        )
        assert "nobody stated the lens" in advice(fit_scale(samples(5), assumed))[-1]
