"""What a data set is made of: memory of frames, splits by name, fingerprints of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thermodepth.data.frames import CachedFrames, Dataset, fingerprint_files, samples_of
from thermodepth.data.registry import open_dataset
from thermodepth.errors import DataError


class Counted:
    """Frames that count how often each is decoded."""

    def __init__(self, make_sample: Any, count: int, *, noise_is_drawn: bool = False) -> None:
        self._make = make_sample
        self.sample_ids = [f"frame-{i}" for i in range(count)]
        self.noise_is_drawn = noise_is_drawn
        self.reads: list[tuple[int, int, bool]] = []

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Any:
        self.reads.append((index, draw, with_rgb))
        return self._make((10, 10), seed=index, **({} if with_rgb else {"rgb": None}))

    def fingerprint(self) -> str:
        return f"counted-{len(self.sample_ids)}"


FRAME_BYTES = 10 * 10 * (2 + 4)  # counts and depth


class TestCachedFrames:
    def test_a_frame_is_decoded_once(self, make_sample) -> None:
        frames = Counted(make_sample, 3)
        cached = CachedFrames(frames, budget_bytes=10**6)
        first = [cached.read(i, with_rgb=False) for i in (0, 1, 0, 1, 0)]
        assert frames.reads == [(0, 0, False), (1, 0, False)]
        assert first[0] is first[2]
        assert first[1].sample_id == "frame-1"
        assert cached.sample_ids == frames.sample_ids
        assert cached.fingerprint() == "counted-3"
        assert cached.noise_is_drawn is False

    @pytest.mark.parametrize(
        ("budget", "cached_frames"), [(0, 0), (FRAME_BYTES - 1, 0), (1200, 2), (1799, 2)]
    )
    def test_the_budget_is_kept(self, make_sample, budget: int, cached_frames: int) -> None:
        assert make_sample((10, 10)).thermal.nbytes + 400 == FRAME_BYTES
        frames = Counted(make_sample, 4)
        cached = CachedFrames(frames, budget_bytes=budget)
        for _ in range(2):
            for i in range(4):
                assert cached.read(i, with_rgb=False).sample_id == f"frame-{i}"
        assert len(frames.reads) == 4 + (4 - cached_frames)

    def test_rgb_is_read_again_each_time(self, make_sample) -> None:
        frames = Counted(make_sample, 1)
        cached = CachedFrames(frames, budget_bytes=10**6)
        assert cached.read(0).rgb is not None
        assert cached.read(0, with_rgb=False).rgb is None
        assert cached.read(0).rgb is not None
        assert [with_rgb for *_, with_rgb in frames.reads] == [True, False, True]

    def test_drawn_noise_is_never_remembered(self, make_sample) -> None:
        frames = Counted(make_sample, 1, noise_is_drawn=True)
        cached = CachedFrames(frames, budget_bytes=10**6)
        for draw in (5, 6, 5):
            cached.read(0, draw=draw, with_rgb=False)
        assert [draw for _, draw, _ in frames.reads] == [5, 6, 5]
        assert cached.noise_is_drawn is True


def test_samples_of_reads_every_frame_once_in_order_with_its_standing_noise(make_sample) -> None:
    frames = Counted(make_sample, 3)
    assert [s.sample_id for s in samples_of(frames)] == frames.sample_ids
    assert frames.reads == [(0, 0, False), (1, 0, False), (2, 0, False)]
    frames.reads.clear()
    assert all(s.rgb is not None for s in samples_of(frames, with_rgb=True))


def dataset(**splits: Any) -> Dataset:
    return Dataset(
        name="toy",
        spec="toy:/here",
        splits=splits,
        protocol="toy",
        depth_range_m=(1, 2),
        training_size=(32, 32),
        licence="none",
        note="",
    )


class TestDataset:
    def test_a_split_by_name(self, make_sample) -> None:
        train = Counted(make_sample, 2)
        assert dataset(train=train).split("train") is train

    def test_an_unknown_split(self, make_sample) -> None:
        data = dataset(train=Counted(make_sample, 1), test=Counted(make_sample, 1))
        with pytest.raises(DataError) as error:
            data.split("tets")
        assert str(error.value) == (
            "toy:/here: unknown split 'tets'; did you mean 'test'? (known: test, train)"
        )

    def test_an_empty_split(self, make_sample) -> None:
        with pytest.raises(DataError, match="toy:/here: the split 'val' holds no frames"):
            dataset(val=Counted(make_sample, 0)).split("val")

    def test_the_fingerprint_knows_which_split_holds_what(self, make_sample) -> None:
        two, three = Counted(make_sample, 2), Counted(make_sample, 3)
        prints = {
            dataset(train=two, val=three).fingerprint(),
            dataset(train=three, val=two).fingerprint(),
            dataset(train=two).fingerprint(),
        }
        assert len(prints) == 3
        assert dataset(val=three, train=two).fingerprint() in prints  # order of splits is nothing


class TestFingerprintOfFiles:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        paths = [tmp_path / "a" / "1.png", tmp_path / "a" / "2.png"]
        (tmp_path / "a").mkdir()
        for number, path in enumerate(paths):
            path.write_bytes(bytes([number]) * 10_000)
        return paths

    def test_it_says_the_same_elsewhere(self, files: list[Path], tmp_path: Path) -> None:
        before = fingerprint_files(files, tmp_path)
        for path in files:
            os.utime(path, (1, 1))
        (tmp_path / "a").rename(tmp_path / "moved")
        (tmp_path / "moved" / "a").mkdir()
        moved = [p.rename(tmp_path / "moved" / "a" / p.name) for p in _in(tmp_path / "moved")]
        assert fingerprint_files(moved, tmp_path / "moved") == before

    @pytest.mark.parametrize("change", ["head", "tail", "size", "name", "order", "missing one"])
    def test_it_changes_with(self, change: str, files: list[Path], tmp_path: Path) -> None:
        before = fingerprint_files(files, tmp_path)
        content = bytearray(files[0].read_bytes())
        if change == "head":
            content[0] = 9
        elif change == "tail":
            content[-1] = 9
        elif change == "size":
            content += b"\0"
        elif change == "name":
            files[1] = files[1].rename(files[1].with_name("3.png"))
        elif change == "order":
            files = files[::-1]
        else:
            files = files[:1]
        if change in ("head", "tail", "size"):
            files[0].write_bytes(content)
        assert fingerprint_files(files, tmp_path) != before

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone\.png: cannot be read"):
            fingerprint_files([tmp_path / "gone.png"], tmp_path)

    def test_a_device_is_not_read(self, tmp_path: Path) -> None:
        (tmp_path / "zero.png").symlink_to("/dev/zero")
        with pytest.raises(DataError, match=r"zero\.png: is a pipe or device"):
            fingerprint_files([tmp_path / "zero.png"], tmp_path)


def _in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file())


class TestOpenDataset:
    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            (
                "mm6",
                "unknown data set 'mm6'; did you mean 'mm5'? (known: firestereo, folder, mm5, ms2, ",
            ),
            ("mm6:/x", "unknown data set 'mm6'"),
            ("", "unknown data set ''"),
            ("mm5:", "mm5:: expected a path after the colon"),
            ("mm5", "mm5 needs a folder: --data mm5:PATH"),
            ("mm5:/no/such", "/no/such: no such folder"),
            ("synthetic:/no/such.zip", "/no/such.zip: no such pack"),
        ],
    )
    def test_a_spec_that_cannot_be_opened(self, spec: str, message: str) -> None:
        with pytest.raises(DataError) as error:
            open_dataset(spec)
        assert message in str(error.value)

    def test_the_home_folder_may_be_written_short(
        self, write_mm5, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = write_mm5(range(107, 110))
        monkeypatch.setenv("HOME", str(root.parent))
        assert len(open_dataset("mm5:~/mm5").split("train").sample_ids) == 3

    def test_a_path_may_hold_a_colon(self, write_mm5) -> None:
        root = write_mm5([107])
        moved = root.rename(root.with_name("mm5:half"))
        assert np.isfinite(open_dataset(f"mm5:{moved}").split("train").read(0).thermal).all()


@pytest.mark.parametrize("size", [5_000, 2_000_000])
def test_a_change_in_the_middle_of_an_uncompressed_file_changes_the_name(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "depth.npy"
    content = bytearray(np.random.default_rng(0).bytes(size))
    path.write_bytes(content)
    before = fingerprint_files([path], tmp_path)
    content[size // 3 : size // 3 + size // 8] = bytes(size // 8)  # an eighth of the map
    path.write_bytes(content)
    assert fingerprint_files([path], tmp_path) != before


def test_a_jpeg_that_is_turned_has_another_fingerprint_than_it_had(tmp_path: Path) -> None:
    """What was made of it while it was read lying must not be taken for its own; of others it stays."""
    marks = {}
    for orientation in (None, 1, 6):
        exif = Image.Exif()
        if orientation:
            exif[274] = orientation
        path = tmp_path / "a.jpg"
        Image.new("RGB", (8, 6), (9, 90, 200)).save(path, exif=exif)
        content = path.read_bytes()
        plain = hashlib.sha256(f"a.jpg\0{len(content)}\0".encode() + content).hexdigest()[:16]
        marks[orientation] = fingerprint_files([path], tmp_path) == plain
    assert marks == {None: True, 1: True, 6: False}
