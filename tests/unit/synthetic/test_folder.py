"""The pack as a folder: the same content as the zip, raw counts beside it, links that lead away refused."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.pack import Pack, write_pack
from thermodepth.synthetic.storage.thermal import raw_frame

MakeFrame = Callable[[int], Frame]
FIRST = "street-day-0000001"


@pytest.fixture
def folder(tmp_path: Path, made_frame: MakeFrame) -> Path:
    write_pack(tmp_path / "pack", {"train": [made_frame(1), made_frame(2)]})
    return tmp_path / "pack"


def test_a_zip_and_a_folder_hold_the_same(
    folder: Path, tmp_path: Path, made_frame: MakeFrame
) -> None:
    write_pack(tmp_path / "pack.zip", {"train": [made_frame(1), made_frame(2)]})
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        names = archive.namelist()
        for name in names:
            assert (folder / name).read_bytes() == archive.read(name), name
    extra = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {*names}
    assert extra == {f"thermal/street-day-000000{n}.png" for n in (1, 2)}


def test_what_was_zipped_can_be_unzipped(tmp_path: Path, made_frame: MakeFrame) -> None:
    write_pack(tmp_path / "pack.zip", {"train": [made_frame(1)]})
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    a, b = (Pack.open(tmp_path / name).read(FIRST) for name in ("pack.zip", "pack"))
    np.testing.assert_array_equal(a.apparent_temperature_k, b.apparent_temperature_k)
    np.testing.assert_array_equal(a.depth_m, b.depth_m)


def test_thermal_is_the_standing_draw_over_the_stored_temperature(folder: Path) -> None:
    stored = np.asarray(Image.open(folder / "thermal" / f"{FIRST}.png"))
    pack = Pack.open(folder)
    again = raw_frame(pack.kelvin(FIRST), pack.row(FIRST), pack.header.sensor)
    np.testing.assert_array_equal(stored, again)
    fresh = raw_frame(pack.kelvin(FIRST), pack.row(FIRST), pack.header.sensor, draw=1)
    assert not np.array_equal(stored, fresh)


def test_a_closed_shutter_repeats_the_picture(tmp_path: Path, made_frame: MakeFrame) -> None:
    frames = [
        replace(made_frame(number), sequence="s", time_s=(number - 1) / 10)
        for number in range(1, 7)
    ]
    sensor = MicrobolometerSettings(shutter_every_s=0.3, freeze_s=0.15)
    write_pack(tmp_path / "pack", {"train": frames}, sensor=sensor)
    pictures = [
        (tmp_path / "pack" / "thermal" / f"{frame.frame_id}.png").read_bytes() for frame in frames
    ]
    same = [a == b for a, b in pairwise(pictures)]
    assert same == [False, False, True, True, False]  # times 0.3 and 0.4 show time 0.2


def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    picture = folder / "depth" / f"{FIRST}.png"
    shutil.move(picture, secret)
    picture.symlink_to(secret)
    with pytest.raises(DataError, match=f"'depth/{FIRST}.png' points outside of the pack"):
        Pack.open(folder)


def test_a_sub_folder_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "rgb", tmp_path / "rgb")
    (folder / "rgb").symlink_to(tmp_path / "rgb")
    with pytest.raises(DataError, match="'rgb' points outside of the pack"):
        Pack.open(folder)


def test_a_link_that_appears_later_is_refused(folder: Path, tmp_path: Path) -> None:
    pack = Pack.open(folder)
    shutil.move(folder / "rgb", tmp_path / "rgb")
    (folder / "rgb").symlink_to(tmp_path / "rgb")
    with pytest.raises(DataError, match="points outside of the pack"):
        pack.read(FIRST)


def test_links_within_and_to_the_folder_are_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    picture = folder / "depth" / f"{FIRST}.png"
    picture.rename(folder / "depth" / "kept.png")
    picture.symlink_to("kept.png")
    assert Pack.open(tmp_path / "link").read(FIRST).seed == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    picture = folder / "depth" / f"{FIRST}.png"
    picture.unlink()
    os.mkfifo(picture)
    with pytest.raises(DataError, match=rf"depth/{FIRST}\.png: is a pipe or device"):
        Pack.open(folder).read(FIRST)


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / "depth" / f"{FIRST}.png").open("wb") as stream:
        stream.truncate(1 << 40)  # a hole: nothing is taken from the disk
    with pytest.raises(DataError, match="has 1099511627776 bytes"):
        Pack.open(folder).read(FIRST)


def test_a_missing_map_is_named(folder: Path) -> None:
    (folder / "temperature" / f"{FIRST}.png").unlink()
    with pytest.raises(DataError, match=f"'temperature/{FIRST}.png' is missing"):
        Pack.open(folder)


def test_a_folder_of_something_else(tmp_path: Path, made_frame: MakeFrame) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"'pack\.json' is missing"):
        Pack.open(tmp_path)
    with pytest.raises(DataError, match="is there already"):
        write_pack(tmp_path, {"train": [made_frame(1)]})
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_nothing_is_left_when_writing_fails(tmp_path: Path, made_frame: MakeFrame) -> None:
    with pytest.raises(DataError, match="used twice"):
        write_pack(tmp_path / "out", {"train": [made_frame(1), made_frame(1)]})
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_follows_the_content_and_not_the_place(
    folder: Path, tmp_path: Path
) -> None:
    before = Pack.open(folder).fingerprint()
    copied = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert Pack.open(copied).fingerprint() == before
    picture = copied / "rgb" / f"{FIRST}.jpg"
    content = bytearray(picture.read_bytes())
    content[len(content) // 2] ^= 1
    picture.write_bytes(content)
    assert Pack.open(copied).fingerprint() != before
