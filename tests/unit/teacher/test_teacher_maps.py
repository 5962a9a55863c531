"""Sign and floor of labels, the truth teacher, the built-in teacher's preparation, agreement, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from thermodepth.errors import SettingsError, TeacherError
from thermodepth.teacher import (
    TeacherSettings,
    TruthTeacher,
    agreement,
    open_teacher,
    to_affine_inverse,
)
from thermodepth.teacher.rgb_small import RgbSmallTeacher, TrainedNetwork, scaled_size
from thermodepth.types import Geometry, Sample


def test_larger_is_nearer_whatever_the_teacher_gave() -> None:
    near_to_far = np.array([[1.0, 2.0, 4.0]], np.float32)
    for geometry in Geometry:
        map_values = 1 / near_to_far if geometry is Geometry.AFFINE_INVERSE else near_to_far
        label = to_affine_inverse(map_values, geometry)
        assert label.dtype == np.float32
        assert (np.diff(label) < 0).all(), geometry
    np.testing.assert_allclose(
        to_affine_inverse(near_to_far, Geometry.METRIC_DEPTH), 1 / near_to_far
    )


def test_values_that_are_no_distance_become_nan_and_tiny_ones_meet_the_floor() -> None:
    odd = np.array([[0.0, -1.0, np.nan, np.inf, -np.inf, 1e-6, 2.0]], np.float32)
    nan = np.nan
    for geometry, expected in {
        Geometry.AFFINE_INVERSE: [0, -1, nan, nan, nan, 1e-6, 2],
        Geometry.METRIC_DEPTH: [nan, nan, nan, nan, nan, 10, 0.5],  # floor 0.1 m
        Geometry.SCALE_DEPTH: [nan, nan, nan, nan, nan, 100, 0.5],  # a hundredth of the median
        Geometry.AFFINE_DEPTH: [100, 100, nan, nan, nan, 100, 0.5],
    }.items():
        np.testing.assert_allclose(to_affine_inverse(odd, geometry)[0], expected, rtol=2e-6)
    assert np.isnan(to_affine_inverse(np.full((2, 2), np.nan), Geometry.SCALE_DEPTH)).all()
    assert np.isfinite(odd[0, 0]), "the given map is left alone"


def test_truth_is_the_depth_itself(sample_of: Callable[..., Sample]) -> None:
    depth = np.array([[1, 0, -2, np.nan, np.inf, 50]] * 8, np.float32)
    sample = sample_of("a", (8, 6), rgb=None, depth_m=depth)
    (values,) = TruthTeacher().label([sample])
    np.testing.assert_array_equal(values[0], [1, np.nan, np.nan, np.nan, np.nan, 50])
    assert depth[0, 2] == -2
    with pytest.raises(TeacherError, match="frame b has no ground-truth depth"):
        TruthTeacher().label([sample, sample_of("b", depth_m=None)])


def brightness(image: torch.Tensor) -> torch.Tensor:
    return image.mean(1)


@pytest.mark.parametrize("size", [(96, 128), (256, 640), (480, 640), (512, 640), (60, 33), (8, 90)])
def test_rgb_small_keeps_the_aspect_and_brings_the_map_home(
    size: tuple[int, int], sample_of: Callable[..., Sample]
) -> None:
    shapes: list[tuple[int, ...]] = []

    def network(image: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(image.shape))
        return brightness(image)

    sample = sample_of("a", size)
    (values,) = RgbSmallTeacher(network, "0", 96).label([sample])
    assert values.shape == size
    rows, columns = shapes[0][-2:]
    assert rows % 32 == 0
    assert columns % 32 == 0
    inner = scaled_size(size, 96)
    assert min(inner) == 96
    assert inner[1] / inner[0] == pytest.approx(size[1] / size[0], rel=0.03)
    # The picture is smooth, so brightness must come back where it was.
    assert sample.rgb is not None
    assert np.abs(values - sample.rgb.mean(2) / 255).max() < 0.05


def test_rgb_small_upsamples_a_coarse_network_and_ignores_batching(
    sample_of: Callable[..., Sample],
) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.Conv2d(4, 1, 3, padding=1),
        torch.nn.Flatten(1, 2),
    )
    network.train()
    samples = [sample_of(str(i), (50, 70), seed=i) for i in range(5)]
    together = RgbSmallTeacher(network, "0", 96, batch_size=4).label(samples)
    assert not network.training
    for sample, values in zip(samples, together, strict=True):
        alone = RgbSmallTeacher(network, "0", 96).label([sample])[0]
        np.testing.assert_allclose(alone, values, atol=1e-4)


def test_rgb_small_fingerprint() -> None:
    def fingerprint_with(weights: str = "w", size: int = 96, batch: int = 8) -> str:
        return RgbSmallTeacher(brightness, weights, size, batch_size=batch).fingerprint()

    assert fingerprint_with() == fingerprint_with(batch=2)
    assert len({fingerprint_with(), fingerprint_with(weights="v"), fingerprint_with(size=128)}) == 3
    with pytest.raises(TeacherError, match="multiple of 32"):
        fingerprint_with(size=100)


def test_opening_rgb_small(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    def loader(folder: Path) -> TrainedNetwork:
        assert folder == tmp_path / "weights"
        return TrainedNetwork(brightness, 150)

    settings = TeacherSettings(model=str(tmp_path / "weights"), input_size=64)
    with pytest.raises(TeacherError, match="network_loader"):
        open_teacher(settings)
    with pytest.raises(TeacherError, match="no such folder"):
        open_teacher(settings, network_loader=loader)
    (tmp_path / "weights").mkdir()
    with pytest.raises(TeacherError, match=r"no \.safetensors file"):
        open_teacher(settings, network_loader=loader)
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"one")
    first = open_teacher(settings, network_loader=loader)
    assert first.label([sample_of()])[0].shape == (48, 64)
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"two")
    assert open_teacher(settings, network_loader=loader).fingerprint() != first.fingerprint()
    # Where nobody says a size, it is the largest that the network knows.
    largest = settings.edit({"input_size": None})
    assert "short side 128 px" in open_teacher(largest, network_loader=loader).description


def test_settings_are_checked_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="did you mean 'transformers'"):
        TeacherSettings.parse({"kind": "transformer"})
    with pytest.raises(SettingsError, match="needs model"):
        TeacherSettings.parse({"kind": "transformers"})
    with pytest.raises(SettingsError, match="input_size"):
        TeacherSettings.parse({"input_size": 5})
    settings = TeacherSettings()
    assert settings.edit({"runtime.batch_size": 9}).fingerprint() == settings.fingerprint()
    assert settings.edit({"input_size": 128}).fingerprint() != settings.fingerprint()
    with pytest.warns(UserWarning, match="'truth': input_size has no effect"):
        open_teacher(TeacherSettings(kind="truth", input_size=64))


def test_agreement_sees_through_factor_and_offset_but_not_through_a_wrong_sign() -> None:
    depth = np.linspace(2, 50, 300, dtype=np.float32).reshape(15, 20)
    perfect = agreement(7 / depth - 3, depth)
    assert perfect.abs_rel < 1e-5
    assert perfect.correlation == pytest.approx(1)
    assert perfect.pixels == 300
    wrong = agreement(-1 / depth, depth)
    flat = agreement(np.full_like(depth, 0.3), depth)
    assert wrong.correlation == pytest.approx(-1)
    assert wrong.abs_rel == pytest.approx(flat.abs_rel)
    assert flat.abs_rel > 0.5
    assert flat.correlation == 0
    as_depth = agreement(depth, depth)
    assert as_depth.correlation < 0
    holes = depth.copy()
    holes[:5] = np.nan
    label = 1 / depth
    label[5:7] = np.nan
    assert agreement(label, holes).pixels == 8 * 20
    assert np.isnan(agreement(label * np.nan, depth).abs_rel)


def test_agreement_by_hand() -> None:
    # inverse depth 1, .5; label 1, 0 fits exactly; with a third pixel it cannot
    depth = np.array([[1.0, 2.0, 2.0]])
    label = np.array([[2.0, 1.0, 0.0]])
    # least squares: slope cov/var = .25, mean 2/3, so fitted 11/12, 2/3, 5/12 -> held above 1/2
    expected = np.mean([abs(12 / 11 - 1), abs(1.5 - 2) / 2, 0])
    assert agreement(label, depth).abs_rel == pytest.approx(expected)
