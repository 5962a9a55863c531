"""The program in a process of its own that begins with everything imported; a fresh one takes seconds to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from thermodepth.forking import process_context
from thermodepth.study.executors.local import HEAVY


def run_program(
    words: Sequence[str], *, at: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """`thermodepth WORDS` with this folder as its own: what it printed, and how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = process_context(HEAVY, may_fork=True).Process(
            target=_program, args=(list(words), at, dict(environment), outputs)
        )
        process.start()
        process.join()
        stdout, stderr = (path.read_text(encoding="utf-8") for path in outputs)
    code = process.exitcode
    assert code is not None
    return subprocess.CompletedProcess(words, code, stdout, stderr)


def _program(
    words: list[str], at: Path, environment: Mapping[str, str], outputs: Sequence[Path]
) -> None:
    for descriptor, path in zip((1, 2), outputs, strict=True):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
    os.chdir(at)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["thermodepth", *words]
    from thermodepth import cli

    cli.main()
