"""Batches are a function of (seed, position): no history, no worker and no rank changes a sample."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from thermodepth.data.loader import (
    BatchStream,
    DataSettings,
    batches,
    collate,
    network_input,
    with_label,
)
from thermodepth.data.mm5 import open_mm5
from thermodepth.errors import DataError, SettingsError
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import Batch, Geometry, Sample, ThermalUnit

SIZE = (10, 14)


class Toy:
    """Frames of 12 x 16 whose sensor noise depends on the draw."""

    noise_is_drawn = True

    def __init__(self, count: int = 7) -> None:
        self.sample_ids = [f"toy-{i}" for i in range(count)]
        self.requests: list[tuple[int, int, bool]] = []

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        self.requests.append((index, draw, with_rgb))
        scene = np.random.default_rng([1, index])
        depth_m = scene.uniform(1, 30, (12, 16)).astype(np.float32)
        depth_m[:, 0] = np.nan
        rgb = scene.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        noise = np.random.default_rng([2, index, draw])
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=noise.integers(7000, 8000, (12, 16), dtype=np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.array([[15, 0, 8], [0, 15, 6], [0, 0, 1]], np.float32),
            depth_m=depth_m,
            rgb=rgb if with_rgb else None,
        )

    def fingerprint(self) -> str:
        return "toy"


def label_of(sample_id: str) -> NDArray[np.float32]:
    values = np.full((12, 16), float(sample_id[-1]), np.float32)
    values[0] = np.nan
    return values


def settings(**changes: Any) -> DataSettings:
    tree = {"batch_size": 4, "min_truth_m": 0.5, "max_truth_m": 20.0, **changes}
    return DataSettings.parse(tree)


def stream(frames: Any = None, *, seed: int = 0, **changes: Any) -> BatchStream:
    options: dict[str, Any] = {"size": SIZE, "label_of": None, **changes}
    recipe = options.pop("settings", settings())
    return BatchStream(frames or Toy(), recipe, seed=seed, **options)


def assert_same_sample(one: Sample, two: Sample) -> None:
    assert one.sample_id == two.sample_id
    for name in ("thermal", "depth_m", "intrinsics"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def assert_same_batch(one: Batch, two: Batch) -> None:
    assert one.sample_ids == two.sample_ids
    for field in fields(Batch):
        if field.name != "sample_ids":
            assert torch.equal(getattr(one, field.name), getattr(two, field.name)), field.name


class TestPositions:
    def test_a_sample_depends_on_seed_and_position_alone(self) -> None:
        forwards, backwards = stream(), stream()
        read = [forwards.sample(k) for k in range(30)]
        for k in reversed(range(30)):
            assert_same_sample(backwards.sample(k), read[k])
        assert_same_sample(forwards.sample(3), read[3])

    def test_every_frame_stands_exactly_once_in_an_epoch(self) -> None:
        frames = Toy(7)
        ids = [stream(frames).sample(k).sample_id for k in range(7 * 5)]
        epochs = [ids[7 * e : 7 * e + 7] for e in range(5)]
        assert all(sorted(epoch) == frames.sample_ids for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) == 5  # each in an order of its own

    def test_an_epoch_may_end_inside_a_batch(self) -> None:
        toy = stream(Toy(7), settings=settings(batch_size=5))
        ids = [i for step in range(7) for i in toy.batch(step).sample_ids]
        assert ids == [toy.sample(k).sample_id for k in range(35)]

    def test_a_batch_may_be_larger_than_the_split(self) -> None:
        assert stream(Toy(2)).batch(0).image.shape == (4, 1, *SIZE)

    def test_another_epoch_brings_another_view_of_a_frame(self) -> None:
        toy = stream(Toy(1))
        one, two = toy.sample(0), toy.sample(1)
        assert not np.array_equal(one.thermal, two.thermal)
        assert not np.array_equal(one.depth_m, two.depth_m, equal_nan=True)

    def test_seeds_differ_in_order_and_in_augmentation(self) -> None:
        ids = [tuple(stream(seed=s).sample(k).sample_id for k in range(14)) for s in range(5)]
        assert len(set(ids)) == 5
        one, two = (stream(Toy(1), seed=s).sample(0) for s in (0, 1))
        assert not np.array_equal(one.depth_m, two.depth_m, equal_nan=True)

    def test_noise_of_training_is_fresh_and_never_the_standing_one(self) -> None:
        frames = Toy(3)
        toy = stream(frames)
        for k in range(9):
            toy.sample(k)
        draws = [draw for _, draw, _ in frames.requests]
        assert len(set(draws)) == 9
        assert min(draws) > 10_000  # 0 stands for evaluation

    def test_rgb_is_decoded_only_where_it_is_looked_at(self) -> None:
        frames = Toy()
        stream(frames).sample(0)
        stream(frames, settings=settings(modality="rgb")).sample(0)
        assert [with_rgb for *_, with_rgb in frames.requests] == [False, True]

    def test_no_frames(self) -> None:
        with pytest.raises(DataError, match="the training split holds no frames"):
            BatchStream(Toy(0), settings(), size=SIZE, seed=0, label_of=None)


class TestRanks:
    @pytest.mark.parametrize("processes", [1, 2, 4])
    def test_processes_share_a_batch_without_gap_or_overlap(self, processes: int) -> None:
        whole = stream().batch(3)
        parts = [stream(rank=rank, processes=processes).batch(3) for rank in range(processes)]
        assert {len(part.sample_ids) for part in parts} == {4 // processes}
        for rank, part in enumerate(parts):
            assert part.sample_ids == whole.sample_ids[rank::processes]
            assert torch.equal(part.image, whole.image[rank::processes])

    def test_steps_follow_each_other(self) -> None:
        toy = stream(rank=1, processes=2)
        assert [list(toy.positions(step)) for step in (0, 1)] == [[1, 3], [5, 7]]

    def test_a_batch_that_cannot_be_shared_evenly_is_refused(self) -> None:
        with pytest.raises(SettingsError, match=r"batch_size=4: not a multiple of the 3 processes"):
            stream(rank=0, processes=3)


class TestDigest:
    def test_it_names_which_frame_stands_where(self) -> None:
        toy = stream()
        assert toy.digest(5) == stream().digest(5)
        others = {
            "seed": stream(seed=1),
            "size": stream(size=(8, 8)),
            "frames": stream(Toy(8)),
            "batch": stream(settings=settings(batch_size=5)),
        }
        digests = {toy.digest(5), toy.digest(6), *(other.digest(5) for other in others.values())}
        assert len(digests) == 6

    def test_arms_that_vary_a_normaliser_stay_paired(self) -> None:
        other = settings(normaliser={"name": "min_max"}, augmentation={"zoom": 1.0})
        assert stream(settings=other).digest(5) == stream().digest(5)

    def test_it_reads_nothing(self) -> None:
        frames = Toy()
        stream(frames).digest(50)
        assert frames.requests == []


class TestCollate:
    def test_shapes_and_types(self) -> None:
        batch = stream(label_of=label_of).batch(0)
        names = [f.name for f in fields(Batch) if f.name != "sample_ids"]
        shapes = {name: tuple(getattr(batch, name).shape) for name in names}
        assert shapes == {
            "image": (4, 1, *SIZE),
            "depth_m": (4, *SIZE),
            "depth_valid": (4, *SIZE),
            "label": (4, *SIZE),
            "label_valid": (4, *SIZE),
            "intrinsics": (4, 3, 3),
            "sky": (4, *SIZE),
            "sky_valid": (4, *SIZE),
        }
        assert batch.image.dtype == batch.depth_m.dtype == batch.label.dtype == torch.float32
        assert batch.depth_valid.dtype == batch.label_valid.dtype == torch.bool

    def test_no_nan_ever_reaches_a_tensor(self, make_sample) -> None:
        depth_m = np.array([[np.nan, 5, np.inf, -np.inf]], np.float32)
        sample = make_sample((1, 4), depth_m=depth_m, label=depth_m[:, ::-1].copy())
        batch = collate([sample], settings())
        assert batch.depth_m.tolist() == [[[0, 5, 0, 0]]]
        assert batch.depth_valid.tolist() == [[[False, True, False, False]]]
        assert batch.label.tolist() == [[[0, 0, 5, 0]]]
        assert batch.label_valid.tolist() == [[[False, False, True, False]]]
        assert torch.isfinite(batch.image).all()

    def test_truth_outside_its_range_and_on_its_limits_is_no_truth(self, make_sample) -> None:
        """As protocols score it: a sensor that saturates writes its limit."""
        depth_m = np.array([[0.4, 0.5, 0.501, 19.99, 20, 20.01]], np.float32)
        batch = collate([make_sample((1, 6), depth_m=depth_m, label=depth_m)], settings())
        assert batch.depth_valid.tolist() == [[[False, False, True, True, False, False]]]
        assert batch.depth_m[~batch.depth_valid].eq(0).all()
        assert batch.label_valid.all()  # a label has no metres

    def test_a_frame_without_truth_or_label_is_all_mask(self, make_sample) -> None:
        batch = collate([make_sample(depth_m=None, label=None)], settings())
        assert not batch.depth_valid.any()
        assert not batch.label_valid.any()
        assert batch.depth_m.eq(0).all()
        assert batch.label.eq(0).all()

    def test_truth_is_cut_after_the_zoom_moved_it(self) -> None:
        """A crop that reads 21 m as 19 m brings that pixel into the range, and is trained on."""
        toy = stream(Toy(1), settings=settings(augmentation={"zoom": 2.0}))
        batch = toy.batch(0)
        sample = toy.sample(0)
        expected = np.isfinite(sample.depth_m) & (sample.depth_m > 0.5) & (sample.depth_m < 20)
        np.testing.assert_array_equal(batch.depth_valid[0].numpy(), expected)
        native = Toy(1).read(0).depth_m
        assert np.nanmax(sample.depth_m) < np.nanmax(native)

    def test_a_batch_is_a_copy_of_its_samples(self, make_sample) -> None:
        sample = make_sample()
        batch = collate([sample], settings())
        for name in ("depth_m", "label", "intrinsics", "image"):
            getattr(batch, name).fill_(99)
        again = make_sample()
        np.testing.assert_array_equal(sample.depth_m, again.depth_m)
        np.testing.assert_array_equal(sample.intrinsics, again.intrinsics)

    def test_a_range_that_holds_no_truth_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="min_truth_m 30 must be below max_truth_m 20"):
            settings(min_truth_m=30.0)


class TestNetworkInput:
    def test_rgb_is_channels_first_between_0_and_1(self, make_sample) -> None:
        rgb = np.zeros((2, 2, 3), np.uint8)
        rgb[0, 1] = (255, 51, 0)
        image = network_input(make_sample((2, 2), rgb=rgb), "rgb", NormaliserSettings())
        assert image.shape == (3, 2, 2)
        assert image.dtype == np.float32
        np.testing.assert_allclose(image[:, 0, 1], [1, 0.2, 0], atol=1e-6)
        assert image.sum() == pytest.approx(1.2)

    def test_a_frame_without_rgb_is_named(self, make_sample) -> None:
        sample = make_sample(rgb=None, sample_id="mm5-0012")
        with pytest.raises(DataError, match="mm5-0012: no RGB image"):
            collate([sample], settings(modality="rgb"))

    def test_thermal_goes_through_the_recipe(self, make_sample) -> None:
        sample = make_sample((1, 2), thermal=np.array([[0, 8192]], np.uint16), depth_m=None)
        recipe = NormaliserSettings(name="fixed_range", range_low=0, range_high=16384)
        image = network_input(sample, "thermal", recipe)
        np.testing.assert_allclose(image, [[[0, 0.5]]])


class TestLabels:
    def test_a_label_goes_with_its_own_frame_and_its_holes_are_masked(self) -> None:
        toy = stream(label_of=label_of)
        batch = toy.batch(0)
        for i, sample_id in enumerate(batch.sample_ids):
            values = batch.label[i][batch.label_valid[i]]
            assert values.unique().tolist() == [float(sample_id[-1])]
        assert not batch.label_valid.all()
        assert toy.sample(0).label_geometry is Geometry.AFFINE_INVERSE

    def test_a_label_of_another_size_is_refused_with_the_remedy(self, make_sample) -> None:
        with pytest.raises(DataError, match=r"its label is 5x4, the frame 16x12; delete the label"):
            with_label(make_sample((12, 16)), np.zeros((4, 5), np.float32))


class TestBatches:
    def test_in_this_process(self) -> None:
        toy = stream()
        read = list(batches(toy, range(2, 5), workers=0))
        assert len(read) == 3
        for step, batch in zip(range(2, 5), read, strict=True):
            assert_same_batch(batch, stream().batch(step))

    def test_workers_change_neither_batches_nor_randomness_nor_errors(self, write_mm5) -> None:
        root: Path = write_mm5(range(107, 115))
        frames = open_mm5(root).split("train")
        recipe = settings(min_truth_m=0.2, max_truth_m=3.0)
        toy = stream(frames, settings=recipe, label_of=label_of)
        expected = [toy.batch(step) for step in range(2)]
        broken = toy.batch(2).sample_ids[1]
        later = {i for step in range(2) for i in expected[step].sample_ids}
        assert broken in later  # the second epoch: it was whole when it was read before
        state = torch.get_rng_state()
        arriving = batches(toy, range(3), workers=1)
        assert_same_batch(next(arriving), expected[0])
        assert_same_batch(next(arriving), expected[1])
        next(arriving)
        assert torch.equal(torch.get_rng_state(), state)
        with pytest.raises(StopIteration):
            next(arriving)

        depth = root / "Depth" / f"{int(broken[-4:])}.png"
        depth.write_bytes(depth.read_bytes()[:60])
        with pytest.raises(DataError) as main_error:
            toy.batch(2)
        with pytest.raises(DataError) as worker_error:
            list(batches(toy, range(2, 3), workers=1))
        assert str(worker_error.value) == str(main_error.value)
        assert f"{depth}: damaged or truncated" in str(worker_error.value)


class TestSizes:
    RECIPE = settings(augmentation={"size_least": 0.5, "size_most": 2.0})

    def test_a_step_has_one_size_and_steps_have_many(self) -> None:
        sized = stream(settings=self.RECIPE, size=(64, 96))
        sizes = {tuple(sized.batch(step).depth_m.shape[1:]) for step in range(24)}
        assert len(sizes) > 4
        assert all(rows % 32 == 0 and columns % 32 == 0 for rows, columns in sizes)
        assert all(32 <= rows <= 128 and 32 <= columns <= 192 for rows, columns in sizes)

    def test_the_lens_follows_the_size(self) -> None:
        still = settings(augmentation={"size_least": 0.5, "size_most": 2.0, "zoom": 1.0})
        sized = stream(settings=still, size=(96, 128), knows_lens=True)
        for step in range(6):
            batch = sized.batch(step)
            rows, columns = batch.depth_m.shape[1:]
            expected = torch.tensor([15 * (rows / 12 * columns / 16) ** 0.5] * 4)
            torch.testing.assert_close(batch.focal_px, expected)

    def test_the_size_depends_on_seed_and_step_alone(self) -> None:
        one, two = (stream(settings=self.RECIPE, size=(64, 96)) for _ in range(2))
        two.batch(5)
        assert [one.size_at(4 * k) for k in range(9)] == [two.size_at(4 * k) for k in range(9)]
        shared = [
            stream(settings=self.RECIPE, size=(64, 96), rank=rank, processes=2) for rank in (0, 1)
        ]
        for step in range(5):
            rows = {tuple(s.batch(step).depth_m.shape[1:]) for s in shared}
            assert len(rows) == 1


def test_an_rgb_network_is_fed_varied_pictures_of_several_sizes() -> None:
    """Sizes are drawn for a batch, pictures for a sample; the focal length says which size it is."""
    recipe = settings(
        modality="rgb",
        augmentation={
            "zoom": 1.0,
            "size_least": 0.5,
            "size_most": 2.0,
            "colour": 0.0,
            "rgb": {"grey_probability": 0.5},
        },
    )
    own = BatchStream(Toy(), recipe, size=(64, 64), seed=0, label_of=None, knows_lens=True)
    sizes, grey = set(), []
    for step in range(12):
        batch = own.batch(step)
        rows, columns = batch.image.shape[-2:]
        sizes.add(rows)
        grey += [bool((image.amax(0) == image.amin(0)).all()) for image in batch.image]
        focal_px = 15 * (rows / 12 * columns / 16) ** 0.5  # of the toy's 12 x 16
        torch.testing.assert_close(batch.focal_px, torch.full((4,), focal_px))
    assert sizes == {32, 64, 96, 128}
    assert 0.3 < np.mean(grey) < 0.7
