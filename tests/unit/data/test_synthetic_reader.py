"""The synthetic set's reader: sensor noise drawn at reading over a pack made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.data import synthetic as reader
from thermodepth.data.loader import network_input
from thermodepth.data.synthetic import open_synthetic
from thermodepth.errors import DataError
from thermodepth.synthetic.rendering.frame import RgbView
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings, kelvin_of_counts
from thermodepth.synthetic.storage.pack import write_pack
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


@pytest.fixture
def pack(tmp_path: Path, made_frame) -> Path:
    path = tmp_path / "pack.zip"
    write_pack(
        path,
        {
            "train": [made_frame(1), made_frame(2), made_frame(2, suffix="-v1")],
            "val": [made_frame(100_000)],
            "test": [made_frame(200_000)],
        },
    )
    return path


def test_a_sample_holds_what_the_pack_does(pack: Path, made_frame) -> None:
    data = open_synthetic(pack)
    sample = data.split("train").read(1)
    frame = made_frame(2)
    assert sample.sample_id == "street-day-0000002"
    assert sample.condition == "street-day"
    assert sample.thermal_unit is ThermalUnit.COUNTS
    assert sample.thermal.dtype == np.uint16
    np.testing.assert_allclose(sample.depth_m, frame.depth_m, atol=0.5 / 256 + 1e-5)
    assert np.isnan(sample.depth_m).sum() == 3
    assert sample.depth_m.dtype == np.float32
    np.testing.assert_allclose(sample.intrinsics, frame.intrinsics)
    assert np.abs(sample.rgb.astype(int) - frame.rgb).max() < 12
    assert data.training_size == (8, 12)


def test_warmer_is_more_counts_about_45_a_kelvin(tmp_path: Path, made_frame) -> None:
    path = tmp_path / "flat.zip"
    write_pack(path, {"train": [made_frame(1, kelvin=295.0), made_frame(2, kelvin=305.0)]})
    frames = open_synthetic(path).split("train")
    cold, warm = (
        np.mean([frames.read(index, draw=d).thermal.mean() for d in range(200)]) for index in (0, 1)
    )
    assert cold == pytest.approx(7300, abs=60)  # drift: 150 counts over the root of 200 draws
    assert (warm - cold) / 10 == pytest.approx(45, abs=4)


class TestNoise:
    def test_a_draw_is_fresh_and_can_be_had_again(self, pack: Path) -> None:
        frames = open_synthetic(pack).split("train")
        one, two, again = (frames.read(0, draw=d).thermal for d in (1, 2, 1))
        assert frames.noise_is_drawn
        assert not np.array_equal(one, two)
        np.testing.assert_array_equal(one, again)

    def test_the_standing_draw_is_the_same_for_everybody(self, pack: Path) -> None:
        one = open_synthetic(pack).split("test").read(0)
        two = open_synthetic(pack).split("test").read(0, with_rgb=False)
        np.testing.assert_array_equal(one.thermal, two.thermal)

    def test_the_standing_draw_differs_between_frames(self, tmp_path: Path, made_frame) -> None:
        path = tmp_path / "flat.zip"
        write_pack(path, {"test": [made_frame(1, kelvin=295.0), made_frame(2, kelvin=295.0)]})
        frames = open_synthetic(path).split("test")
        assert not np.array_equal(frames.read(0).thermal, frames.read(1).thermal)

    def test_depth_rgb_and_history_have_no_noise(self, pack: Path) -> None:
        frames = open_synthetic(pack).split("train")
        reads = [
            frames.read(0, draw=d, with_rgb=rgb) for d, rgb in ((0, True), (5, False), (9, True))
        ]
        for sample in reads:
            np.testing.assert_array_equal(sample.depth_m, reads[0].depth_m)
        np.testing.assert_array_equal(reads[0].rgb, reads[2].rgb)
        assert reads[1].rgb is None
        np.testing.assert_array_equal(frames.read(0, draw=5).thermal, reads[1].thermal)


def test_views_of_one_scene_are_one_sequence(pack: Path) -> None:
    frames = open_synthetic(pack).split("train")
    assert [frames.read(i).sequence for i in range(3)] == [
        "street-day-0000001",
        "street-day-0000002",
        "street-day-0000002",
    ]


def test_decoded_frames_stay_in_memory_up_to_a_bound(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CACHE_BYTES", 2 * 8 * 12 * 8)  # two frames of 8 x 12
    data = open_synthetic(pack)
    frames = data.split("train")
    decoded: list[str] = []
    read = frames._pack.kelvin
    monkeypatch.setattr(frames._pack, "kelvin", lambda name: decoded.append(name) or read(name))
    for _ in range(3):
        for index in range(3):
            assert frames.read(index, with_rgb=False).sample_id == frames.sample_ids[index]
    assert decoded.count(frames.sample_ids[0]) == 1
    assert decoded.count(frames.sample_ids[1]) == 1
    assert decoded.count(frames.sample_ids[2]) == 3


class TestFolder:
    def test_the_standing_draw_is_the_file(self, tmp_path: Path, made_frame) -> None:
        write_pack(tmp_path / "pack", {"test": [made_frame(1), made_frame(2)]})
        frames = open_synthetic(tmp_path / "pack").split("test")
        for index, name in enumerate(frames.sample_ids):
            stored = np.asarray(Image.open(tmp_path / "pack" / "thermal" / f"{name}.png"))
            np.testing.assert_array_equal(frames.read(index).thermal, stored)
            assert not np.array_equal(frames.read(index, draw=1).thermal, stored)

    def test_it_reads_as_the_zip_does(self, tmp_path: Path, made_frame) -> None:
        for name in ("pack", "pack.zip"):
            write_pack(tmp_path / name, {"test": [made_frame(1)]})
        a, b = (open_synthetic(tmp_path / n).split("test").read(0) for n in ("pack", "pack.zip"))
        for band in ("thermal", "depth_m", "rgb", "intrinsics"):
            np.testing.assert_array_equal(getattr(a, band), getattr(b, band))


class TestSensorOfThePack:
    def test_radiometric_counts_come_as_kelvin(self, tmp_path: Path, made_frame) -> None:
        sensor = MicrobolometerSettings(mode="radiometric")
        write_pack(tmp_path / "pack", {"test": [made_frame(1, kelvin=310.0)]}, sensor=sensor)
        sample = open_synthetic(tmp_path / "pack").split("test").read(0)
        assert sample.thermal_unit is ThermalUnit.KELVIN
        assert sample.thermal.dtype == np.float32
        assert sample.thermal.mean() == pytest.approx(310.0, abs=0.3)
        assert 0.01 < sample.thermal.std() < 0.5
        stored = np.asarray(next(Image.open(p) for p in (tmp_path / "pack/thermal").iterdir()))
        np.testing.assert_array_equal(sample.thermal, kelvin_of_counts(stored, sensor))

    def test_a_closed_shutter_freezes_the_thermal_frame_and_not_the_depth(
        self, tmp_path: Path, made_frame
    ) -> None:
        rows = [
            replace(made_frame(number), sequence="s", time_s=number / 10) for number in range(6)
        ]
        sensor = MicrobolometerSettings(shutter_every_s=0.3, freeze_s=0.15)
        write_pack(tmp_path / "pack", {"test": rows}, sensor=sensor)
        frames = open_synthetic(tmp_path / "pack").split("test")
        for draw in (0, 3):
            reads = [frames.read(index, draw=draw) for index in range(6)]
            for index, shown_index in enumerate((0, 1, 2, 2, 2, 5)):
                np.testing.assert_array_equal(reads[index].thermal, reads[shown_index].thermal)
                np.testing.assert_allclose(
                    reads[index].depth_m, rows[index].depth_m, atol=0.5 / 256 + 1e-5
                )
            assert not np.array_equal(reads[2].thermal, reads[1].thermal)
            assert {sample.sequence for sample in reads} == {"s"}
        for index, name in enumerate(frames.sample_ids):
            stored = np.asarray(Image.open(tmp_path / "pack" / "thermal" / f"{name}.png"))
            np.testing.assert_array_equal(frames.read(index).thermal, stored)

    def test_times_that_do_not_rise(self, tmp_path: Path, made_frame) -> None:
        rows = [replace(made_frame(number), sequence="s") for number in range(2)]
        sensor = MicrobolometerSettings(shutter_every_s=0.3, freeze_s=0.15)
        write_pack(tmp_path / "pack.zip", {"test": rows}, sensor=sensor)
        with pytest.raises(DataError, match=r"pack\.zip: 'index\.csv': .*times must rise"):
            open_synthetic(tmp_path / "pack.zip")


def test_rgb_of_another_view_is_not_on_the_thermal_grid(tmp_path: Path, made_frame) -> None:
    view = RgbView(
        depth_m=np.full((10, 20), 7.5, np.float32),
        intrinsics=np.eye(3, dtype=np.float32),
        rgb_from_thermal=np.eye(4),
    )
    frame = replace(made_frame(1), rgb=np.zeros((10, 20, 3), np.uint8), rgb_view=view)
    write_pack(tmp_path / "pack.zip", {"test": [frame]})
    data = open_synthetic(tmp_path / "pack.zip")
    sample = data.split("test").read(0)
    assert sample.rgb is not None
    assert sample.rgb.shape == (10, 20, 3)
    assert sample.rgb_view is not None
    assert np.array_equal(sample.rgb_view.rgb_from_thermal, np.eye(4))
    assert data.split("test").read(0, with_rgb=False).rgb_view is None
    with pytest.raises(DataError, match="no RGB image on the thermal pixel grid"):
        network_input(sample, "rgb", NormaliserSettings())
    assert "RGB is another camera's view" in data.note


class TestFingerprint:
    def test_it_changes_with_the_content_and_not_with_the_place(
        self, pack: Path, tmp_path: Path, made_frame
    ) -> None:
        before = open_synthetic(pack).fingerprint()
        copy = tmp_path / "copy.zip"
        copy.write_bytes(pack.read_bytes())
        assert open_synthetic(copy).fingerprint() == before
        warmer = made_frame(1)
        warmer.apparent_temperature_k[3, 3] += 0.1
        write_pack(copy, {"train": [warmer]})
        other = open_synthetic(copy).fingerprint()
        write_pack(copy, {"train": [made_frame(1)]})
        assert len({before, other, open_synthetic(copy).fingerprint()}) == 3

    def test_splits_differ(self, pack: Path) -> None:
        data = open_synthetic(pack)
        prints = {data.split(name).fingerprint() for name in ("train", "val", "test")}
        assert len(prints) == 3


class TestMissing:
    def test_a_pack_that_is_not_there_says_how_to_make_one(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for path in (tmp_path / "none.zip", tmp_path / "empty"):
            with pytest.raises(DataError, match=r"no such pack\..*thermodepth data render --out"):
                open_synthetic(path)

    def test_another_file_is_not_a_pack(self, tmp_path: Path) -> None:
        (tmp_path / "text.zip").write_text("hello")
        with pytest.raises(DataError, match=r"text\.zip: not a pack"):
            open_synthetic(tmp_path / "text.zip")

    def test_another_folder_is_not_a_pack(self, tmp_path: Path) -> None:
        (tmp_path / "text.txt").write_text("hello")
        with pytest.raises(DataError, match=r"'pack\.json' is missing"):
            open_synthetic(tmp_path)

    def test_a_split_that_the_pack_has_not(self, tmp_path: Path, made_frame) -> None:
        path = tmp_path / "one.zip"
        write_pack(path, {"train": [made_frame(1)]})
        with pytest.raises(DataError, match="unknown split 'test'"):
            open_synthetic(path).split("test")

    def test_without_a_path_it_is_the_shipped_one(
        self, pack: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reader, "shipped_pack", lambda: pack)
        assert open_synthetic(None).spec == "synthetic"
        assert open_synthetic(pack).spec == f"synthetic:{pack}"
        assert open_synthetic(None).fingerprint() == open_synthetic(pack).fingerprint()
