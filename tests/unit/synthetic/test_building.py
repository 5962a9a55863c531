"""Rendering goes on after a kill, gives the same bytes whoever works on it, and spoils nothing of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.building import build_pack
from thermodepth.synthetic.storage.order import RenderOrder
from thermodepth.synthetic.storage.pack import Pack
from thermodepth.synthetic.worlds import world

ORDER = RenderOrder(scenes={"train": range(3), "test": range(7, 8)}, rig=coaxial_rig(40, 32))
#: Three chunks a scene; the shutter closes at the seam of two.
MOVING = replace(
    ORDER,
    scenes={"train": [5], "test": [2]},
    frames=20,
    sensor=MicrobolometerSettings(shutter_every_s=0.7, freeze_s=0.25),
)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Frames without a ray caster, and the (seed, number) of each that was asked for."""
    requests: list[tuple[int, int]] = []

    def render_frames(
        seed: int, *, rig: Any, frames: int, rate_hz: float, only: list[int], **_: Any
    ) -> Iterator[Frame]:
        for number in only:
            requests.append((seed, number))
            rng = np.random.default_rng([seed, number])
            name = f"street-day-{seed:07d}"
            yield Frame(
                frame_id=f"{name}-t{number:04d}" if frames > 1 else name,
                kind="street",
                condition="day",
                seed=seed,
                rgb=rng.integers(0, 256, (32, 40, 3), dtype=np.uint8),
                apparent_temperature_k=rng.uniform(260, 320, (32, 40)).astype(np.float32),
                depth_m=rng.uniform(1, 80, (32, 40)).astype(np.float32),
                intrinsics=rig.thermal.intrinsics.astype(np.float32),
                sequence=name if frames > 1 else "",
                time_s=number / rate_hz,
            )

    monkeypatch.setattr(world, "render_frames", render_frames)
    return requests


class Killed(BaseException):
    """As a kill: nothing catches it."""


def kill_at(frames: int) -> Any:
    def progress(done: int, _: int) -> None:
        if done >= frames:
            raise Killed

    return progress


