"""The realism report: patches, a plain classifier, and what it says of sets that are alike and unlike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from thermodepth.cli.data.realism import realism
from thermodepth.errors import DataError, SettingsError
from thermodepth.realism import STATISTICS, compare, patches_of, separation
from thermodepth.realism.separation import auc

SHARED = Path(__file__).parents[3] / ".." / "shared" / "data"


def _frames(
    count: int, seed: int, *, sigma: float = 2.0, noise: float = 0.05
) -> list[tuple[str, NDArray[np.uint16]]]:
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        smooth = gaussian_filter(rng.standard_normal((96, 128)), sigma)
        raw = smooth / smooth.std() + noise * rng.standard_normal((96, 128))
        frames.append((f"{seed}-{number}", (7000 + 300 * raw).astype(np.uint16)))
    return frames


class TestPatches:
    def test_every_frame_gives_its_patches(self) -> None:
        patches = patches_of(_frames(3, 0))
        assert patches.statistics.shape == (36, len(STATISTICS)) == (36, 8)
        assert patches.pixels.shape == (36, 32, 32)
        np.testing.assert_array_equal(np.bincount(patches.group), [12, 12, 12])
        assert np.isfinite(patches.statistics).all()

    def test_frames_of_one_recording_share_a_group(self) -> None:
        frames = [("drive", raw) for _, raw in _frames(2, 0)] + _frames(1, 1)
        np.testing.assert_array_equal(np.bincount(patches_of(frames).group), [24, 12])

    @pytest.mark.parametrize(
        "change", [lambda x: x // 2 + 900, lambda x: (x / 64).astype(np.float32)]
    )
    def test_the_unit_does_not_matter(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        frames = _frames(4, 0)
        plain = patches_of(frames).statistics
        other = patches_of([(name, change(raw)) for name, raw in frames]).statistics
        np.testing.assert_allclose(other, plain, atol=0.05)

    def test_an_octave_of_waves_lies_in_its_band(self) -> None:
        column = np.arange(128)
        for band, cycles in enumerate((1.5, 3, 6, 12)):
            wave = np.sin(2 * np.pi * column * cycles / 32)[None] * np.ones((96, 1))
            patches = patches_of([("a", 100 + wave.astype(np.float32) * 50)])
            shares = np.exp(patches.statistics[:, 3:7]).mean(0)
            assert shares.argmax() == band
            assert shares[band] > 0.55  # the window leaks a little into the next

    def test_stripes_show(self) -> None:
        rng = np.random.default_rng(0)
        even = [(str(i), 300 + rng.standard_normal((96, 128)).astype(np.float32)) for i in range(4)]
        striped = [
            (n, raw + 2 * rng.standard_normal((1, 128)).astype(np.float32)) for n, raw in even
        ]
        place = STATISTICS.index("stripes")
        assert abs(np.median(patches_of(even).statistics[:, place])) < 0.3
        assert np.median(patches_of(striped).statistics[:, place]) > 1

    def test_a_flat_patch_is_left_out_and_flat_frames_are_refused(self) -> None:
        raw = _frames(1, 0)[0][1]
        raw[:32, :32] = raw.min()
        assert len(patches_of([("a", raw)])) == 11
        with pytest.raises(DataError, match="contrast"):
            patches_of([("a", np.full((96, 128), 7.0, np.float32))])


class TestSeparation:
    def test_area_under_the_curve_by_hand(self) -> None:
        # Of the six pairs 2-1, 3-1, 3-2, 4-... the upper is larger in five and equal in one.
        assert auc(np.array([1.0, 3.0]), np.array([3.0, 4.0, 2.0])) == pytest.approx(4.5 / 6)
        assert auc(np.arange(5.0), np.arange(5.0) + 9) == 1

    def test_like_sets_cannot_be_told_apart(self) -> None:
        comparison = compare(patches_of(_frames(40, 0)), patches_of(_frames(40, 1)))
        assert comparison.joint.low < 0.5 < comparison.joint.high
        assert comparison.joint.auc == pytest.approx(0.5, abs=0.08)
        np.testing.assert_allclose(comparison.octave_ratio, 1, atol=0.25)

    def test_blurred_ones_can(self) -> None:
        comparison = compare(patches_of(_frames(20, 0)), patches_of(_frames(20, 1, sigma=4)))
        assert comparison.joint.auc > 0.9
        telling = {d.name: d.auc for d in comparison.differences}
        assert telling["octave 4-8"] > 0.9
        assert all(0.5 <= value <= 1 for value in telling.values())
        assert comparison.octave_ratio[2] > 2

    def test_what_a_recording_has_of_its_own_is_not_learnt(self) -> None:
        """Patches of a recording are alike: folds that cut through one would tell noise apart."""
        rng = np.random.default_rng(0)
        group = np.repeat(np.arange(12), 20)
        first, second = (
            rng.standard_normal((12, 8))[group] + 0.05 * rng.standard_normal((240, 8)) for _ in "ab"
        )
        assert separation(first, group, second, group).auc < 0.75
        alone = np.arange(240)  # as if every patch were a recording
        assert (
            separation(first, alone, second, alone).auc
            > separation(first, group, second, group).auc
        )

    def test_the_same_call_gives_the_same(self) -> None:
        first, second = patches_of(_frames(6, 0)), patches_of(_frames(6, 1, sigma=3))
        one, two = (compare(first, second, seed=4).joint for _ in range(2))
        np.testing.assert_array_equal(one.scores, two.scores)
        assert (one.low, one.high) == (two.low, two.high)

    def test_one_recording_is_too_few(self) -> None:
        one = patches_of([("drive", raw) for _, raw in _frames(5, 0)])
        with pytest.raises(DataError, match="one recording"):
            compare(one, patches_of(_frames(5, 1)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, raw in _frames(8, 3, sigma=1.5):
        place = tmp_path / "real" / name[-1]
        place.mkdir(parents=True)
        Image.fromarray(raw).save(place / f"{name}.png")
    return tmp_path / "real"


class TestCommand:
    def _run(self, data: str, against: str, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "frames": 50,
            "only": None,
            "groups": "frame",
            "json": None,
            "out": None,
        }
        realism(data, against=against, **{**defaults, **options})

    def test_report_table_and_picture(
        self, tiny_pack: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out, report = tmp_path / "p.png", tmp_path / "r.json"
        self._run(str(tiny_pack), str(folder), json=report, out=out)
        text = capsys.readouterr().out
        tree = json.loads(report.read_text())
        assert f"AUC {tree['auc']:.3f}" in text
        assert tree["recordings"] == [20, 8]
        assert [row["name"] for row in tree["statistics"]] == list(STATISTICS)
        assert tree["auc"] > 0.9  # boxes on a floor against clouds of noise
        with Image.open(out) as picture:
            assert picture.size == (12 * 100 + 4, 4 * 100 + 4)

    def test_only_some_conditions(self, tiny_pack: Path, folder: Path, tmp_path: Path) -> None:
        report = tmp_path / "r.json"
        self._run(str(tiny_pack), str(folder), only="street-night", json=report)
        assert json.loads(report.read_text())["recordings"][0] == 10
        with pytest.raises(DataError, match="--only wood"):
            self._run(str(tiny_pack), str(folder), only="wood")

    def test_a_folder_on_either_side(self, tiny_pack: Path, folder: Path, tmp_path: Path) -> None:
        one, other = tmp_path / "a.json", tmp_path / "b.json"
        self._run(str(tiny_pack), str(folder), json=one)
        self._run(str(folder), f"synthetic:{tiny_pack}", json=other)
        a, b = (json.loads(path.read_text()) for path in (one, other))
        assert a["patches"] == b["patches"][::-1]
        assert a["auc"] == pytest.approx(b["auc"], abs=0.05)
        with pytest.raises(SettingsError, match="without conditions"):
            self._run(str(folder), str(tiny_pack), only="street")

    def test_folders_as_recordings(self, tiny_pack: Path, folder: Path, tmp_path: Path) -> None:
        report = tmp_path / "r.json"
        for path in (folder / "0").iterdir():
            Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "0" / "b.png")
        self._run(str(tiny_pack), str(folder), groups="folder", json=report)
        assert json.loads(report.read_text())["recordings"][1] == 8

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"frames": 1}, "--frames 1"),
            ({"groups": "video"}, "--groups"),
            ({"out": Path("a.gif")}, "--out a.gif"),
        ],
    )
    def test_impossible_options(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            self._run("synthetic", "synthetic", **options)

    def test_a_folder_without_pictures(self, tiny_pack: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="no thermal pictures"):
            self._run(str(tiny_pack), str(tmp_path / "empty"))

    def test_against_real_streets(self, tmp_path: Path) -> None:
        real = SHARED / "road-watch" / "thermal"
        if not real.is_dir():
            pytest.skip(f"{real} is not there")
        report = tmp_path / "r.json"
        self._run("synthetic", str(real), frames=60, only="street", json=report)
        assert 0.7 < json.loads(report.read_text())["auc"] <= 1
