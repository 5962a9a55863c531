"""The pack: what goes in comes out, the same frames give the same bytes, broken files say so."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.storage import building
from thermodepth.synthetic.storage.building import build_pack
from thermodepth.synthetic.storage.pack import Pack, write_pack

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
        assert [row.seed for row in pack.of("train")] == [1, 2]
        read, made = pack.read("street-day-0000002"), made_frame(2)
    kelvin_error = np.abs(read.apparent_temperature_k - made.apparent_temperature_k)
    assert kelvin_error.max() <= 0.0251  # half of a 50 mK step
    assert np.array_equal(np.isnan(read.depth_m), np.isnan(made.depth_m))
    assert np.nanmax(np.abs(read.depth_m - made.depth_m)) <= 0.5 / 256 + 1e-5
    assert np.abs(read.rgb.astype(int) - made.rgb).max() < 12
    np.testing.assert_allclose(read.intrinsics, made.intrinsics)
    assert (read.kind, read.condition, read.seed) == ("street", "day", 2)
    assert read.apparent_temperature_k.dtype == read.depth_m.dtype == np.float32


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
        == "street-day-0000001,train,street,day,1"
    )


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
    with pytest.raises(DataError, match=r"nothing\.zip: no such file"):
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


@pytest.mark.parametrize("member", ["pack.json", "index.csv", "depth/street-day-0000002.png"])
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
        ("../../etc/passwd,train,street,day,1", "is not a plain name"),
        ("/abs,train,street,day,1", "is not a plain name"),
        ("street-day-1,train,street,day", "has 4 columns"),
        ("street-day-1,train,street,day,one", "is not a number"),
        ("street-day-0000001,train,street,day,1", "names a frame twice"),
    ],
)
def test_broken_index(small: Path, line: str, message: str) -> None:
    content = _content(small, "index.csv") + f"{line}\n".encode()
    with pytest.raises(DataError, match=message):
        Pack.open(_changed(small, "index.csv", content))


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


SEEDS = {"train": range(3), "test": range(200_000, 200_001)}
SIZE = {"width": 24, "height": 18, "samples": 1}


def test_building_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("embreex")
    whole, killed = tmp_path / "whole.zip", tmp_path / "killed.zip"
    seen: list[tuple[int, int]] = []
    build_pack(whole, seeds=SEEDS, **SIZE, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]

    class Killed(BaseException):
        pass

    def kill_after_two(done: int, _: int) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        build_pack(killed, seeds=SEEDS, **SIZE, progress=kill_after_two)
    assert not killed.exists()
    # What a kill in the middle of writing leaves must not be taken for a frame.
    parts = sorted((tmp_path / "killed.zip.parts").glob("*.zip"))
    assert len(parts) == 2
    parts[0].write_bytes(parts[0].read_bytes()[:100])

    rendered: list[int] = []
    original = building.render_frame

    def counted(seed: int, **settings: int) -> Frame:
        rendered.append(seed)
        return original(seed, **settings)

    monkeypatch.setattr(building, "render_frame", counted)
    build_pack(killed, seeds=SEEDS, **SIZE)
    assert len(rendered) == 3
    assert killed.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "killed.zip.parts").exists()


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    build_pack(one, seeds=SEEDS, **SIZE)
    build_pack(two, seeds=SEEDS, **SIZE, workers=2)
    assert one.read_bytes() == two.read_bytes()


def test_parts_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    pytest.importorskip("embreex")

    def stop(done: int, _: int) -> None:
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        build_pack(tmp_path / "out.zip", seeds=SEEDS, **SIZE, progress=stop)
    with pytest.raises(DataError, match=r"out\.zip\.parts: holds frames of an unfinished pack"):
        build_pack(tmp_path / "out.zip", seeds=SEEDS, width=32, height=24, samples=1)


def test_impossible_orders(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="seed 2 is in both 'train' and 'val'"):
        build_pack(tmp_path / "o.zip", seeds={"train": range(3), "val": [2]}, **SIZE)
    with pytest.raises(SettingsError, match="at least one seed"):
        build_pack(tmp_path / "o.zip", seeds={}, **SIZE)
    with pytest.raises(SettingsError, match="workers is 0"):
        build_pack(tmp_path / "o.zip", seeds=SEEDS, **SIZE, workers=0)
