"""Starting cells: in this process, or one over several GPUs through Accelerate; and their command line.

A cell of several GPUs is a process a GPU, started by `accelerate launch` from the command of that cell. So a
batch is split over them, and the numbers are those of one GPU but for the order of sums and the batch
statistics of norms.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from thermodepth.errors import StudyError, ThermodepthError
from thermodepth.extensions import Sources, load_sources
from thermodepth.study.cell import ROWS, compute_cell
from thermodepth.study.cell_job import ENDINGS, CellJob, CellNews, Stage, Tell
from thermodepth.study.executors.watch import LogWatch
from thermodepth.study.failure import FAILED, killed, read_failure, write_failure
from thermodepth.study.folder import prepared_job
from thermodepth.threads import set_thread_policy
from thermodepth.training.loop import interruption

#: Of this very Python, so that a batch system needs no environment of its own.
PROGRAM = (sys.executable, "-m", "thermodepth")

#: How a cell ended, and why where it failed.
Ending = tuple[Stage, str]
STOPPED: Ending = ("interrupted", "stopped before its end; its checkpoint is kept")


def cell_command(job: CellJob, *, gpus: int, program: Sequence[str] = PROGRAM) -> list[str]:
    """The command line that computes this cell anywhere the study's folder is seen."""
    words = ["study", "cell", str(job.study_folder.absolute()), job.name]
    for record in job.settings.extensions:  # whose hashes the study's record has
        words += ["--with", record.source]
    if gpus <= 1:
        return [*program, *words]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launcher += ["--num_processes", str(gpus), "--num_machines", "1"]
    # Port 0 takes a free one: several cells share a machine. The rest would be taken from a person's
    # own defaults, which are none of the study's settings.
    launcher += ["--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*launcher, "--module", "thermodepth", *words]


def compute(job: CellJob, tell: Tell, *, gpus: int) -> ThermodepthError | None:
    """A whole cell, from the process that an executor gave it.

    Args:
        job: the cell.
        tell: hears how it goes on and ends.
        gpus: that train it together.

    Returns:
        Why it has no results; None where it has.

    Raises:
        KeyboardInterrupt: after a checkpoint was written.
        Exception: as `compute_cell`.
    """
    ended = False

    def tell_and_note(news: CellNews) -> None:
        nonlocal ended
        ended = ended or news.stage in ENDINGS
        tell(news)

    try:
        if gpus <= 1:
            return compute_cell(job, tell_and_note)
        return _compute_over(job, tell_and_note, gpus=gpus)
    except KeyboardInterrupt:
        if not ended:
            stage, message = STOPPED
            tell(CellNews(name=job.name, stage=stage, message=message))
        raise


def _compute_over(job: CellJob, tell: Tell, *, gpus: int) -> ThermodepthError | None:
    """One cell, over several GPUs."""
    watch, parent = LogWatch([job]), os.getppid()
    with interruption() as asked_to_stop:
        process = subprocess.Popen(cell_command(job, gpus=gpus))
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
        return None
    failure = read_failure(job.folder) or killed(
        f"its process ended with code {process.returncode}"
    )
    write_failure(job.folder, failure)
    tell(CellNews(name=job.name, stage="failed", message=failure.line()))
    return StudyError(failure.line())


def compute_prepared(folder: str, name: str, gpus: int, extensions: Sources = ()) -> Ending | None:
    """A cell of a prepared study folder, on whatever machine: what Ray and SLURM are sent.

    Args:
        folder: of the study.
        name: of the cell.
        gpus: that train it together.
        extensions: path and sha256 of what the study's own command had loaded.

    Returns:
        How it ended.
    """
    set_thread_policy(1)
    ending: Ending | None = None

    def note(news: CellNews) -> None:
        nonlocal ending
        if news.stage in ENDINGS:
            ending = (news.stage, news.message)

    try:
        load_sources(extensions)
        job = prepared_job(Path(folder), name)
        enter_working_folder(job)
        compute(job, note, gpus=gpus)
    except KeyboardInterrupt:
        return ending or STOPPED
    except ThermodepthError as error:  # before it began
        return "failed", str(error)
    return ending


def enter_working_folder(job: CellJob) -> None:
    """Where the study was started, so that relative paths mean the same; not every machine has it."""
    if Path(job.working_folder).is_dir():
        os.chdir(job.working_folder)


def begin(job: CellJob) -> None:
    """A new try is at hand: what the folder says of the last one no longer counts."""
    (job.folder / FAILED).unlink(missing_ok=True)


def end(job: CellJob, ending: Ending | None, tell: Tell, *, lost: str) -> None:
    """Tell how a cell ended whose process has ended.

    Args:
        job: the cell.
        ending: what `compute_prepared` returned; None where the process ended without a word, in which
            case the folder may still know.
        tell: hears of it.
        lost: what is known of a process that ended without a word.
    """
    failure = read_failure(job.folder)
    if ending is None and failure is None:
        if (job.folder / ROWS).is_file():  # it was done before its process was lost
            tell(CellNews(name=job.name, stage="done"))
            return
        failure = killed(lost)
        write_failure(job.folder, failure)
    stage, message = ending or ("failed", lost)
    if stage == "failed" and failure is not None:
        message = failure.line()
    tell(CellNews(name=job.name, stage=stage, message=message))
