"""What every row of DATASETS keeps, on small sets made by hand and on the real ones where they are."""

from __future__ import annotations

import pickle
import re
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from thermodepth.data import DATASETS, Dataset, Frames, open_dataset, samples_of
from thermodepth.data.loader import BatchStream, DataSettings
from thermodepth.data.synthetic import shipped_pack
from thermodepth.data.vivid import LISTS as VIVID_LISTS
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.files import encode_png, write_bytes, write_json
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.storage.pack import write_pack
from thermodepth.types import Sample, ThermalUnit

REAL_MM5 = Path(__file__).parents[3] / "shared" / "data" / "mm5-half"
SPLITS = ("train", "val", "test")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def make_mm5(folder: Path) -> str:
    """110 frames of 24 x 32, of all three placements."""
    rng = np.random.default_rng(0)
    for number in (*range(1, 31), *range(107, 157), *range(262, 292)):
        depth = rng.integers(300, 1500, (24, 32)).astype(np.uint16)
        depth[rng.random((24, 32)) < 0.1] = 0
        write_bytes(folder / "Depth" / f"{number}.png", encode_png(depth))
        thermal = rng.integers(18500, 20000, (24, 32)).astype(np.uint16)
        write_bytes(folder / "Thermal" / f"{number}.png", encode_png(thermal))
        rgb = folder / "RGB" / f"{number}.jpg"
        rgb.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(rgb)
    return f"mm5:{folder}"


def make_synthetic(folder: Path) -> str:
    def frame(number: int) -> Frame:
        rng = np.random.default_rng(number)
        depth_m = rng.uniform(1, 70, (24, 32)).astype(np.float32)
        depth_m[:3] = np.nan
        return Frame(
            frame_id=f"street-day-{number:07d}",
            kind="street",
            condition="day",
            seed=number,
            rgb=rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
            apparent_temperature_k=rng.uniform(260, 320, (24, 32)).astype(np.float32),
            depth_m=depth_m,
            intrinsics=np.array([[28, 0, 16], [0, 28, 12], [0, 0, 1]], np.float32),
        )

    starts = {"train": 0, "val": 100_000, "test": 200_000}
    write_pack(
        folder / "pack.zip",
        {split: [frame(start + i) for i in range(5)] for split, start in starts.items()},
    )
    return f"synthetic:{folder / 'pack.zip'}"


SIZE = (32, 80)  # of the sets that are made here
CAMERA = np.array([[60, 0, 39.5], [0, 60, 15.5], [0, 0, 1]])  # from the centre of the first pixel


def some_counts(rng: np.random.Generator) -> bytes:
    return encode_png(rng.integers(7000, 8200, SIZE, dtype=np.uint16))


def some_colours(rng: np.random.Generator) -> bytes:
    return encode_png(rng.integers(0, 256, (24, 64, 3), dtype=np.uint8))


def make_ms2(folder: Path) -> str:
    rng = np.random.default_rng(0)
    lists = {
        "train": "_a _b",
        "val": "_c",
        "test_day": "_d",
        "test_night": "_e",
        "test_rainy": "_f",
    }
    for title, names in lists.items():
        write_bytes(folder / f"{title}_list.txt", "\n".join(names.split()).encode())
        for name in names.split():
            sync, proj = folder / "sync_data" / name, folder / "proj_depth" / name
            for number in range(5):
                file = f"{number:06d}.png"
                write_bytes(sync / "thr" / "img_left" / file, some_counts(rng))
                write_bytes(sync / "rgb" / "img_left" / file, some_colours(rng))
                metres = rng.uniform(2, 70, SIZE)
                metres[rng.random(SIZE) < 0.3] = 0
                values = (metres * 256).astype(np.uint16)
                write_bytes(proj / "thr" / "depth_filtered" / file, encode_png(values))
            rgb_camera = CAMERA - [[0, 0, 10], [0, 0, 5], [0, 0, 0]]
            facts = {"K_thrL": CAMERA, "K_rgbL": rgb_camera, "K_nirL": CAMERA}
            facts |= {"R_nir2thr": np.eye(3), "R_nir2rgb": np.eye(3)}
            facts |= {"T_nir2thr": np.zeros((3, 1)), "T_nir2rgb": np.array([[500.0], [0], [0]])}
            write_json(sync / "calib.json", {key: value.tolist() for key, value in facts.items()})
    return f"ms2:{folder}"


