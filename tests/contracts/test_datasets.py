"""What every row of DATASETS keeps, on small sets made by hand and on the real ones where they are."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.contracts import Contract
from thermodepth.contracts.datasets import DATASET_CONTRACTS, DatasetCase, some_samples
from thermodepth.data import DATASETS, Dataset, open_dataset
from thermodepth.data.synthetic import shipped_pack
from thermodepth.data.vivid import LISTS as VIVID_LISTS
from thermodepth.files import encode_png, write_bytes, write_json
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.pack import write_pack

REAL_MM5 = Path(__file__).parents[3] / "shared" / "data" / "mm5-half"


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


def test_every_row_is_tested() -> None:
    assert set(DATASETS) <= set(SOURCES)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_rows_are_named_by_their_key(name: str) -> None:
    assert DATASETS[name].name == name


@pytest.mark.parametrize("contract", DATASET_CONTRACTS, ids=lambda contract: contract.name)
def test_a_set_keeps_the_contract(
    contract: Contract[DatasetCase], dataset: Dataset, spec: str
) -> None:
    case = DatasetCase(
        row=DATASETS[dataset.name],
        spec=spec,
        dataset=dataset,
        val_in_test=dataset.name in VAL_IN_TEST,
    )
    assert contract.applies(case)
    contract.check(case)


def test_rgb_is_there_and_has_a_view_of_its_own_where_the_camera_has(dataset: Dataset) -> None:
    for sample in some_samples(dataset):
        assert (sample.rgb is None) == (dataset.name in NO_RGB)
        assert (sample.rgb_view is not None) == (dataset.name in OWN_VIEW)
