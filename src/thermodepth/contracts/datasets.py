"""What every data set promises, on a small set of its kind."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass

import numpy as np
import torch

from thermodepth.contracts.contract import Contract, require
from thermodepth.data import Dataset, Frames, open_dataset, samples_of
from thermodepth.data.loader import BatchStream, DataSettings
from thermodepth.data.registry import DatasetRow
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.extensions import Carrier
from thermodepth.types import Sample, ThermalUnit

SPLITS = ("train", "val", "test")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCase:
    """A row, and a set of its kind that was opened."""

    row: DatasetRow
    spec: str
    dataset: Dataset
    val_in_test: bool = (
        False  # published lists that validate on what they test on, which they warn of
    )

    @property
    def apart(self) -> dict[str, Frames]:
        """The splits without those that are a part of another one by design."""
        return {
            name: self.dataset.splits[name]
            for name in SPLITS
            if not (name == "val" and self.val_in_test)
        }


def some_samples(dataset: Dataset, *, with_rgb: bool = True) -> list[Sample]:
    """A few frames of every split."""
    return [
        dataset.split(split).read(int(index), with_rgb=with_rgb)
        for split in SPLITS
        for index in np.unique(
            np.linspace(0, len(dataset.split(split).sample_ids) - 1, 4).astype(int)
        )
    ]


def row_describes_itself(case: DatasetCase) -> None:
    """Its row has a name of a-z, 0-9 and _, and a line about it."""
    require(re.fullmatch(r"[a-z0-9_]+", case.row.name), f"name '{case.row.name}'")
    summary = case.row.summary
    require(10 < len(summary) < 110 and "\n" not in summary, f"summary = {summary!r}")


def set_describes_itself(case: DatasetCase) -> None:
    """It says its name, what was typed, a licence, a note, and has train, val and test."""
    dataset = case.dataset
    expected = case.spec.partition(":")[0]
    require(dataset.name == expected, f"name '{dataset.name}', expected '{expected}'")
    require(dataset.spec == case.spec, f"spec '{dataset.spec}', expected '{case.spec}'")
    require(dataset.licence, "its licence is empty")
    require(10 < len(dataset.note) < 110, f"note = {dataset.note!r}, expected 11 to 109 letters")
    missing = sorted({*SPLITS} - {*dataset.splits})
    require(not missing, f"has no split {', '.join(missing)}")


def protocol_fits_the_range(case: DatasetCase) -> None:
    """Its protocol exists and scores what the metric head can say."""
    protocol, (near, far) = named_protocol(case.dataset.protocol), case.dataset.depth_range_m
    fits = protocol.min_depth_m <= near < far == protocol.max_depth_m
    require(
        fits,
        f"depth range {near:g} to {far:g} m, protocol {protocol.min_depth_m:g} to {protocol.max_depth_m:g} m",
    )


def training_size_keeps_the_aspect(case: DatasetCase) -> None:
    """The training size has the aspect of the frames."""
    rows, columns = case.dataset.training_size
    own_rows, own_columns = case.dataset.split("train").read(0, with_rgb=False).size
    near = abs(rows / columns - own_rows / own_columns) <= 0.05 * own_rows / own_columns
    require(near, f"trains at {rows}x{columns}, frames are {own_rows}x{own_columns}")


def ids_are_unique_and_safe(case: DatasetCase) -> None:
    """Ids are unique in the set, whatever their case, and safe as file names."""
    ids = [i for frames in case.apart.values() for i in frames.sample_ids]
    require(len({i.casefold() for i in ids}) == len(ids), "two frames have one id")
    unsafe = [i for i in ids if not SAFE_NAME.fullmatch(i)]
    require(not unsafe, f"id {unsafe[:1]}, expected letters, digits, '.', '_' and '-'")


def further_splits_are_parts_of_the_test(case: DatasetCase) -> None:
    """A split beside the three is called test_... and is a part of the test."""
    test = set(case.dataset.splits["test"].sample_ids)
    for name in set(case.dataset.splits) - set(SPLITS):
        part = name.startswith("test_") and set(case.dataset.splits[name].sample_ids) <= test
        require(part, f"split '{name}' is no part of the test")


def no_recording_is_in_two_splits(case: DatasetCase) -> None:
    """Every frame says its recording, and no recording is in two splits."""
    split_of: dict[str, str] = {}
    for split, frames in case.apart.items():
        for index in np.unique(np.linspace(0, len(frames.sample_ids) - 1, 60).astype(int)):
            sample = frames.read(int(index), with_rgb=False)
            require(sample.sequence, f"{sample.sample_id}: no sequence")
            other = split_of.setdefault(sample.sequence, split)
            require(other == split, f"recording {sample.sequence} is in {other} and {split}")


def frames_have_a_fixed_order(case: DatasetCase) -> None:
    """Opened again it has the same frames in the same order, and a frame is the one that its id says."""
    for split in SPLITS:
        frames, again = case.dataset.split(split), open_dataset(case.spec).split(split)
        require(list(frames.sample_ids) == list(again.sample_ids), f"{split}: another order")
        last = len(frames.sample_ids) - 1
        read = frames.read(last).sample_id
        require(
            read == frames.sample_ids[last],
            f"{split}: {read} is read for {frames.sample_ids[last]}",
        )


def thermal_frames_are_in_their_unit(case: DatasetCase) -> None:
    """Counts are uint16, kelvin float32 of 150 to 1000, pictures uint8; no frame is one value."""
    types = {
        ThermalUnit.COUNTS: np.uint16,
        ThermalUnit.KELVIN: np.float32,
        ThermalUnit.DISPLAY: np.uint8,
    }
    for sample in some_samples(case.dataset):
        thermal, unit = sample.thermal, sample.thermal_unit
        where = f"{sample.sample_id} in {unit}"
        require(thermal.shape == sample.size, f"{where}: {list(thermal.shape)}")
        require(thermal.dtype.isnative, f"{where}: foreign byte order")
        require(thermal.dtype == types[unit], f"{where}: {thermal.dtype}")
        least, most = float(thermal.min()), float(thermal.max())
        require(np.isfinite(thermal).all() and least < most, f"{where}: {least:g} to {most:g}")
        if unit is ThermalUnit.COUNTS:
            require(most > 255, f"{where}: no value above 255, which is a picture and no counts")
        if unit is ThermalUnit.KELVIN:
            require(150 < least < most < 1000, f"{where}: {least:g} to {most:g}")


def depth_is_metres_with_nan_for_no_value(case: DatasetCase) -> None:
    """Depth is float32 metres above 0, NaN where there is none, most of it in the set's range."""
    near, far = case.dataset.depth_range_m
    for sample in some_samples(case.dataset):
        depth_m, where = sample.depth_m, sample.sample_id
        if depth_m is None:
            require(False, f"{where}: no depth")
            return
        require(depth_m.dtype == np.float32, f"{where}: {depth_m.dtype}")
        require(depth_m.shape == sample.size, f"{where}: {list(depth_m.shape)}")
        values = depth_m[~np.isnan(depth_m)]
        require(
            np.isfinite(values).all() and (values > 0).all(), f"{where}: a hole is NaN, never 0"
        )
        share = float(np.mean((values > near) & (values < far))) if values.size else 0.0
        require(share > 0.5, f"{where}: {share:.0%} of its values lie in {near:g} to {far:g} m")


