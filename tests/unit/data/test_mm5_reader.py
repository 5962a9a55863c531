"""MM5 in both layouts: units, holes, splits, and errors that name the file and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.data.mm5 import BLOCK, SPLIT_OF_PLACEMENT
from thermodepth.data.mm5 import open_mm5 as open_mm5_as_given
from thermodepth.errors import DataError
from thermodepth.files import encode_png
from thermodepth.types import ThermalUnit

REAL = Path(__file__).parents[4] / "shared" / "data" / "mm5-half"
LAYOUTS = {
    "prepared": {},
    "prepared with PNG": {"file_names": ("{}.png", "{}.png", "{}.png")},
    "published": {
        "names": ("RGB3", "T16", "D16"),
        "file_names": ("{}.png", "{}.png", "{}.png"),
        "size": (480, 640),
    },
    "published with words": {
        "names": ("RGB3", "T16", "D_16"),
        "file_names": ("{}_rgb.png", "{}_thermal.png", "{}_depth.png"),
    },
    "TIFF by name": {"file_names": ("{}.JPG", "{}.tiff", "{}.TIF")},
}


def open_mm5(root: Path):
    """In blocks: what is tested here are the files, and the first frames are then in train."""
    return open_mm5_as_given(Path(f"{root}{'&' if '?' in str(root) else '?'}split=blocks"))


class TestLayouts:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_every_layout_gives_the_same_values(self, layout: str, write_mm5) -> None:
        root = write_mm5([2, 12], **LAYOUTS[layout])
        frames = open_mm5(root).split("train")
        assert frames.sample_ids == ["mm5-0002", "mm5-0012"]
        sample = frames.read(1)
        assert sample.sample_id == "mm5-0012"
        assert sample.thermal_unit is ThermalUnit.KELVIN
        assert sample.thermal.dtype == sample.depth_m.dtype == np.float32
        # Column 3 of frame 12 holds 19015 and 815.
        np.testing.assert_array_equal(sample.thermal[:, 3], np.float32(19015 / 64))
        np.testing.assert_array_equal(sample.depth_m[1:, 3], np.float32(0.815))
        assert np.isnan(sample.depth_m[0]).all()
        assert np.isnan(sample.depth_m).sum() == sample.size[1]
        assert sample.rgb.shape == (*sample.size, 3)
        assert sample.rgb.dtype == np.uint8
        assert abs(int(np.median(sample.rgb[..., 0])) - 200) < 5
        assert abs(int(np.median(sample.rgb[..., 1])) - 12) < 5

    def test_real_size(self, write_mm5) -> None:
        sample = open_mm5(write_mm5([1], **LAYOUTS["published"])).split("train").read(0)
        assert sample.size == (480, 640)
        # 75 degrees across: tan(37.5 degrees) = 0.76733 = 320 / focal length.
        assert sample.intrinsics[0, 0] == pytest.approx(320 / 0.7673270)
        np.testing.assert_allclose(sample.intrinsics[:2, 2], [320, 240])

    def test_the_field_of_view_can_be_said(self, write_mm5) -> None:
        root = write_mm5([1, 2], **LAYOUTS["published"])
        plain, with_option = open_mm5(root), open_mm5(Path(f"{root}?fov=60.5"))
        sample = with_option.split("train").read(0)
        focal_px = 320 / np.tan(np.deg2rad(60.5 / 2))
        assert sample.intrinsics[0, 0] == pytest.approx(focal_px)
        assert "taken to see 60.5 degrees" in with_option.note
        assert with_option.fingerprint() != plain.fingerprint()
        assert open_mm5(Path(f"{root}?fov=75")).fingerprint() == plain.fingerprint()

    @pytest.mark.parametrize("option", ["fov=0", "fov=200", "fov=wide", "fov=", "lens=3"])
    def test_a_field_of_view_that_cannot_be_is_refused(self, option: str, write_mm5) -> None:
        with pytest.raises(DataError, match=option.partition("=")[0]):
            open_mm5(Path(f"{write_mm5([1])}?{option}"))

    def test_rgb_is_left_out_on_request(self, write_mm5) -> None:
        assert open_mm5(write_mm5([1])).split("train").read(0, with_rgb=False).rgb is None

    def test_without_rgb_it_is_readable(self, write_mm5) -> None:
        root = write_mm5([1, 2])
        (root / "RGB" / "1.jpg").unlink()
        one, two = (open_mm5(root).split("train").read(i) for i in range(2))
        assert one.rgb is None
        assert two.rgb is not None
        (root / "RGB" / "2.jpg").unlink()
        (root / "RGB").rmdir()
        assert open_mm5(root).split("train").read(1).rgb is None

    def test_grey_rgb_becomes_three_channels(self, write_mm5) -> None:
        root = write_mm5([1], file_names=("{}.png",) * 3)
        grey = np.arange(192, dtype=np.uint8).reshape(12, 16)
        (root / "RGB" / "1.png").write_bytes(encode_png(grey))
        rgb = open_mm5(root).split("train").read(0).rgb
        np.testing.assert_array_equal(rgb, np.dstack([grey] * 3))

    def test_what_is_no_frame_is_not_read(self, write_mm5) -> None:
        root = write_mm5([1, 2])
        for name in ("readme.txt", "Thumbs.db", ".DS_Store", "x12.png", "12.csv"):
            (root / "Thermal" / name).touch()
        assert len(open_mm5(root).split("train").sample_ids) == 2

    def test_frames_stand_in_the_order_of_their_numbers(self, write_mm5) -> None:
        frames = open_mm5(write_mm5([100, 9, 10])).split("train")
        assert frames.sample_ids == ["mm5-0009", "mm5-0010", "mm5-0100"]
        assert frames.read(2).thermal[0, 0] == np.float32(19100 / 64)


class TestSplits:
    def test_they_are_disjoint_complete_and_cut_in_blocks(self, write_mm5) -> None:
        numbers = [3 * k + 1 for k in range(7 * BLOCK + 5)]  # gaps, as in the real set
        data = open_mm5(write_mm5(numbers))
        split_of = {
            sample_id: name for name, part in data.splits.items() for sample_id in part.sample_ids
        }
        assert len(split_of) == sum(len(p.sample_ids) for p in data.splits.values()) == 145
        in_order = [split_of[f"mm5-{n:04d}"] for n in numbers]
        blocks = [set(in_order[i : i + BLOCK]) for i in range(0, len(in_order), BLOCK)]
        assert blocks == [
            {"train"},
            {"train"},
            {"val"},
            {"train"},
            {"test"},
            {"train"},
            {"train"},
            {"val"},
        ]

    def test_without_a_word_they_are_the_placements_of_the_camera(self, write_mm5) -> None:
        numbers = [1, 2, 105, 106, 107, 108, 260, 261, 262, 263, 323, 324]
        data = open_mm5_as_given(write_mm5(numbers))
        assert {name: list(part.sample_ids) for name, part in data.splits.items()} == {
            "train": ["mm5-0107", "mm5-0108", "mm5-0260", "mm5-0261"],
            "val": ["mm5-0262", "mm5-0263", "mm5-0323", "mm5-0324"],
            "test": ["mm5-0001", "mm5-0002", "mm5-0105", "mm5-0106"],
        }
        assert "three placements" in data.note
        assert "every placement in every split" in open_mm5(write_mm5([1])).note

    def test_placements_cover_every_number_once(self) -> None:
        numbers = [n for low, high in SPLIT_OF_PLACEMENT for n in range(low, high + 1)]
        assert numbers == list(range(1, 325))
        assert sorted(SPLIT_OF_PLACEMENT.values()) == ["test", "train", "val"]

    def test_a_frame_of_no_placement_is_in_no_split(self, write_mm5) -> None:
        root = write_mm5([5, 325])
        with pytest.raises(
            DataError, match=r"frame 325 is of no placement .*1 to 106.*split=blocks"
        ):
            open_mm5_as_given(root)
        assert len(open_mm5(root).split("train").sample_ids) == 2

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("split=block", "unknown split 'block'; did you mean 'blocks'"),
            ("splits=blocks", "unknown option 'splits'; did you mean 'split'"),
            ("split=", "expected 'split=VALUE' once"),
        ],
    )
    def test_options_that_do_not_exist(self, write_mm5, option: str, words: str) -> None:
        with pytest.raises(DataError, match=words):
            open_mm5_as_given(Path(f"{write_mm5([1])}?{option}"))

    def test_too_few_frames_leave_test_empty_and_say_so(self, write_mm5) -> None:
        data = open_mm5(write_mm5(range(1, 30)))
        assert len(data.split("train").sample_ids) == 29
        for name in ("val", "test"):
            with pytest.raises(DataError, match=f"the split '{name}' holds no frames"):
                data.split(name)

    def test_the_fingerprint_follows_the_content(self, write_mm5) -> None:
        root = write_mm5(range(1, 5))
        before = open_mm5(root).fingerprint()
        assert open_mm5(root).fingerprint() == before
        (root / "Depth" / "2.png").write_bytes(encode_png(np.ones((12, 16), np.uint16)))
        assert open_mm5(root).fingerprint() != before


class TestList:
    HEADER = "ID,Sequence,Category,Subcategory\n"

    def test_sequence_and_category_come_from_it(self, write_mm5) -> None:
        root = write_mm5([2, 5])
        (root / "frames.csv").write_text(self.HEADER + '5,286,Fruit,"real, rotten"\n')
        listed, unlisted = (open_mm5(root).split("train").read(i) for i in (1, 0))
        assert (listed.sequence, listed.condition) == ("286", "Fruit")
        assert (unlisted.sequence, unlisted.condition) == ("capture-2", "")

    def test_as_a_spreadsheet_saves_it(self, write_mm5) -> None:
        root = write_mm5([5])
        text = (self.HEADER + "5,286,Früchte,x\n").replace("\n", "\r\n")
        (root / "frames.csv").write_bytes(text.encode("utf-8-sig"))
        assert open_mm5(root).split("train").read(0).condition == "Früchte"

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            (b"number,kind\n5,Fruit\n", 2),
            (b"ID,Sequence,Category\n5,286,Fruit\nfive,1,Fruit\n", 3),
            (b"ID,Sequence,Category\n5,286\n", 2),
            (b'ID,Sequence,Category\n5,286,"' + b"x" * 140_000 + b'"\n', 1),
        ],
    )
    def test_a_broken_one_is_named_with_its_line(
        self, write_mm5, content: bytes, line: int
    ) -> None:
        root = write_mm5([5])
        (root / "frames.csv").write_bytes(content)
        message = rf"frames\.csv, line {line}: expected .*columns ID, Sequence, Category"
        with pytest.raises(DataError, match=message):
            open_mm5(root)

    def test_text_of_another_encoding_is_named(self, write_mm5) -> None:
        root = write_mm5([5])
        (root / "frames.csv").write_bytes("ID,Sequence,Category\n5,286,Früchte\n".encode("latin-1"))
        with pytest.raises(DataError, match=r"frames\.csv: cannot be read as UTF-8 text"):
            open_mm5(root)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:48])  # 41 bytes of header, then a little of the picture


def _eight_bit(path: Path) -> None:
    path.write_bytes(encode_png(np.arange(192, dtype=np.uint8).reshape(12, 16)))


def _smaller(path: Path) -> None:
    path.write_bytes(encode_png(np.arange(80, dtype=np.uint16).reshape(8, 10)))


def _holes(path: Path) -> None:
    path.write_bytes(encode_png(np.zeros((12, 16), np.uint16)))


def _kelvin(path: Path) -> None:
    image = Image.fromarray(np.linspace(290, 310, 192, dtype=np.float32).reshape(12, 16))
    image.save(path, "TIFF")


def _colour(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    path.write_bytes(encode_png(noise))


class TestBrokenFrames:
    @pytest.mark.parametrize(
        ("band", "damage", "message"),
        [
            ("Thermal", _cut, "damaged or truncated picture .*copy it again"),
            ("Depth", _cut, "damaged or truncated picture .*copy it again"),
            ("RGB", _cut, "damaged or truncated picture .*copy it again"),
            ("Thermal", Path.unlink, "cannot be read"),
            ("Thermal", _eight_bit, "8-bit where raw counts are meant.*record the 14/16-bit"),
            ("Thermal", _kelvin, "float32 is read as kelvin, where counts is meant"),
            ("Thermal", _colour, "a colour picture.*export the raw"),
            ("Depth", _eight_bit, "uint8 .*expected 16-bit millimetres"),
            ("Depth", _colour, "uint8 .*expected 16-bit millimetres"),
            ("Depth", _kelvin, "float32 .*expected 16-bit millimetres"),
            ("Depth", _holes, "all hole: no pixel has a depth reading; remove frame 2"),
            ("Depth", _smaller, "10x8, but the thermal frame .*2.png is 16x12; .*one pixel grid"),
            ("RGB", _smaller, "uint16, expected an 8-bit picture"),
        ],
    )
    def test_the_file_is_named_and_the_other_frames_are_read(
        self, band: str, damage: Callable[[Path], None], message: str, write_mm5
    ) -> None:
        root = write_mm5([1, 2, 3], file_names=("{}.png",) * 3)
        frames = open_mm5(root).split("train")
        path = root / band / "2.png"
        damage(path)
        with pytest.raises(DataError, match=message) as error:
            frames.read(1)
        assert str(error.value).startswith(f"{path}: ")
        for index in (0, 2):
            frames.read(index)

    def test_an_rgb_picture_of_another_size(self, write_mm5) -> None:
        root = write_mm5([1])
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(root / "RGB" / "1.jpg")
        frames = open_mm5(root).split("train")
        with pytest.raises(DataError, match=r"RGB/1\.jpg: 8x6, but the thermal frame"):
            frames.read(0)
        assert frames.read(0, with_rgb=False).size == (12, 16)


class TestBrokenFolders:
    @pytest.mark.parametrize(("band", "other"), [("Thermal", "Depth"), ("Depth", "Thermal")])
    def test_a_missing_partner(self, band: str, other: str, write_mm5) -> None:
        root = write_mm5([1, 2, 7])
        (root / band / "2.png").unlink()
        (root / band / "7.png").unlink()
        with pytest.raises(DataError) as error:
            open_mm5(root)
        assert str(error.value) == (
            f"{root}: frame 2 stands in only one of Thermal and Depth (2 such frames); "
            "copy the set again or remove the halves"
        )
        assert (root / other / "2.png").exists()

    @pytest.mark.parametrize("second", ["012.png", "12_colour.png", "12.tif"])
    def test_two_files_of_one_frame(self, second: str, write_mm5) -> None:
        root = write_mm5([12])
        (root / "Depth" / second).write_bytes((root / "Depth" / "12.png").read_bytes())
        with pytest.raises(DataError, match=r"Depth: .* and .* are both frame 12; keep one"):
            open_mm5(root)

    def test_no_frames(self, write_mm5) -> None:
        root = write_mm5([1])
        for band in ("Thermal", "Depth"):
            (root / band / "1.png").unlink()
        with pytest.raises(DataError, match=r"Thermal: no frames \(expected files such as 12"):
            open_mm5(root)

    def test_not_mm5(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"not an MM5 folder; expected .*RGB/Thermal/Depth or"):
            open_mm5(tmp_path)
        with pytest.raises(DataError, match="no such folder; give the one that holds"):
            open_mm5(tmp_path / "none")
        with pytest.raises(DataError, match="mm5 needs a folder: --data mm5:PATH"):
            open_mm5_as_given(None)


class TestRealFrames:
    @pytest.fixture
    def real(self):
        if not REAL.is_dir():
            pytest.skip(f"{REAL} is not there: real frames are kept beside the repository")
        return open_mm5(REAL)

    def test_the_set(self, real) -> None:
        assert {name: len(part.sample_ids) for name, part in real.splits.items()} == {
            "train": 160,
            "val": 48,
            "test": 40,
        }

    def test_frames_are_a_table_top_at_room_temperature(self, real) -> None:
        frames = real.split("test")
        for index in (0, 17, 39):
            sample = frames.read(index)
            assert sample.size == (240, 320)
            assert 283 < np.median(sample.thermal) < 310
            valid = sample.depth_m[np.isfinite(sample.depth_m)]
            assert 0.4 < np.median(valid) < 1.5
            assert 0 < np.isnan(sample.depth_m).mean() < 0.3
            assert sample.rgb.shape == (240, 320, 3)
            assert sample.condition
