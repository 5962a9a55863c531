"""A grid of pictures with titles above, a line of words over each row, and a colour bar at its right.

Everything is placed in inches and every text is measured before it is set, so nothing overlaps whatever
the number of columns, the shape of the frames or the length of a name. No pyplot and no user style: the
same pictures give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from thermodepth.colour import colour_map
from thermodepth.report.axes import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from numpy.typing import NDArray

DPI = 200
FONT = "DejaVu Sans"  # comes with matplotlib, so a figure looks the same on every machine
Weight = Literal["normal", "bold"]

# Inches.
_PANELS = 9.4  # all columns together, where that leaves a panel its least and its largest width
_LEAST_PANEL, _LARGEST_PANEL = 1.08, 1.75
_GAP = 0.045
_MARGIN = 0.05
_BAR = 0.085
_BAR_ROOM = 0.52  # colour bar with its numbers
_LINE = 0.14  # a line of a title
_WORDS = 0.2  # the line over a row
_ROW_GAP = 0.05

# Points.
_TITLE, _NAME, _SMALL = 8.5, 8.0, 7.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One picture."""

    picture: NDArray[np.uint8]  # [h w 3]
    corner: str = ""  # a short word or number in its lower right corner


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scene."""

    name: str
    details: str
    panels: tuple[Panel, ...]
    scale: Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A whole figure."""

    titles: tuple[str, ...]  # one per column
    rows: tuple[Row, ...]
    unit: str  # of the colour bars

    def png(self) -> bytes:
        """The figure as PNG at 200 dots an inch."""
        with _plain_style():
            return _encode(self._draw())

    def _draw(self) -> Figure:
        from matplotlib.figure import Figure

        columns = len(self.titles)
        assert all(len(row.panels) == columns for row in self.rows), "a row with a missing panel"
        width = min(max(_PANELS / columns, _LEAST_PANEL), _LARGEST_PANEL)
        heights = [_panel_height(row, width) for row in self.rows]
        titles = [wrap(title, width, lines=3) for title in self.titles]
        head = max(len(lines) for lines in titles) * _LINE + 0.04
        total_w = 2 * _MARGIN + columns * (width + _GAP) + _BAR_ROOM
        total_h = 2 * _MARGIN + head + sum(heights) + len(heights) * (_WORDS + _ROW_GAP) - _ROW_GAP
        figure = Figure(figsize=(total_w, total_h), dpi=DPI, facecolor="white")
        sheet = _Sheet(figure, total_w, total_h)

        for column, lines in enumerate(titles):
            centre = _MARGIN + column * (width + _GAP) + width / 2
            for up, line in enumerate(reversed(lines)):
                y = _MARGIN + head - 0.06 - up * _LINE
                sheet.write(line, centre, y, size=_TITLE, weight="bold", align="center")
        bar_x = _MARGIN + columns * (width + _GAP) + 0.03
        sheet.write(self.unit, bar_x, _MARGIN + head - 0.06, size=_SMALL)
        top = _MARGIN + head
        for row, height in zip(self.rows, heights, strict=True):
            self._draw_words(sheet, row, top, room=columns * (width + _GAP) - _GAP)
            top += _WORDS
            for column, panel in enumerate(row.panels):
                axes = sheet.axes(_MARGIN + column * (width + _GAP), top, width, height)
                _draw_panel(axes, panel)
            _draw_bar(sheet.axes(bar_x, top + 0.02, _BAR, height - 0.04), row.scale, height)
            top += height + _ROW_GAP
        return figure

    @staticmethod
    def _draw_words(sheet: _Sheet, row: Row, top: float, *, room: float) -> None:
        name = shorten(row.name, room * 0.6, size=_NAME, weight="bold")
        baseline = top + _WORDS - 0.055
        sheet.write(name, _MARGIN, baseline, size=_NAME, weight="bold")
        used = text_width(name, size=_NAME, weight="bold") + 0.1
        details = shorten(row.details, room - used, size=_NAME)
        sheet.write(details, _MARGIN + used, baseline, size=_NAME, colour="#444444")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A figure addressed in inches from its upper left corner."""

    figure: Figure
    width: float
    height: float

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        box = (
            x / self.width,
            1 - (y + height) / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(box)

    def write(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float,
        weight: Weight = "normal",
        align: Literal["left", "center"] = "left",
        colour: str = "black",
    ) -> None:
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            printable(text),
            fontproperties=_font(size, weight),
            horizontalalignment=align,
            verticalalignment="baseline",
            color=colour,
            parse_math=False,  # a dollar sign in a name is a dollar sign
        )


def _panel_height(row: Row, width: float) -> float:
    """As the frames ask for, within what a grid can bear; a picture beyond it is centred in its place."""
    rows, columns, _ = row.panels[0].picture.shape
    return width * min(max(float(rows / columns), 0.45), 1.5)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.picture)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():  # the bright end of the map would melt into the page
        spine.set_linewidth(0.4)
        spine.set_edgecolor("#888888")
    if panel.corner:
        axes.text(
            0.97,
            0.04,
            printable(panel.corner),
            transform=axes.transAxes,
            fontproperties=_font(_SMALL, "normal"),
            color="white",
            horizontalalignment="right",
            verticalalignment="bottom",
            parse_math=False,
            bbox={"facecolor": (0, 0, 0, 0.62), "edgecolor": "none", "pad": 1.3},
        )


def _draw_bar(axes: Axes, scale: Scale, height: float) -> None:
    """The scale of a row, in the colours of its pictures."""
    unit = np.linspace(0.0, 1.0, 256)
    colours = colour_map()(1 - unit if scale.logarithmic else unit)[:, None, :3]
    axes.imshow(colours, aspect="auto", origin="lower", extent=(0, 1, 0, 1))
    ticks = scale.ticks(apart=0.14 / height)
    places = [scale.place(tick) for tick in ticks]
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks(
        places, labels=[f"{t:g}" for t in ticks], fontproperties=_font(_SMALL, "normal")
    )
    axes.tick_params(length=2, width=0.5, pad=1.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)


def _encode(figure: Figure) -> bytes:
    """PNG without transparency, dates or versions; it knows its size on paper."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., :3])).save(
        stream, "PNG", dpi=(DPI, DPI), optimize=True
    )
    return stream.getvalue()


