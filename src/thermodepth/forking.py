"""Processes that begin with heavy modules loaded: forked off a server that has loaded them once.

A fresh process loads torch and what stands on it for three to five seconds; one that is forked off begins at
once. The server is a process of its own that has loaded the modules and has no thread, so nothing is held
when it is forked. It ends with its program.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, SpawnContext

#: Begin the names of variables that libraries read once, when they are loaded.
_READ_AT_LOADING = (
    *("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "DNNL_", "ONEDNN_", "ATEN_"),
    *("CUDA_", "TORCH", "PYTORCH_", "HF_", "TRANSFORMERS_", "MPL", "LD_", "MALLOC_", "PYTHON"),
)
_served: dict[str, str] | None = None  # what the server's modules read when they were loaded


def process_context(modules: Sequence[str], *, may_fork: bool) -> ForkServerContext | SpawnContext:
    """How to start a process that works with `modules`.

    Forked off the server on Linux, as long as what libraries read of the environment is what the server's
    read; spawned elsewhere. Either way the process has nothing else of this one: send it the environment.

    Args:
        modules: by name; the server loads those of the first call, later ones are loaded by who needs them.
        may_fork: no GPU is used, whose driver does not survive a fork.
    """
    global _served
    if not may_fork or not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    read = {name: text for name, text in os.environ.items() if name.startswith(_READ_AT_LOADING)}
    context = multiprocessing.get_context("forkserver")
    if _served is None:
        context.set_forkserver_preload(list(modules))
        _served = read
    return context if read == _served else multiprocessing.get_context("spawn")
