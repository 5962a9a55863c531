"""Progress and text in a terminal, and plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from thermodepth.training import loop as training

#: A pipe or a log file has no width of its own; tables need more than the 80 columns of old.
PIPE_WIDTH = 120

console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
error_console = Console(stderr=True, highlight=False)

#: In a log file a bar is noise; a line at every tenth is enough.
PLAIN_LINES = 10


def bars() -> Progress:
    """Bars with time left and room for a line of numbers."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=error_console,
    )


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a count, as `(done, total)`; it appears with the first call."""
    progress = bars()
    task = None
    shown = -1

    def tell(done: int, total: int) -> None:
        nonlocal task, shown
        if not error_console.is_terminal:
            tenth = PLAIN_LINES * done // max(total, 1)
            if tenth > shown:
                shown = tenth
                print(f"{what}: {done}/{total}", file=sys.stderr, flush=True)
            return
        if task is None:
            progress.start()
            task = progress.add_task(what, total=total, note="")
        progress.update(task, completed=done)

    try:
        yield tell
    finally:
        progress.stop()


def term_line(terms: Mapping[str, float]) -> str:
    """The losses of a log line, short enough for a terminal."""
    skipped = ("learning_rate", "gradient_norm")
    return "  ".join(f"{k} {v:.3f}" for k, v in terms.items() if k not in skipped)


def plain_report(steps: int, name: str = "training") -> Callable[[training.Progress], None]:
    """A line at every tenth of a training, for logs."""
    shown = -1

    def show(now: training.Progress) -> None:
        nonlocal shown
        tenth = PLAIN_LINES * now.step // steps
        if now.terms and tenth > shown:
            shown = tenth
            line = f"{name}: step {now.step}/{steps}, {now.images_per_s:.0f} images/s"
            print(f"{line}  {term_line(now.terms)}", file=sys.stderr, flush=True)

    return show
