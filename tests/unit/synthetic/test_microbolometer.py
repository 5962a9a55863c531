"""The electronics as statistics: slope, NETD, fixed against temporal, drift, bad pixels, radiometry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.sensors.bad_pixels import BadPixel, draw_bad_pixels
from thermodepth.synthetic.sensors.microbolometer import (
    MicrobolometerSettings,
    after_shutter,
    counts,
    draw_detector,
    expose,
    kelvin_of_counts,
)

QUIET = MicrobolometerSettings(
    drift_counts=0.0,
    netd_low_k=0.0,
    netd_high_k=0.0,
    gain_pixel=0.0,
    gain_column=0.0,
    shading_k=0.0,
    tilt_k=0.0,
)
RADIOMETRIC = replace(QUIET, mode="radiometric")
SHAPE = (96, 128)


def _even(kelvin: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return np.full(shape, kelvin, np.float32)


def _exposures(settings: MicrobolometerSettings, number: int, seed: int = 0) -> np.ndarray:
    """[number h w] counts of an even scene at 300 K through one detector."""
    rng = np.random.default_rng(seed)
    detector = draw_detector((48, 64), rng, settings)
    scene = _even(300.0, (48, 64))
    return np.array([expose(scene, detector, rng, settings) for _ in range(number)], np.float64)


def test_slope_is_45_counts_a_kelvin() -> None:
    rng = np.random.default_rng(0)
    above, below = (counts(_even(k), rng, QUIET).astype(float) for k in (305.0, 295.0))
    assert (above.mean() - below.mean()) / 10 == pytest.approx(45.0, rel=0.01)
    assert below.mean() == pytest.approx(7300, abs=1)


def test_without_noise_an_even_scene_is_even() -> None:
    assert np.ptp(counts(_even(301.3), np.random.default_rng(0), QUIET)) == 0


@pytest.mark.parametrize("netd_k", [0.04, 0.09])
def test_noise_is_as_large_as_the_settings_say(netd_k: float) -> None:
    settings = replace(QUIET, netd_low_k=netd_k, netd_high_k=netd_k)
    picture = counts(_even(300.0), np.random.default_rng(1), settings).astype(float)
    expected = 45 * netd_k * np.sqrt(1 + 0.55**2 + 0.40**2 + 0.45**2)
    assert picture.std() == pytest.approx(expected, rel=0.12)
    by_column = picture.mean(0).std()
    assert by_column == pytest.approx(45 * netd_k * 0.55, rel=0.3)


def test_default_noise_within_the_band_of_real_cores() -> None:
    rng = np.random.default_rng(2)
    frames = [counts(_even(300.0), rng).astype(float) for _ in range(40)]
    noise_k = [frame[1:, 1:].std() / 45 for frame in frames]
    assert 0.04 < np.median(noise_k) < 0.25
    assert 90 < np.std([frame.mean() for frame in frames]) < 220  # the drift: 150 counts


def test_same_generator_same_counts() -> None:
    first, second = (counts(_even(299.0), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint16
    assert not np.array_equal(first, counts(_even(299.0), np.random.default_rng(6)))


def test_the_map_that_is_read_stays_as_it_was() -> None:
    scene = _even(299.0)
    counts(scene, np.random.default_rng(5))
    assert (scene == 299.0).all()


def test_range_is_14_bit() -> None:
    hot = counts(_even(590.0), np.random.default_rng(0))
    cold = counts(_even(151.0), np.random.default_rng(0), replace(QUIET, base_counts=100.0))
    assert hot.max() == 16383
    assert cold.min() == 0


# What belongs to the camera and what to the frame.


@pytest.mark.parametrize("netd_k", [0.04, 0.09])
def test_netd_is_the_temporal_noise_of_a_pixel(netd_k: float) -> None:
    settings = replace(
        MicrobolometerSettings(), netd_low_k=netd_k, netd_high_k=netd_k, row_share=0.0
    )
    temporal = _exposures(settings, 100).std(0, ddof=1)
    rounding = 1 / 12  # variance of whole counts
    measured_k = np.sqrt((temporal**2).mean() - rounding) / 45
    assert measured_k == pytest.approx(netd_k, rel=0.02)


def test_the_noise_splits_into_its_temporal_and_fixed_parts() -> None:
    """Rows flicker and have no pattern; columns and pixels have a pattern."""
    netd_k = 0.09
    settings = replace(QUIET, netd_low_k=netd_k, netd_high_k=netd_k)
    video = _exposures(settings, 100) / 45
    flicker = video - video.mean(0)
    assert flicker.mean(2).std() == pytest.approx(
        netd_k * np.sqrt(settings.row_share**2 + 1 / 64), rel=0.06
    )
    assert flicker.mean(1).std() == pytest.approx(netd_k * np.sqrt((1 + 0.4**2) / 48), rel=0.06)
    fixed = video.mean(0) - video.mean()
    by_column = fixed.mean(0)
    assert by_column.std() == pytest.approx(netd_k * settings.column_share, rel=0.35)
    assert (fixed - by_column).std() == pytest.approx(netd_k * settings.pixel_share, rel=0.08)


def test_shading_is_a_bowl_with_a_tilt_of_its_own_in_each_camera() -> None:
    """Radial shading is 1 at the middle of each edge; tilt runs from -1 to 1."""
    bowls, tilts_down, tilts_right = [], [], []
    settings = replace(QUIET, shading_k=0.5, tilt_k=0.3)
    for seed in range(200):
        picture = counts(_even(300.0, (25, 33)), np.random.default_rng(seed), settings) / 45
        top, bottom, left, right = picture[0, 16], picture[24, 16], picture[12, 0], picture[12, 32]
        bowls.append(((top + bottom) / 2 - picture[12, 16], (left + right) / 2 - picture[12, 16]))
        tilts_down.append((bottom - top) / 2)
        tilts_right.append((right - left) / 2)
    down, across = np.array(bowls).T
    assert down == pytest.approx(across, abs=0.05)  # two counts
    assert down.std() == pytest.approx(0.5, rel=0.15)
    assert np.std(tilts_down) == pytest.approx(0.3, rel=0.15)
    assert np.std(tilts_right) == pytest.approx(0.3, rel=0.15)


def test_a_still_has_the_statistics_of_one_exposure() -> None:
    scene = _even(310.0, (48, 64))

    def spread(*, still: bool) -> tuple[float, float, float, float]:
        frames = []
        for seed in range(150):
            rng = np.random.default_rng([seed, int(still)])
            if still:
                frames.append(counts(scene, rng).astype(float))
            else:
                frames.append(expose(scene, draw_detector(scene.shape, rng), rng).astype(float))
        video = np.array(frames)
        within = video - video.mean((1, 2), keepdims=True)
        by_row, by_column = within.mean(2, keepdims=True), within.mean(1, keepdims=True)
        pixel = within - by_row - by_column
        return pixel.std(), by_row.std(), by_column.std(), video.mean((1, 2)).std()

    assert spread(still=True) == pytest.approx(spread(still=False), rel=0.3)
    assert spread(still=True)[0] == pytest.approx(spread(still=False)[0], rel=0.04)


def test_the_level_drifts_with_age_and_keeps_its_spread() -> None:
    settings = replace(QUIET, drift_counts=150.0)
    scene = _even(295.0, (2, 2))
    levels = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        detector = draw_detector((2, 2), rng, settings)
        levels.append(
            [
                float(expose(scene, detector, rng, settings, age_s=age_s)[0, 0]) - 7300
                for age_s in (0.0, 10.0, 300.0, 600.0)
            ]
        )
    start, soon, half, renewed = np.array(levels).T
    for level in (start, half, renewed):
        assert level.std() == pytest.approx(150, rel=0.12)
    pace = (soon - start).std() / 10
    assert pace == pytest.approx(150 * np.pi / 2 / 600, rel=0.12)
    assert abs(np.corrcoef(start, renewed)[0, 1]) < 0.15


def test_a_shutter_event_renews_the_pattern_and_leaves_the_camera() -> None:
    settings = replace(MicrobolometerSettings(), bad_pixel_share=0.01)
    rng = np.random.default_rng(0)
    before = draw_detector(SHAPE, rng, settings)
    after = after_shutter(before, rng, settings)
    assert after.gain is before.gain
    assert after.netd_k == before.netd_k
    assert after.bad_pixels is before.bad_pixels
    assert after.level_counts != before.level_counts
    assert abs(np.corrcoef(before.pixel_k.ravel(), after.pixel_k.ravel())[0, 1]) < 0.05
    assert after.pixel_k.std() == pytest.approx(before.pixel_k.std(), rel=0.05)
    assert not np.array_equal(before.column_k, after.column_k)


def test_a_detector_of_another_size_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"\(8, 8\).*\(6, 8\)"):
        expose(_even(300.0, (8, 8)), draw_detector((6, 8), rng), rng)


# Radiometric counts.


def test_radiometric_counts_are_planck_counts_of_16_bit() -> None:
    rng = np.random.default_rng(0)
    at_300 = counts(_even(300.0), rng, RADIOMETRIC)
    # 21106.77 / (0.012545258 (e^(1501 / 300) - 1)) + 7340
    assert np.ptp(at_300) == 0
    assert int(at_300[0, 0]) == pytest.approx(18714, abs=3)
    slope = (
        counts(_even(301.0), rng, RADIOMETRIC)[0, 0].astype(float)
        - counts(_even(299.0), rng, RADIOMETRIC)[0, 0]
    ) / 2
    assert slope == pytest.approx(191, abs=1.5)
    assert counts(_even(500.0), rng, RADIOMETRIC).max() == 65535
    assert counts(_even(300.0), rng, replace(RADIOMETRIC, base_counts=0.0))[0, 0] == at_300[0, 0]


def test_radiometric_inverse_is_exact_to_one_count() -> None:
    kelvin = np.linspace(200.0, 440.0, 96 * 128, dtype=np.float32).reshape(SHAPE)
    raw = counts(kelvin, np.random.default_rng(0), RADIOMETRIC)
    read_k = kelvin_of_counts(raw, RADIOMETRIC)
    assert read_k.dtype == np.float32
    again = counts(read_k, np.random.default_rng(0), RADIOMETRIC)
    assert np.abs(again.astype(int) - raw.astype(int)).max() <= 1
    count_k = 1 / np.gradient(raw.ravel().astype(float), kelvin.ravel().astype(float)).clip(1)
    # Rounding is half a count; a local slope of whole counts is rough, hence the wide bound.
    assert (np.abs(read_k - kelvin).ravel() <= np.maximum(2 * count_k, 0.003)).all()


def test_radiometric_reading_has_no_drift_and_the_noise_of_the_detector() -> None:
    settings = MicrobolometerSettings(mode="radiometric", netd_low_k=0.06, netd_high_k=0.06)
    frames = np.array(
        [
            kelvin_of_counts(counts(_even(300.0), np.random.default_rng(seed), settings), settings)
            for seed in range(40)
        ]
    )
    assert np.abs(frames.mean((1, 2)) - 300.0).max() < 0.06
    expected = 0.06 * np.sqrt(1 + 0.55**2 + 0.40**2 + 0.45**2)
    assert frames.std((1, 2)).mean() == pytest.approx(expected, rel=0.1)
    uncalibrated = [
        counts(_even(300.0), np.random.default_rng(seed)).mean() / 45 for seed in range(40)
    ]
    assert np.std(uncalibrated) > 30 * frames.mean((1, 2)).std()


def test_counts_that_stand_for_no_temperature() -> None:
    raw = np.array([[0, 7340, 7341, 65535]], np.uint16)
    kelvin = kelvin_of_counts(raw, RADIOMETRIC)
    assert (kelvin[0, :2] == 150).all()
    assert kelvin[0, 2] < 200
    assert kelvin[0, 3] == pytest.approx(441.6, abs=0.5)
    with pytest.raises(SettingsError, match="mode = 'counts'"):
        kelvin_of_counts(raw, QUIET)


# Bad pixels.


@pytest.mark.parametrize("share", [0.0, 0.002, 0.05, 0.1])
def test_as_many_pixels_are_bad_as_asked_for(share: float) -> None:
    pixels = draw_bad_pixels(SHAPE, share, np.random.default_rng(0))
    assert np.count_nonzero(pixels) == round(share * 96 * 128)


def test_bad_pixels_are_of_each_kind_equally_often() -> None:
    draws = [draw_bad_pixels(SHAPE, 0.05, np.random.default_rng(seed)) for seed in range(20)]
    number = np.bincount(np.ravel(draws), minlength=4)[1:]
    assert number / number.sum() == pytest.approx([1 / 3] * 3, abs=0.03)


def test_bad_pixels_stand_in_clusters() -> None:
    bad = draw_bad_pixels(SHAPE, 0.005, np.random.default_rng(1)) != BadPixel.GOOD
    padded = np.pad(bad, 1)
    beside = np.zeros_like(bad)
    for down in range(3):
        for right in range(3):
            if (down, right) != (1, 1):
                beside |= padded[down : down + 96, right : right + 128]
    assert (bad & beside).sum() / bad.sum() > 0.4  # 4 % by chance


def test_bad_pixels_in_pictures() -> None:
    settings = replace(QUIET, bad_pixel_share=0.02, netd_low_k=0.05, netd_high_k=0.05)
    rng = np.random.default_rng(3)
    detector = draw_detector((48, 64), rng, settings)
    pixels = detector.bad_pixels
    assert pixels is not None
    assert np.count_nonzero(pixels) == round(0.02 * 48 * 64)
    scene = _even(300.0, (48, 64))
    video = np.array([expose(scene, detector, rng, settings) for _ in range(40)], float)
    assert (video[:, pixels == BadPixel.DEAD] == 0).all()
    assert (video[:, pixels == BadPixel.HOT] == 16383).all()
    blinking = video[:, pixels == BadPixel.BLINKING].std(0)
    good = video[:, pixels == BadPixel.GOOD].std(0)
    assert blinking.min() > 5 * good.max()
    assert blinking == pytest.approx(45.0, rel=0.15)  # half the time 2 K up
    # A still has them too, and a radiometric dead pixel reads the coldest there is.
    still = replace(RADIOMETRIC, bad_pixel_share=0.02)
    kelvin = kelvin_of_counts(counts(scene, rng, still), still)
    assert 0 < (kelvin == 150).sum() < 0.02 * kelvin.size


# Settings.


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("counts_per_k", 0.0, "0.1..10000"),
        ("netd_low_k", -0.1, r"0\.\.10"),
        ("netd_high_k", float("nan"), r"0\.\.10"),
        ("netd_low_k", 0.2, "at most netd_high_k, 0.09"),
        ("reference_k", 30.0, r"150\.\.600"),
        ("bits", 17, r"8\.\.16"),
        ("bad_pixel_share", 0.5, r"0\.\.0.1"),
        ("shutter_every_s", 0.01, "0.1 and more"),
        ("freeze_s", 0.5, "less than shutter_every_s, 0.0"),
        ("drift_renewal_s", 0.0, r"1\.\.86400"),
    ],
)
def test_impossible_settings_are_named(field: str, value: float, allowed: str) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(
        SettingsError, match=f"microbolometer {field} = {value}: must be .*{allowed}"
    ):
        MicrobolometerSettings(**changes)


def test_an_unknown_mode_is_named() -> None:
    mode: Any = "radiometrc"
    with pytest.raises(SettingsError, match="'radiometrc'; did you mean 'radiometric'"):
        MicrobolometerSettings(mode=mode)
