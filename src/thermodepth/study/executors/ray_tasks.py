"""On Ray: a task for each cell, on this machine or on a cluster that sees the study's folder.

Ray places the tasks by the cores and GPUs that they ask for. A task is a process of its own that ends with
its cell, and it is not retried: what it reached is in the cell's folder.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from thermodepth.errors import DependencyError, StudyError
from thermodepth.extensions import loaded_sources
from thermodepth.study.cell_job import CellJob, Tell
from thermodepth.study.executors.launch import STOPPED, Ending, begin, compute_prepared, end
from thermodepth.study.executors.watch import LogWatch
from thermodepth.threads import available_cores
from thermodepth.training.loop import interruption

POLL_S = 1.0
PATIENCE_S = 120.0  # for the last step and the checkpoint of a cell that is asked to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RayExecutor:
    """Tasks of a Ray cluster."""

    address: str | None = None  # None starts Ray on this machine, for this study alone
    processes: int | None = (
        None  # the most tasks at once; None leaves it to Ray, or takes a core each
    )
    cpus_per_cell: float = 1
    gpus_per_cell: int | None = None  # None takes one where the cluster has any
    slots_per_gpu: int = 1
    device: str = "auto"  # that cells are trained on

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """As `Executor.run`.

        Raises:
            DependencyError: without Ray.
            StudyError: when the cluster cannot be reached, or can never hold a cell.
        """
        ray = _start(self.address, cpus=self.processes or available_cores())
        try:
            gpus = self._gpus(ray)
            resources = {"num_cpus": self.cpus_per_cell, "num_gpus": gpus / self.slots_per_gpu}
            _check_room(ray, resources)
            self._run(ray, jobs, tell, resources=resources, gpus=gpus)
        finally:
            ray.shutdown()

    def _gpus(self, ray: Any) -> int:
        if self.gpus_per_cell is not None:
            return self.gpus_per_cell
        return int(self.device != "cpu" and ray.cluster_resources().get("GPU", 0) > 0)

    def _run(
        self,
        ray: Any,
        jobs: Sequence[CellJob],
        tell: Tell,
        *,
        resources: dict[str, float],
        gpus: int,
    ) -> None:
        # max_calls: a fresh process each, as everywhere, which leaves nothing on a GPU.
        task = ray.remote(max_retries=0, max_calls=1, **resources)(compute_prepared)
        waiting = list(jobs)
        limit, running = self.processes or len(jobs), dict[Any, CellJob]()
        watch = LogWatch(jobs)
        with interruption() as asked_to_stop:
            stopped_at = 0.0
            while running or (waiting and not stopped_at):
                while waiting and len(running) < limit and not stopped_at:
                    job = waiting.pop(0)
                    begin(job)
                    task_of_cell = task.options(name=job.name)
                    folder = str(job.study_folder.absolute())
                    running[task_of_cell.remote(folder, job.name, gpus, loaded_sources())] = job
                ready, _ = ray.wait(list(running), timeout=POLL_S)
                for reference in ready:
                    job = running.pop(reference)
                    watch.forget(job.name)
                    _end(ray, job, reference, tell, stopping=bool(stopped_at))
                watch.tell_progress(tell)
                if asked_to_stop() and not stopped_at:
                    stopped_at = time.monotonic()
                    for reference in running:
                        ray.cancel(reference)  # a KeyboardInterrupt there, or never started
                if stopped_at and time.monotonic() > stopped_at + PATIENCE_S:
                    break
        if stopped_at:
            raise KeyboardInterrupt


def _start(address: str | None, *, cpus: int) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a study tells nobody about itself
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise DependencyError(
            "--executor ray needs Ray: pip install 'thermodepth[distributed]'"
        ) from None
    quiet = {"include_dashboard": False} if address is None else {}
    try:
        ray.init(
            address=address or "local",
            num_cpus=cpus if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        cluster = address or "this machine"
        raise StudyError(f"--executor ray: cannot reach Ray at {cluster} ({error})") from None
    return ray


def _check_room(ray: Any, resources: dict[str, float]) -> None:
    """Ray waits for ever for what no machine has; clusters that grow by themselves are asked for less."""
    limits = {
        name: max((node["Resources"].get(name, 0) for node in ray.nodes()), default=0)
        for name in ("CPU", "GPU")
    }
    for name, needed in (("CPU", resources["num_cpus"]), ("GPU", resources["num_gpus"])):
        if needed > limits[name]:
            raise StudyError(
                f"--executor ray: a cell wants {needed:g} {name}, and no machine of the cluster has more "
                f"than {limits[name]:g}"
            )


def _end(ray: Any, job: CellJob, reference: Any, tell: Tell, *, stopping: bool) -> None:
    ending: Ending | None = None
    lost = ""
    try:
        ending = ray.get(reference)
    except ray.exceptions.RayError as error:
        if stopping:  # cancelled while it waited or before it could say so
            ending = STOPPED
        else:
            lost = f"Ray lost it: {str(error).strip().splitlines()[-1]}"
    end(job, ending, tell, lost=lost)