def rgb_is_there_when_asked_for(case: DatasetCase) -> None:
    """RGB is uint8 on the thermal grid or with a view of its own, and only read when it is asked for."""
    for sample in some_samples(case.dataset, with_rgb=False):
        require(sample.rgb is None and sample.rgb_view is None, f"{sample.sample_id}: RGB unasked")
    for sample in some_samples(case.dataset):
        rgb, where = sample.rgb, sample.sample_id
        if rgb is None:
            continue
        require(rgb.dtype == np.uint8 and rgb.ndim == 3, f"{where}: {rgb.dtype} {list(rgb.shape)}")
        require(np.ptp(rgb) > 0, f"{where}: RGB of one value")
        if sample.rgb_view is None:
            require(
                rgb.shape == (*sample.size, 3), f"{where}: RGB of {list(rgb.shape)} without a view"
            )
            continue
        require(sample.rgb_view.rgb_from_thermal.shape == (4, 4), f"{where}: no 4x4 transform")
        height, width, _ = rgb.shape
        x, y = sample.rgb_view.intrinsics[0, 2], sample.rgb_view.intrinsics[1, 2]
        require(0 < x < width and 0 < y < height, f"{where}: the RGB camera looks past its picture")


def intrinsics_are_a_pinhole(case: DatasetCase) -> None:
    """Intrinsics are a pinhole that looks into the image, with no lens wider than it can be."""
    for sample in some_samples(case.dataset):
        camera, (height, width) = sample.intrinsics, sample.size
        where = f"{sample.sample_id}: intrinsics {camera.tolist()}"
        require(camera.shape == (3, 3) and camera.dtype == np.float32, where)
        require(camera[2].tolist() == [0, 0, 1], where)
        require(min(camera[0, 0], camera[1, 1]) > 0.2 * width, where)
        require(0 < camera[0, 2] < width and 0 < camera[1, 2] < height, where)


