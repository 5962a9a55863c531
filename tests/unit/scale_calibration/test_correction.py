"""Scale, offset and slope: their formulas, their fits, and which of them is taken."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.errors import SettingsError
from thermodepth.scale_calibration.choice import choose_form
from thermodepth.scale_calibration.correction import FORMS, Correction, Form, fitted

RAW_M = np.array([2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0])


def truth(form: Form, raw_m: NDArray[np.float64]) -> NDArray[np.float64]:
    return {"scale": 1.5 * raw_m, "offset": 1.5 * raw_m - 0.8, "slope": 1.5 * raw_m**0.8}[form]


class TestFormula:
    def test_a_scale_holds_everywhere(self) -> None:
        correction = Correction(factor=2.0, range_m=(1.0, 4.0))
        np.testing.assert_allclose(
            correction.corrected(np.array([0.1, 1.0, 100.0])), [0.2, 2.0, 200.0]
        )

    def test_an_offset_keeps_its_factor_beyond_the_samples(self) -> None:
        correction = Correction(form="offset", factor=2.0, offset_m=-1.0, range_m=(1.0, 4.0))
        # At 1 m the factor is 1, at 4 m it is 7/4.
        np.testing.assert_allclose(
            correction.corrected(np.array([0.01, 0.5, 1.0, 2.0, 4.0, 8.0])),
            [0.01, 0.5, 1.0, 3.0, 7.0, 14.0],
        )

    def test_a_slope_keeps_its_factor_beyond_the_samples(self) -> None:
        correction = Correction(form="slope", factor=1.0, slope=0.5, range_m=(1.0, 16.0))
        np.testing.assert_allclose(
            correction.corrected(np.array([0.5, 1.0, 4.0, 16.0, 32.0])), [0.5, 1.0, 2.0, 4.0, 8.0]
        )

    @pytest.mark.parametrize("form", FORMS)
    def test_depth_stays_positive_rises_and_keeps_its_type(self, form: Form) -> None:
        correction = fitted(form, RAW_M, truth(form, RAW_M))
        assert correction is not None
        depth_m = np.geomspace(1e-3, 1e4, 500).astype(np.float32)
        result = correction.corrected(depth_m)
        assert result.dtype == np.float32
        assert (np.diff(result) > 0).all()
        assert result[0] > 0

    @pytest.mark.parametrize(
        "change",
        [
            {"form": "offset", "offset_m": -3.0},  # the nearest would be negative
            {"offset_m": 0.5},  # a scale has none
            {"slope": 0.5},
            {"range_m": (4.0, 1.0)},
            {"factor": 0.0},
        ],
    )
    def test_what_is_no_correction_is_refused(self, change: dict[str, object]) -> None:
        tree = {"factor": 2.0, "range_m": [1.0, 4.0], **change}
        with pytest.raises(SettingsError):
            Correction.parse(tree)


class TestFit:
    @pytest.mark.parametrize("form", FORMS)
    def test_exact_samples_give_their_numbers(self, form: Form) -> None:
        correction = fitted(form, RAW_M, truth(form, RAW_M))
        assert correction is not None
        assert correction.factor == pytest.approx(1.5)
        assert correction.offset_m == pytest.approx(-0.8 if form == "offset" else 0.0)
        assert correction.slope == pytest.approx(0.8 if form == "slope" else 1.0)

    @pytest.mark.parametrize("form", FORMS)
    def test_one_slip_moves_it_little(self, form: Form) -> None:
        measured_m = truth(form, RAW_M)
        measured_m[3] *= 10
        correction = fitted(form, RAW_M, measured_m)
        assert correction is not None
        np.testing.assert_allclose(correction.corrected(RAW_M), truth(form, RAW_M), rtol=0.15)

    def test_samples_against_the_prediction_have_no_slope_and_no_offset(self) -> None:
        assert fitted("slope", RAW_M, 100 / RAW_M) is None
        assert fitted("offset", RAW_M, 100 / RAW_M) is None


class TestChoice:
    @pytest.mark.parametrize("form", FORMS)
    def test_the_form_that_made_the_samples_is_taken(self, form: Form) -> None:
        noise = np.exp(0.01 * np.random.default_rng(1).standard_normal(RAW_M.size))
        choice = choose_form(RAW_M, truth(form, RAW_M) * noise, ["a"] * RAW_M.size)
        assert choice.correction.form == form
        assert set(choice.left_out_errors) == set(FORMS)

    def test_a_scale_is_not_refined_by_its_noise(self) -> None:
        taken = []
        for seed in range(100):
            random = np.random.default_rng(seed)
            raw_m = np.exp(random.uniform(0.7, 3.4, 10))
            noise = np.exp(0.1 * random.standard_normal(10))
            taken.append(choose_form(raw_m, 1.3 * raw_m * noise, ["a"] * 10).correction.form)
        assert taken.count("scale") >= 95

    def test_seven_samples_try_nothing_else(self) -> None:
        choice = choose_form(RAW_M[:7], truth("slope", RAW_M[:7]), ["a"] * 7)
        assert choice.correction.form == "scale"
        assert "from 8 samples on" in choice.reason

    def test_distances_close_together_try_nothing_else(self) -> None:
        raw_m = np.linspace(4.0, 7.0, 12)
        choice = choose_form(raw_m, truth("offset", raw_m), ["a"] * 12)
        assert choice.correction.form == "scale"
        assert "too close together" in choice.reason

    def test_one_sweep_tries_nothing_else_and_three_do(self) -> None:
        measured_m = truth("slope", RAW_M)
        one = choose_form(RAW_M, measured_m, ["a"] * 8, whole_frames=True)
        assert one.correction.form == "scale"
        assert "from 3 frames on" in one.reason
        frames = [name for name in "abc" for _ in RAW_M]
        raw_m, noise = np.tile(RAW_M, 3), np.repeat([0.99, 1.0, 1.01], 8)
        three = choose_form(raw_m, truth("slope", raw_m) * noise, frames, whole_frames=True)
        assert three.correction.form == "slope"

    def test_a_curve_that_differs_by_frame_is_no_slope(self) -> None:
        # Near is too near in one frame and too far in the next: what one teaches misleads about the other.
        frames = [name for name in "abcd" for _ in RAW_M]
        measured_m = np.concatenate([RAW_M**b * 5 ** (1 - b) for b in (0.7, 1.3, 0.7, 1.3)])
        choice = choose_form(np.tile(RAW_M, 4), measured_m, frames)
        assert choice.correction.form == "scale"
