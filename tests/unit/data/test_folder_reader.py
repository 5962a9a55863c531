"""A described folder: patterns, units, splits by sequence, and errors that name the file and the key."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from thermodepth.data.folder import FolderDescription, open_folder
from thermodepth.data.frames import Dataset
from thermodepth.data.patterns import find_files
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.files import encode_png, read_raster
from thermodepth.types import ThermalUnit

SIZE = (32, 80)
Describe = Callable[..., Path]
DESCRIPTION: dict[str, Any] = {
    "root": "files",
    "thermal": {"files": "{sequence}/thermal/{frame}.png", "unit": "counts"},
    "depth": {"files": "{sequence}/depth/{frame}.png", "metres": 0.001},
    "rgb": {"files": "{sequence}/rgb/{frame}.png"},
    "intrinsics": {"fx": 60, "fy": 61, "cx": 39.5, "cy": 15.5},
    "near_m": 0.5,
    "far_m": 60,
    "splits": {"train": ["yard*"], "val": ["street"], "test": ["hall"]},
}


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(values))


@pytest.fixture
def describe(tmp_path: Path) -> Describe:
    """`describe(key=..., ...)`: the description with changes, beside three frames of four sequences."""
    row = np.arange(SIZE[1], dtype=np.uint16)
    for place, name in enumerate(("yard1", "yard2", "street", "hall")):
        for frame in (2, 9, 10):
            folder, level = tmp_path / "files" / name, 100 * place + frame
            write(
                folder / f"thermal/{frame}.png",
                np.tile(row + np.uint16(7000 + level), (SIZE[0], 1)),
            )
            depth = np.full(SIZE, 2000 + level, np.uint16)
            depth[0] = 0
            write(folder / f"depth/{frame}.png", depth)
            write(folder / f"rgb/{frame}.png", np.full((*SIZE, 3), (frame, 5, 9), np.uint8))

    def make(drop: tuple[str, ...] = (), **changes: Any) -> Path:
        tree = {k: v for k, v in {**DESCRIPTION, **changes}.items() if k not in drop}
        path = tmp_path / "set.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return make


def first(data: Dataset) -> Any:
    return data.split("train").read(0)


class TestFrames:
    def test_values_ids_and_order(self, describe: Describe) -> None:
        data = open_folder(describe(conditions={"night": ["yard2"]}))
        frames = data.split("train")
        assert frames.sample_ids == [f"folder-yard{s}-{f}" for s in (1, 2) for f in (2, 9, 10)]
        sample = frames.read(4)
        assert (sample.sequence, sample.condition) == ("yard2", "night")
        assert sample.thermal_unit is ThermalUnit.COUNTS
        assert sample.thermal[0, 0] == 7109
        np.testing.assert_array_equal(sample.depth_m[1:], np.float32(2.109))
        assert np.isnan(sample.depth_m[0]).all()
        assert sample.rgb[0, 0].tolist() == [9, 5, 9]
        assert sample.rgb_view is None
        np.testing.assert_allclose(sample.intrinsics, [[60, 0, 40], [0, 61, 16], [0, 0, 1]])
        assert data.note == "folder: 12 frames of 4 sequences"

    def test_a_folder_that_describes_itself(self, describe: Describe, tmp_path: Path) -> None:
        path = describe(name="My yard", root="..", licence="CC0")
        path.rename(tmp_path / "files" / "thermodepth.yaml")
        changed = (tmp_path / "files/thermodepth.yaml").read_text().replace("..", ".")
        (tmp_path / "files/thermodepth.yaml").write_text(changed)
        data = open_folder(tmp_path / "files")
        assert data.spec == f"folder:{tmp_path / 'files'}"
        assert data.licence == "CC0"
        assert first(data).sample_id.startswith("My_yard-yard1-2-")  # safe, and marked as changed

    def test_the_example_of_the_module_is_a_description(self) -> None:
        import thermodepth.data.folder as module

        text = textwrap.dedent(module.__doc__.split("\n\n")[1])
        about = FolderDescription.parse(yaml.safe_load(text), where="example")
        assert about.splits["train"] == ("yard*",)

    @pytest.mark.parametrize(
        ("thermal", "kelvin"),
        [
            ({"unit": "kelvin", "scale": 0.04}, 7002 * 0.04),
            ({"unit": "celsius", "scale": 0.01, "offset": -50}, 70.02 - 50 + 273.15),
        ],
    )
    def test_units_lead_to_kelvin(
        self, describe: Describe, thermal: dict[str, Any], kelvin: float
    ) -> None:
        files = DESCRIPTION["thermal"]["files"]
        sample = first(open_folder(describe(thermal={"files": files, **thermal})))
        assert sample.thermal_unit is ThermalUnit.KELVIN
        assert sample.thermal.dtype == np.float32
        assert sample.thermal[0, 0] == pytest.approx(kelvin)

    def test_floating_point_celsius(self, describe: Describe, tmp_path: Path) -> None:
        thermal = {"files": "{sequence}/thermal/{frame}.tiff", "unit": "celsius"}
        values = np.linspace(-10, 35, 2560, dtype=np.float32).reshape(SIZE)
        Image.fromarray(values).save(tmp_path / "files/yard1/thermal/2.tiff")
        data = open_folder(describe(thermal=thermal, splits={"train": ["*"]}))
        assert first(data).thermal[0, 0] == pytest.approx(263.15)

    def test_display(self, describe: Describe, tmp_path: Path) -> None:
        grey = np.arange(2560, dtype=np.uint16).astype(np.uint8).reshape(SIZE)
        write(tmp_path / "files/yard1/agc/2.png", grey)
        thermal = {"files": "{sequence}/agc/{frame}.png", "unit": "display"}
        data = open_folder(describe(thermal=thermal, splits={"train": ["yard1"]}))
        assert first(data).thermal_unit is ThermalUnit.DISPLAY

    def test_telemetry_is_dropped_where_the_description_says_so(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        whole = first(open_folder(describe())).thermal
        words = np.zeros((2, SIZE[1]), np.uint16)
        words[0, :30] = np.arange(30) * 999
        for path in (tmp_path / "files").glob("*/thermal/*.png"):
            write(path, np.concatenate([read_raster(path), words]))
        with pytest.raises(DataError, match=r"rows 32 to 33 of 34 .*thermal\.drop"):
            open_folder(describe())  # which looks for the frames' size
        thermal = {**DESCRIPTION["thermal"], "drop": {"bottom": 2}}
        np.testing.assert_array_equal(first(open_folder(describe(thermal=thermal))).thermal, whole)
        kelvin = {**thermal, "unit": "kelvin", "scale": 0.04}
        assert first(open_folder(describe(thermal=kelvin))).thermal.shape == SIZE

    def test_a_description_of_before_keeps_its_fingerprint(self) -> None:
        """Labels and runs are kept under it."""
        assert FolderDescription.parse(DESCRIPTION).fingerprint() == "ccc3149687ee"
        dropping = {**DESCRIPTION["thermal"], "drop": {"bottom": 2}}
        changed = FolderDescription.parse({**DESCRIPTION, "thermal": dropping})
        assert changed.fingerprint() != "ccc3149687ee"

    def test_a_value_for_nothing(self, describe: Describe) -> None:
        depth = {**DESCRIPTION["depth"], "no_value": 2002}
        assert np.isnan(first(open_folder(describe(depth=depth))).depth_m).all()

    def test_lenses(self, describe: Describe, tmp_path: Path) -> None:
        lens = {**DESCRIPTION["intrinsics"], "cx": 40, "cy": 16, "first_pixel": 0.5}
        assert first(open_folder(describe(intrinsics=lens))).intrinsics[:2, 2].tolist() == [40, 16]
        drop = ("intrinsics",)
        wide = first(open_folder(describe(drop, field_of_view_deg=90)))
        np.testing.assert_allclose(
            wide.intrinsics, [[40, 0, 40], [0, 40, 16], [0, 0, 1]], rtol=1e-6
        )
        longer = first(open_folder(describe(drop, focal_px=77.5)))
        assert longer.intrinsics.tolist() == [[77.5, 0, 40], [0, 77.5, 16], [0, 0, 1]]
        unknown = open_folder(describe(drop))
        assert np.isnan(first(unknown).intrinsics).all()
        assert not first(unknown).focal_px > 0
        assert unknown.note.endswith("its lens is not known")
        facts = {
            "K_thrL": [[60, 0, 39.5], [0, 60, 15.5], [0, 0, 1]],
            "K_rgbL": [[70, 0, 39.5], [0, 70, 15.5], [0, 0, 1]],
            "R_nir2thr": np.eye(3).tolist(),
            "R_nir2rgb": np.eye(3).tolist(),
            "T_nir2thr": [[0], [0], [0]],
            "T_nir2rgb": [[250], [0], [0]],
        }
        (tmp_path / "files" / "calib.json").write_text(json.dumps(facts))
        rgb = {"files": "{sequence}/rgb/{frame}.png", "depth": "{sequence}/depth/{frame}.png"}
        own = first(open_folder(describe(drop, calibration="calib.json", rgb=rgb)))
        np.testing.assert_allclose(own.rgb_view.rgb_from_thermal[:3, 3], [0.25, 0, 0])
        assert own.rgb_view.intrinsics[0, 0] == 70
        assert own.rgb_view.depth_m[5, 5] == np.float32(2.002)
        blind = open_folder(describe(("intrinsics", "rgb"), calibration="calib.json"))
        assert first(blind).intrinsics[0, 2] == 40

    def test_without_rgb_no_rgb_file_is_opened(self, describe: Describe, tmp_path: Path) -> None:
        for path in (tmp_path / "files").glob("*/rgb/*.png"):
            path.write_bytes(b"broken")
        frames = open_folder(describe()).split("train")
        assert frames.read(0, with_rgb=False).rgb is None
        with pytest.raises(DataError, match=r"yard1/rgb/2\.png: not a PNG"):
            frames.read(0)

    def test_frames_without_a_partner_are_left_out_and_said(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        (tmp_path / "files/yard1/depth/2.png").unlink()
        (tmp_path / "files/yard1/thermal/9.png").unlink()
        (tmp_path / "files/yard1/rgb/10.png").unlink()
        data = open_folder(describe())
        assert first(data).sample_id == "folder-yard1-10"
        assert first(data).rgb is None
        assert data.note.endswith("; 2 without depth or thermal left out")

    def test_the_fingerprint_follows_files_and_description(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        fingerprints = {open_folder(describe()).fingerprint()}
        assert open_folder(describe()).fingerprint() in fingerprints
        fingerprints.add(
            open_folder(describe(depth={**DESCRIPTION["depth"], "metres": 0.002})).fingerprint()
        )
        fingerprints.add(open_folder(describe(conditions={"day": ["*"]})).fingerprint())
        write(tmp_path / "files/hall/depth/9.png", np.full(SIZE, 9, np.uint16))
        fingerprints.add(open_folder(describe()).fingerprint())
        assert len(fingerprints) == 4

    def test_its_protocol_is_its_range(self, describe: Describe) -> None:
        data = open_folder(describe(near_m=0.35, far_m=12.5))
        protocol = named_protocol(data.protocol)
        assert (protocol.min_depth_m, protocol.max_depth_m) == data.depth_range_m == (0.35, 12.5)
        assert protocol.range_bin_edges_m == (0.35, 0.72, 1.5, 3.0, 6.1, 12.5)

    @pytest.mark.parametrize("name", ["range:5-1", "range:0-1", "range:1.2.3-4", "range:1-"])
    def test_ranges_that_cannot_be(self, name: str) -> None:
        with pytest.raises(SettingsError, match="range"):
            named_protocol(name)

    @pytest.mark.parametrize(("near_m", "far_m"), [(0.001, 10000), (1, 1.001), (9.99999, 10)])
    def test_every_range_has_a_protocol(self, near_m: float, far_m: float) -> None:
        edges = named_protocol(f"range:{near_m:g}-{far_m:g}").range_bin_edges_m
        assert (edges[0], edges[-1]) == (near_m, far_m)


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "key"),
        [
            ("{sequence}/thermal/{frame}.png", ("a_1", "0001")),
            ("{sequence}/thermal/{frame}.*", ("a_1", "0001")),
            ("*/thermal/{frame}.png", ("", "0001")),
            ("flat/{sequence}_{frame}.png", ("a_1", "0001")),
            ("flat/{sequence}_{frame}.?ng", ("a_1", "0001")),
            ("twice/{sequence}/{sequence}_{frame}.png", ("a_1", "0001")),
            ("twice/a_1/{sequence}-{frame}-{sequence}.png", ("b", "0001")),
        ],
    )
    def test_fields(self, tmp_path: Path, pattern: str, key: tuple[str, str]) -> None:
        for name in ("a_1/thermal/0001.png", "flat/a_1_0001.png", "twice/a_1/a_1_0001.png"):
            write(tmp_path / name, np.zeros((2, 2), np.uint8))
        write(tmp_path / "twice/a_1/b-0001-b.png", np.zeros((2, 2), np.uint8))
        for name in ("a_1/thermal/.0002.png", "twice/a_1/b_0001.png", "twice/a_1/b-1-c.png"):
            write(tmp_path / name, np.zeros((2, 2), np.uint8))
        assert list(find_files(tmp_path, pattern, where="here")) == [key]

    def test_two_files_of_one_frame(self, describe: Describe) -> None:
        thermal = {"files": "*/thermal/{frame}.png", "unit": "counts"}
        message = (
            r"set\.yaml: thermal\.files: 'hall/thermal/10\.png' and 'street/.*are both frame '10'"
        )
        with pytest.raises(DataError, match=message):
            open_folder(describe(thermal=thermal))

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("../{frame}.png", r"'\.\.' would leave root"),
            ("a/../../{frame}.png", r"'\.\.' would leave root"),
            ("/etc/{frame}", "expected a path relative to root"),
            ("~/{frame}", "expected a path relative to root"),
            ("C:/{frame}", "expected a path relative to root"),
            ("a\\{frame}", "expected a path relative to root"),
            ("", "expected a path relative to root"),
            ("**/{frame}.png", r"'\*\*' is not read"),
            ("{sequense}/{frame}.png", "unknown field 'sequense'; did you mean 'sequence'"),
            ("{frame}/{", "a brace without its partner"),
            ("*a*b*c*d*e*f{frame}", "more than 6 fields and wildcards"),
            ("a/*.png", "without {frame} no two kinds of files can be paired"),
        ],
    )
    def test_patterns_that_cannot_be(self, describe: Describe, pattern: str, message: str) -> None:
        path = describe(thermal={"files": pattern, "unit": "counts"})
        with pytest.raises(SettingsError, match=message) as error:
            open_folder(path)
        assert str(error.value).startswith(f"{path}: thermal.files = ")

    def test_links_out_of_the_root_are_refused(self, describe: Describe, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        write(secret / "2.png", np.arange(2560, dtype=np.uint16).reshape(SIZE))
        link = tmp_path / "files" / "zoo" / "thermal"
        link.parent.mkdir()
        link.symlink_to(secret)
        with pytest.raises(DataError, match=r"zoo/thermal: a link that leads out of"):
            open_folder(describe())
        link.unlink()
        link.mkdir()
        (link / "3.png").symlink_to(secret / "2.png")
        with pytest.raises(DataError, match=r"zoo/thermal/3\.png: a link that leads out of"):
            open_folder(describe())

    def test_links_within_it_are_not(self, describe: Describe, tmp_path: Path) -> None:
        (tmp_path / "files" / "yard3").symlink_to(tmp_path / "files" / "yard1")
        assert len(open_folder(describe()).split("train").sample_ids) == 9

    def test_a_calibration_out_of_the_root_is_refused(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        (tmp_path / "calib.json").write_text("{}")
        for name in ("../calib.json", str(tmp_path / "calib.json")):
            with pytest.raises(
                SettingsError, match=r"calibration: '.*calib\.json' is not below root"
            ):
                open_folder(describe(("intrinsics",), calibration=name))

    def test_nothing_fits(self, describe: Describe) -> None:
        depth = {"files": "{sequence}/deep/{frame}.png", "metres": 0.001}
        with pytest.raises(DataError, match=r"set\.yaml: depth\.files = '.*': no file fits below"):
            open_folder(describe(depth=depth))
        with pytest.raises(
            DataError, match=r"no frame has both: .*sequence and frame must be the same"
        ):
            open_folder(describe(depth={"files": "{frame}/depth/{sequence}.png", "metres": 1}))


class TestSplits:
    def test_shares_cut_by_sequence_always_alike(self, describe: Describe, tmp_path: Path) -> None:
        for number in range(20):
            for band in ("thermal", "depth"):
                source = (tmp_path / f"files/hall/{band}/9.png").read_bytes()
                target = tmp_path / f"files/s{number}/{band}/1.png"
                target.parent.mkdir(parents=True)
                target.write_bytes(source)
        path = describe(("splits",), shares={"train": 2, "val": 1, "test": 1})
        parts = []
        for _ in range(2):
            data = open_folder(path)
            parts.append(
                {
                    name: {part.read(i).sequence for i in range(len(part.sample_ids))}
                    for name, part in data.splits.items()
                }
            )
        assert parts[0] == parts[1]
        train, val, test = parts[0].values()
        assert (len(train), len(val), len(test)) == (12, 6, 6)
        assert len(train | val | test) == 24
        # Not in the order of names, which is that of time.
        assert {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"} - train

    def test_every_share_gets_a_sequence(self, describe: Describe) -> None:
        data = open_folder(describe(("splits",)))  # 80, 10 and 10 % of four
        assert [len(part.sample_ids) for part in data.splits.values()] == [6, 3, 3]
        only = open_folder(describe(("splits",), shares={"test": 1}))
        assert [len(part.sample_ids) for part in only.splits.values()] == [0, 0, 12]

    def test_one_recording_is_never_cut(self, describe: Describe) -> None:
        changes = {
            band: {**DESCRIPTION[band], "files": f"yard1/{band}/{{frame}}.png"}
            for band in ("thermal", "depth", "rgb")
        }
        message = (
            "1 sequences cannot be shared out over train, val, test: a recording belongs to one"
        )
        with pytest.raises(SettingsError, match=message):
            open_folder(describe(("splits",), **changes))
        data = open_folder(describe(("splits",), shares={"train": 1}, **changes))
        assert first(data).sequence == "folder"

    def test_a_long_recording_is_cut_into_blocks_when_asked(
        self, describe: Describe, tmp_path: Path
    ) -> None:
        changes = {
            band: {**DESCRIPTION[band], "files": f"yard1/{band}/{{frame}}.png"}
            for band in ("thermal", "depth", "rgb")
        }
        for frame in range(20, 27):
            for band in ("thermal", "depth", "rgb"):
                source = tmp_path / f"files/yard1/{band}/9.png"
                source.with_name(f"{frame}.png").write_bytes(source.read_bytes())
        data = open_folder(describe(("splits",), **changes, block=3))
        assert "10 frames of 4 sequences" in data.note
        ids = {s: part.sample_ids for s, part in data.splits.items()}
        assert sorted(map(len, ids.values())) in ([3, 3, 4], [1, 3, 6])
        read = [part.read(i) for part in data.splits.values() for i in range(len(part.sample_ids))]
        runs: dict[str, list[int]] = {}
        for sample in read:
            runs.setdefault(sample.sequence, []).append(int(sample.sample_id.split("-")[-1]))
        assert runs["folder-000"] == [2, 9, 10]  # in the order of time
        assert runs["folder-003"] == [26]

    def test_what_is_in_no_split_is_said(self, describe: Describe) -> None:
        data = open_folder(describe(splits={"train": ["yard1"]}))
        assert data.note == "folder: 12 frames of 4 sequences, 3 in no split"
        with pytest.raises(DataError, match="the split 'test' holds no frames"):
            data.split("test")

    @pytest.mark.parametrize(
        ("splits", "message"),
        [
            ({"train": ["yard*"], "val": ["*2"]}, "sequence 'yard2' is in train and in val"),
            ({"train": ["garden"]}, r"splits\.train: 'garden' fits no sequence \(there are: hall"),
            ({"tran": ["*"]}, "splits.tran"),
            ({"train": [1]}, r"splits\.train\.0 = 1: input should be a valid string"),
        ],
    )
    def test_splits_that_cannot_be(self, describe: Describe, splits: Any, message: str) -> None:
        path = describe(splits=splits)
        with pytest.raises(SettingsError, match=message) as error:
            open_folder(path)
        assert str(error.value).startswith(f"{path}: ")


class TestDescriptions:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"depht": 1}, "no setting 'depht'; did you mean 'depth'"),
            (
                {"depth": {"files": "{frame}", "meters": 1}},
                r"no setting 'depth\.meters'; did you mean",
            ),
            ({"depth": {"files": "{frame}"}}, r"depth\.metres: field required"),
            ({"depth": {"files": "{frame}", "metres": 0}}, r"depth\.metres = 0: .*greater than 0"),
            (
                {"thermal": {"files": "{frame}", "unit": "kelvins"}},
                r"thermal\.unit = 'kelvins': .*'kelvin'",
            ),
            (
                {"thermal": {"files": "{frame}", "unit": "counts", "scale": 0.5}},
                "scale and offset lead to kelvin or celsius, and unit is counts",
            ),
            ({"near_m": 70}, "near_m 70 must be below far_m 60"),
            ({"near_m": "near"}, "near_m = 'near': input should be a valid number"),
            ({"near_m": 0.12345678}, "near_m = 0.12345678: .*more than six digits"),
            ({"field_of_view_deg": 60}, "give at most one of intrinsics, calibration, focal_px"),
            ({"shares": {"train": 1}}, "give splits or shares, not both"),
            ({"splits": None, "shares": {"train": 0}}, "shares: all are 0"),
            (
                {"rgb": {"files": "{frame}", "depth": "{frame}"}},
                r"rgb\.depth has no effect without",
            ),
            (
                {"intrinsics": {"fx": 1, "fy": 1, "cx": 1, "cy": 1, "first_pixel": 1}},
                "first_pixel 1: ",
            ),
            ({"name": "a/b"}, "name = 'a/b'"),
            ({"root": "elsewhere"}, "root = 'elsewhere': .* is no folder"),
        ],
    )
    def test_the_key_is_named(
        self, describe: Describe, changes: dict[str, Any], message: str
    ) -> None:
        path = describe(**changes)
        with pytest.raises(SettingsError, match=message) as error:
            open_folder(path)
        assert str(error.value).startswith(f"{path}: ")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "expected keys such as thermal and depth"),
            ("- 1", "expected keys such as thermal and depth"),
            ("a: [", "not YAML as read here"),
            ("a: &x [1]\nb: *x", "anchors and aliases"),
            ("a: !!python/object/apply:os.system [ls]", "tag .* is not read"),
            ("a: 1\na: 2", "stands twice"),
            ("# " + "x" * 300_000, "larger than 200000 bytes"),
        ],
    )
    def test_files_that_are_no_description(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "set.yaml"
        path.write_text(text)
        with pytest.raises((SettingsError, DataError), match=message) as error:
            open_folder(path)
        assert str(error.value).startswith(f"{path}: ")

    def test_no_description(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="folder needs a description"):
            open_folder(None)
        with pytest.raises(DataError, match=r"thermodepth\.yaml: no such file\. It says where"):
            open_folder(tmp_path)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def _colour(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    path.write_bytes(encode_png(noise))


def _smaller(path: Path) -> None:
    path.write_bytes(encode_png(np.arange(2400, dtype=np.uint16).reshape(30, 80)))


class TestBroken:
    @pytest.mark.parametrize(
        ("file", "damage", "message"),
        [
            ("thermal", _cut, "damaged or truncated"),
            ("thermal", _colour, "a colour picture"),
            ("depth", _cut, "damaged or truncated"),
            ("depth", _colour, "expected one channel of numbers"),
            ("depth", _smaller, "80x30, but .* is 80x32, and both are on one pixel grid"),
            ("rgb", _smaller, "uint16, expected an 8-bit picture"),
        ],
    )
    def test_the_file_is_named_and_the_other_frames_are_read(
        self,
        describe: Describe,
        tmp_path: Path,
        file: str,
        damage: Callable[[Path], None],
        message: str,
    ) -> None:
        path = tmp_path / "files/yard1" / file / "9.png"
        damage(path)
        frames = open_folder(describe()).split("train")
        with pytest.raises(DataError, match=message) as error:
            frames.read(1)
        assert str(error.value).startswith(f"{path}: ")
        for index in (0, 2):
            frames.read(index)

    @pytest.mark.parametrize(
        ("thermal", "message"),
        [
            (
                {"unit": "kelvin"},
                r"2\.png: values 7002\.\.7081 become 7002\.\.7081 K by thermal\.unit = kelvin",
            ),
            ({"unit": "celsius", "scale": 0.001, "offset": -400}, r"scale = 0\.001, offset = -400"),
            ({"unit": "display"}, "uint16 is read as counts, where display is meant"),
        ],
    )
    def test_values_that_cannot_be_of_the_unit(
        self, describe: Describe, thermal: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            open_folder(describe(thermal={**DESCRIPTION["thermal"], **thermal}))

    def test_a_lens_that_looks_past_the_frames(self, describe: Describe) -> None:
        lens = {**DESCRIPTION["intrinsics"], "cx": 79}
        with pytest.raises(DataError, match=r"set\.yaml: principal point .* far off the middle of"):
            open_folder(describe(intrinsics=lens))
