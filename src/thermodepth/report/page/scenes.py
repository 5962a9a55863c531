"""A picked frame on the page: its pictures in rows, and above them a viewer that sweeps between two.

Without JavaScript, and in print, the rows are there alone. All depths of a frame share one colour scale,
which its truth alone sets, so no arm can win by stretching it. Structures, where a scene has them, share
another one, set by the inverse of the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from thermodepth.colour import (
    DEPTH_MAP,
    NO_VALUE,
    colour_depth,
    colour_inverse,
    depth_limits,
    paint,
)
from thermodepth.errors import DataError
from thermodepth.files import encode_png, read_text
from thermodepth.metrics import METRICS
from thermodepth.report.axes import Scale
from thermodepth.report.page.pictures import (
    ERROR_FACTOR,
    ERROR_MAP,
    POINT_RADIUS_PX,
    encoded,
    enlarged,
    error_picture,
    is_depth,
    is_sparse,
    log_error,
    thermal_picture,
)
from thermodepth.report.page.skeleton import data_uri, notes_html

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bytes of all pictures of a page. In base64 they are a third more, and the page is to stay below 6 MB.
MOST_BYTES = 3_900_000
_MOST_PICTURE_BYTES = 70_000

_FOLDER = Path(__file__).parent
TRUTH = "Truth"  # its layer
_MANY = 4  # pictures of a row; more are drawn smaller, so that they stand beside each other
_GROUPS = {
    "input": "Input and truth",
    "prediction": "Depth",
    "error": "Error",
    "structure": "Structure",
}
_BEYOND = (
    0.02  # of a map's pixels beyond an end of the colours: those of truth are 1 % by themselves
)
_END_ROOM = 0.17  # of a colour bar, for what is written at its end
_WHOLLY = 0.98  # of them, for a map that one colour stands for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PickedScene:
    """A frame that the page shows. All its maps lie on one pixel grid."""

    sample_id: str
    condition: str
    reason: str  # why the rule chose it
    thermal: NDArray[Any] | None  # [h w] raw; None where there is no thermal picture
    truth_m: NDArray[Any]  # [h w] NaN where there is none
    predictions: Mapping[str, NDArray[Any]]  # arm -> [h w] metres
    scores: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict
    )  # arm -> {metric: value}
    rgb: NDArray[np.uint8] | None = None  # [h w 3]
    #: arm -> [h w] 1/m, brought to the inverse truth for display; None where only a negative factor would.
    #: One that has no prediction, such as a teacher's label, stands with the inputs.
    structures: Mapping[str, NDArray[Any] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pictures = [picture for picture in (self.thermal, self.rgb) if picture is not None]
        structures = [depth for depth in self.structures.values() if depth is not None]
        maps = [*pictures, *self.predictions.values(), *structures]
        assert all(values.shape[:2] == self.truth_m.shape for values in maps), (
            f"frame '{self.sample_id}': maps of different sizes"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One picture of a scene."""

    row: Literal["input", "prediction", "error", "structure"]
    name: str  # in the viewer's choice
    caption: str  # HTML
    picture: NDArray[np.uint8]  # [h w 3]
    sharp: bool = False


def viewer_style() -> str:
    """The CSS of scenes."""
    return read_text(_FOLDER / "viewer.css")


def viewer_script() -> str:
    """What makes the viewers of scenes move; for a page that has some."""
    return read_text(_FOLDER / "viewer.js")


def picks_html(scenes: Sequence[PickedScene]) -> str:
    """Links to the scenes, with the reasons why they were picked."""
    links = "".join(
        f'<li><a href="#frame-{number}">{escape(scene.sample_id)}</a> {escape(scene.reason)}</li>'
        for number, scene in enumerate(scenes, 1)
    )
    return f'<ol class="picks">{links}</ol>'


