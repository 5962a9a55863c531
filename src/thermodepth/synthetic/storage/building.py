"""Render an order into a folder, a zip file or MS2's layout, going on where a killed run stopped.

Work is cut into pieces of up to eight frames of one scene. Every file is whole or absent, and a piece is
done when its note lies in `rendering/`, with checksums of itself and of the files that it speaks of. The
notes and files of a zip stand in the sibling folder `OUT.parts/` until it is complete. `rendering.json` says
what is rendered, so that another order is never mixed in; it stays when all is done. The bytes do not depend
on the number of workers nor on how often a run was interrupted.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.checksums import file_sha256, read_record, write_record
from thermodepth.config import flatten
from thermodepth.errors import DataError, SettingsError, UserError, unknown
from thermodepth.files import MAX_FILE_BYTES, json_object, read_bytes, write_bytes, write_json
from thermodepth.processes import worker_processes
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.container import open_container, write_zip
from thermodepth.synthetic.storage.csv_files import FrameCamera, IndexRow
from thermodepth.synthetic.storage.encoding import member
from thermodepth.synthetic.storage.layout import Layout, PackLayout, Rendered, rendered
from thermodepth.synthetic.storage.ms2_layout import Ms2Layout
from thermodepth.synthetic.storage.order import RenderOrder
from thermodepth.synthetic.storage.pack import RENDERING
from thermodepth.synthetic.worlds import world

LAYOUTS = ("folder", "ms2")
_NOTES = "rendering"
_LARGEST_NOTE_BYTES = 1 << 20
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MOST_DIFFERENCES = 4  # that a message names


@dataclass(frozen=True, slots=True)
class Built:
    """What a call did: frames in all, and those that it had to render."""

    frames: int
    rendered: int


@dataclass(frozen=True, slots=True)
class _Job:
    """One piece of one scene."""

    split: str
    seed: int
    frames: range
    order: RenderOrder
    layout: Layout
    root: Path

    @property
    def note(self) -> Path:
        """Where it is written down that the piece is done."""
        return self.root / _NOTES / f"{self.split}-{self.seed}-{self.frames.start}.json"


def build_pack(
    out: Path | str,
    order: RenderOrder,
    *,
    layout: str = "folder",
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Render `order` into `out`: a zip file where the name ends in `.zip`, else a folder.

    `progress(done, total)` counts frames. What is complete already is left as it is.

    Raises:
        SettingsError: for an unknown layout, one that does not fit the rig or a zip, or no workers.
        DataError: when `out` holds something else, or a rendering with other settings.
        DependencyError: when the ray caster is not installed.
        UserError: when a worker dies.
    """
    out = Path(out)
    zipped = out.suffix == ".zip"
    if workers < 1:
        raise SettingsError(f"workers is {workers}; at least 1 is needed")
    writer = _layout(layout, order, zipped)
    version = world.generator_version(order.cameras)
    settings = {"layout": layout, **order.facts(version)}
    root = out.with_name(out.name + ".parts") if zipped else out
    if _is_finished(out, settings):
        shutil.rmtree(root if zipped else root / _NOTES, ignore_errors=True)  # killed before that
        return Built(order.total, 0)
    new = _claim(root, settings)

    jobs = [
        # A job travels to another process: of the scenes it takes along its own.
        _Job(split, seed, frames, replace(order, scenes={split: [seed]}), writer, root)
        for split, seed, frames in order.chunks()
    ]
    notes = {job.note: _read_note(job) for job in jobs}
    missing = [job for job in jobs if notes[job.note] is None]
    done = order.total - sum(len(job.frames) for job in missing)
    built = Built(order.total, order.total - done)
    if progress:
        progress(done, order.total)
    try:
        for job in _rendered(missing, workers):
            done += len(job.frames)
            if progress:
                progress(done, order.total)
    except UserError:
        if new and done == 0:  # such as no ray caster: nothing is worth keeping
            shutil.rmtree(root)
        raise

    finished: list[Rendered] = []
    for job in jobs:
        frames = notes[job.note] or _read_note(job)
        if frames is None:
            raise DataError(f"{job.note}: is gone; run the same command again")
        finished += frames
    _finish(out, root, writer, finished, settings)
    return built


def _layout(name: str, order: RenderOrder, zipped: bool) -> Layout:
    if name not in LAYOUTS:
        raise SettingsError(unknown("layout", name, LAYOUTS))
    if name == "ms2":
        if order.cameras != "one":
            raise SettingsError(
                f"layout ms2 holds one rig's frames, not those of {order.cameras} cameras"
            )
        if zipped:
            raise SettingsError("layout ms2 is a folder; give an --out that does not end in .zip")
        writer = Ms2Layout(rig=order.rig, sensor=order.sensor)
        if order.lidar_channels == 0:
            raise SettingsError("layout ms2 wants a lidar: its depth maps hold what one returned")
        return writer
    header = order.header(world.generator_version(order.cameras))
    return PackLayout(header=header, with_thermal=not zipped)


# ---- whose is the place


