"""Render a whole pack, with several processes if wanted, going on where a killed run stopped.

Every rendered frame is kept as a pack of one in the sibling folder `OUT.parts/` until the whole is
complete; the final bytes do not depend on the number of workers nor on how often it was interrupted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from thermodepth.errors import DataError, SettingsError, UserError
from thermodepth.synthetic.storage.pack import EncodedFrame, Pack, write_encoded, write_pack
from thermodepth.synthetic.world import GENERATOR_VERSION, render_frame

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class _Job:
    """One frame to render."""

    split: str
    seed: int
    width: int
    height: int
    samples: int
    part: Path


def build_pack(
    out: Path | str,
    *,
    seeds: Mapping[str, Iterable[int]],
    width: int,
    height: int,
    workers: int = 1,
    samples: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render one view per scene seed and split into `out`; `progress(done, total)` after each frame.

    Raises `SettingsError` for a seed in two splits or a size below one pixel, `DataError` when
    `OUT.parts/` holds frames that were rendered with other settings, `UserError` when a worker dies.
    """
    out = Path(out)
    parts = out.with_name(out.name + ".parts")
    jobs = [
        _Job(split, seed, width, height, samples, parts / f"{split}-{seed:07d}.zip")
        for split, numbers in seeds.items()
        for seed in numbers
    ]
    _check(jobs, workers)
    _claim_parts(parts, width, height, samples)
    missing = [job for job in jobs if not _is_complete(job)]
    done = len(jobs) - len(missing)
    if progress:
        progress(done, len(jobs))
    for _ in _rendered(missing, workers):
        done += 1
        if progress:
            progress(done, len(jobs))
    write_encoded(out, (_load(job) for job in jobs))
    shutil.rmtree(parts)


def _check(jobs: list[_Job], workers: int) -> None:
    if not jobs:
        raise SettingsError("a pack needs at least one seed in at least one split")
    if workers < 1:
        raise SettingsError(f"workers is {workers}; at least 1 is needed")
    if min(jobs[0].width, jobs[0].height, jobs[0].samples) < 1:
        raise SettingsError("width, height and samples must be at least 1")
    split_of: dict[int, str] = {}
    for job in jobs:
        other = split_of.setdefault(job.seed, job.split)
        if other != job.split:
            raise SettingsError(f"seed {job.seed} is in both '{other}' and '{job.split}'")


def _claim_parts(parts: Path, width: int, height: int, samples: int) -> None:
    """Make the folder, or check that a killed run with the same settings left it."""
    wanted = {
        "width": width,
        "height": height,
        "samples": samples,
        "generator_version": GENERATOR_VERSION,
    }
    note = parts / "settings.json"
    if parts.exists():
        try:
            found = json.loads(note.read_text())
        except (OSError, ValueError):
            found = None
        if found != wanted and any(parts.glob("*.zip")):
            raise DataError(
                f"{parts}: holds frames of an unfinished pack with other settings ({found}); "
                "finish that one, or delete the folder"
            )
    parts.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(wanted))


def _is_complete(job: _Job) -> bool:
    try:
        _load(job)
    except DataError:
        return False
    return True


def _load(job: _Job) -> EncodedFrame:
    with Pack.open(job.part) as pack:
        return pack.encoded(pack.rows[0].frame_id)


def _render(job: _Job) -> _Job:
    frame = render_frame(job.seed, width=job.width, height=job.height, samples=job.samples)
    write_pack(job.part, {job.split: [frame]})
    return job


def _rendered(jobs: list[_Job], workers: int) -> Iterator[_Job]:
    """Render every job, yielding each when it is done."""
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield _render(job)
        return
    # Spawn, not fork: the parent may hold threads. A ray caster runs one thread, so must the arrays.
    # An executor, not a Pool: when the system kills a worker, a Pool waits for ever.
    context = multiprocessing.get_context("spawn")
    with (
        _single_threaded_children(),
        ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as executor,
    ):
        try:
            for future in as_completed([executor.submit(_render, job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died: out of memory, or the calling script lacks "
                "`if __name__ == '__main__':`; the finished frames are kept"
            ) from error
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Thread counts are read when numpy is first imported, so they must be set before the spawn."""
    before = {name: os.environ.get(name) for name in _THREAD_SETTINGS}
    os.environ.update(dict.fromkeys(_THREAD_SETTINGS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
