"""A result speaks for itself: in a line, as a file, as a drawing, as points."""

from __future__ import annotations

import base64
import io
import re
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thermodepth.depth_files import read_depth_values
from thermodepth.errors import DependencyError, SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.lens import FrameLens, Lens
from thermodepth.inference.predictor import Predictor, load
from thermodepth.inference.view import NOTEBOOK_PANEL
from thermodepth.types import ThermalUnit

ROWS, COLUMNS = 6, 8


def result(**changes: Any) -> Depth:
    """A ramp from 2 to 49 m under a row of sky, one pixel without a number."""
    depth_m = np.linspace(2, 49, ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)[::-1]
    depth_m = np.ascontiguousarray(depth_m)
    depth_m[3, 3] = np.nan
    sky = np.zeros((ROWS, COLUMNS), np.bool_)
    sky[0] = True
    fields: dict[str, Any] = {
        "depth_m": depth_m,
        "structure": 1 / np.nan_to_num(depth_m, nan=1.0),
        "sky": sky,
        "lens": FrameLens(intrinsics=np.array([[4.0, 0, 3], [0, 5.0, 2], [0, 0, 1]])),
        "thermal": np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(ROWS, COLUMNS) + 7000,
        "thermal_unit": ThermalUnit.COUNTS,
    }
    return Depth(**{**fields, **changes})


class TestInALine:
    def test_size_range_sky_and_lens(self) -> None:
        assert repr(result()) == (
            "Depth(8x6, 3.9 to 39.1 m (5 to 95 %), sky 17%, lens 90.0 deg across)"
        )

    def test_an_assumed_lens_and_none_are_told_apart(self) -> None:
        lens = FrameLens(intrinsics=np.diag([4.0, 4.0, 1.0]), assumed=True)
        assert "lens 90.0 deg across (assumed)" in repr(result(lens=lens))
        assert "lens not known" in repr(result(lens=None))

    def test_an_expected_error_is_named_as_one(self) -> None:
        error = np.full((ROWS, COLUMNS), 0.25, np.float32)
        assert "expected error 25% (median)" in repr(result(relative_error=error))

    def test_nothing_but_sky(self) -> None:
        everywhere = np.ones((ROWS, COLUMNS), np.bool_)
        assert "no depth, sky 100%" in repr(result(sky=everywhere))


class TestSaving:
    @pytest.mark.parametrize("suffix", [".png", ".npy", ".tif", ".TIFF", ".exr"])
    def test_what_is_saved_reads_back_in_metres(self, suffix: str, tmp_path: Path) -> None:
        if suffix == ".exr" and find_spec("OpenEXR") is None:
            pytest.skip("needs the package OpenEXR")
        depth = result()
        path = depth.save(tmp_path / f"frame{suffix}")
        metres = read_depth_values(path, per_metre=1000)
        expected = np.where(depth.has_depth, depth.depth_m, np.nan)
        np.testing.assert_allclose(metres, expected, atol=0.0005 if suffix == ".png" else 0, rtol=0)
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_a_png_says_what_its_numbers_mean(self, tmp_path: Path) -> None:
        with Image.open(result().save(tmp_path / "a.png")) as image:
            assert image.mode == "I;16"
            assert image.info["Comment"] == "depth in metres = value / 1000; 0 = no value"

    def test_what_16_bits_lose_is_said_and_what_they_hold_is_not(self, tmp_path: Path) -> None:
        far = result(depth_m=np.full((ROWS, COLUMNS), 80, np.float32))
        with pytest.warns(UserWarning, match=r"a\.png: 40 of 48 pixels lie beyond 65\.535 m"):
            path = far.save(tmp_path / "a.png")
        assert np.nanmax(read_depth_values(path, per_metre=1000)) == np.float32(65.535)
        near = result(depth_m=np.full((ROWS, COLUMNS), 1e-4, np.float32))
        with pytest.warns(UserWarning, match="40 of 48 pixels lie before"):
            near.save(tmp_path / "b.png")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            far.save(tmp_path / "a.png", per_metre=256)
            far.save(tmp_path / "a.npy")
            result().save(tmp_path / "c.png")

    def test_a_coloured_picture_has_the_sky_in_its_own_colour(self, tmp_path: Path) -> None:
        with Image.open(result().save(tmp_path / "a.colour.png")) as image:
            colours = np.asarray(image)
        assert colours.shape == (ROWS, COLUMNS, 3)
        assert len(np.unique(colours[0].reshape(-1, 3), axis=0)) == 1
        assert colours[5, 0].sum() > colours[1, 7].sum()  # near is bright

    def test_an_unknown_suffix_and_scale_are_named_and_nothing_is_written(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(
            SettingsError, match=r"unknown kind of depth file '\.npz'; did you mean"
        ):
            result().save(tmp_path / "a.npz")
        with pytest.raises(SettingsError, match="per_metre: 0"):
            result().save(tmp_path / "a.png", per_metre=0)
        assert list(tmp_path.iterdir()) == []

    def test_exr_without_its_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "OpenEXR", None)
        with pytest.raises(DependencyError, match=r"thermodepth\[exr\]"):
            result().save(tmp_path / "a.exr")
        assert list(tmp_path.iterdir()) == []


