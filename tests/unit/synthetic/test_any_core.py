"""Any thermal camera: core size, noise, gain control and polarity are drawn, and mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.synthetic.sensors import any_core
from thermodepth.synthetic.sensors.any_core import Core, any_core_frame, draw_core
from thermodepth.synthetic.sensors.gain_control import GAIN_CONTROLS
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings

SETTINGS = MicrobolometerSettings()
QUIET = Core(
    columns=640,
    netd_k=0.05,
    blur_px=0.3,
    counts_per_k=50.0,
    column_share=0.0,
    row_share=0.0,
    pixel_share=0.0,
    shading_k=0.0,
    tilt_k=0.0,
    saturated=(0.0, 0.0),
    enlarged=any_core._ENLARGED[1],
    gain_control="",
    black_hot=False,
    jpeg_quality=0,
    sharpened=0.0,
)


@pytest.fixture
def use_core(monkeypatch: pytest.MonkeyPatch):
    def use(core: Core) -> None:
        monkeypatch.setattr(any_core, "draw_core", lambda _: core)

    return use


def _frame(kelvin: np.ndarray, draw: int = 0) -> np.ndarray:
    return any_core_frame(kelvin, frame_id="a", draw=draw, settings=SETTINGS)


def _ramp(rows: int = 96, columns: int = 160) -> np.ndarray:
    return np.linspace(285, 305, rows * columns, dtype=np.float32).reshape(rows, columns)


def test_draws_fill_their_ranges() -> None:
    cores = [draw_core(np.random.default_rng(seed)) for seed in range(600)]
    assert {core.columns for core in cores} == set(any_core.CORE_COLUMNS)
    assert min(core.netd_k for core in cores) < 0.03 < 0.08 < max(core.netd_k for core in cores)
    kinds = [core.gain_control for core in cores]
    assert set(kinds) == {"", *GAIN_CONTROLS}
    display = [core for core in cores if core.gain_control]
    assert len(display) / 600 == pytest.approx(0.6, abs=0.07)
    assert np.mean([core.black_hot for core in display]) == pytest.approx(0.3, abs=0.07)
    assert not any(core.black_hot or core.jpeg_quality for core in cores if not core.gain_control)
    assert 0.02 < np.mean([core.saturated[1] > 0 for core in cores]) < 0.15


@pytest.mark.parametrize("columns", [320, 640, 1280])
def test_noise_falls_with_a_finer_core(columns: int, use_core) -> None:
    use_core(replace(QUIET, columns=columns))
    flat = np.full((96, 160), 300.0, np.float32)
    raw = np.stack([_frame(flat, draw).astype(float) for draw in range(4)])
    noise_k = (raw - raw.mean((1, 2), keepdims=True)).std() / 50
    gain_k = 0.0018 * 5  # the gain's unevenness acts on 300 K less the reference
    expected = np.hypot(0.05 / (columns / 160), gain_k)
    assert noise_k == pytest.approx(np.hypot(expected, 0.29 / 50), rel=0.25)


def test_a_coarse_core_loses_detail_and_keeps_the_size(use_core) -> None:
    kelvin = np.full((96, 160), 295.0, np.float32)
    kelvin[:, ::2] += 6.0  # stripes that 80 columns cannot show
    use_core(replace(QUIET, columns=640))
    fine = _frame(kelvin)
    use_core(replace(QUIET, columns=80))
    coarse = _frame(kelvin)
    assert fine.shape == coarse.shape == (96, 160)
    assert coarse.astype(float).std() < 0.1 * fine.astype(float).std()


def test_a_coarser_core_has_its_own_noise_at_its_own_pixels(use_core) -> None:
    use_core(replace(QUIET, columns=80, enlarged=any_core._ENLARGED[0]))
    raw = _frame(np.full((96, 160), 300.0, np.float32)).astype(float)
    np.testing.assert_array_equal(raw[:, ::2], raw[:, 1::2])  # nearest: two columns are one pixel


@pytest.mark.parametrize("name", GAIN_CONTROLS)
def test_gain_controls_keep_the_order_and_use_the_range(name: str, use_core) -> None:
    for seed in range(6):
        toned = GAIN_CONTROLS[name](_ramp() * 50, np.random.default_rng(seed))
        assert toned.shape == (96, 160)
        assert -1e-6 <= toned.min() <= toned.max() <= 1 + 1e-6
        assert np.corrcoef(toned.ravel(), _ramp().ravel())[0, 1] > 0.85
        assert toned.max() - toned.min() > 0.3
    use_core(replace(QUIET, gain_control=name))
    white = _frame(_ramp()).astype(float)
    use_core(replace(QUIET, gain_control=name, black_hot=True))
    black = _frame(_ramp())
    assert black.dtype == np.uint8
    np.testing.assert_allclose(white + black, 255, atol=1)


@pytest.mark.parametrize("name", ["linear", "local"])
def test_an_even_scene_is_not_stretched_into_noise(name: str) -> None:
    flat = 7000 + np.random.default_rng(0).normal(0, 0.5, (96, 160)).astype(np.float32)
    toned = GAIN_CONTROLS[name](flat, np.random.default_rng(1))
    # Stretched to the percentiles it would be .25 to .3.
    assert toned.std() < 0.2


def test_saturation_clips_the_hottest(use_core) -> None:
    use_core(replace(QUIET, saturated=(0.0, 0.2)))
    raw = _frame(_ramp())
    assert (raw == raw.max()).mean() == pytest.approx(0.2, abs=0.03)


def test_a_radiometric_camera_has_no_gain_control(use_core) -> None:
    use_core(replace(QUIET, gain_control="linear"))
    settings = MicrobolometerSettings(mode="radiometric")
    raw = any_core_frame(_ramp(), frame_id="a", draw=0, settings=settings)
    assert raw.dtype == np.uint16
