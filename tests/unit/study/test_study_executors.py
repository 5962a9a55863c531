"""Executors without their engines: places, commands, options, progress, and what is picked up again."""

import json
import shlex
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from thermodepth.checksums import read_record
from thermodepth.errors import DependencyError, SettingsError, StudyError
from thermodepth.study.cell import ROWS
from thermodepth.study.cell_job import CellJob
from thermodepth.study.executors import slurm
from thermodepth.study.executors.launch import cell_command, end
from thermodepth.study.executors.local import available_gpus, slots_of
from thermodepth.study.executors.printed import PrintExecutor
from thermodepth.study.executors.ray_tasks import RayExecutor
from thermodepth.study.executors.registry import EXECUTORS, Placement, make_executor, parse_options
from thermodepth.study.executors.slurm import SlurmExecutor, parameters_of
from thermodepth.study.executors.watch import LogWatch
from thermodepth.study.failure import FAILED, killed, read_failure, write_failure
from thermodepth.teacher import LabelStore
from thermodepth.training.log import RunLog
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Geometry


@pytest.fixture
def job(tmp_path):
    out = tmp_path / "a study"
    return CellJob(
        study="s",
        name="full/seed-0",
        arm="full",
        seed=0,
        settings=TrainingSettings(steps=40),
        scored_on="synthetic",
        scored_split="test",
        folder=out / "cells" / "full" / "seed-0",
        labels=LabelStore(out / "labels", "teacher", "0123", Geometry.AFFINE_INVERSE),
        working_folder="",
    )


def beside(job, seed=0, **edits):
    """A cell of another arm, and with other settings where they are edited."""
    name = f"bare/seed-{seed}"
    settings = job.settings.edit({"seed": seed, "losses.groups.smooth": False, **edits})
    folder = job.study_folder / "cells" / name
    return replace(job, name=name, arm="bare", seed=seed, settings=settings, folder=folder)


def make(executor, **placement):
    return make_executor(Placement(executor=executor, **placement))


# --- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "slots"),
    [
        ({"gpus": [], "processes": 3}, (None, None, None)),
        ({"gpus": ["0", "1"]}, ("0", "1")),
        ({"gpus": ["0", "1"], "slots_per_gpu": 2}, ("0", "1", "0", "1")),
        ({"gpus": ["0", "1"], "slots_per_gpu": 2, "processes": 3}, ("0", "1", "0")),
        ({"gpus": ["4", "5", "6", "7"], "gpus_per_cell": 2}, ("4,5", "6,7")),
        ({"gpus": ["0", "1", "2"], "gpus_per_cell": 2}, ("0,1",)),
    ],
)
def test_a_slot_is_a_core_or_its_gpus(options, slots):
    full = {"processes": None, "gpus_per_cell": 1, "slots_per_gpu": 1, **options}
    assert slots_of(**full) == slots


def test_without_a_gpu_there_is_a_slot_a_core(monkeypatch):
    from thermodepth.study.executors import local

    monkeypatch.setattr(local, "available_cores", lambda: 5)
    assert slots_of(processes=None, gpus=[], gpus_per_cell=0, slots_per_gpu=1) == (None,) * 5