def content(root: Path) -> dict[str, bytes]:
    if root.is_file():
        return {"": root.read_bytes()}
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["out.zip", "out"])
@pytest.mark.parametrize(
    ("order", "frames"), [(ORDER, 2), (MOVING, 17)], ids=["stills", "sequences"]
)
def test_goes_on_after_a_kill(
    tmp_path: Path, rendered: list[tuple[int, int]], name: str, order: RenderOrder, frames: int
) -> None:
    whole, killed = tmp_path / "whole" / name, tmp_path / "killed" / name
    steps: list[tuple[int, int]] = []
    built = build_pack(whole, order, progress=lambda done, total: steps.append((done, total)))
    assert (built.frames, built.rendered) == (order.total, order.total)
    assert steps[0] == (0, order.total)
    assert steps[-1] == (order.total, order.total)
    assert steps == sorted(steps)

    with pytest.raises(Killed):
        build_pack(killed, order, progress=kill_at(frames))
    root = killed.with_name("out.zip.parts") if name == "out.zip" else killed
    assert not (root / "pack.json").exists()
    assert name == "out" or not killed.exists()
    with pytest.raises(DataError, match="not finished; run the same"):
        Pack.open(root)
    # What a kill in the middle of writing leaves must not be taken for a frame.
    first = min((root / "temperature").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    (root / "depth" / ".half.png.123.part").write_bytes(b"half")

    rendered.clear()
    assert build_pack(killed, order).rendered == len(rendered) < order.total
    assert content(killed) == content(whole)
    assert {p.name for p in killed.parent.iterdir()} == {name}
    assert len(Pack.open(killed).rows) == order.total


@pytest.mark.parametrize("where", ["temperature", "rendering"])
def test_what_a_kill_left_and_a_disk_changed_is_rendered_again(
    tmp_path: Path, rendered: list[tuple[int, int]], where: str
) -> None:
    build_pack(tmp_path / "whole", ORDER)
    with pytest.raises(Killed):
        build_pack(tmp_path / "out", ORDER, progress=kill_at(2))
    first = min((tmp_path / "out" / where).iterdir())
    damaged = bytearray(first.read_bytes())
    damaged[len(damaged) // 2] ^= 1  # of the same size
    first.write_bytes(damaged)
    rendered.clear()
    build_pack(tmp_path / "out", ORDER)
    assert len(rendered) == 3  # two that were not done, and this one
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_kill_in_the_last_moment(
    tmp_path: Path, rendered: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is rendered and the tables are written, the zip is not."""
    from thermodepth.synthetic.storage import building

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(building, "write_zip", killed)
        with pytest.raises(Killed):
            build_pack(tmp_path / "out.zip", ORDER)
    rendered.clear()
    build_pack(tmp_path / "out.zip", ORDER)
    assert rendered == []
    assert len(Pack.open(tmp_path / "out.zip").rows) == 4


@pytest.mark.parametrize("name", ["out.zip", "out"])
def test_a_finished_one_is_left_alone(
    tmp_path: Path, rendered: list[tuple[int, int]], name: str
) -> None:
    build_pack(tmp_path / name, ORDER)
    before, _ = content(tmp_path / name), rendered.clear()
    assert build_pack(tmp_path / name, ORDER).rendered == 0
    with pytest.raises(
        DataError,
        match=rf"{name}: holds a finished rendering with other settings \(frames 1 there, 2 asked",
    ):
        build_pack(tmp_path / name, replace(ORDER, frames=2))
    assert rendered == []
    assert content(tmp_path / name) == before


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ({"rig": coaxial_rig(80, 64)}, "rig.rgb.height 32 there, 64 asked"),
        ({"scenes": {"train": range(4)}}, "scenes.test 7 there, None asked"),
        ({"sensor": MicrobolometerSettings(tilt_k=0.1)}, "sensor.tilt_k 0.06 there, 0.1 asked"),
        ({"condition": "night"}, "condition None there, night asked"),
    ],
)
@pytest.mark.parametrize("name", ["out.zip", "out"])
@pytest.mark.usefixtures("rendered")
def test_other_settings_are_not_mixed_in(
    tmp_path: Path, name: str, edit: dict[str, Any], named: str
) -> None:
    with pytest.raises(Killed):
        build_pack(tmp_path / name, ORDER, progress=kill_at(1))
    before = content(tmp_path)
    with pytest.raises(DataError, match=r"out.*: holds an unfinished rendering") as refusal:
        build_pack(tmp_path / name, replace(ORDER, **edit))
    assert named in str(refusal.value)
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["out.zip", "out"])
@pytest.mark.usefixtures("rendered")
def test_what_is_not_ours_is_not_touched(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / ("out.zip.parts" if name == "out.zip" else "out") / "thesis.txt"
    theirs.parent.mkdir()
    theirs.write_text("years of work")
    with pytest.raises(DataError, match="is not empty and holds no rendering"):
        build_pack(tmp_path / name, ORDER)
    assert content(tmp_path) == {theirs.relative_to(tmp_path).as_posix(): b"years of work"}


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"finished": 1}', "\xff"])
@pytest.mark.usefixtures("rendered")
def test_a_strange_rendering_json_is_not_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "rendering.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"not rendered by this version|with other settings"):
        build_pack(tmp_path, ORDER)
    assert len(content(tmp_path)) == 1


@pytest.mark.usefixtures("rendered")
def test_a_file_in_the_way(tmp_path: Path) -> None:
    for name in ("out.zip", "out"):
        (tmp_path / name).write_text("years of work")
        with pytest.raises(DataError, match=f"{name}: is there already and was not rendered"):
            build_pack(tmp_path / name, ORDER)
        assert (tmp_path / name).read_text() == "years of work"


@pytest.mark.usefixtures("rendered")
def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    build_pack(tmp_path, ORDER)
    assert len(Pack.open(tmp_path).rows) == 4
    about = json.loads((tmp_path / "rendering.json").read_text())
    assert about["finished"] is True
    assert about["scenes"] == {"train": "0-2", "test": "7"}


def test_impossible_orders(tmp_path: Path) -> None:
    for edit, message in (
        ({"scenes": {"train": range(3), "val": [2]}}, "seed 2 is in both 'train' and 'val'"),
        ({"scenes": {"train": []}}, "at least one scene"),
        ({"scenes": {"train": [-1]}}, "seed -1"),
        ({"frames": 0}, "frames 0: expected 1 to 100000"),
        ({"rate_hz": float("nan")}, "rate_hz nan"),
        ({"lidar_channels": 5000}, "lidar_channels 5000"),
        ({"samples": 0}, "samples 0"),
        ({"condition": "fog"}, "unknown condition 'fog'"),
    ):
        with pytest.raises(SettingsError, match=message):
            replace(ORDER, **edit)
    with pytest.raises(SettingsError, match="workers is 0"):
        build_pack(tmp_path / "o.zip", ORDER, workers=0)
    with pytest.raises(SettingsError, match="unknown layout 'kitti'"):
        build_pack(tmp_path / "o", ORDER, layout="kitti")
    assert list(tmp_path.iterdir()) == []


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    order = replace(ORDER, scenes={"train": [3]}, frames=9, samples=1)
    build_pack(tmp_path / "one", order)
    build_pack(tmp_path / "two", order, workers=2)
    one, two = content(tmp_path / "one"), content(tmp_path / "two")
    assert len(one) == 9 * 4 + 4
    assert one == two