def _is_finished(out: Path, settings: Mapping[str, Any]) -> bool:
    """Is this very rendering there? Raises `DataError` when something else is."""
    if not out.exists() or (out.is_dir() and not (out / RENDERING).exists()):
        return False  # nothing, or a folder that `_claim` looks at
    try:
        container = open_container(out)
        existing = json_object(container.read(RENDERING, _LARGEST_NOTE_BYTES), RENDERING)
        container.close()
        finished = bool(existing.pop("finished"))
    except (DataError, ValueError, KeyError, AttributeError, TypeError):
        raise DataError(
            f"{out}: is there already and was not rendered by this version; give another place, or "
            "delete it"
        ) from None
    if existing != settings:
        state = "a finished" if finished else "an unfinished"
        raise DataError(
            f"{out}: holds {state} rendering with other settings ({_differences(existing, settings)}); "
            f"{'give another place' if finished else 'finish that one'}, or delete it"
        )
    return finished


def _claim(root: Path, settings: Mapping[str, Any]) -> bool:
    """Make the folder (True), or check that it is empty or left by an interrupted run of the order."""
    if root.exists() and not root.is_dir():
        raise DataError(f"{root}: is a file; a folder is to be written there")
    if (root / RENDERING).is_file():
        _is_finished(root, settings)
        return False
    # A run that was killed in its first write leaves a temporary file and nothing else.
    if root.exists() and any(not p.name.startswith(f".{RENDERING}.") for p in root.iterdir()):
        raise DataError(f"{root}: is not empty and holds no rendering; give another place")
    new = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / RENDERING, {"finished": False, **settings})
    return new


def _differences(existing: Mapping[str, Any], ordered: Mapping[str, Any]) -> str:
    a, b = flatten(existing), flatten(ordered)
    unlike = [key for key in sorted(a.keys() | b.keys()) if a.get(key) != b.get(key)]
    differences = [
        f"{key} {a.get(key)} there, {b.get(key)} asked" for key in unlike[:_MOST_DIFFERENCES]
    ]
    return "; ".join(differences + (["..."] if len(unlike) > _MOST_DIFFERENCES else []))


# ---- one piece


def _render(job: _Job) -> _Job:
    done_frames = []
    for number, frame in zip(job.frames, _frames(job.order, job), strict=True):
        done = rendered(frame, job.split, number)
        sums = {}
        for name, content in job.layout.files(frame, done).items():
            write_bytes(job.root / name, content)
            sums[name] = hashlib.sha256(content).hexdigest()
        done_frames.append(
            {
                "row": asdict(done.row),
                "pose": done.pose.tolist(),
                "camera": asdict(done.camera),
                "files": sums,
            }
        )
    write_record(job.note, {"frames": done_frames})
    return job


def _frames(order: RenderOrder, job: _Job) -> Iterator[Frame]:
    thermal = order.rig.thermal
    if order.cameras == "several":
        yield world.render_several_cameras(
            job.seed,
            width=thermal.width,
            height=thermal.height,
            samples=order.samples,
            condition=order.condition,
            lidar_channels=order.lidar_channels,
        )
        return
    if order.cameras == "many":
        yield world.render_any_camera(
            job.seed,
            pixels=thermal.width * thermal.height,
            samples=order.samples,
            condition=order.condition,
            lidar_channels=order.lidar_channels,
        )
        return
    yield from world.render_frames(
        job.seed,
        rig=order.rig,
        frames=order.frames,
        rate_hz=order.rate_hz,
        lidar_channels=order.lidar_channels,
        only=list(job.frames),
        samples=order.samples,
        condition=order.condition,
    )


def _read_note(job: _Job) -> list[Rendered] | None:
    """What is written down of a piece; None where it or one of its files is missing or damaged."""
    try:
        frames = read_record(job.note, limit=_LARGEST_NOTE_BYTES)["frames"]
        for frame in frames:
            for name, checksum in frame["files"].items():
                if file_sha256(job.root / name) != checksum:
                    return None
        return [
            Rendered(
                row=IndexRow(**frame["row"]),
                number=number,
                pose=np.array(frame["pose"]),
                camera=FrameCamera(**frame["camera"]),
            )
            for number, frame in zip(job.frames, frames, strict=True)
        ]
    except (ValueError, KeyError, TypeError, AttributeError):  # a DataError is a ValueError
        return None


# ---- many of them


def _rendered(jobs: list[_Job], workers: int) -> Iterator[_Job]:
    """Render every job, yielding each when it is done."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield _render(job)
        return
    consequence = "; the finished frames are kept"
    with worker_processes(min(workers, len(jobs)), consequence=consequence) as executor:
        for future in as_completed([executor.submit(_render, job) for job in jobs]):
            yield future.result()


# ---- the end


def _finish(
    out: Path, root: Path, layout: Layout, frames: list[Rendered], settings: Mapping[str, Any]
) -> None:
    """Write what spans all frames, pack a zip where `root` is not `out` itself, and drop the notes."""
    layout.finish(root, frames)
    for leftover in root.rglob(".*.part"):  # of processes that were killed while writing
        leftover.unlink()
    write_json(root / RENDERING, {"finished": True, **settings})
    if root == out:
        shutil.rmtree(root / _NOTES)
        return
    assert isinstance(layout, PackLayout)
    write_zip(out, _members(root, layout, frames))
    shutil.rmtree(root)


def _members(root: Path, layout: PackLayout, frames: list[Rendered]) -> Iterator[tuple[str, bytes]]:
    for frame in frames:
        for folder in layout.header.folders:
            name = member(folder, frame.row.frame_id)
            yield name, read_bytes(root / name, limit=MAX_FILE_BYTES)
    cameras = ["cameras.csv"] if layout.header.own_lenses else []
    for name in ("index.csv", "poses.csv", *cameras, RENDERING, "pack.json"):
        yield name, read_bytes(root / name, limit=MAX_FILE_BYTES)