# --- text ----------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _font(size: float, weight: Weight) -> FontProperties:
    from matplotlib.font_manager import FontProperties

    return FontProperties(family=FONT, size=size, weight=weight)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(_font(_NAME, "bold"))).get_charmap())


def printable(text: str) -> str:
    """One line, with a box for every letter that the font lacks."""
    return "".join(c if ord(c) in _letters() else "□" for c in " ".join(text.split()))


def text_width(text: str, *, size: float, weight: Weight = "normal") -> float:
    """Inches."""
    from matplotlib.textpath import TextToPath

    measured = TextToPath().get_text_width_height_descent(
        printable(text), _font(size, weight), False
    )
    return float(measured[0]) / 72


def shorten(text: str, room: float, *, size: float, weight: Weight = "normal") -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    text = printable(text)
    if text_width(text, size=size, weight=weight) <= room:
        return text
    while text and text_width(f"{text}…", size=size, weight=weight) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrap(text: str, room: float, *, lines: int) -> list[str]:
    """A title on at most so many lines, broken between words where it can be."""

    def fits(line: str) -> bool:
        return text_width(line, size=_TITLE, weight="bold") <= room

    wrapped: list[str] = []
    words = printable(text).split(" ")
    while words and len(wrapped) < lines:
        count = next((n for n in range(len(words), 0, -1) if fits(" ".join(words[:n]))), 1)
        if len(wrapped) == lines - 1:
            count = len(words)  # the last line takes what is left, as far as it goes
        line = shorten(" ".join(words[:count]), room, size=_TITLE, weight="bold")
        wrapped.append(line)
        words = words[count:]
    return wrapped


@contextmanager
def _plain_style() -> Iterator[None]:
    """matplotlib as it is shipped: a person's own style must not change a study's figures."""
    import matplotlib
    import matplotlib.style

    with matplotlib.rc_context():
        matplotlib.style.use("default")
        yield