class TestPoints:
    def test_they_are_on_the_rays_of_their_pixels(self) -> None:
        depth = result()
        points = depth.points()
        rows, columns = np.nonzero(depth.has_depth)
        assert points.shape == (ROWS * COLUMNS - COLUMNS - 1, 3)
        z = depth.depth_m[rows, columns]
        np.testing.assert_array_equal(points[:, 2], z)
        np.testing.assert_allclose(points[:, 0], (columns + 0.5 - 3) / 4 * z, rtol=1e-6)
        np.testing.assert_allclose(points[:, 1], (rows + 0.5 - 2) / 5 * z, rtol=1e-6)

    def test_colours_are_in_the_same_order(self) -> None:
        depth = result()
        hot = depth.point_colours("thermal").astype(int).sum(axis=1)
        assert hot.shape == (len(depth.points()),)
        assert (np.diff(hot) >= 0).all()  # the frame gets warmer along its rows
        near = depth.point_colours("structure").astype(int).sum(axis=1)
        assert near[-COLUMNS] > near[COLUMNS - 1]

    def test_an_unknown_lens_is_an_error_that_says_what_to_give(self) -> None:
        with pytest.raises(SettingsError, match=r"lens .* is not known; give fov_deg"):
            result(lens=None).points()
        lens = FrameLens(intrinsics=np.diag([4.0, 4.0, 1.0]), assumed=True)
        with pytest.raises(SettingsError, match="90 degrees of the model's training; give fov_deg"):
            result(lens=lens).points()

    def test_colours_that_are_not_there_are_refused_by_name(self) -> None:
        with pytest.raises(SettingsError, match="unknown colour 'rgb'"):
            result().point_colours("rgb")  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match="does not carry its thermal frame"):
            result(thermal=None).point_colours()


class TestDrawn:
    def test_the_bar_has_round_metres_and_near_on_top(self) -> None:
        import matplotlib

        matplotlib.use("agg")
        from matplotlib.figure import Figure

        ax = Figure().subplots()
        assert result().plot(ax) is ax
        _, bar = ax.figure.axes
        low, high = bar.get_ylim()
        assert low > high
        assert [f"{t:g}" for t in bar.get_yticks()] == ["5", "10", "20"]

    @pytest.mark.parametrize("size", [(6, 8), (300, 400), (16, 250), (250, 16)])
    def test_the_notebooks_picture_is_bounded(self, size: tuple[int, int]) -> None:
        random = np.random.default_rng(0)
        depth = result(
            depth_m=random.uniform(2, 40, size).astype(np.float32),
            structure=random.uniform(0, 1, size).astype(np.float32),
            sky=None,
            thermal=random.integers(7000, 7400, size).astype(np.uint16),
        )
        html = depth._repr_html_()
        match = re.search(r'src="data:image/png;base64,([^"]+)"', html)
        assert match is not None
        with Image.open(io.BytesIO(base64.b64decode(match[1]))) as image:
            assert image.width < 3 * NOTEBOOK_PANEL[0] + 250
            assert image.height < NOTEBOOK_PANEL[1] + 100
        assert len(html) < 1_000_000
        assert "Depth(" in html.partition("<figcaption>")[2]

    def test_without_its_frame_two_maps_are_shown(self) -> None:
        widths = []
        for thermal in (result().thermal, None):
            html = result(thermal=thermal)._repr_html_()
            data = re.search(r"base64,([^\"]+)", html)
            assert data is not None
            with Image.open(io.BytesIO(base64.b64decode(data[1]))) as image:
                widths.append(image.width)
        assert widths[1] < 0.75 * widths[0]


class TestThePredictor:
    def test_results_carry_the_lens_and_the_frame(self, model_folder: Any) -> None:
        counts = np.random.default_rng(0).integers(7000, 7400, (48, 64)).astype(np.uint16)
        folder = model_folder()
        predictor = load(folder, device="cpu")
        assert predictor(counts).lens is None
        assert predictor(counts).thermal is counts
        matrix = np.array([[60.0, 0, 30], [0, 62.0, 25], [0, 0, 1]])
        with pytest.warns(UserWarning, match="the lens has no effect"):
            lens = predictor(counts, intrinsics=matrix).lens
        assert lens is not None
        np.testing.assert_array_equal(lens.intrinsics, matrix)
        assert not lens.assumed
        with pytest.warns(UserWarning, match="the lens has no effect"):
            wide = load(folder, device="cpu", fov_deg=90)(counts).lens
        assert wide is not None
        np.testing.assert_allclose(wide.intrinsics, [[32, 0, 32], [0, 32, 24], [0, 0, 1]])

    def test_a_lens_of_a_calibration_scales_with_the_frame(self) -> None:
        matrix = np.array([[400.0, 0, 320], [0, 420.0, 256], [0, 0, 1]])
        lens = Lens(intrinsics=matrix, size=(512, 640), source="rig.yaml")
        expected = [[200, 0, 160], [0, 210, 128], [0, 0, 1]]
        np.testing.assert_allclose(lens.intrinsics_of((256, 320)), expected)

    def test_it_says_its_model_and_escapes_its_name(self, model_folder: Any) -> None:
        predictor = load(model_folder(), device="cpu")
        assert repr(predictor) == (
            "Predictor('model-thermal-minmax', encoder resnet-small, short side 64, lens that of its "
            "training, cpu)"
        ).replace("minmax", predictor.model.recipe.normaliser.name)
        named = Predictor(predictor.model, device="cpu", name="<b>mine</b>")
        html = named._repr_html_()
        assert "&lt;b&gt;mine&lt;/b&gt;" in html
        assert "<b>" not in html
        assert "2 to 50 m" in html
