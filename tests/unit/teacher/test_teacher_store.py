"""The label store: precision, resuming, and refusing what is damaged or foreign."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, OutputError, TeacherError
from thermodepth.teacher import LabelStore, TruthTeacher, open_store, to_affine_inverse
from thermodepth.teacher.store import file_name, sample_id_of
from thermodepth.types import Geometry, Sample


def open_one(
    root: Path,
    geometry: Geometry = Geometry.AFFINE_INVERSE,
    teacher: str = "rgb-small-0123456789abcdef",
    data: str = "synthetic-0123",
) -> LabelStore:
    return LabelStore(root, teacher, data, geometry, teacher_description="a test")


def random_map(geometry: Geometry, shape: tuple[int, int] = (37, 53)) -> NDArray[np.float32]:
    generator = np.random.default_rng(3)
    if geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH):
        values = np.exp(generator.uniform(np.log(0.1), np.log(1e4), shape))
    else:
        values = generator.normal(-3, 20, shape)
    values[:4] = np.nan
    values[5, 5], values[6, 6] = np.inf, -np.inf
    return values.astype(np.float32)


@pytest.mark.parametrize("geometry", Geometry)
def test_a_map_loses_less_than_a_ten_thousandth_of_its_range(
    geometry: Geometry, tmp_path: Path
) -> None:
    store = open_one(tmp_path, geometry)
    values = random_map(geometry)
    store.write("a", values)
    back = store.read("a")
    assert back.dtype == np.float32
    finite = np.isfinite(values)
    np.testing.assert_array_equal(np.isnan(back), ~finite)
    spread = np.ptp(values[finite])
    assert np.abs(back - values)[finite].max() < 1e-4 * spread
    if geometry is not Geometry.AFFINE_DEPTH:  # whose inverse near zero no code can hold
        label, direct = store.label("a"), to_affine_inverse(values, geometry)
        assert np.nanmax(np.abs(label - direct)) < 1e-4 * np.ptp(direct[finite])
    if store.geometry is Geometry.METRIC_DEPTH:  # the logarithm keeps near and far alike
        assert (np.abs(back - values) / values)[finite].max() < 1e-4


@pytest.mark.parametrize("fill", [0.0, 2.5, np.nan])
def test_flat_and_empty_maps_come_back(fill: float, tmp_path: Path) -> None:
    store = open_one(tmp_path)
    store.write("a", np.full((3, 4), fill, np.float32))
    np.testing.assert_array_equal(store.read("a"), np.full((3, 4), fill, np.float32))


def test_a_viewer_sees_a_16_bit_picture(tmp_path: Path) -> None:
    from PIL import Image

    store = open_one(tmp_path)
    store.write("a", np.arange(12, dtype=np.float32).reshape(3, 4))
    with Image.open(store.path("a")) as image:
        codes = np.asarray(image)
        assert image.text["thermodepth-space"] == "linear"  # type: ignore[attr-defined]
    assert codes.min() == 1
    assert codes.max() == 65534


def test_maps_that_cannot_be_kept(tmp_path: Path) -> None:
    store = open_one(tmp_path, Geometry.METRIC_DEPTH)
    with pytest.raises(TeacherError, match="frame a: smallest value 0"):
        store.write("a", np.zeros((3, 4), np.float32))
    with pytest.raises(TeacherError, match=r"expected \[h w\]"):
        store.write("a", np.ones((3, 4, 1), np.float32))
    with pytest.raises(TeacherError, match=r"expected \[h w\]"):
        store.write("a", np.ones((0, 4), np.float32))
    assert store.ids() == []


@pytest.mark.parametrize(
    "sample_id",
    [
        "a",
        "set00/V000/I00001",
        "../../etc/passwd",
        "..",
        ".",
        "/root",
        "a\\b",
        "C:x",
        "눈/밤 1.png",
        "%2e%2e",
        "a\0b",
        "x.part",
        "~",
        "A b+c&d=é",
        ".hidden",
    ],
)
def test_any_id_stays_inside_and_comes_back(sample_id: str, tmp_path: Path) -> None:
    store = open_one(tmp_path)
    path = store.path(sample_id)
    assert path.parent == store.folder
    assert path.resolve().is_relative_to(store.folder.resolve())
    assert path.name.isascii()
    assert not path.name.startswith(".")
    assert sample_id_of(file_name(sample_id)) == sample_id
    assert store.missing([sample_id]) == [sample_id]
    store.write(sample_id, np.ones((2, 2), np.float32))
    assert store.ids() == [sample_id]
    assert store.missing([sample_id]) == []
    assert store.read(sample_id).shape == (2, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == [store.folder.name]


def test_impossible_ids_and_fingerprints(tmp_path: Path) -> None:
    store = open_one(tmp_path)
    for sample_id in ("", "x" * 400, "눈" * 40):
        with pytest.raises(TeacherError, match="as a file name"):
            store.path(sample_id)
    for fingerprint in ("", "../up", "a/b", ".hidden", "x" * 99):
        with pytest.raises(TeacherError, match="fingerprint"):
            open_one(tmp_path, data=fingerprint)


class Counting:
    """A teacher that counts what it is asked for and can be killed in the middle."""

    geometry = Geometry.AFFINE_INVERSE
    description = "counts"

    def __init__(self, stop_after: int = 10**9) -> None:
        self.batches: list[list[str]] = []
        self.stop_after = stop_after

    def fingerprint(self) -> str:
        return "counting-1"

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        if len(self.batches) >= self.stop_after:
            raise KeyboardInterrupt
        assert len({sample.size for sample in samples}) == 1
        self.batches.append([sample.sample_id for sample in samples])
        return [np.full(sample.size, float(sample.sample_id), np.float32) for sample in samples]


def test_fill_goes_on_where_it_was_cut_off(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    ids = [str(i) for i in range(10)]
    sizes = [(16, 16), (16, 24)]

    def samples(sample_ids: Sequence[str]) -> Iterator[Sample]:
        for sample_id in sample_ids:
            yield sample_of(sample_id, sizes[int(sample_id) % 2])

    killed = Counting(stop_after=2)
    store = open_store(tmp_path, killed, "data-1")
    with pytest.raises(KeyboardInterrupt):
        store.fill(killed, samples(ids), batch_size=3)
    assert store.ids() == ["0", "1", "2", "3", "4", "5"]
    again = Counting()
    store = open_store(tmp_path, again, "data-1")
    assert store.missing(ids) == ["6", "7", "8", "9"]
    counts: list[int] = []
    assert store.fill(again, samples(ids), batch_size=3, progress=counts.append) == 4
    assert counts[-1] == 4
    assert sorted(i for batch in again.batches for i in batch) == ["6", "7", "8", "9"]
    assert store.missing(ids) == []
    assert all((store.read(i) == float(i)).all() for i in ids)
    assert store.fill(again, samples(ids), batch_size=3) == 0


def test_fill_holds_few_frames_however_many_sizes(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    teacher = Counting()
    store = open_store(tmp_path, teacher, "data-1")
    drawn = 0

    def samples() -> Iterator[Sample]:
        nonlocal drawn
        for i in range(40):
            drawn += 1
            assert drawn - sum(map(len, teacher.batches)) <= 8 + 1
            yield sample_of(str(i), (8, 8 + i))
        yield sample_of("39", (8, 47))  # twice the same id: labelled once

    assert store.fill(teacher, samples(), batch_size=2) == 40


def test_fill_refuses_another_teacher_and_maps_of_another_size(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    store = open_store(tmp_path, Counting(), "data-1")
    with pytest.raises(TeacherError, match=r"counting-1.*the teacher is truth-"):
        store.fill(TruthTeacher(), [sample_of()])

    class Small(Counting):
        def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
            return [np.zeros((2, 2), np.float32) for _ in samples]

    with pytest.raises(TeacherError, match="frame a is"):
        store.fill(Small(), [sample_of()])


def test_stores_never_mix(tmp_path: Path) -> None:
    first = open_one(tmp_path)
    first.write("a", np.ones((4, 4), np.float32))
    other = open_one(tmp_path, data="synthetic-4567")
    assert other.missing(["a"]) == ["a"]
    shutil.copy(first.path("a"), other.path("a"))
    with pytest.raises(TeacherError, match=r"written for .*synthetic-0123/a.*Delete the file"):
        other.read("a")
    shutil.copy(first.path("a"), first.path("b"))
    with pytest.raises(TeacherError, match="written for"):
        first.read("b")
    with pytest.raises(TeacherError, match="geometry is affine_inverse, expected metric_depth"):
        open_one(tmp_path, Geometry.METRIC_DEPTH)
    about = json.loads((first.folder / "store.json").read_text())
    assert about["teacher"] == "a test"
    shutil.rmtree(other.folder)
    shutil.copytree(first.folder, other.folder)
    with pytest.raises(TeacherError, match="data_fingerprint is synthetic-0123"):
        open_one(tmp_path, data="synthetic-4567")
    for text in ("{", "[]", "[" * 100_000):
        (other.folder / "store.json").write_text(text)
        with pytest.raises(TeacherError, match="delete the folder"):
            open_one(tmp_path, data="synthetic-4567")


def _flip(content: bytes) -> bytes:
    middle = content.index(b"IDAT") + 30
    return content[:middle] + bytes([content[middle] ^ 0x40]) + content[middle + 1 :]


def _huge(content: bytes) -> bytes:
    return content[:16] + (60_000).to_bytes(4, "big") * 2 + content[24:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c[: len(c) // 2], "damaged or cut short|checksum"),
        (lambda c: c[:20], "cut short"),
        (lambda _c: b"", "not a PNG"),
        (lambda _c: b"hello" * 20, "not a PNG"),
        (_flip, "damaged"),
        (_huge, "60000x60000 pixels"),
    ],
)
def test_damaged_files_are_named_with_the_remedy(
    damage: Callable[[bytes], bytes], message: str, tmp_path: Path
) -> None:
    store = open_one(tmp_path)
    values = np.random.default_rng(0).normal(size=(60, 80)).astype(np.float32)
    store.write("a", values)
    path = store.path("a")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TeacherError, match=message) as caught:
        store.read("a")
    assert str(path) in str(caught.value)
    assert "Delete the file and make the labels again" in str(caught.value)
    path.unlink()
    assert store.missing(["a"]) == ["a"]


def test_foreign_pictures_and_absent_maps(tmp_path: Path) -> None:
    from PIL import Image

    store = open_one(tmp_path)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(store.path("a"))
    with pytest.raises(TeacherError, match="not a label map of this package"):
        store.read("a")
    with pytest.raises(TeacherError, match="has no label yet"):
        store.read("b")


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError, match=r"store\.json: cannot be written"):
        open_one(blocked)


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_one(tmp_path)

    def full_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OutputError, match=r"a\.png: .*No space left"):
        store.write("a", np.ones((4, 4), np.float32))
    assert [p.name for p in store.folder.iterdir()] == ["store.json"]


def test_a_record_of_another_store_makes_no_folder_beside_it(tmp_path: Path) -> None:
    store = open_one(tmp_path)
    about = read_record(store.folder / "store.json")
    write_record(store.folder / "store.json", {**about, "data_fingerprint": "synthetic-9999"})
    with pytest.raises(TeacherError, match=r"its record is that of .*9999; delete the folder"):
        LabelStore.existing(store.folder)
    (store.folder / "store.json").write_text(json.dumps({**about, "sha256": "0" * 64}))
    with pytest.raises(DataError, match=r"store\.json: damaged.*labels are made again"):
        LabelStore.existing(store.folder)
    assert [p.name for p in tmp_path.iterdir()] == [store.folder.name]
