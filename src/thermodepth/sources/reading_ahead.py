"""An iterator that is read in a thread, so that whoever waits for a network can be stopped meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from thermodepth.errors import DataError

T = TypeVar("T")
_WAIT_S = 0.2  # between two looks at whether to stop
_AHEAD = 4  # items that wait to be taken


def read_ahead(
    items: Callable[[], Iterator[T]],
    *,
    stopped: threading.Event,
    longest_silence_s: float,
    silence: str,
) -> Iterator[T]:
    """What `items` gives, in its order, until it ends or `stopped` is set.

    Args:
        items: begun in the thread. It may block; it is left alone then, and ends with the program.
        stopped: by anybody.
        longest_silence_s: without an item, before it is given up.
        silence: the message then.

    Raises:
        DataError: what `items` raises, or for a silence.
    """
    waiting: queue.Queue[T] = queue.Queue(_AHEAD)
    over = threading.Event()
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for item in items():
                while not stopped.is_set():
                    try:
                        waiting.put(item, timeout=_WAIT_S)
                        break
                    except queue.Full:
                        continue
                if stopped.is_set():
                    return
        except BaseException as error:  # raised where the items are taken
            errors.append(error)
        finally:
            over.set()

    threading.Thread(target=read, daemon=True).start()
    silent_since = time.monotonic()
    while not stopped.is_set():
        is_last = over.is_set()  # looked at before the queue: what comes later is still taken
        try:
            item = waiting.get(timeout=0 if is_last else _WAIT_S)
        except queue.Empty:
            if is_last:
                break
            if time.monotonic() - silent_since > longest_silence_s:
                raise DataError(silence) from None
            continue
        yield item
        silent_since = time.monotonic()
    if errors and not stopped.is_set():
        raise errors[0]
