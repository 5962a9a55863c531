"""The pack: what goes in comes out, the same frames give the same bytes, broken files say so."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.pack import Pack, write_pack
from thermodepth.types import RgbView

MakeFrame = Callable[[int], Frame]


@pytest.fixture
def small(tmp_path: Path, made_frame: MakeFrame) -> Path:
    path = tmp_path / "small.zip"
    write_pack(path, {"train": [made_frame(1), made_frame(2)], "test": [made_frame(200_000)]})
    return path


def _changed(path: Path, member: str, content: bytes | None, name: str | None = None) -> Path:
    """A copy in which one member has other content (None: left out), under `name` if given."""
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            if info.filename != member:
                new.writestr(info.filename, old.read(info))
        if content is not None:
            new.writestr(name or member, content)
    return out


def _content(path: Path, member: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def test_round_trip(small: Path, made_frame: MakeFrame) -> None:
    with Pack.open(small) as pack:
        assert pack.size == (8, 12)
        assert pack.splits == ("train", "test")
        assert [row.seed for row in pack.rows_of("train")] == [1, 2]
        read, written = pack.read("street-day-0000002"), made_frame(2)
    kelvin_error = np.abs(read.apparent_temperature_k - written.apparent_temperature_k)
    assert kelvin_error.max() <= 0.0251  # half of a 50 mK step
    assert np.array_equal(np.isnan(read.depth_m), np.isnan(written.depth_m))
    assert np.nanmax(np.abs(read.depth_m - written.depth_m)) <= 0.5 / 256 + 1e-5
    assert np.abs(read.rgb.astype(int) - written.rgb).max() < 12
    np.testing.assert_allclose(read.intrinsics, written.intrinsics)
    assert (read.kind, read.condition, read.seed) == ("street", "day", 2)
    assert read.apparent_temperature_k.dtype == read.depth_m.dtype == np.float32


def in_motion(frame: Frame, index: int) -> Frame:
    """One of a sequence, with a lidar and an RGB camera of 20 x 10 pixels beside the thermal one."""
    turn = np.pi / 7 * (index + 1)
    world_from_camera = np.eye(4)
    world_from_camera[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    world_from_camera[:3, 3] = [index / 3, 0.1, 1.4]
    rgb_from_thermal = np.eye(4)
    rgb_from_thermal[0, 3] = -0.123456789
    lidar_m = np.where(np.arange(12) % 3 == 0, frame.depth_m, np.float32(np.nan))
    return replace(
        frame,
        sequence="street-day-0000001",
        time_s=index / 30,
        world_from_camera=world_from_camera,
        rgb=np.full((10, 20, 3), 90, np.uint8),
        lidar_m=lidar_m,
        rgb_view=RgbView(
            depth_m=np.full((10, 20), 7.5, np.float32),
            intrinsics=np.array([[30.25, 0, 10], [0, 30.25, 5], [0, 0, 1]], np.float32),
            rgb_from_thermal=rgb_from_thermal,
        ),
    )


@pytest.mark.parametrize("name", ["moving.zip", "moving"])
def test_sequence_lidar_and_second_view_come_back(
    tmp_path: Path, made_frame: MakeFrame, name: str
) -> None:
    sensor = MicrobolometerSettings(mode="radiometric", shutter_every_s=3.0, freeze_s=0.4)
    frames = [in_motion(made_frame(number), number - 1) for number in (1, 2, 3)]
    write_pack(tmp_path / name, {"train": frames}, sensor=sensor, rig="mine")
    with Pack.open(tmp_path / name) as pack:
        assert (pack.header.rig, pack.header.sensor) == ("mine", sensor)
        for frame in frames:
            read = pack.read(frame.frame_id)
            assert (read.sequence, read.time_s) == (frame.sequence, frame.time_s)
            np.testing.assert_array_equal(read.world_from_camera, frame.world_from_camera)
            assert read.rgb.shape == (10, 20, 3)
            assert read.rgb_view is not None
            assert read.lidar_m is not None
            assert (read.rgb_view.depth_m == 7.5).all()
            np.testing.assert_array_equal(read.rgb_view.intrinsics, frame.rgb_view.intrinsics)
            np.testing.assert_array_equal(
                read.rgb_view.rgb_from_thermal, frame.rgb_view.rgb_from_thermal
            )
            beams = np.isfinite(read.lidar_m)
            np.testing.assert_array_equal(beams, np.isfinite(frame.lidar_m))
            np.testing.assert_array_equal(read.lidar_m[beams], read.depth_m[beams])


def test_all_frames_have_the_same_maps(tmp_path: Path, made_frame: MakeFrame) -> None:
    frames = [in_motion(made_frame(1), 0), replace(in_motion(made_frame(2), 1), lidar_m=None)]
    with pytest.raises(DataError, match="'street-day-0000002' differs in size, cameras or maps"):
        write_pack(tmp_path / "out.zip", {"train": frames})


def test_depth_beyond_the_encoding_has_no_value(tmp_path: Path, made_frame: MakeFrame) -> None:
    frame = made_frame(1)
    frame.depth_m[3, 3] = 300.0
    write_pack(tmp_path / "far.zip", {"train": [frame]})
    assert np.isnan(Pack.open(tmp_path / "far.zip").read(frame.frame_id).depth_m[3, 3])


def test_same_frames_same_bytes(small: Path, tmp_path: Path, made_frame: MakeFrame) -> None:
    again = tmp_path / "again.zip"
    write_pack(again, {"train": [made_frame(1), made_frame(2)], "test": [made_frame(200_000)]})
    assert small.read_bytes() == again.read_bytes()


def test_a_person_can_read_the_header(small: Path) -> None:
    facts = json.loads(_content(small, "pack.json"))
    assert facts["temperature"] == {"offset_k": 150.0, "step_k": 0.05}
    assert facts["depth"]["step_m"] == 1 / 256
    assert (
        _content(small, "index.csv").decode().splitlines()[1]
        == "street-day-0000001,train,street,day,1,,0.0"
    )
    assert MicrobolometerSettings(**facts["sensor"]) == MicrobolometerSettings()
    assert facts["rgb"] is None


def test_survives_pickling_into_a_worker(small: Path) -> None:
    pack = Pack.open(small)
    pack.read("street-day-0000001")
    copy = pickle.loads(pickle.dumps(pack))
    assert copy.read("street-day-0000001").seed == 1


def test_nothing_is_left_when_writing_fails(tmp_path: Path, made_frame: MakeFrame) -> None:
    with pytest.raises(DataError, match="used twice"):
        write_pack(tmp_path / "out.zip", {"train": [made_frame(1)], "val": [made_frame(1)]})
    with pytest.raises(DataError, match="at least one frame"):
        write_pack(tmp_path / "out.zip", {})
    assert list(tmp_path.iterdir()) == []


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.zip: cannot be read"):
        Pack.open(tmp_path / "nothing.zip")


def test_not_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "text.zip"
    path.write_text("not a zip")
    with pytest.raises(DataError, match=r"text\.zip: not a pack"):
        Pack.open(path)


def test_truncated_zip(small: Path) -> None:
    small.write_bytes(small.read_bytes()[:-200])
    with pytest.raises(DataError, match="not a pack"):
        Pack.open(small)


def test_a_damaged_zip_that_somebody_compressed(small: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(small) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with zipfile.ZipFile(packed) as archive:
        start = archive.getinfo("index.csv").header_offset + 40
    content = bytearray(packed.read_bytes())
    content[start : start + 30] = b"\xff" * 30
    packed.write_bytes(content)
    with pytest.raises(DataError, match=r"'index\.csv' is broken"):
        Pack.open(packed)


@pytest.mark.parametrize(
    "member", ["pack.json", "index.csv", "poses.csv", "depth/street-day-0000002.png"]
)
def test_missing_member(small: Path, member: str) -> None:
    with pytest.raises(DataError, match=f"'{member}' is missing"):
        Pack.open(_changed(small, member, None))


@pytest.mark.parametrize(
    "member",
    [
        "rgb/street-day-0000001.jpg",
        "temperature/street-day-0000001.png",
        "depth/street-day-0000001.png",
    ],
)
@pytest.mark.parametrize("damage", ["truncated", "rubbish"])
def test_broken_picture(small: Path, member: str, damage: str) -> None:
    content = _content(small, member)
    broken = content[: len(content) * 2 // 3] if damage == "truncated" else b"rubbish" * 9
    pack = Pack.open(_changed(small, member, broken))
    with pytest.raises(DataError, match=f"changed.zip: '{member}' cannot be decoded"):
        pack.read("street-day-0000001")


def test_flipped_byte(small: Path) -> None:
    content = bytearray(small.read_bytes())
    place = content.find(b"IDAT") + 8
    content[place] ^= 0xFF
    small.write_bytes(content)
    pack = Pack.open(small)
    with pytest.raises(DataError, match="is broken"):
        pack.read("street-day-0000001")


def test_picture_of_another_size(small: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((9, 12), np.uint16)).save(stream, "PNG")
    member = "depth/street-day-0000001.png"
    pack = Pack.open(_changed(small, member, stream.getvalue()))
    with pytest.raises(DataError, match=f"'{member}' is 12x9 I;16, not 12x8 I;16"):
        pack.read("street-day-0000001")


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_picture_that_claims_to_be_huge(small: Path, side: int) -> None:
    """The header alone is looked at: no memory is taken for 60000 x 60000 pixels."""
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 12), np.uint16)).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    member = "temperature/street-day-0000001.png"
    pack = Pack.open(_changed(small, member, bytes(content)))
    with pytest.raises(DataError, match=member):
        pack.read("street-day-0000001")


def test_member_that_is_too_large(small: Path) -> None:
    member = "depth/street-day-0000001.png"
    pack = Pack.open(_changed(small, member, b"x" * 200_000))
    with pytest.raises(DataError, match="has 200000 bytes"):
        pack.read("street-day-0000001")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format_version", 99, "pack format 99 is unknown"),
        ("format_version", 1, "pack format 1 is no longer read.*thermodepth data render"),
        ("sensor", {"netd": 1}, "unknown sensor setting 'netd'"),
        ("sensor", {"bits": "14"}, "sensor setting 'bits' is '14'"),
        ("sensor", {"bits": 99}, "impossible sensor: microbolometer bits = 99"),
        ("sensor", {"tilt_k": float("inf")}, "impossible sensor"),
        ("sensor", 3, "'pack.json' is broken"),
        ("rgb", {"width": 4}, "'pack.json' is broken"),
        (
            "rgb",
            {
                "width": 10**6,
                "height": 4,
                "intrinsics": np.eye(3).tolist(),
                "rgb_from_thermal": np.eye(4).tolist(),
            },
            "rgb size 1000000x4 is not within",
        ),
        ("width", 10**9, "is not within 1..8192"),
        ("height", 0, "is not within 1..8192"),
        ("intrinsics", [1, 2], "'pack.json' is broken"),
        ("depth", {}, "'pack.json' is broken"),
        ("temperature", {"offset_k": float("nan"), "step_k": 1}, "not finite"),
    ],
)
def test_broken_header(small: Path, key: str, value: object, message: str) -> None:
    facts = json.loads(_content(small, "pack.json")) | {key: value}
    with pytest.raises(DataError, match=message):
        Pack.open(_changed(small, "pack.json", json.dumps(facts).encode()))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe\xff", b"null"])
def test_rubbish_header(small: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"pack\.json"):
        Pack.open(_changed(small, "pack.json", content))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../../etc/passwd,train,street,day,1,,0.0", "is not a plain name"),
        ("/abs,train,street,day,1,,0.0", "is not a plain name"),
        ("street-day-1,train,street,day", "has 4 columns"),
        ("street-day-1,train,street,day,one,,0.0", "is not a number"),
        ("street-day-0000001,train,street,day,1,,0.0", "names a frame twice"),
        ("street-day-1,train,street,day,1,../up,0.0", "'../up' is not a plain name"),
        ("street-day-1,train,street,day,1,s,soon", "time_s 'soon' is not a time"),
        ("street-day-1,train,street,day,1,s,nan", "time_s 'nan' is not a time"),
        ("street-day-1,train,street,day,1,s,-1", "time_s '-1' is not a time"),
        ("a,train,street,day,1,s,0\nb,test,street,day,1,s,1", "sequence 's' is in two splits"),
    ],
)
def test_broken_index(small: Path, line: str, message: str) -> None:
    content = _content(small, "index.csv") + f"{line}\n".encode()
    with pytest.raises(DataError, match=message):
        Pack.open(_changed(small, "index.csv", content))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("street-day-0000002,", "street-day-0000009,", "has no line for 'street-day-0000002'"),
        ("0000002,1.0,", "0000002,one,", "'poses.csv' line 3: could not convert"),
        ("0000002,1.0,", "0000002,inf,", "line 3 has a number that is not finite"),
        ("0000002,1.0,", "0000002,", "line 3 has 12 columns, not 13"),
        ("frame_id", "id", "must begin with frame_id,m00"),
    ],
)
def test_broken_poses(small: Path, old: str, new: str, message: str) -> None:
    content = _content(small, "poses.csv").decode().replace(old, new, 1)
    with pytest.raises(DataError, match=message):
        Pack.open(_changed(small, "poses.csv", content.encode()))


def test_index_with_other_columns(small: Path) -> None:
    with pytest.raises(DataError, match="must begin with frame_id"):
        Pack.open(_changed(small, "index.csv", b"id,name\n"))


@pytest.mark.parametrize("name", ["../evil", "/evil", "rgb/../../evil", "C:evil", "..\\evil"])
def test_member_that_would_escape(small: Path, name: str) -> None:
    with pytest.raises(DataError, match="points outside of the pack"):
        Pack.open(_changed(small, "", b"evil", name))


def test_unknown_frame(small: Path) -> None:
    with pytest.raises(DataError, match="no frame 'street-day-9999999'"):
        Pack.open(small).read("street-day-9999999")
