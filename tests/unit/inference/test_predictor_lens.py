"""One scene through many lenses: a model that is told the lens gives the same metres through all of them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from thermodepth.camera import focal_of_view, pinhole, rays
from thermodepth.cli.lens import LensOptions
from thermodepth.cli.predict import predict as predict_files
from thermodepth.errors import SettingsError
from thermodepth.inference.lens import Lens
from thermodepth.inference.predictor import Predictor, load
from thermodepth.model import LoadedModel, ModelRecipe, ModelSettings, TrainingLens
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import Sample, ThermalUnit

CANONICAL_PX = 150.0
NEAR_M, FAR_M = 0.05, 500.0  # canonical
WALL_M = 7.5
SPAN_K = 400.0  # what the input's 0..1 stands for
LEAN = 0.5  # the wall grows warmer by 1 K a metre across, and by half of that down

#: (rows, columns), degrees across, short side of the network's input.
LENSES = [
    ((512, 640), 60.0, 96),
    ((512, 640), 20.0, 128),
    ((480, 640), 35.0, 96),
    ((256, 640), 79.0, 96),
    ((96, 128), 60.0, 96),
    ((120, 160), 57.0, 192),
    ((640, 512), 50.0, 128),
    ((1024, 1280), 90.0, 160),
    ((240, 320), 110.0, 240),
    ((333, 517), 44.4, 101),
]


class _Picture(nn.Module):
    """In the decoder's place: the image goes on to the heads."""

    def forward(self, features: Any, image: Tensor) -> Tensor:
        del features
        return image


class _WallHead(nn.Module):
    """Depth from how fast the wall grows warmer in the picture, as a lens of `CANONICAL_PX` would see it."""

    def forward(self, x: Tensor) -> Tensor:
        kelvin = (x[:, 0] * 0.225 + 0.45) * SPAN_K
        rows, columns = kelvin.shape[-2:]
        top, bottom, left, right = rows // 4, rows // 2, columns // 4, columns // 2
        window = kelvin[:, top : bottom + 1, left : right + 1]
        across = (window[:, :, -1] - window[:, :, 0]).mean(1) / (right - left)
        down = (window[:, -1] - window[:, 0]).mean(1) / (bottom - top)
        per_pixel_m = (across * down / LEAN).sqrt()
        share = ((per_pixel_m * CANONICAL_PX).log() - np.log(NEAR_M)) / np.log(FAR_M / NEAR_M)
        return share.logit()[:, None, None].expand(-1, rows, columns)


class _Flat(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0] * 0


def model(*, knows_lens: bool = True) -> LoadedModel:
    """A network of ours whose heads see the picture and nothing else."""
    settings = ModelSettings(
        weights="none",
        decoder_width=16,
        depth_range_m=(NEAR_M, FAR_M),
        focal_px=CANONICAL_PX if knows_lens else None,
    )
    network = build_network(settings, channels=1).eval()
    network.encoder, network.decoder = nn.Identity(), _Picture()  # type: ignore[assignment]
    network.metric_head, network.structure_head = _WallHead(), _Flat()  # type: ignore[assignment]
    recipe = ModelRecipe(
        model=settings,
        short_sides=(32, 400),
        modality="thermal",
        normaliser=NormaliserSettings(name="fixed_range", range_low=0.0, range_high=SPAN_K),
        trained_unit=ThermalUnit.KELVIN,
        working_size=(96, 128),
        lens=TrainingLens(focal_px=110.85, field_of_view_deg=60.0) if knows_lens else None,
    )
    return LoadedModel(network=network, recipe=recipe, fingerprint="oracle")


def wall(
    camera: NDArray[np.float32], size: tuple[int, int], *, distance_m: float = WALL_M
) -> NDArray[np.float32]:
    """Temperature `[h w]` of a wall across the camera's axis; its middle has 200 K."""
    x, y, _ = rays(camera, size) * distance_m
    return np.asarray(200 + x + LEAN * y, np.float32)