def labels_are_not_its_business(case: DatasetCase) -> None:
    """A frame comes without a label: teachers make them."""
    bare = all(s.label is None and s.label_geometry is None for s in some_samples(case.dataset))
    require(bare, "a frame has a label")


def reading_again_gives_the_same(case: DatasetCase) -> None:
    """The same frame again is the same; another draw changes drawn thermal noise and no more."""
    for split in SPLITS:
        frames = case.dataset.split(split)
        one, again, drawn = (frames.read(0, draw=d) for d in (0, 0, 1))
        require(np.array_equal(one.thermal, again.thermal), f"{split}: another frame the next time")
        for other in (again, drawn, frames.read(0, with_rgb=False)):
            same = np.array_equal(_or_none(one.depth_m), _or_none(other.depth_m), equal_nan=True)
            same &= np.array_equal(one.intrinsics, other.intrinsics)
            same &= (one.sample_id, one.sequence, one.condition) == (
                other.sample_id,
                other.sequence,
                other.condition,
            )
            require(same, f"{split}: depth, camera or names differ the next time")
        require(np.array_equal(_or_none(one.rgb), _or_none(drawn.rgb)), f"{split}: another RGB")
        moved = not np.array_equal(one.thermal, drawn.thermal)
        require(
            moved is frames.noise_is_drawn, f"{split}: noise_is_drawn = {frames.noise_is_drawn}"
        )


def _or_none(values: np.ndarray | None) -> np.ndarray:
    return np.zeros(0) if values is None else values


def fingerprint_is_the_same_when_opened_again(case: DatasetCase) -> None:
    """Opened again it has the same fingerprint, and every split another one."""
    require(
        open_dataset(case.spec).fingerprint() == case.dataset.fingerprint(), "another fingerprint"
    )
    prints = [case.dataset.split(split).fingerprint() for split in SPLITS]
    require(len(set(prints)) == len(SPLITS), "two splits have one fingerprint")


def frames_travel_into_a_worker(case: DatasetCase) -> None:
    """Frames can be pickled, also after a file was opened."""
    frames = case.dataset.split("val")
    frames.read(0)  # an opened file must not travel
    copy = pickle.loads(pickle.dumps(Carrier(frames)))
    require(
        np.array_equal(copy.read(0).thermal, frames.read(0).thermal), "another frame in a worker"
    )


def a_split_can_be_walked_through(case: DatasetCase) -> None:
    """Frames come in the order of their ids."""
    frames = case.dataset.split("test")
    walked = [s.sample_id for s, _ in zip(samples_of(frames), range(10), strict=False)]
    require(walked == list(frames.sample_ids)[:10], f"walked {walked[:3]}...")


def batches_are_finite_and_mostly_true(case: DatasetCase) -> None:
    """Batches of it are finite input in [0, 1], and most of their depth is in range."""
    near, far = case.dataset.depth_range_m
    recipe = DataSettings(batch_size=4, min_truth_m=near, max_truth_m=far)
    stream = BatchStream(case.dataset.split("train"), recipe, size=(32, 40), seed=1, label_of=None)
    batch = stream.batch(0)
    require(batch.image.shape == (4, 1, 32, 40), f"input of {list(batch.image.shape)}")
    for values in (batch.image, batch.depth_m, batch.intrinsics):
        require(torch.isfinite(values).all(), "a batch that is not finite")
    require(0 <= batch.image.min() < batch.image.max() <= 1, "input outside of [0, 1], or flat")
    inside = batch.depth_m[batch.depth_valid]
    require(((inside > near) & (inside < far)).all(), "valid depth outside of the range")
    share = float(batch.depth_valid.float().mean())
    require(share > 0.5, f"{share:.0%} of the pixels have depth in range")


DATASET_CONTRACTS: tuple[Contract[DatasetCase], ...] = (
    Contract(row_describes_itself),
    Contract(set_describes_itself),
    Contract(protocol_fits_the_range),
    Contract(training_size_keeps_the_aspect),
    Contract(ids_are_unique_and_safe),
    Contract(further_splits_are_parts_of_the_test),
    Contract(no_recording_is_in_two_splits),
    Contract(frames_have_a_fixed_order),
    Contract(thermal_frames_are_in_their_unit),
    Contract(depth_is_metres_with_nan_for_no_value),
    Contract(rgb_is_there_when_asked_for),
    Contract(intrinsics_are_a_pinhole),
    Contract(labels_are_not_its_business),
    Contract(reading_again_gives_the_same),
    Contract(fingerprint_is_the_same_when_opened_again),
    Contract(frames_travel_into_a_worker),
    Contract(a_split_can_be_walked_through),
    Contract(batches_are_finite_and_mostly_true),
)
