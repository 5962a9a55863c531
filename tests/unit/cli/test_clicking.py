"""The window of `calibrate --click`, driven by the events that a mouse and a keyboard make."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from thermodepth.cli.clicking import ClickWindow, clicked_distances
from thermodepth.errors import SettingsError
from thermodepth.sources import SourceFrame
from thermodepth.types import ThermalUnit


@pytest.fixture
def frame() -> SourceFrame:
    """Of 32x24 counts."""
    raw = (7000 + 20 * np.arange(24)[:, None] + 7 * np.arange(32)).astype(np.uint16)
    return SourceFrame(
        raw=raw,
        unit=ThermalUnit.COUNTS,
        name="yard",
        index=0,
        origin="yard.png",
        sequence="",
        time_s=None,
        intrinsics=None,
        file_state="",
        header=None,
    )


class Hand:
    """Clicks and types in a window."""

    def __init__(self, frame: SourceFrame) -> None:
        self.figure = Figure(figsize=(4, 3), layout="constrained")
        self.canvas = FigureCanvasAgg(self.figure)
        self.window = ClickWindow(frame, self.figure)
        self.canvas.draw()
        (self.axes,) = self.figure.axes

    def click(self, x: float, y: float, *, button: int = 1) -> None:
        """In the middle of a pixel."""
        place = self.axes.transData.transform((x, y))
        event = MouseEvent("button_press_event", self.canvas, *place, button)
        self.canvas.callbacks.process("button_press_event", event)

    def type(self, *keys: str) -> None:
        for key in keys:
            event = KeyEvent("key_press_event", self.canvas, key)
            self.canvas.callbacks.process("key_press_event", event)

    @property
    def points(self) -> list[tuple[float, float, float]]:
        return [(point.x, point.y, point.metres) for point in self.window.points]

    @property
    def words(self) -> str:
        return self.axes.get_title(loc="left")


@pytest.fixture
def hand(frame: SourceFrame) -> Hand:
    return Hand(frame)


def test_a_pixel_and_its_metres_are_a_distance(hand: Hand) -> None:
    assert hand.words == "yard: click what you measured; close the window when done"
    hand.click(12.2, 7.9)
    assert hand.words == "yard: pixel 12, 8: metres? _   (Enter)"
    hand.type("7", ",", "4", "5")
    assert "metres? 7.45_" in hand.words
    hand.type("enter")
    assert hand.points == [(12.0, 8.0, 7.45)]
    assert hand.window.points[0].where == "--at yard,12,8,7.45"
    assert hand.words.startswith("yard: 1 distance; click the next")


def test_what_was_mistyped_is_taken_back(hand: Hand) -> None:
    hand.click(3, 4)
    hand.type("9", "backspace", "x", "8", "enter")
    hand.click(5, 6)
    hand.click(6, 6)  # another pixel after all
    hand.type("2", "enter")
    assert hand.points == [(3.0, 4.0, 8.0), (6.0, 6.0, 2.0)]
    assert len(hand.axes.lines) == len(hand.axes.texts) == 2
    hand.type("backspace")
    assert hand.points == [(3.0, 4.0, 8.0)]
    hand.type("backspace", "backspace")
    assert hand.points == []
    assert not hand.axes.lines


def test_what_is_no_distance_is_asked_for_again(hand: Hand) -> None:
    hand.type("5", "enter")  # of which pixel?
    hand.click(3, 4)
    for keys in (("enter",), ("0", "enter"), (".", ".", "enter")):
        hand.type(*keys)
        assert hand.points == []
        assert "metres? _" in hand.words
    hand.click(-9, 4)  # beside the picture
    hand.click(9, 9, button=3)
    hand.type("1", "enter")
    assert hand.points == [(3.0, 4.0, 1.0)]


def test_without_a_screen_it_says_what_else_there_is(frame: SourceFrame) -> None:
    with pytest.raises(SettingsError, match=r"no window can be opened here .*'agg'.*--at FRAME"):
        clicked_distances([frame])