def camera_of(size: tuple[int, int], degrees: float) -> NDArray[np.float32]:
    return pinhole(focal_of_view(degrees, size[1]), size[1], size[0])


def metres(result: Any) -> float:
    assert np.ptp(result.depth_m) < 1e-3 * result.depth_m.mean()
    return float(np.median(result.depth_m))


@pytest.mark.parametrize(("size", "degrees", "short_side"), LENSES)
def test_ten_lenses_and_sizes_see_the_wall_where_it_stands(
    size: tuple[int, int], degrees: float, short_side: int
) -> None:
    camera = camera_of(size, degrees)
    predictor = Predictor(model(), device="cpu", short_side=short_side)
    frame = wall(camera, size)
    for said in (
        {"fov_deg": degrees},
        {"focal_px": float(camera[0, 0])},
        {"intrinsics": camera},
        {"intrinsics": [camera[0, 0], camera[1, 1], camera[0, 2], camera[1, 2]]},
    ):
        assert metres(predictor(frame, **said)) == pytest.approx(WALL_M, rel=5e-3)


@pytest.mark.parametrize("distance_m", [0.4, 3.0, 60.0])
def test_near_and_far_through_a_long_and_a_wide_lens(distance_m: float) -> None:
    for degrees in (15.0, 60.0, 100.0):
        camera = camera_of((120, 160), degrees)
        predictor = Predictor(model(), device="cpu", short_side=120)
        frame = wall(camera, (120, 160), distance_m=distance_m)
        assert metres(predictor(frame, fov_deg=degrees)) == pytest.approx(distance_m, rel=5e-3)


def test_a_crop_keeps_the_lens_of_its_pixels() -> None:
    size = (512, 640)
    whole = camera_of(size, 55.0)
    frame = wall(whole, size)
    predictor = Predictor(model(), device="cpu")
    for top, left, rows, columns in ((0, 0, 256, 320), (200, 120, 300, 300), (40, 30, 128, 500)):
        crop = frame[top : top + rows, left : left + columns]
        result = predictor(crop, focal_px=float(whole[0, 0]))
        assert metres(result) == pytest.approx(WALL_M, rel=5e-3)


