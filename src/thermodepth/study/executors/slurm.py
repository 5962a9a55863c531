"""On SLURM, through submitit: a job for each cell, as one job array.

The jobs live without this process, which only waits for them. `slurm/jobs/ARM/seed-N.json` in the study's
folder keeps the number of each cell's job, so a second call waits for the jobs of the first instead of
sending them again. Nothing is sent twice by itself: a cell that ran out of its time keeps its checkpoint,
and the next call goes on from there.
"""

from __future__ import annotations

import importlib
import json
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, DependencyError, SettingsError, StudyError
from thermodepth.extensions import Sources, loaded_sources
from thermodepth.study.cell_job import CellJob, CellNews, Tell
from thermodepth.study.executors.launch import Ending, begin, compute_prepared, end
from thermodepth.study.executors.watch import LogWatch
from thermodepth.training.loop import interruption

POLL_S = 2.0
CLUSTERS = ("slurm", "local")
#: Shorter names of submitit's parameters; its own and those of sbatch are taken as they are.
_ALIASES = {"time": "timeout_min", "cpus": "cpus_per_task"}
_COMMON = (
    "timeout_min",
    "cpus_per_task",
    "mem_gb",
    "nodes",
    "gpus_per_node",
    "tasks_per_node",
    "name",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """A job of the cluster, and the cell that it computes."""

    job: CellJob
    batch_job: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmExecutor:
    """Jobs of a SLURM cluster; `cluster="local"` runs the same jobs as processes of this machine."""

    cluster: str = "slurm"
    processes: int | None = None  # the most jobs at once
    gpus_per_cell: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)  # of submitit, by their own names

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """As `Executor.run`; a person who stops it leaves the jobs where they are.

        Raises:
            DependencyError: without submitit.
            SettingsError: for parameters that it or sbatch refuses.
            StudyError: where there is no SLURM, or sbatch fails.
        """
        submitit = _import()
        running: list[_Sent] = []
        unsent = []
        for job in jobs:
            batch_job = self._sent_before(submitit, job)
            if batch_job is None:
                unsent.append(job)
            else:
                running.append(_Sent(job=job, batch_job=batch_job))
        running += self._submit(submitit, unsent, tell)
        watch = LogWatch(jobs)
        with interruption() as asked_to_stop:
            while running and not asked_to_stop():
                for sent in [sent for sent in running if sent.batch_job.done()]:
                    running.remove(sent)
                    watch.forget(sent.job.name)
                    _record(sent.job).unlink(missing_ok=True)
                    end(sent.job, _ending(sent.batch_job), tell, lost=_lost(sent.batch_job))
                watch.tell_progress(tell)
                if running and not asked_to_stop():
                    time.sleep(POLL_S)
        if running:
            raise KeyboardInterrupt(self._left_behind([sent.batch_job for sent in running]))

    def _submit(
        self,
        submitit: Any,
        jobs: Sequence[CellJob],
        tell: Tell,
    ) -> list[_Sent]:
        if not jobs:
            return []
        folder = _folder(jobs[0])
        try:
            executor = submitit.AutoExecutor(folder=folder, cluster=self.cluster)
            executor.update_parameters(**self._all_parameters(len(jobs)))
        except RuntimeError as error:
            raise StudyError(f"--executor slurm: {error}") from None
        except (NameError, ValueError, TypeError, AssertionError) as error:
            raise SettingsError(f"--executor-option: {error}") from None
        try:
            with executor.batch():
                batch_jobs = [
                    executor.submit(
                        _compute_in_job,
                        str(job.study_folder.absolute()),
                        job.name,
                        self.gpus_per_cell,
                        loaded_sources(),
                    )
                    for job in jobs
                ]
        except submitit.core.utils.FailedJobError as error:
            raise StudyError(f"--executor slurm: the jobs were refused ({error})") from None
        for job, batch_job in zip(jobs, batch_jobs, strict=True):
            begin(job)  # not before: of jobs that are refused the folder keeps what it says
            write_record(_record(job), {"job": batch_job.job_id, "cluster": self.cluster})
            tell(CellNews(name=job.name, stage="submitted"))
        return [_Sent(job=j, batch_job=b) for j, b in zip(jobs, batch_jobs, strict=True)]

    def _all_parameters(self, jobs: int) -> dict[str, Any]:
        defaults: dict[str, Any] = {"name": "thermodepth", "gpus_per_node": self.gpus_per_cell}
        if self.cluster == "slurm":
            defaults["slurm_array_parallelism"] = self.processes or jobs
        if not self.gpus_per_cell:
            del defaults["gpus_per_node"]
        return {**defaults, **self.parameters}

    def _sent_before(self, submitit: Any, job: CellJob) -> Any | None:
        """The job that an earlier call sent for this cell, where it may still be at work."""
        if self.cluster != "slurm":  # processes of this machine ended with the call that began them
            return None
        try:
            number = str(read_record(_record(job))["job"])
        except (DataError, KeyError):
            return None
        batch_job = submitit.SlurmJob(folder=_folder(job), job_id=number)
        # A job that the accounting has forgotten is sent again; should it live, the cell's lock knows.
        state = batch_job.watcher.get_state(number, mode="force")
        return None if state == "UNKNOWN" or batch_job.done() else batch_job

    def _left_behind(self, jobs: Sequence[Any]) -> str:
        if self.cluster != "slurm":
            return ""
        numbers = sorted({job.job_id.split("_")[0] for job in jobs})
        count = len({job.job_id for job in jobs})
        return (
            f"{count} jobs stay in the queue and go on (`scancel {' '.join(numbers)}` ends them); the "
            "same command waits for them again"
        )


def parameters_of(options: Mapping[str, str], *, cluster: str) -> dict[str, Any]:
    """Options of the command line as submitit's parameters.

    Raises:
        SettingsError: without a time on SLURM, whose jobs would end after five minutes.
    """
    parameters = {}
    for name, text in options.items():
        key = _ALIASES.get(name, name)
        if key not in _COMMON and not key.startswith("slurm_"):
            key = f"slurm_{key}"
        try:
            parameters[key] = json.loads(text)
        except json.JSONDecodeError:
            parameters[key] = text
    if cluster == "slurm" and not {"timeout_min", "slurm_time"} & parameters.keys():
        raise SettingsError(
            "--executor slurm: how long a job may take must be said, --executor-option time=MINUTES"
        )
    return parameters


def _compute_in_job(folder: str, name: str, gpus: int, extensions: Sources = ()) -> Ending | None:
    """In the job. Shortly before its time is over SLURM sends SIGUSR2: the training saves and stops."""
    signal.signal(signal.SIGUSR2, lambda *_: signal.raise_signal(signal.SIGTERM))
    return compute_prepared(folder, name, gpus, extensions)


def _import() -> Any:  # untyped, so that it need not be there to check types
    try:
        return importlib.import_module("submitit")
    except ImportError:
        raise DependencyError(
            "--executor slurm needs submitit: pip install 'thermodepth[distributed]'"
        ) from None


def _folder(job: CellJob) -> Path:
    """Of submitit's scripts and logs."""
    return job.study_folder.absolute() / "slurm"


def _record(job: CellJob) -> Path:
    return _folder(job) / "jobs" / f"{job.name}.json"


def _ending(batch_job: Any) -> Ending | None:
    """What the job returned; None of one that was killed, or never ran."""
    try:
        ending: Ending | None = batch_job.result()
    except Exception:  # submitit passes on whatever was raised in the job
        return None
    return ending


def _lost(batch_job: Any) -> str:
    return f"job {batch_job.job_id} ended as {batch_job.state}; its log: {batch_job.paths.stderr}"
