"""A window in which known distances are clicked: a pixel, then its metres.

click                  choose a pixel
metres, Enter          how far what is seen there is, as tape or laser gave it
Backspace              with nothing typed: take the last distance back
close the window       the next frame, or the end
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    from thermodepth.scale_calibration.sample_files import TypedDistance
    from thermodepth.sources import FailedFrame, SourceFrame

_CHARACTERS = frozenset("0123456789.")
_LONGEST = 8


def clicked_distances(frames: Iterable[SourceFrame | FailedFrame]) -> list[TypedDistance]:
    """What a person clicks, frame after frame, a window each.

    Raises:
        DataError: for a frame that cannot be read.
        SettingsError: where no window can be opened.
    """
    from matplotlib import pyplot as plt

    points: list[TypedDistance] = []
    for frame in frames:
        figure = plt.figure(layout="constrained")
        _check_window(figure)
        window = ClickWindow(frame, figure)
        plt.show(block=True)
        points += window.points
    return points


def _check_window(figure: Figure) -> None:
    """
    Raises:
        SettingsError: where pyplot draws into memory alone.
    """
    from matplotlib import pyplot as plt

    backend = str(plt.get_backend())
    framework = getattr(figure.canvas, "required_interactive_framework", None)
    if framework is None and backend.lower() != "webagg":
        plt.close(figure)
        raise SettingsError(
            f"--click: no window can be opened here (matplotlib draws by '{backend}'; it needs a screen, and "
            "Tk or Qt for Python); give the distances as --at FRAME,X,Y,METRES"
        )


class ClickWindow:
    """One frame, and the distances in it so far."""

    def __init__(self, frame: SourceFrame | FailedFrame, figure: Figure) -> None:
        from thermodepth.inference.view import thermal_picture

        self.points: list[TypedDistance] = []
        self._frame = frame
        self._figure = figure
        self._pixel: tuple[float, float] | None = None  # that waits for its metres
        self._typed = ""
        self._marks: list[list[Artist]] = []  # of each point, and of the pixel that waits
        self._axes = figure.add_subplot()
        self._axes.imshow(thermal_picture(frame.raw, frame.unit), cmap="gray")
        self._axes.set_axis_off()
        self._say()
        figure.canvas.mpl_connect("button_press_event", self._on_click)
        figure.canvas.mpl_connect("key_press_event", self._on_key)

    def _on_click(self, event: Any) -> None:
        is_elsewhere = event.inaxes is not self._axes or event.xdata is None
        # With a tool of the window's bar, a click moves or enlarges the picture.
        bar = getattr(self._figure.canvas, "toolbar", None)
        if is_elsewhere or event.button != 1 or getattr(bar, "mode", ""):
            return
        if self._pixel is not None:
            self._unmark()
        # Its drawing has the middle of the first pixel at 0; a pixel of ours begins there.
        self._pixel = (math.floor(event.xdata + 0.5), math.floor(event.ydata + 0.5))
        self._typed = ""
        self._mark("+", "deepskyblue", "")
        self._say()

    def _on_key(self, event: Any) -> None:
        key = event.key or ""
        if key == "backspace" and self._pixel is None:
            if self.points:
                self.points.pop()
                self._unmark()
        elif self._pixel is None:
            return
        elif key == "backspace":
            self._typed = self._typed[:-1]
        elif key == "enter":
            self._add()
        elif key.replace(",", ".") in _CHARACTERS and len(self._typed) < _LONGEST:
            self._typed += key.replace(",", ".")
        self._say()

    def _add(self) -> None:
        from thermodepth.scale_calibration.sample_files import TypedDistance

        try:
            metres = float(self._typed)
        except ValueError:  # nothing, or two points
            metres = 0.0
        if self._pixel is None or metres <= 0:
            self._typed = ""
            return
        x, y = self._pixel
        where = f"--at {self._frame.name},{x:g},{y:g},{metres:g}"
        self.points.append(
            TypedDistance(frame=self._frame.name, x=x, y=y, metres=metres, where=where)
        )
        self._unmark()
        self._mark("o", "orange", f"{metres:g} m")
        self._pixel, self._typed = None, ""

    def _mark(self, marker: str, colour: str, text: str) -> None:
        assert self._pixel is not None
        (point,) = self._axes.plot(
            *self._pixel, marker=marker, color=colour, markersize=9, markerfacecolor="none"
        )
        label = self._axes.annotate(
            text, self._pixel, xytext=(7, 7), textcoords="offset points", color=colour
        )
        self._marks.append([point, label])

    def _unmark(self) -> None:
        for artist in self._marks.pop():
            artist.remove()

    def _say(self) -> None:
        if self._pixel is not None:
            x, y = self._pixel
            words = f"pixel {x:g}, {y:g}: metres? {self._typed}_   (Enter)"
        elif self.points:
            count = len(self.points)
            known = f"{count} distance{'s' * (count > 1)}"
            words = f"{known}; click the next, Backspace takes one back, close when done"
        else:
            words = "click what you measured; close the window when done"
        self._axes.set_title(f"{self._frame.name}: {words}", fontsize=9, loc="left")
        self._figure.canvas.draw_idle()