def test_a_calibration_file_serves_frames_of_every_size(tmp_path: Path) -> None:
    camera = camera_of((512, 640), 48.0)
    facts = {"width": 640, "height": 512, "intrinsics": camera.astype(float).tolist()}
    (tmp_path / "rig.json").write_text(json.dumps({"thermal": facts}))
    lens = Lens.from_options(calibration=tmp_path / "rig.json")
    predictor = Predictor(model(), device="cpu", lens=lens)
    for size in ((512, 640), (256, 320), (1024, 1280)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = predictor(wall(camera_of(size, 48.0), size))
            predictor(wall(camera_of(size, 48.0), size))
        assert metres(result) == pytest.approx(WALL_M, rel=5e-3)
        assert [("taken as resized" in str(w.message)) for w in caught] == (
            [] if size == (512, 640) else [True]
        )
    with pytest.raises(SettingsError, match="another shape"):
        predictor(wall(camera_of((480, 640), 48.0), (480, 640)))


def test_frames_of_a_data_set_bring_their_lenses() -> None:
    samples = []
    for number, degrees in enumerate((25.0, 60.0, 95.0)):
        camera = camera_of((96, 128), degrees)
        samples.append(
            Sample(
                sample_id=str(number),
                thermal=wall(camera, (96, 128)),
                thermal_unit=ThermalUnit.KELVIN,
                intrinsics=camera,
            )
        )
    for depth_m, _ in Predictor(model(), device="cpu").maps_of(samples):
        np.testing.assert_allclose(depth_m, WALL_M, rtol=5e-3)
    # A lens that was given at loading is for frames without one.
    for depth_m, _ in Predictor(model(), device="cpu", lens=Lens.from_options(fov_deg=10)).maps_of(
        samples
    ):
        np.testing.assert_allclose(depth_m, WALL_M, rtol=5e-3)


class TestUnknownLens:
    def test_the_lens_of_the_training_is_taken_and_said_once(self) -> None:
        predictor = Predictor(model(), device="cpu")
        size = (96, 128)
        same, other = (wall(camera_of(size, degrees), size) for degrees in (60.0, 30.0))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert metres(predictor(same)) == pytest.approx(WALL_M, rel=5e-3)
            off = metres(predictor(other)) / WALL_M
        assert off == pytest.approx(np.tan(np.deg2rad(15)) / np.tan(np.deg2rad(30)), rel=5e-3)
        (warning,) = caught
        assert "the lens is not known: taken is the training's, 60 degrees" in str(warning.message)

    @pytest.mark.parametrize("size", [(96, 128), (512, 640), (640, 512)])
    def test_any_size_and_side_of_the_training_s_lens_gives_the_same_metres(
        self, size: tuple[int, int]
    ) -> None:
        f = focal_of_view(60.0, max(size))
        frame = wall(pinhole(f, size[1], size[0]), size)
        for short_side in (64, 96, 160):
            predictor = Predictor(model(), device="cpu", short_side=short_side)
            with pytest.warns(UserWarning, match="not known"):
                assert metres(predictor(frame)) == pytest.approx(WALL_M, rel=5e-3)

    def test_a_lens_that_was_given_is_not_warned_about(self) -> None:
        frame = wall(camera_of((96, 128), 70.0), (96, 128))
        predictor = Predictor(model(), device="cpu", lens=Lens.from_options(fov_deg=70))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert metres(predictor(frame)) == pytest.approx(WALL_M, rel=5e-3)
            assert metres(predictor(frame, fov_deg=70.0)) == pytest.approx(WALL_M, rel=5e-3)
            shorter = np.tan(np.deg2rad(35)) / np.tan(np.deg2rad(40))  # the call's own lens wins
            assert metres(predictor(frame, fov_deg=80.0)) == pytest.approx(
                WALL_M * shorter, rel=5e-3
            )


class TestModelsThatKnowNoLens:
    def test_a_lens_has_no_effect_to_the_bit_and_it_is_said_once(self) -> None:
        frame = wall(camera_of((96, 128), 60.0), (96, 128))
        predictor = Predictor(model(knows_lens=False), device="cpu")
        plain = predictor(frame)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for degrees in (20.0, 90.0):
                np.testing.assert_array_equal(
                    predictor(frame, fov_deg=degrees).depth_m, plain.depth_m
                )
        (warning,) = caught
        assert "the lens has no effect: this model is not told it" in str(warning.message)

    def test_the_lenses_of_a_data_set_are_nothing_to_warn_about(self) -> None:
        camera = camera_of((96, 128), 60.0)
        sample = Sample(
            sample_id="a",
            thermal=wall(camera, (96, 128)),
            thermal_unit=ThermalUnit.KELVIN,
            intrinsics=camera,
        )
        predictor = Predictor(model(knows_lens=False), device="cpu")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (maps,) = predictor.maps_of([sample])
        np.testing.assert_array_equal(maps[0], predictor(sample.thermal).depth_m)

    def test_a_model_that_ships_and_knows_no_lens_gives_the_numbers_that_it_gave(self) -> None:
        predictor = load("thermal-small", device="cpu")
        assert predictor.model.recipe.lens is None
        counts = np.random.default_rng(0).integers(3000, 5000, (96, 128), dtype=np.uint16)
        image = torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            plain = predictor.model.network(image)
            told = predictor.model.network(image, torch.tensor([77.0]))
        assert torch.equal(plain.log_depth, told.log_depth)
        with pytest.warns(UserWarning, match="has no effect"):
            given = predictor(counts, fov_deg=33.0)
        np.testing.assert_array_equal(given.depth_m, predictor(counts).depth_m)


# --- the command line and the page ---------------------------------------------------------------


@pytest.fixture
def lens_model(model_folder: Callable[..., Path]) -> Path:
    settings = ModelSettings(
        weights="none", decoder_width=16, depth_range_m=(2.0, 50.0), focal_px=CANONICAL_PX
    )
    lens = TrainingLens(focal_px=69.3, field_of_view_deg=60.0)
    return model_folder(model=settings, lens=lens)


def predict(source: Path, out: Path, model_path: Path, **said: Any) -> NDArray[np.float32]:
    predict_files(
        [str(source)],
        out,
        model=str(model_path),
        depth_format="npy",
        view=False,
        short_side=None,
        device="cpu",
        lens=LensOptions(**said),
    )
    depth_m: NDArray[np.float32] = np.load(out / f"{source.stem}_depth.npy")
    return depth_m


def test_predict_takes_the_lens_from_its_options(tmp_path: Path, lens_model: Path) -> None:
    counts = np.random.default_rng(0).integers(3000, 5000, (64, 80), dtype=np.uint16)
    frame, out = tmp_path / "frame.npy", tmp_path / "out"
    np.save(frame, counts)
    wide = predict(frame, out, lens_model, fov_deg=90.0)
    for said, ratio in (
        ({"focal_px": 80.0}, 2.0),
        ({"fov_deg": 60.0}, np.sqrt(3)),
    ):
        np.testing.assert_allclose(predict(frame, out, lens_model, **said), wide * ratio, rtol=1e-4)
    facts = {"width": 160, "height": 128, "intrinsics": [[120, 0, 80], [0, 120, 64], [0, 0, 1]]}
    (tmp_path / "rig.json").write_text(json.dumps({"thermal": facts}))
    with pytest.warns(UserWarning, match="taken as resized"):
        by_file = predict(frame, out, lens_model, calibration=tmp_path / "rig.json")
    np.testing.assert_allclose(by_file, wide * 1.5, rtol=1e-4)
    with pytest.warns(UserWarning, match="not known"):
        np.testing.assert_allclose(predict(frame, out, lens_model), wide * np.sqrt(3), rtol=1e-4)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"fov_deg": 200.0}, r"--fov: fov_deg 200"),
        ({"focal_px": -1.0}, r"--focal-px: focal_px -1"),
        ({"focal_px": 9.0, "fov_deg": 40.0}, r"--fov and --focal-px: one of them"),
        ({"cameras": ("cam0=thermal",)}, r"--camera: has no effect without --calibration"),
    ],
)
def test_options_that_cannot_be_are_refused_by_their_names(
    said: dict[str, Any], message: str, tmp_path: Path, lens_model: Path
) -> None:
    frame = tmp_path / "frame.npy"
    np.save(frame, np.full((64, 80), 4000, np.uint16))
    with pytest.raises(SettingsError, match=message):
        predict(frame, tmp_path / "out", lens_model, **said)


def test_loading_takes_every_way_to_say_a_lens(tmp_path: Path, lens_model: Path) -> None:
    counts = np.random.default_rng(0).integers(3000, 5000, (64, 80), dtype=np.uint16)
    facts = {"width": 80, "height": 64, "intrinsics": [[60, 0, 40], [0, 60, 32], [0, 0, 1]]}
    (tmp_path / "rig.json").write_text(json.dumps({"thermal": facts}))
    wanted = load(lens_model, device="cpu")(counts, focal_px=60.0).depth_m
    for said in (
        {"focal_px": 60.0},
        {"fov_deg": float(2 * np.rad2deg(np.arctan(40 / 60)))},
        {"intrinsics": facts["intrinsics"]},
        {"calibration": tmp_path / "rig.json"},
    ):
        given = load(lens_model, device="cpu", **said)(counts).depth_m
        np.testing.assert_allclose(given, wanted, rtol=1e-5)
    with pytest.raises(SettingsError, match="focal_px and fov_deg"):
        load(lens_model, focal_px=60.0, fov_deg=40.0)
