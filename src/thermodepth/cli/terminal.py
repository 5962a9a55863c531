"""Progress and text in a terminal, and plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from thermodepth.training import loop as training

#: A pipe or a log file has no width of its own; tables need more than the 80 columns of old.
PIPE_WIDTH = 120

#: Names of files, arms and data sets are printed as they are: in none of them is markup, nor an emoji.
console = Console(
    highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH
)
error_console = Console(stderr=True, highlight=False, markup=False, emoji=False)

#: In a log file a bar is noise; a line at every tenth is enough.
PLAIN_LINES = 10


class Bars:
    """A bar with time left for everything at work, and below it the line of its loss terms."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=error_console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lines: dict[str, Text] = {}
        self._live = Live(get_renderable=self._render, console=error_console, refresh_per_second=4)

    def __enter__(self) -> Bars:
        self._live.start()
        return self

    def __exit__(self, *stopped: object) -> None:
        self._live.stop()

    def step(self, name: str, done: int | None, total: int, *, note: str = "") -> None:
        """Move a bar, made when it is first named; None and an empty note leave what is there."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, note="")
        task = self._tasks[name]
        if done is not None:
            self._progress.update(task, completed=done)
        if note:
            self._progress.update(task, note=note)

    def line(self, name: str, text: str) -> None:
        """The line below the bars that belongs to a name; an empty one is taken away."""
        self._lines.pop(name, None)
        if text:
            labelled = f"{name}  {text}" if len(self._tasks) > 1 else text
            self._lines[name] = Text(labelled, style="dim", no_wrap=True, overflow="ellipsis")

    def _render(self) -> Group:
        return Group(self._progress, *self._lines.values())


@contextmanager
def counting(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a count, as `(done, total)`; it appears with the first call."""
    bars = Bars()
    started = False
    last_tenth = -1

    def tell(done: int, total: int) -> None:
        nonlocal started, last_tenth
        if not error_console.is_terminal:
            tenth = PLAIN_LINES * done // max(total, 1)
            if tenth > last_tenth:
                last_tenth = tenth
                print(f"{label}: {done}/{total}", file=sys.stderr, flush=True)
            return
        if not started:
            bars.__enter__()
            started = True
        bars.step(label, done, total)

    try:
        yield tell
    finally:
        if started:
            bars.__exit__()


def term_line(terms: Mapping[str, float]) -> str:
    """The losses of a log line, short enough for a terminal."""
    skipped = ("learning_rate", "gradient_norm")
    return "  ".join(f"{k} {v:.3f}" for k, v in terms.items() if k not in skipped)


def plain_report(steps: int, name: str = "training") -> Callable[[training.Progress], None]:
    """A line at every tenth of a training, for logs."""
    last_tenth = -1

    def show(now: training.Progress) -> None:
        nonlocal last_tenth
        tenth = PLAIN_LINES * now.step // steps
        if now.terms and tenth > last_tenth:
            last_tenth = tenth
            line = f"{name}: step {now.step}/{steps}, {now.images_per_s:.0f} images/s"
            print(f"{line}  {term_line(now.terms)}", file=sys.stderr, flush=True)

    return show
