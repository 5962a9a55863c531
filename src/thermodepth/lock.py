"""Folders that one process holds at a time: a run while it trains, a study's record while it changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from thermodepth.files import writing

LOCK = ".lock"  # in the folder that is held
_POLL_S = 0.25


@contextmanager
def holding(folder: Path, *, patience_s: float | None = None) -> Iterator[None]:
    """Hold a folder, made where it is missing; the hold ends with the process, however it ends.

    Args:
        folder: which holds `LOCK` from then on.
        patience_s: how long to wait for whoever has it; None waits for as long as it takes.

    Raises:
        TimeoutError: when patience ends.
        OutputError: where the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # no such locks here; folders still refuse to be another run's
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    with writing(folder / LOCK):
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / LOCK).open("a")  # which leaves a lock that is there as it is
    with opened as stream:
        if patience_s is None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        else:
            waited = 0.0
            while True:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if waited >= patience_s:
                        raise TimeoutError from None
                    time.sleep(_POLL_S)
                    waited += _POLL_S
        yield
