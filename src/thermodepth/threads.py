"""How many threads the maths may use, decided before torch is loaded.

OpenMP threads that wait actively, beside one other busy process, slow a training down a hundredfold on
two cores (189 images/s to 1.9). So waiting is passive, a process gets one thread unless it is the only
training on the machine, and the numbers are set through the environment before the first import of
torch, which reads them once. Set `THERMODEPTH_THREADS` to override.

The thread count decides the order of sums, and so does the processor's vector width, so results are
bit-identical only between runs with the same of both; they are recorded in every run folder (`machine`).
"""

from __future__ import annotations

import os
import sys

from thermodepth.errors import SettingsError

OVERRIDE = "THERMODEPTH_THREADS"
_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def set_thread_policy(threads: int | None = None, *, otherwise: int = 1) -> int:
    """Fix the thread count of this process and its children; call before torch is imported.

    Args:
        threads: wanted count; None takes the override, then what the environment already says.
        otherwise: what is taken where neither says anything.

    Returns:
        The count in force.

    Raises:
        SettingsError: when the override is not a positive whole number.
    """
    count = thread_count(threads, otherwise=otherwise)
    for name in _COUNTS:
        os.environ[name] = str(count)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    if "torch" in sys.modules:  # too late for the environment: tell the loaded library itself
        sys.modules["torch"].set_num_threads(count)
    return count


def thread_count(threads: int | None = None, *, otherwise: int) -> int:
    """The count that the override, then the caller, then the environment says, else `otherwise`.

    Raises:
        SettingsError: when the override is not a positive whole number.
    """
    override = os.environ.get(OVERRIDE)
    if override is not None:
        if not override.isdecimal() or int(override) < 1:
            raise SettingsError(f"{OVERRIDE}={override}: expected a whole number of at least 1")
        return int(override)
    if threads is not None:
        assert threads >= 1, threads
        return threads
    inherited = os.environ.get("OMP_NUM_THREADS", "")
    is_count = inherited.isdecimal() and int(inherited) > 0
    return int(inherited) if is_count else otherwise


def available_cores() -> int:
    """Cores this process may run on (a container's share, not the machine's)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