def make_vivid(folder: Path, place: str) -> str:
    rng = np.random.default_rng(0)
    for name in {name for names in VIVID_LISTS[place].values() for name in names}:
        for number in range(1, 4):
            write_bytes(folder / name / "Thermal" / f"{number:06d}.png", some_counts(rng))
            write_bytes(folder / name / "RGB" / f"{number:06d}.png", some_colours(rng))
            maps = folder / name / "Depth_T"
            maps.mkdir(exist_ok=True)
            np.save(maps / f"{number:06d}.npy", rng.uniform(1, 9, (64, 160)).astype(np.float32))
        for file, matrix in (
            ("cam_T.txt", CAMERA),
            ("cam_RGB.txt", CAMERA - [[0, 0, 10], [0, 0, 5], [0, 0, 0]]),
            ("Tr_T2RGB.txt", np.eye(4)),
        ):
            np.savetxt(folder / name / file, matrix)
    return f"vivid_{place}:{folder}"


def make_firestereo(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for name in ("hawkins_2", "hawkins_3", "frick_2"):
        for number in range(4):
            counts = rng.integers(7000, 8200, (64, 80), dtype=np.uint16)
            write_bytes(folder / name / "img_left" / f"{number}.png", encode_png(counts))
            values = rng.integers(1 * 256, 40 * 256, (64, 80)).astype(np.uint16)
            write_bytes(folder / name / "depth" / f"{number}.png", encode_png(values))
    return f"firestereo:{folder}"


def make_folder(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for name in ("yard 1", "yard 2", "street", "hall"):
        for number in range(3):
            place = folder / "files" / name
            write_bytes(place / "thermal" / f"{number}.png", some_counts(rng))
            values = rng.integers(800, 9000, SIZE).astype(np.uint16)
            values[:3] = 0
            write_bytes(place / "depth" / f"{number}.png", encode_png(values))
            colours = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            write_bytes(place / "rgb" / f"{number}.png", encode_png(colours))
    description = """
        root: files
        thermal: {files: "{sequence}/thermal/{frame}.png", unit: counts}
        depth: {files: "{sequence}/depth/{frame}.png", metres: 0.001}
        rgb: {files: "{sequence}/rgb/{frame}.png"}
        intrinsics: {fx: 60, fy: 60, cx: 39.5, cy: 15.5}
        near_m: 0.5
        far_m: 10
        splits: {train: ["yard*"], val: [street], test: [hall]}
        licence: CC0
    """
    write_bytes(folder / "thermodepth.yaml", textwrap.dedent(description).encode())
    return f"folder:{folder}"


def find_shipped_pack(_: Path) -> str:
    if not shipped_pack().is_file():
        pytest.skip(f"{shipped_pack()} is not there: this checkout was made without the pack")
    return "synthetic"


def find_real_mm5(_: Path) -> str:
    if not REAL_MM5.is_dir():
        pytest.skip(f"{REAL_MM5} is not there: real frames are kept beside the repository")
    return f"mm5:{REAL_MM5}"


def find_real_mm5_in_blocks(folder: Path) -> str:
    return f"{find_real_mm5(folder)}?split=blocks"


#: `row` or `row, which`: how a set of that row is come by. A new row needs one that makes a small set.
SOURCES: dict[str, Callable[[Path], str]] = {
    "synthetic": make_synthetic,
    "synthetic, shipped": find_shipped_pack,
    "mm5": make_mm5,
    "mm5, real": find_real_mm5,
    "mm5, real, in blocks": find_real_mm5_in_blocks,
    "ms2": make_ms2,
    "vivid_indoor": partial(make_vivid, place="indoor"),
    "vivid_outdoor": partial(make_vivid, place="outdoor"),
    "firestereo": make_firestereo,
    "folder": make_folder,
}
#: Their RGB camera has a view of its own; there is no RGB camera.
OWN_VIEW, NO_RGB = {"ms2", "vivid_indoor", "vivid_outdoor"}, {"firestereo"}
#: Their published lists validate on what they test on, which they warn of.
VAL_IN_TEST = {"vivid_indoor", "vivid_outdoor"}
pytestmark = pytest.mark.filterwarnings("ignore:.*has seen the test")


@pytest.fixture(scope="module", params=SOURCES)
def spec(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return SOURCES[request.param](tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def dataset(spec: str) -> Dataset:
    return open_dataset(spec)


def some(dataset: Dataset, *, with_rgb: bool = True) -> list[Sample]:
    """A few frames of every split."""
    return [
        dataset.split(split).read(int(index), with_rgb=with_rgb)
        for split in SPLITS
        for index in np.unique(
            np.linspace(0, len(dataset.split(split).sample_ids) - 1, 4).astype(int)
        )
    ]


def test_every_row_is_tested() -> None:
    assert set(DATASETS) <= set(SOURCES)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_rows_are_named_by_their_key_and_say_what_they_are(name: str) -> None:
    row = DATASETS[name]
    assert row.name == name
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert 10 < len(row.summary) < 110
    assert "\n" not in row.summary


def test_it_says_what_it_is(dataset: Dataset, spec: str) -> None:
    assert dataset.name == spec.partition(":")[0]
    assert dataset.spec == spec
    assert dataset.licence
    assert 10 < len(dataset.note) < 110
    assert set(dataset.splits) >= set(SPLITS)


def test_its_protocol_exists_and_scores_what_the_metric_head_can_say(dataset: Dataset) -> None:
    protocol, (near, far) = named_protocol(dataset.protocol), dataset.depth_range_m
    assert protocol.min_depth_m <= near < far == protocol.max_depth_m


def test_its_training_size_keeps_the_aspect(dataset: Dataset) -> None:
    rows, columns = dataset.training_size
    native_rows, native_columns = dataset.split("train").read(0, with_rgb=False).size
    assert rows / columns == pytest.approx(native_rows / native_columns, rel=0.05)


def apart(dataset: Dataset) -> dict[str, Frames]:
    """The splits without those that are a part of another one by design."""
    twice = {"val"} if dataset.name in VAL_IN_TEST else set()
    return {name: dataset.splits[name] for name in SPLITS if name not in twice}


def test_ids_are_unique_in_the_set_and_safe_as_file_names(dataset: Dataset) -> None:
    ids = [i for frames in apart(dataset).values() for i in frames.sample_ids]
    assert len({i.casefold() for i in ids}) == len(ids)
    assert all(SAFE_NAME.fullmatch(i) for i in ids)


def test_further_splits_are_parts_of_the_test(dataset: Dataset) -> None:
    for name in set(dataset.splits) - set(SPLITS):
        assert name.startswith("test_")
        assert set(dataset.splits[name].sample_ids) <= set(dataset.splits["test"].sample_ids)


def test_no_recording_is_in_two_splits(dataset: Dataset) -> None:
    split_of: dict[str, str] = {}
    for split, frames in apart(dataset).items():
        indices = np.unique(np.linspace(0, len(frames.sample_ids) - 1, 60).astype(int))
        for index in indices:
            sample = frames.read(int(index), with_rgb=False)
            assert sample.sequence
            assert split_of.setdefault(sample.sequence, split) == split


def test_frames_are_what_their_ids_say_in_a_fixed_order(dataset: Dataset, spec: str) -> None:
    for split in SPLITS:
        frames, again = dataset.split(split), open_dataset(spec).split(split)
        assert list(frames.sample_ids) == list(again.sample_ids)
        last = len(frames.sample_ids) - 1
        assert frames.read(last).sample_id == frames.sample_ids[last]


def test_units_and_ranges(dataset: Dataset) -> None:
    for sample in some(dataset):
        thermal = sample.thermal
        assert thermal.shape == sample.size
        assert thermal.dtype.isnative
        if sample.thermal_unit is ThermalUnit.COUNTS:
            assert thermal.dtype == np.uint16
            assert thermal.max() > 255
        elif sample.thermal_unit is ThermalUnit.KELVIN:
            assert thermal.dtype == np.float32
            assert 150 < thermal.min() < thermal.max() < 1000
        else:
            assert thermal.dtype == np.uint8
        assert thermal.min() < thermal.max()
        assert np.isfinite(thermal).all()


def test_depth_is_metres_with_nan_for_no_value(dataset: Dataset) -> None:
    near, far = dataset.depth_range_m
    for sample in some(dataset):
        assert sample.depth_m is not None
        assert sample.depth_m.dtype == np.float32
        assert sample.depth_m.shape == sample.size
        known = sample.depth_m[~np.isnan(sample.depth_m)]
        assert np.isfinite(known).all()
        assert (known > 0).all()  # a hole is NaN, never 0
        assert np.mean((known > near) & (known < far)) > 0.5


def test_rgb_is_there_when_asked_for_and_only_then(dataset: Dataset) -> None:
    for with_rgb in (True, False):
        for sample in some(dataset, with_rgb=with_rgb):
            if not with_rgb:
                assert sample.rgb is None
                assert sample.rgb_view is None
                continue
            if dataset.name in NO_RGB:
                assert sample.rgb is None
                continue
            assert sample.rgb is not None
            assert sample.rgb.dtype == np.uint8
            assert sample.rgb.ndim == 3
            assert (sample.rgb_view is None) == (dataset.name not in OWN_VIEW)
            if sample.rgb_view is None:
                assert sample.rgb.shape == (*sample.size, 3)
            else:
                assert sample.rgb_view.rgb_from_thermal.shape == (4, 4)
                height, width, _ = sample.rgb.shape
                assert 0 < sample.rgb_view.intrinsics[0, 2] < width
                assert 0 < sample.rgb_view.intrinsics[1, 2] < height
            assert np.ptp(sample.rgb) > 0


def test_intrinsics_are_a_pinhole_that_looks_into_the_image(dataset: Dataset) -> None:
    for sample in some(dataset):
        camera, (height, width) = sample.intrinsics, sample.size
        assert camera.shape == (3, 3)
        assert camera.dtype == np.dtype(np.float32)
        np.testing.assert_array_equal(camera[2], [0, 0, 1])
        assert min(camera[0, 0], camera[1, 1]) > 0.2 * width
        assert 0 < camera[0, 2] < width
        assert 0 < camera[1, 2] < height


def test_labels_are_not_the_reader_s_business(dataset: Dataset) -> None:
    assert all(s.label is None and s.label_geometry is None for s in some(dataset))


def test_reading_again_gives_the_same_and_a_draw_changes_only_drawn_noise(
    dataset: Dataset,
) -> None:
    for split in SPLITS:
        frames = dataset.split(split)
        one, again, drawn = (frames.read(0, draw=d) for d in (0, 0, 1))
        np.testing.assert_array_equal(one.thermal, again.thermal)
        for other in (again, drawn, frames.read(0, with_rgb=False)):
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
            np.testing.assert_array_equal(one.intrinsics, other.intrinsics)
            assert (one.sample_id, one.sequence, one.condition) == (
                other.sample_id,
                other.sequence,
                other.condition,
            )
        np.testing.assert_array_equal(one.rgb, drawn.rgb)
        assert np.array_equal(one.thermal, drawn.thermal) is not frames.noise_is_drawn


def test_the_fingerprint_is_the_same_when_opened_again(dataset: Dataset, spec: str) -> None:
    assert open_dataset(spec).fingerprint() == dataset.fingerprint()
    prints = [dataset.split(split).fingerprint() for split in SPLITS]
    assert len(set(prints)) == len(SPLITS)


def test_frames_travel_into_a_worker(dataset: Dataset) -> None:
    frames = dataset.split("val")
    frames.read(0)  # an opened file must not travel
    copy = pickle.loads(pickle.dumps(frames))
    np.testing.assert_array_equal(copy.read(0).thermal, frames.read(0).thermal)


def test_a_split_can_be_walked_through(dataset: Dataset) -> None:
    frames = dataset.split("test")
    walked = [s.sample_id for s, _ in zip(samples_of(frames), range(10), strict=False)]
    assert walked == list(frames.sample_ids)[:10]


def test_batches_of_it_are_finite_and_mostly_true(dataset: Dataset) -> None:
    near, far = dataset.depth_range_m
    recipe = DataSettings(batch_size=4, min_truth_m=near, max_truth_m=far)
    stream = BatchStream(dataset.split("train"), recipe, size=(32, 40), seed=1, label_of=None)
    batch = stream.batch(0)
    assert batch.image.shape == (4, 1, 32, 40)
    for values in (batch.image, batch.depth_m, batch.intrinsics):
        assert torch.isfinite(values).all()
    assert 0 <= batch.image.min() < batch.image.max() <= 1
    inside = batch.depth_m[batch.depth_valid]
    assert ((inside > near) & (inside < far)).all()
    assert batch.depth_valid.float().mean() > 0.5
