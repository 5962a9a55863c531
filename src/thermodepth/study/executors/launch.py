"""Starting cells: in this process, or one over several GPUs through Accelerate; and their command line.

Cells come in groups, which train in lockstep; most often of one. A cell of several GPUs is a process a GPU,
started by `accelerate launch` from the command of that cell. So a batch is split over them, and the numbers
are those of one GPU but for the order of sums and the batch statistics of norms.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from thermodepth.errors import StudyError, ThermodepthError
from thermodepth.extensions import Sources, load_sources
from thermodepth.study.cell import ENDINGS, ROWS, CellJob, CellNews, Stage, Tell, compute_cells
from thermodepth.study.executors.failure import FAILED, killed, read_failure, write_failure
from thermodepth.study.executors.watch import LogWatch
from thermodepth.study.folder import prepared_job
from thermodepth.threads import set_thread_policy
from thermodepth.training.loop import interruption

#: Of this very Python, so that a batch system needs no environment of its own.
PROGRAM = (sys.executable, "-m", "thermodepth")

#: How a cell ended, and why where it failed.
Ending = tuple[Stage, str]
STOPPED: Ending = ("interrupted", "stopped before its end; its checkpoint is kept")


def cell_command(
    jobs: Sequence[CellJob], *, gpus: int, program: Sequence[str] = PROGRAM
) -> list[str]:
    """The command line that computes these cells anywhere the study's folder is seen."""
    folder = str(jobs[0].study_folder.absolute())
    words = ["study", "cell", folder, *(job.name for job in jobs)]
    for record in jobs[0].settings.extensions:  # whose hashes the study's record has
        words += ["--with", record.source]
    if gpus <= 1:
        return [*program, *words]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launcher += ["--num_processes", str(gpus), "--num_machines", "1"]
    # Port 0 takes a free one: several cells share a machine. The rest would be taken from a person's
    # own defaults, which are none of the study's settings.
    launcher += ["--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*launcher, "--module", "thermodepth", *words]


def compute(jobs: Sequence[CellJob], tell: Tell, *, gpus: int) -> dict[str, ThermodepthError]:
    """Whole cells, from the process that an executor gave them.

    Args:
        jobs: as `compute_cells`; one, where it is to have several GPUs.
        tell: hears how each goes on and ends.
        gpus: that train it together.

    Returns:
        Why cells have no results, by their names.

    Raises:
        KeyboardInterrupt: after checkpoints were written.
        Exception: as `compute_cells`.
    """
    ended = set()

    def tell_and_note(news: CellNews) -> None:
        if news.stage in ENDINGS:
            ended.add(news.name)
        tell(news)

    try:
        if gpus <= 1:
            return compute_cells(jobs, tell_and_note)
        (job,) = jobs
        return _compute_over(job, tell_and_note, gpus=gpus)
    except KeyboardInterrupt:
        for job in jobs:
            if job.name not in ended:
                stage, message = STOPPED
                tell(CellNews(name=job.name, stage=stage, message=message))
        raise


def _compute_over(job: CellJob, tell: Tell, *, gpus: int) -> dict[str, ThermodepthError]:
    """One cell, over several GPUs."""
    watch, parent = LogWatch([job]), os.getppid()
    with interruption() as asked_to_stop:
        process = subprocess.Popen(cell_command([job], gpus=gpus))
        forwarded = False
        while process.poll() is None:
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:  # the study was killed: its cells must not live on
                    process.terminate()
                    os._exit(1)
                watch.tell_progress(tell)
            if asked_to_stop() and not forwarded:
                process.send_signal(signal.SIGTERM)
                forwarded = True
    if forwarded:
        raise KeyboardInterrupt
    if process.returncode == 0:
        tell(CellNews(name=job.name, stage="done"))
        return {}
    failure = read_failure(job.folder) or killed(
        f"its process ended with code {process.returncode}"
    )
    write_failure(job.folder, failure)
    tell(CellNews(name=job.name, stage="failed", message=failure.line()))
    return {job.name: StudyError(failure.line())}


def compute_prepared(
    folder: str, names: Sequence[str], gpus: int, extensions: Sources = ()
) -> dict[str, Ending]:
    """Cells of a prepared study folder, on whatever machine: what Ray and SLURM are sent.

    Args:
        folder: of the study.
        names: of the cells.
        gpus: that train a cell together.
        extensions: path and sha256 of what the study's own command had loaded.

    Returns:
        How each ended, by its name.
    """
    set_thread_policy(1)
    endings: dict[str, Ending] = {}

    def note(news: CellNews) -> None:
        if news.stage in ENDINGS:
            endings[news.name] = (news.stage, news.message)

    try:
        load_sources(extensions)
        jobs = [prepared_job(Path(folder), name) for name in names]
        enter_working_folder(jobs[0])
        compute(jobs, note, gpus=gpus)
    except KeyboardInterrupt:
        return {name: endings.get(name, STOPPED) for name in names}
    except ThermodepthError as error:  # before any of them began
        return {name: ("failed", str(error)) for name in names}
    return endings


def enter_working_folder(job: CellJob) -> None:
    """Where the study was started, so that relative paths mean the same; not every machine has it."""
    if Path(job.working_folder).is_dir():
        os.chdir(job.working_folder)


def begin(job: CellJob) -> None:
    """A new try is at hand: what the folder says of the last one no longer counts."""
    (job.folder / FAILED).unlink(missing_ok=True)


def end(job: CellJob, endings: Mapping[str, Ending], tell: Tell, *, lost: str) -> None:
    """Tell how a cell ended whose process is gone.

    Args:
        job: the cell.
        endings: what `compute_prepared` returned; empty where the process ended without a word, in
            which case the folder may still know.
        tell: hears of it.
        lost: what is known of a process that ended without a word.
    """
    ending = endings.get(job.name)
    failure = read_failure(job.folder)
    if ending is None and failure is None:
        # It may have been done before a cell beside it took the process down.
        if (job.folder / ROWS).is_file():
            tell(CellNews(name=job.name, stage="done"))
            return
        failure = killed(lost)
        write_failure(job.folder, failure)
    stage, message = ending or ("failed", lost)
    if stage == "failed" and failure is not None:
        message = failure.line()
    tell(CellNews(name=job.name, stage=stage, message=message))
