"""The executors by name, with their options.

A new executor is a file of its own and a row here.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from thermodepth.errors import SettingsError, unknown
from thermodepth.study.cell_job import Executor
from thermodepth.study.executors.launch import PROGRAM
from thermodepth.study.executors.local import LocalExecutor, available_gpus, slots_of
from thermodepth.study.executors.printed import PrintExecutor
from thermodepth.study.executors.ray_tasks import RayExecutor
from thermodepth.study.executors.slurm import CLUSTERS, SlurmExecutor, parameters_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where and how many cells are computed side by side: never what comes out."""

    executor: str = "local"
    processes: int | None = None  # cells at once; None takes what there is
    gpus_per_cell: int | None = None  # None: one where there is any
    slots_per_gpu: int = 1  # cells that share one
    options: Mapping[str, str] = field(default_factory=dict)  # of that executor
    device: str = "auto"  # runtime.device of the study
    write: Callable[[str], None] = print  # takes the lines of `print`


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorRow:
    """An executor."""

    name: str
    make: Callable[[Placement], Executor]
    options: Sequence[str] | None  # that it knows; None: it checks them itself
    summary: str


def make_executor(placement: Placement) -> Executor:
    """The executor of this name, with its options.

    Raises:
        SettingsError: for an unknown name or option, or a value that cannot be.
    """
    if placement.executor not in EXECUTORS:
        raise SettingsError(unknown("executor", placement.executor, EXECUTORS))
    if placement.slots_per_gpu > 1 and (placement.gpus_per_cell or 1) > 1:
        raise SettingsError(
            f"--gpus-per-cell {placement.gpus_per_cell} with --slots-per-gpu {placement.slots_per_gpu}: a "
            "cell has several GPUs, or several cells share one"
        )
    row = EXECUTORS[placement.executor]
    for name in placement.options:
        if row.options is not None and name not in row.options:
            known = row.options or ("none",)
            raise SettingsError(f"executor {row.name}: {unknown('option', name, known)}")
    return row.make(placement)


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` of the command line.

    Raises:
        SettingsError: without a `=`.
    """
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise SettingsError(
                f"--executor-option {text}: expected KEY=VALUE, such as partition=gpu"
            )
        options[name.strip()] = value.strip()
    return options


def _local(placement: Placement) -> Executor:
    gpus = available_gpus(placement.device)
    per_cell = placement.gpus_per_cell or min(len(gpus), 1)
    if per_cell > len(gpus):
        raise SettingsError(
            f"--gpus-per-cell {per_cell}: {len(gpus)} GPUs are there for runtime.device={placement.device}"
        )
    slots = slots_of(
        processes=placement.processes,
        gpus=gpus,
        gpus_per_cell=per_cell,
        slots_per_gpu=placement.slots_per_gpu,
    )
    return LocalExecutor(slots=slots, gpus_per_cell=per_cell)


def _ray(placement: Placement) -> Executor:
    text = placement.options.get("cpus", "1")
    try:
        cpus = float(text)
    except ValueError:
        raise SettingsError(f"--executor-option cpus={text}: expected a number") from None
    return RayExecutor(
        address=placement.options.get("address"),
        processes=placement.processes,
        cpus_per_cell=cpus,
        gpus_per_cell=placement.gpus_per_cell,
        slots_per_gpu=placement.slots_per_gpu,
        device=placement.device,
    )


def _slurm(placement: Placement) -> Executor:
    options = dict(placement.options)
    cluster = options.pop("cluster", "slurm")
    if cluster not in CLUSTERS:
        raise SettingsError(unknown("cluster", cluster, CLUSTERS))
    if placement.slots_per_gpu > 1:
        raise SettingsError("--slots-per-gpu with --executor slurm: a SLURM job has its GPUs alone")
    gpus = placement.gpus_per_cell
    return SlurmExecutor(
        cluster=cluster,
        processes=placement.processes,
        gpus_per_cell=int(placement.device == "cuda") if gpus is None else gpus,
        parameters=parameters_of(options, cluster=cluster),
    )


def _print(placement: Placement) -> Executor:
    program = placement.options.get("program")
    return PrintExecutor(
        write=placement.write,
        gpus_per_cell=placement.gpus_per_cell or 0,
        program=tuple(shlex.split(program)) if program else PROGRAM,
    )


EXECUTORS: dict[str, ExecutorRow] = {
    row.name: row
    for row in (
        ExecutorRow(name="local", make=_local, options=(), summary="processes of this machine"),
        ExecutorRow(
            name="ray",
            make=_ray,
            options=("address", "cpus"),
            summary="tasks of a Ray cluster, or of this machine",
        ),
        ExecutorRow(
            name="slurm", make=_slurm, options=None, summary="SLURM jobs, through submitit"
        ),
        ExecutorRow(
            name="print",
            make=_print,
            options=("program",),
            summary="a shell command for each cell, for any other scheduler",
        ),
    )
}