def test_gpus_are_those_that_this_process_may_see(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert available_gpus("auto") == ["0", "1"]
    assert available_gpus("cpu") == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-8a")
    assert available_gpus("cuda") == ["3", "GPU-8a"]
    assert make("local", gpus_per_cell=2).slots == ("3,GPU-8a",)
    with pytest.raises(SettingsError, match=r"--gpus-per-cell 3: 2 GPUs are there"):
        make("local", gpus_per_cell=3)


def test_a_process_sees_the_gpus_of_its_slot_only(monkeypatch):
    import os

    from thermodepth.study.executors.local import VISIBLE, _seeing

    monkeypatch.setenv(VISIBLE, "7")
    for slot, visible in (("0,1", "0,1"), (None, "7")):
        with _seeing(slot):
            assert os.environ[VISIBLE] == visible
        assert os.environ[VISIBLE] == "7"
    monkeypatch.delenv(VISIBLE)
    with _seeing("2"):
        assert os.environ[VISIBLE] == "2"
    assert VISIBLE not in os.environ


# --- commands ------------------------------------------------------------------------------------


def test_the_command_of_a_cell_names_the_folder_wherever_it_is_started(job):
    out = str(job.study_folder.absolute())
    assert cell_command(job, gpus=1) == [
        *(sys.executable, "-m", "thermodepth", "study", "cell"),
        *(out, "full/seed-0"),
    ]


def test_several_gpus_are_as_many_processes_under_accelerate(job):
    from accelerate.commands.launch import launch_command_parser

    words = cell_command(job, gpus=4)
    assert words[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    read = launch_command_parser().parse_args(words[3:])  # by the launcher's own reader
    assert (read.num_processes, read.num_machines, read.multi_gpu, read.module) == (
        4,
        1,
        True,
        True,
    )
    assert (read.main_process_port, read.mixed_precision) == (0, "no")
    assert read.training_script == "thermodepth"
    assert read.training_script_args == cell_command(job, gpus=0)[3:]


def test_printed_lines_are_shell_and_say_how_the_last_try_failed(job):
    lines = []
    write_failure(job.folder, killed("out\nof memory"))
    PrintExecutor(write=lines.append).run([job], tell=print)
    assert lines[0] == "# full/seed-0 killed: out of memory"
    assert shlex.split(lines[1]) == cell_command(job, gpus=0)  # the folder has a blank in its name
    own = make("print", options={"program": "srun thermodepth"}, write=lines.append)
    own.run([job], tell=print)
    assert lines[3].startswith("srun thermodepth study cell '")
    assert (job.folder / FAILED).is_file()  # nothing was tried


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("executor", "placement", "words"),
    [
        ("lokal", {}, "unknown executor 'lokal'; did you mean 'local'"),
        (
            "ray",
            {"options": {"adress": "x"}},
            "executor ray: unknown option 'adress'; did you mean",
        ),
        ("ray", {"options": {"cpus": "two"}}, "cpus=two: expected a number"),
        ("local", {"options": {"x": "1"}}, "executor local: unknown option 'x'"),
        ("slurm", {}, "--executor-option time=MINUTES"),
        ("slurm", {"options": {"cluster": "locl"}}, "unknown cluster 'locl'; did you mean 'local'"),
        ("slurm", {"slots_per_gpu": 2, "options": {"time": "5"}}, "--slots-per-gpu with"),
        ("local", {"slots_per_gpu": 2, "gpus_per_cell": 2}, "or several cells share one"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(executor, placement, words):
    with pytest.raises(SettingsError, match=words):
        make(executor, **placement)


def test_options_are_pairs():
    assert parse_options(["time=90", "constraint=a=b"]) == {"time": "90", "constraint": "a=b"}
    for text in ("time", "=90"):
        with pytest.raises(SettingsError, match=f"--executor-option {text}: expected KEY=VALUE"):
            parse_options([text])


def test_options_of_slurm_are_those_of_submitit_and_sbatch():
    options = {"time": "90", "cpus": "4", "partition": "gpu", "slurm_qos": "low", "mem_gb": "8"}
    assert parameters_of(options, cluster="slurm") == {
        "timeout_min": 90,
        "cpus_per_task": 4,
        "slurm_partition": "gpu",
        "slurm_qos": "low",
        "mem_gb": 8,
    }
    built = make("slurm", device="cuda", options={"time": "5"})
    assert (built.gpus_per_cell, built.parameters) == (1, {"timeout_min": 5})


@pytest.mark.parametrize(
    ("executor", "package"),
    [(RayExecutor(), "ray"), (SlurmExecutor(parameters={"timeout_min": 5}), "submitit")],
)
def test_a_missing_engine_names_the_extra(executor, package, job, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyError, match=r"thermodepth\[distributed\]"):
        executor.run([job], tell=print)


def test_every_executor_is_in_the_table_under_its_name():
    assert list(EXECUTORS) == ["local", "ray", "slurm", "print"]
    assert all(row.name == name for name, row in EXECUTORS.items())


# --- endings and progress ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "stage", "message"),
    [
        (("done", ""), "done", ""),
        (("interrupted", "stopped"), "interrupted", "stopped"),
        (("failed", "another process"), "failed", "another process"),
        (None, "failed", "killed: code -9"),
    ],
)
def test_how_a_cell_ended_is_told_and_kept(job, ending, stage, message):
    heard = []
    end(job, ending, heard.append, lost="code -9")
    assert [(news.stage, news.message) for news in heard] == [(stage, message)]
    assert (read_failure(job.folder) is not None) == (ending is None)


def test_a_failure_that_the_cell_wrote_itself_is_what_is_told(job):
    heard = []
    write_failure(job.folder, killed("by its own word"))
    end(job, None, heard.append, lost="code 1")
    assert heard[0].message == "killed: by its own word"


def test_what_a_cell_says_of_its_own_end_is_told_whatever_an_older_failure_said(job):
    heard = []
    write_failure(job.folder, killed("an earlier try"))
    end(job, ("done", ""), heard.append, lost="code 0")
    end(job, ("interrupted", "stopped"), heard.append, lost="code 0")
    assert [(news.stage, news.message) for news in heard] == [
        ("done", ""),
        ("interrupted", "stopped"),
    ]


def test_a_cell_that_was_done_before_its_process_was_lost_is_done(job):
    heard = []
    job.folder.mkdir(parents=True)
    (job.folder / ROWS).write_bytes(b"never read")
    end(job, None, heard.append, lost="code -9")
    assert [news.stage for news in heard] == ["done"]
    assert read_failure(job.folder) is None


def test_progress_is_read_from_logs_as_they_grow(job):
    job.folder.mkdir(parents=True)
    log = RunLog(job.folder, first_step=0, tensorboard=False)
    log.write(10, {"total": 3.0})
    heard = []
    watch = LogWatch([job])
    watch.tell_progress(heard.append)
    assert heard == []  # what was there before is no news
    log.write(20, {"total": 2.5, "silog": 1.5})
    watch.tell_progress(heard.append)
    watch.tell_progress(heard.append)
    (news,) = heard
    assert (news.name, news.stage) == ("full/seed-0", "training")
    assert (news.progress.step, news.progress.steps) == (20, 40)
    assert news.progress.terms == {"total": 2.5, "silog": 1.5}
    watch.forget(job.name)
    log.write(30, {"total": 2.0})
    watch.tell_progress(heard.append)
    assert len(heard) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"step,total\nabc,1\n",
        b"step,total\n3,nanx\n",
        b"step,total\n3,1,2\n",
        b"a,b\n1,2\n",
        b"a,step\n1\n",
        b"\xff\xfe\n\n",
        b"step\n" + b"9" * 200_000 + b"\n",
        b"\n",
    ],
)
def test_what_is_no_log_is_no_news(job, content):
    job.folder.mkdir(parents=True)
    other = beside(job)
    other.folder.mkdir(parents=True)
    watch, heard = LogWatch([job, other]), []
    (job.folder / "log.csv").write_bytes(content)
    (other.folder / "log.csv").write_bytes(b"step,total\n3,2.5\n")
    watch.tell_progress(heard.append)
    assert [(news.name, news.progress.step) for news in heard] == [(other.name, 3)]


# --- SLURM without submitit ----------------------------------------------------------------------


class RefusedError(Exception):
    """As submitit's own."""


class BatchJob:
    """Over at once, without a word."""

    job_id, state, paths = "41_0", "CANCELLED", SimpleNamespace(stderr="41_0.err")

    def done(self):
        return True

    def result(self):
        raise RuntimeError("no result was written")


def submitit_of(*, refuses):
    """As much of submitit as is called."""

    class Submitter:
        def __init__(self, folder, cluster):
            del folder, cluster

        def update_parameters(self, **_):
            pass

        @contextmanager
        def batch(self):
            yield
            if refuses:
                raise RefusedError("sbatch: error: invalid partition")

        def submit(self, *_):
            return BatchJob()

    errors = SimpleNamespace(utils=SimpleNamespace(FailedJobError=RefusedError))
    return SimpleNamespace(AutoExecutor=Submitter, core=errors)


def test_the_number_of_a_job_that_is_over_is_forgotten(job, monkeypatch):
    monkeypatch.setattr(slurm, "_import", lambda: submitit_of(refuses=False))
    record, existed, heard = job.study_folder / "slurm" / "jobs" / "full" / "seed-0.json", [], []

    def tell(news):
        existed.append(record.is_file())
        heard.append((news.stage, news.message))

    write_failure(job.folder, killed("an earlier try"))
    SlurmExecutor().run([job], tell)
    assert existed == [True, False]
    lost = "killed: job 41_0 ended as CANCELLED; its log: 41_0.err"
    assert heard == [("submitted", ""), ("failed", lost)]


def test_jobs_that_are_refused_leave_what_the_folder_says(job, monkeypatch):
    monkeypatch.setattr(slurm, "_import", lambda: submitit_of(refuses=True))
    write_failure(job.folder, killed("an earlier try"))
    with pytest.raises(StudyError, match=r"the jobs were refused \(sbatch: error: invalid part"):
        SlurmExecutor().run([job], print)
    assert read_failure(job.folder).message == "an earlier try"


# --- SLURM that never runs a job -----------------------------------------------------------------


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A SLURM that takes jobs and lets them run for ever: its calls of sbatch, and a file of its state."""
    pytest.importorskip("submitit", reason="submitit is not installed (extra distributed)")
    programs, calls, state = tmp_path / "bin", tmp_path / "calls", tmp_path / "state"
    programs.mkdir()
    state.write_text("RUNNING")
    scripts = {
        "srun": "",
        "sbatch": f'cat "$1" >> "{calls}"; echo "Submitted batch job 41"',
        "sacct": f'echo "JobID|State|NodeList"; echo "41|$(cat "{state}")|n1"; '
        f'for i in 0 1; do echo "41_$i|$(cat "{state}")|n1"; done',
    }
    for name, text in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    # Whoever waits is stopped at once.
    monkeypatch.setattr(slurm.time, "sleep", lambda _: signal.raise_signal(signal.SIGINT))
    return calls, state


def test_jobs_are_left_in_the_queue_and_waited_for_again(job, queue):
    calls, state = queue
    executor = SlurmExecutor(
        gpus_per_cell=2, parameters=parameters_of({"time": "90", "partition": "p"}, cluster="slurm")
    )
    heard = []
    with pytest.raises(KeyboardInterrupt, match=r"1 jobs stay in the queue .*`scancel 41`"):
        executor.run([job], heard.append)
    assert [news.stage for news in heard] == ["submitted"]
    script = calls.read_text()
    for line in ("--time=90", "--partition=p", "--gpus-per-node=2", "--job-name=thermodepth"):
        assert f"#SBATCH {line}\n" in script
    record = job.study_folder / "slurm" / "jobs" / "full" / "seed-0.json"
    assert read_record(record) == {"job": "41", "cluster": "slurm"}

    with pytest.raises(KeyboardInterrupt, match="stay in the queue"):
        executor.run([job], heard.append)
    assert calls.read_text() == script  # not sent again

    state.write_text("CANCELLED")
    with pytest.raises(KeyboardInterrupt):
        executor.run([job], heard.append)
    assert calls.read_text() == script * 2


def test_many_cells_are_one_array(job, queue):
    calls, _ = queue
    other = replace(job, name="full/seed-1", folder=job.folder.parent / "seed-1")
    executor = SlurmExecutor(processes=1, parameters={"timeout_min": 5})
    with pytest.raises(KeyboardInterrupt, match="2 jobs stay"):
        executor.run([job, other], print)
    assert "#SBATCH --array=0-1%1\n" in calls.read_text()
    records = (job.study_folder / "slurm" / "jobs" / "full").glob("*.json")
    assert [json.loads(path.read_text())["job"] for path in sorted(records)] == ["41_0", "41_1"]


def test_what_sbatch_does_not_know_is_refused(job, queue):
    del queue
    options = parameters_of({"time": "5", "partitoin": "gpu"}, cluster="slurm")
    with pytest.raises(SettingsError, match="partitoin"):
        SlurmExecutor(parameters=options).run([job], print)
