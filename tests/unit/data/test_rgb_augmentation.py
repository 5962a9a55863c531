"""Each part does what its name says, within its bounds, and nothing at all where it is off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.data.rgb_augmentation import PARTS, RgbAugmentationSettings, vary_rgb
from thermodepth.data.transform import AugmentationSettings, augment

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def varied(part: str, seed: int = 0, picture: Any = PICTURE, **changes: float) -> NDArray[Any]:
    settings = RgbAugmentationSettings.parse({f"{part}_probability": 1.0, **changes})
    return vary_rgb(picture, settings, np.random.default_rng(seed))


def test_off_is_the_default_and_changes_no_byte(make_sample: Any) -> None:
    assert not RgbAugmentationSettings().is_on
    same = vary_rgb(PICTURE, RgbAugmentationSettings(), np.random.default_rng(0))
    np.testing.assert_array_equal(same, PICTURE)
    sample = make_sample((24, 32), rgb=PICTURE)
    grey = AugmentationSettings.parse({"rgb": {"grey_probability": 1.0}})
    plain, varied_sample = (
        augment(sample, recipe, (24, 32), np.random.default_rng(3))
        for recipe in (AugmentationSettings(), grey)
    )
    np.testing.assert_array_equal(plain.thermal, varied_sample.thermal)
    assert not np.array_equal(plain.rgb, varied_sample.rgb)
    assert np.ptp(varied_sample.rgb, axis=2).max() == 0


@pytest.mark.parametrize("part", PARTS)
def test_a_part_changes_the_picture_and_only_by_its_own_stream(part: str) -> None:
    once = varied(part)
    assert not np.array_equal(once, PICTURE)
    np.testing.assert_array_equal(varied(part), once)
    # Another part that is never drawn leaves this one's draws alone.
    other = next(name for name in PARTS if name != part)
    np.testing.assert_array_equal(varied(part, **{f"{other}_probability": 0.0}), once)


def test_inverting_twice_is_nothing_and_mixing_keeps_grey() -> None:
    np.testing.assert_array_equal(varied("invert", picture=varied("invert")), PICTURE)
    grey = np.repeat(PICTURE[..., :1], 3, axis=2)
    for seed in range(8):
        np.testing.assert_allclose(varied("mix", seed, grey).astype(int), grey, atol=1)


def test_blur_and_noise_stay_within_their_strength() -> None:
    for seed in range(8):
        rough = np.abs(np.diff(PICTURE.astype(float), axis=1)).mean()
        assert np.abs(np.diff(varied("blur", seed).astype(float), axis=1)).mean() <= rough
        flat = np.full((64, 64, 3), 128, np.uint8)
        assert varied("noise", seed, flat, noise_strength=0.05).std() <= 255 * 0.05 * 1.1
