"""Processes that begin with modules loaded: what they have, what they see, and when they are spawned."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from thermodepth import forking
from thermodepth.forking import process_context

PROGRAM = """
import multiprocessing, os, sys
from thermodepth.forking import process_context

def work(pipe):
    pipe.send(("email.mime.audio" in sys.modules, os.getppid()))

if __name__ == "__main__":
    told = []
    for _ in range(2):
        context = process_context(["email.mime.audio"], may_fork=True)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs,))
        process.start()
        told.append(ours.recv())
        process.join()
        assert process.exitcode == 0
    (first, parent), (second, again) = told
    print(first, second, parent == again != os.getpid())
"""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forked on Linux alone")


@linux
def test_processes_are_forked_off_one_server_that_has_loaded_the_modules(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


@linux
def test_what_libraries_read_when_loaded_must_be_what_the_server_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forking, "_served", None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    forks = multiprocessing.get_context("forkserver")
    monkeypatch.setattr(forks, "set_forkserver_preload", lambda _: None)
    assert process_context(["json"], may_fork=True) is forks
    monkeypatch.setenv("THERMODEPTH_ANYTHING", "is no library's")
    assert process_context(["json"], may_fork=True) is forks
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX2")
    assert process_context(["json"], may_fork=True).get_start_method() == "spawn"
    monkeypatch.delenv("DNNL_MAX_CPU_ISA")
    assert process_context(["json"], may_fork=True) is forks


def test_with_gpus_processes_are_spawned() -> None:
    assert process_context(["json"], may_fork=False).get_start_method() == "spawn"