def scenes_html(
    scenes: Sequence[PickedScene], *, most_bytes: int = MOST_BYTES, arms_first: bool = False
) -> list[str]:
    """Every scene as HTML, with ids `frame-1`, `frame-2`, ...

    Args:
        scenes: each with the arms of the first.
        most_bytes: of all pictures together.
        arms_first: on the stages the first two arms stand against each other, not thermal and an arm.

    Raises:
        DataError: naming the frame, for one without truth or without an arm that the first one has.
    """
    arms = tuple(scenes[0].predictions) if scenes else ()
    all_layers = [_layers(scene, arms) for scene in scenes]
    count = sum(len(layers) for layers, _ in all_layers)
    bound = min(_MOST_PICTURE_BYTES, most_bytes // max(count, 1))
    return [
        _scene_html(number, scene, layers, scale, most_bytes=bound, arms_first=arms_first)
        for number, (scene, (layers, scale)) in enumerate(zip(scenes, all_layers, strict=True), 1)
    ]


def _layers(scene: PickedScene, arms: Sequence[str]) -> tuple[list[Layer], Scale]:
    """The pictures in their order, and the depth colours' scale."""
    truth = np.where(is_depth(scene.truth_m), scene.truth_m, np.nan).astype(np.float64)
    missing = [arm for arm in arms if arm not in scene.predictions]
    if missing:
        raise DataError(f"frame '{scene.sample_id}': no prediction of '{missing[0]}' to show")
    try:
        near, far = depth_limits([truth])
    except DataError as error:
        raise DataError(f"frame '{scene.sample_id}': {error}") from None
    sparse = is_sparse(truth)
    drawn_truth = enlarged(truth) if sparse else truth

    def depth(values: NDArray[Any]) -> NDArray[np.uint8]:
        return colour_depth(values, near_m=near, far_m=far)

    layers = []
    if scene.thermal is not None:
        picture = thermal_picture(scene.thermal)
        layers.append(Layer(row="input", name="Thermal", caption="Thermal", picture=picture))
    if scene.rgb is not None:
        layers.append(Layer(row="input", name="RGB", caption="RGB", picture=scene.rgb))
    layers.append(
        Layer(row="input", name=TRUTH, caption=TRUTH, picture=depth(drawn_truth), sharp=True)
    )
    structures: dict[bool, list[Layer]] = {True: [], False: []}
    for layer in _structures(scene, truth):
        structures[layer.row == "input"].append(layer)
    layers += structures[True]
    layers += [
        Layer(
            row="prediction",
            name=f"Prediction: {arm}",
            caption=f"<strong>{escape(arm)}</strong> {escape(_scores(scene.scores.get(arm, {})))}",
            picture=depth(scene.predictions[arm]),
        )
        for arm in arms
    ]
    for arm in arms:
        off = log_error(scene.predictions[arm], truth)
        layers.append(
            Layer(
                row="error",
                name=f"Error: {arm}",
                caption=f"Error of {escape(arm)}",
                picture=error_picture(enlarged(off) if sparse else off),
                sharp=True,
            )
        )
    return layers + structures[False], Scale(low=near, high=far, logarithmic=True)


def _structures(scene: PickedScene, truth: NDArray[np.float64]) -> Iterator[Layer]:
    scale = _inverse_scale(truth)
    for arm, values in scene.structures.items():
        no_fit = "" if values is not None else " (no fit)"
        inverse = np.full(truth.shape, np.nan) if values is None else values
        yield Layer(
            row="structure" if arm in scene.predictions else "input",
            name=f"Structure: {arm}",
            caption=f"Structure of {escape(arm)}{no_fit}",
            picture=colour_inverse(inverse, low=scale.low, high=scale.high),
        )


def _inverse_scale(truth: NDArray[np.float64]) -> Scale:
    low, high = depth_limits([1 / truth])
    return Scale(low=low, high=high, logarithmic=False)


def _scores(scores: Mapping[str, float]) -> str:
    parts = []
    for name, value in scores.items():
        row = METRICS[name]
        text = f"{row.label} {value:.{row.digits}f} {row.unit}".rstrip().replace("-", "−")
        parts.append(text.replace(" ", "\u00a0"))  # a line ends between two metrics
    return ", ".join(parts)


def _scene_html(
    number: int,
    scene: PickedScene,
    layers: Sequence[Layer],
    scale: Scale,
    *,
    most_bytes: int,
    arms_first: bool,
) -> str:
    rows, columns = scene.truth_m.shape
    details = " · ".join(part for part in (scene.condition, scene.reason) if part)
    rows_of: dict[str, list[str]] = {}
    for layer in layers:
        content = encoded(layer.picture, most_bytes=most_bytes, sharp=layer.sharp)
        # Of a single arm there is not enough for three rows.
        row = layer.row if len(scene.predictions) > 1 else "all"
        rows_of.setdefault(row, []).append(
            f'<figure><img alt="{escape(f"{layer.name}, frame {scene.sample_id}")}" width="{columns}" '
            f'height="{rows}" decoding="async" src="{data_uri(content, "webp")}">'
            f"<figcaption>{layer.caption}</figcaption></figure>"
        )
    notes = []
    if is_sparse(scene.truth_m):
        share = 100 * float(is_depth(scene.truth_m).mean())
        notes.append(
            f"Truth at {share:.2g} % of the pixels: its points are drawn enlarged, by "
            f"{POINT_RADIUS_PX} pixels all around, here and in the errors. Scores use the points alone."
        )
    beyond = _beyond(scene, scale)
    notes += _notes_beyond(beyond, scale)
    bars = _depth_bar(scale, beyond.values()) + _error_bar()
    if scene.structures:
        truth = np.where(is_depth(scene.truth_m), scene.truth_m, np.nan)
        bars += _structure_bar(_inverse_scale(truth))
    return (
        f'<article class="scene" id="frame-{number}" style="--ratio:{columns / rows:.4f}">\n'
        f'<h3>{escape(scene.sample_id)}</h3>\n<p class="details">{escape(details)}</p>\n'
        + f'<div class="show">\n{_viewer(layers, arms_first=arms_first)}'
        + f'<div class="bars">{bars}</div>\n</div>\n'
        + "".join(
            f'<div class="tiles {row}{" many" * (len(tiles) > _MANY)}">\n'
            + "\n".join(tiles)
            + "\n</div>\n"
            for row, tiles in rows_of.items()
        )
        + notes_html(notes)
        + "</article>"
    )


def _viewer(layers: Sequence[Layer], *, arms_first: bool) -> str:
    """The stage, empty and hidden: the script lays the pictures below on it."""
    # Without a prediction the truth, the last one then.
    predictions = [n for n, layer in enumerate(layers) if layer.row == "prediction"]
    right = predictions[0] if predictions else len(layers) - 1
    names = [layer.name for layer in layers]
    left = names.index("Thermal" if "Thermal" in names else TRUTH)
    if arms_first and len(predictions) > 1:
        left, right = predictions[:2]

    def choice(side: str, chosen: int) -> str:
        options = ""
        for row, group in groupby(enumerate(layers), key=lambda numbered: numbered[1].row):
            options += f'<optgroup label="{_GROUPS[row]}">'
            options += "".join(
                f'<option value="{n}"{" selected" * (n == chosen)}>{escape(layer.name)}</option>'
                for n, layer in group
            )
            options += "</optgroup>"
        return f"<label>{side}<select>{options}</select></label>"

    return (
        f'<div class="viewer" hidden>\n<div class="choice">{choice("Left", left)}'
        f"{choice('Right', right)}</div>\n"
        '<div class="stage"><div class="divider" role="slider" tabindex="0" aria-orientation="horizontal" '
        'aria-label="Divider between the left and the right picture" aria-valuemin="0" '
        'aria-valuemax="100" aria-valuenow="50"></div></div>\n'
        '<p class="hint">Press a picture below to see the same crop of all; arrow keys move it, another '
        "press ends it.</p>\n</div>\n"
    )


class _Beyond(NamedTuple):
    """Shares of a map's values that the colours do not reach."""

    near: float
    far: float


def _beyond(scene: PickedScene, scale: Scale) -> dict[str, _Beyond]:
    """For every prediction."""
    shares = {}
    for arm, values in scene.predictions.items():
        depth = values[is_depth(values)]
        if depth.size:
            near, far = (depth < scale.low).mean(), (depth > scale.high).mean()
            shares[arm] = _Beyond(float(near), float(far))
    return shares


def _notes_beyond(beyond: Mapping[str, _Beyond], scale: Scale) -> list[str]:
    notes = []
    for arm, shares in beyond.items():
        for share, end, side, colour in (
            (shares.near, scale.low, "nearer", "bright"),
            (shares.far, scale.high, "farther", "dark"),
        ):
            if share >= _WHOLLY:
                notes.append(
                    f"{arm} is {side} than {end:.3g} m, where the colours end, almost everywhere, so its "
                    f"picture is one {colour} area: they are set by the truth."
                )
    return notes


def _depth_bar(scale: Scale, beyond: Iterable[_Beyond]) -> str:
    """An end beyond which a prediction goes on is marked with what its colour stands for."""
    shares = list(beyond)
    ends = []
    if any(share.near > _BEYOND for share in shares):
        ends.append((0.0, f"≤ {scale.low:.3g}"))
    if any(share.far > _BEYOND for share in shares):
        ends.append((1.0, f"≥ {scale.high:.3g}"))
    inner = [
        (scale.place(tick), f"{tick:g}")
        for tick in scale.ticks(apart=0.1)
        if all(abs(scale.place(tick) - end) > _END_ROOM for end, _ in ends)
    ]
    ramp = paint(np.linspace(1.0, 0.0, 256)[None], name=DEPTH_MAP)
    return _bar("Depth (m), near is bright", ramp, sorted([*ends, *inner]))


def _structure_bar(scale: Scale) -> str:
    ramp = paint(np.linspace(0.0, 1.0, 256)[None], name=DEPTH_MAP)
    marks = [(scale.place(tick), f"{tick:g}") for tick in scale.ticks(apart=0.12)]
    return _bar("Structure (1/m), near is bright", ramp, marks)


def _error_bar() -> str:
    ramp = paint(np.linspace(0.0, 1.0, 256)[None], name=ERROR_MAP)
    scale = Scale(low=1 / ERROR_FACTOR, high=ERROR_FACTOR, logarithmic=True)
    marks = [
        (scale.place(1 / ERROR_FACTOR), f"÷{ERROR_FACTOR:g}"),
        (scale.place(1 / 1.2), "÷1.2"),
        (0.5, "right"),
        (scale.place(1.2), "×1.2"),
        (scale.place(ERROR_FACTOR), f"×{ERROR_FACTOR:g}"),
    ]
    return _bar("Error, blue too near, red too far", ramp, marks)


def _bar(name: str, ramp: NDArray[np.uint8], marks: Sequence[tuple[float, str]]) -> str:
    """A colour bar as wide as its place; letters keep their size whatever that is."""
    texts = ""
    for position, text in marks:
        anchor = "start" if position < 0.03 else "end" if position > 0.97 else "middle"
        texts += (
            f'<text x="{100 * position:.2f}%" y="26" text-anchor="{anchor}">{escape(text)}</text>'
        )
    grey = "#" + "".join(f"{value:02x}" for value in NO_VALUE)
    return (
        f'<div class="bar"><p>{escape(name)} <i style="background:{grey}"></i> no value</p>'
        f'<svg height="30" role="img" aria-label="{escape(name)}">'
        f'<image href="{data_uri(encode_png(ramp), "png")}" width="100%" height="12" '
        f'preserveAspectRatio="none"/>{texts}</svg></div>'
    )
