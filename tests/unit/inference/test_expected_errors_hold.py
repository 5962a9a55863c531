"""Expected errors on held-out scenes: the quantile by hand, and worlds whose errors are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError, OutputError, SettingsError, WeightsError
from thermodepth.inference import error_calibration
from thermodepth.inference.error_calibration import (
    HeldOutPixels,
    calibrate_error,
    conformal_quantile,
    fitted_factors,
    main,
    refuse_taught,
    write_calibrated,
)
from thermodepth.inference.predictor import Predictor
from thermodepth.model import LoadedModel, ModelSettings, load_model
from thermodepth.model import weights as weights_on_disk
from thermodepth.model.error_calibration import log_factors
from thermodepth.tensor_files import read_tensors
from thermodepth.types import ERROR_LEVELS, Sample, ThermalUnit

ModelFolder = Callable[..., Path]
KNOTS_M = (1.0, 3.0, 9.0, 27.0)
#: Of |x| with x normal: the shares .68 and .90 lie below these.
HALF_NORMAL = (0.99446, 1.64485)
WITH_HEAD = ModelSettings(
    weights="none", decoder_width=16, depth_range_m=(2.0, 50.0), relative_error=True
)


@dataclass(frozen=True)
class World:
    """Scenes whose ln error is normal of a spread that hangs on the predicted depth and on the scene."""

    pixels: HeldOutPixels
    off: NDArray[np.float64]  # [n] |ln D - ln D*|
    head: NDArray[np.float64]  # [levels n] what the head says of it
    by_range: NDArray[np.intp]  # [n]
    by_condition: NDArray[np.intp]  # [n]


def world(
    seed: int,
    *,
    scenes: int = 800,
    size: int = 40,
    said: Callable[[NDArray[np.float64]], NDArray[np.float64]] = np.ones_like,
) -> World:
    """`said(depth_m)`: the factor that the head is wrong by at a predicted depth."""
    random = np.random.default_rng(seed)
    count = scenes * size
    scene = np.repeat(np.arange(scenes), size)
    condition = np.arange(scenes) % 3
    depth_m = np.exp(random.uniform(0.0, math.log(30.0), count))
    spread = (0.04 + 0.08 * np.log(depth_m)) * (1.0 + condition[scene])
    # A part of the error is the scene's own: its pixels are wrong together.
    error = spread * (0.6 * random.normal(size=scenes)[scene] + 0.8 * random.normal(size=count))
    head = np.array(HALF_NORMAL)[:, None] * spread * said(depth_m)
    off = np.maximum(np.abs(error), 1e-6)
    true_m = depth_m * np.exp(-error)
    by_range = np.searchsorted([2.0, 5.0, 12.0], true_m)
    pixels = HeldOutPixels(
        score=np.log(off) - np.log(head),
        depth_m=depth_m,
        frame=scene,
        unit=np.arange(scenes),
        groups=(by_range, condition[scene]),
    )
    return World(pixels, off, head, by_range, condition[scene])


def coverage(of: World, factors: Sequence[Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    """[levels] by group: the share of the pixels, every frame of the same weight (they are of one size)."""
    depth_m = of.pixels.depth_m
    expected = [
        head * np.exp(log_factors(depth_m, KNOTS_M, tuple(row)))
        for head, row in zip(of.head, factors, strict=True)
    ]
    inside = of.off <= np.maximum.accumulate(expected)
    groups = {"all": np.ones(of.off.size, bool)}
    groups |= {f"range {n}": of.by_range == n for n in range(4)}
    groups |= {f"condition {n}": of.by_condition == n for n in range(3)}
    return {name: inside[:, mask].mean(axis=1) for name, mask in groups.items()}


def furthest(shares: dict[str, NDArray[np.float64]]) -> float:
    """From the levels."""
    return max(float(np.abs(share - ERROR_LEVELS).max()) for share in shares.values())


def test_the_conformal_quantile_is_the_order_statistic_of_the_textbook() -> None:
    for count in (9, 10, 37, 200):
        scores = np.random.default_rng(count).permutation(count).astype(float)
        weights = np.full(count, 1.0 / count)
        for level in ERROR_LEVELS:
            rank = math.ceil(round(level * (count + 1), 9))  # of 1..count
            assert conformal_quantile(scores, weights, level, units=count) == rank - 1


def test_a_large_scene_weighs_as_much_as_a_small_one() -> None:
    """Nine scenes of one pixel at 0 to 8, and a tenth of a thousand at 100: a tenth of the weight."""
    score = np.concatenate([np.arange(9.0), np.full(1000, 100.0)])
    frame = np.concatenate([np.arange(9), np.full(1000, 9)])
    pixels = HeldOutPixels(
        score=np.stack([score, score]),
        depth_m=np.full(score.size, 4.0),
        frame=frame,
        unit=np.arange(10),
        groups=(),
    )
    low, high = fitted_factors(pixels, (4.0,))
    assert math.log(low[0]) == pytest.approx(7.0)  # the 8th of 10: ceil(.68 x 11)
    assert math.log(high[0]) == pytest.approx(100.0)  # the 10th: ceil(.9 x 11)


def test_a_head_that_is_right_is_left_alone() -> None:
    factors = fitted_factors(world(0).pixels, KNOTS_M)
    np.testing.assert_allclose(factors, 1.0, atol=0.2)
    assert furthest(coverage(world(1), factors)) < 0.04


@pytest.mark.parametrize(
    ("said", "least"),
    [
        (lambda depth_m: np.full_like(depth_m, 0.5), 0.25),  # half of what it is
        (lambda depth_m: np.full_like(depth_m, 3.0), 0.09),
        (lambda depth_m: 2.0 * depth_m**-0.6, 0.25),  # too large near by, too small far away
    ],
)
def test_a_head_that_is_wrong_is_mended_by_range_and_condition(
    said: Callable[[NDArray[np.float64]], NDArray[np.float64]], least: float
) -> None:
    ones = np.ones((2, len(KNOTS_M)))
    fresh = world(3, said=said)
    assert furthest(coverage(fresh, ones)) > least
    factors = fitted_factors(world(2, said=said).pixels, KNOTS_M)
    assert furthest(coverage(fresh, factors)) < 0.04


def test_one_factor_for_all_depths_would_not_have_mended_it() -> None:
    """What the knots are for: the share is right as a whole, and wrong near by and far away."""

    def said(depth_m: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 * depth_m**-0.6

    (low,), (high,) = fitted_factors(world(2, said=said).pixels, (4.0,))
    one = [[factor] * len(KNOTS_M) for factor in (low, high)]
    shares = coverage(world(3, said=said), one)
    assert np.abs(shares["all"] - ERROR_LEVELS).max() < 0.04
    assert furthest(shares) > 0.15


def test_few_scenes_cover_what_is_promised_on_the_mean_over_many_draws() -> None:
    """Of 12 scenes: one draw is off by much, but on average at least the level is covered."""
    shares = []
    for seed in range(60):
        factors = fitted_factors(world(1000 + seed, scenes=12, size=30).pixels, (4.0,))
        one = [[row[0]] * len(KNOTS_M) for row in factors]
        shares.append(coverage(world(2000 + seed, scenes=60, size=30), one)["all"])
    mean, error = np.mean(shares, axis=0), np.std(shares, axis=0) / math.sqrt(60)
    assert (mean + 3 * error > ERROR_LEVELS).all()
    assert (mean < np.array(ERROR_LEVELS) + 0.1).all()


def test_levels_that_cross_are_calibrated_as_they_are_handed_out() -> None:
    """A head whose 68 % is four times too large: what lies inside it lies inside the 90 % as well."""

    def crossed(seed: int) -> World:
        right = world(seed)
        head = np.maximum.accumulate(right.head * np.array([[4.0], [1.0]]))
        score = np.log(right.off) - np.log(head)
        return replace(right, head=head, pixels=replace(right.pixels, score=score))

    factors = fitted_factors(crossed(4).pixels, KNOTS_M)
    assert furthest(coverage(crossed(5), factors)) < 0.04


# --- of a model and a data set --------------------------------------------------------------------


class Rooms:
    """Frames of noise, and depths of one distribution that has nothing to do with it."""

    noise_is_drawn = False

    def __init__(self, count: int, *, seed: int = 0, scenes: int = 0, truth: bool = True) -> None:
        self.sample_ids = [f"r{number}" for number in range(count)]
        self._seed, self._scenes, self._truth = seed, scenes, truth

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw, with_rgb
        random = np.random.default_rng([self._seed, index])
        depth_m = 11.0 * np.exp(random.normal(0, 0.4, (64, 80)))
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=random.integers(7000, 7400, (64, 80)).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.full((3, 3), np.nan, np.float32),
            depth_m=depth_m.astype(np.float32) if self._truth else None,
            sequence=f"s{index % self._scenes}" if self._scenes else "",
            condition="day" if index % 2 else "night",
        )

    def fingerprint(self) -> str:
        return f"rooms-{self._seed}-{len(self.sample_ids)}"


def rooms(**splits: Rooms) -> Dataset:
    return Dataset(
        name="folder",
        spec="folder:rooms.yaml",
        splits=splits,
        protocol="range:2-50",
        depth_range_m=(2.0, 50.0),
        training_size=(64, 80),
        licence="",
        note="",
    )


@pytest.fixture
def model(model_folder: ModelFolder) -> LoadedModel:
    return load_model(model_folder(model=WITH_HEAD))


def test_an_untrained_head_covers_other_scenes_of_the_same_kind_once_it_is_calibrated(
    model: LoadedModel,
) -> None:
    dataset = rooms(val=Rooms(40), test=Rooms(30, seed=1))
    calibration = calibrate_error(model, dataset, "val", device="cpu")
    assert (calibration.unit, calibration.units, calibration.frames) == ("scenes", 40, 40)
    assert (calibration.data, calibration.split) == ("folder", "val")
    recipe = model.recipe.model_copy(update={"error_calibration": calibration})
    predictor = Predictor(replace(model, recipe=recipe), device="cpu")
    shares = []
    for index in range(30):
        sample = dataset.split("test").read(index)
        assert sample.depth_m is not None
        ((depth_m, _, relative),) = predictor.maps_of([sample])
        ratio = np.maximum(depth_m / sample.depth_m, sample.depth_m / depth_m)
        scored = (sample.depth_m > 2) & (sample.depth_m < 50)
        shares.append([(ratio <= 1 + level)[scored].mean() for level in relative])
    of_40 = np.array(ERROR_LEVELS) * (1 + 1 / 40)  # what the promise for a new scene costs
    np.testing.assert_allclose(np.mean(shares, axis=0), of_40, atol=0.02)


def test_a_calibration_that_is_there_already_changes_nothing(model: LoadedModel) -> None:
    dataset = rooms(val=Rooms(12))
    first = calibrate_error(model, dataset, "val", device="cpu")
    recipe = model.recipe.model_copy(update={"error_calibration": first})
    again = calibrate_error(replace(model, recipe=recipe), dataset, "val", device="cpu")
    assert again == first


def test_frames_of_few_scenes_are_taken_one_by_one_with_a_warning(model: LoadedModel) -> None:
    with pytest.warns(UserWarning, match="12 frames of 3 scenes. With fewer than 9 scenes frames"):
        calibration = calibrate_error(model, rooms(val=Rooms(12, scenes=3)), "val", device="cpu")
    assert (calibration.unit, calibration.units) == ("frames", 12)
    several = calibrate_error(model, rooms(val=Rooms(20, scenes=10)), "val", device="cpu")
    assert (several.unit, several.units, several.frames) == ("scenes", 10, 20)


def test_what_cannot_be_calibrated_is_refused(
    model: LoadedModel, model_folder: ModelFolder
) -> None:
    with pytest.raises(DataError, match=r"split 'val': 8 frames with truth .* on 9 or more"):
        calibrate_error(model, rooms(val=Rooms(8)), "val", device="cpu")
    with pytest.raises(DataError, match="0 frames with truth between 2 and 50 m"):
        calibrate_error(model, rooms(val=Rooms(12, truth=False)), "val", device="cpu")
    with pytest.raises(DataError, match="unknown split 'vall'"):
        calibrate_error(model, rooms(val=Rooms(12)), "vall", device="cpu")
    plain = load_model(model_folder())
    with pytest.raises(WeightsError, match="has no head for the relative error"):
        calibrate_error(plain, rooms(val=Rooms(12)), "val", device="cpu")


def test_frames_that_taught_the_model_are_refused(model: LoadedModel) -> None:
    dataset = rooms(train=Rooms(12), val=Rooms(12, seed=1))
    recipe = model.recipe.edit({"history": {"data_fingerprint": dataset.fingerprint()}})
    taught = replace(model, recipe=recipe)
    with pytest.raises(SettingsError, match="has learnt from these frames"):
        refuse_taught(taught, dataset, "train")
    refuse_taught(taught, dataset, "val")
    refuse_taught(taught, rooms(train=Rooms(13)), "train")  # of another data set


def test_the_new_folder_is_whole_or_not_there(
    model_folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = model_folder(model=WITH_HEAD)
    calibration = calibrate_error(load_model(source), rooms(val=Rooms(12)), "val", device="cpu")
    target = tmp_path / "new" / "model"
    write_calibrated(source, target, calibration)
    new = load_model(target)
    assert new.recipe.error_calibration == calibration
    old = load_model(source)
    assert old.recipe.error_calibration is None
    weights = [read_tensors(f / "weights.safetensors", remedy="")[0] for f in (source, target)]
    assert all((weights[0][key] == weights[1][key]).all() for key in weights[0])
    with pytest.raises(SettingsError, match="is there already"):
        write_calibrated(source, target, calibration)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights_on_disk, "write_recipe", full)
    with pytest.raises(OutputError, match=r"other: cannot be written"):
        write_calibrated(source, tmp_path / "new" / "other", calibration)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model"]


def test_the_command(
    model_folder: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, target = model_folder(model=WITH_HEAD), tmp_path / "new"
    dataset = rooms(val=Rooms(12), test=Rooms(10, seed=1))
    monkeypatch.setattr(error_calibration, "open_dataset", lambda _: dataset)
    assert main([str(source), "folder:rooms.yaml", str(target), "test"]) == 0
    assert "calibrated on 10 scenes (folder:rooms.yaml, test)" in capsys.readouterr().out
    assert Predictor(load_model(target), device="cpu").tells_relative_error
    assert main([str(source), "folder:rooms.yaml", str(target)]) == 2
    assert "error: " in capsys.readouterr().err
    assert main([]) == 2
    assert main([str(tmp_path / "nothing"), "folder:rooms.yaml", str(tmp_path / "x")]) == 2
    assert not (tmp_path / "x").exists()
