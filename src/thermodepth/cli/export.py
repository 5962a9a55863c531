"""`thermodepth export`: a model as the file of a graph, with the table of how far it is from the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.options import (
    JsonReport,
    ModelArgument,
    ShortSide,
    With,
    frame_size,
    load_with,
)
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.export.exporting import Export, ExportOptions
    from thermodepth.export.parity import Parity
    from thermodepth.model import ModelRecipe
    from thermodepth.report.table import Table
    from thermodepth.types import Sample

FORMAT, VERSION = "thermodepth export", 1
KINDS = ("onnx", "openvino", "torch")
UNITS = ("counts", "kelvin", "display")
#: Frames that are looked at: to calibrate integers, and to measure what an export loses.
CALIBRATION_FRAMES, CHECK_FRAMES, CHECK_FRAMES_INT8 = 48, 16, 60
DEFAULT_DATA = "synthetic"

To = Annotated[str, typer.Option(help="onnx, openvino or torch.")]
Out = Annotated[
    Path | None, typer.Option(help="The file. Default: the model's name, in this folder.")
]
Unit = Annotated[
    str | None,
    typer.Option(help="Of the frames: counts, kelvin or display (8 bits). Default: as trained."),
]
Size = Annotated[
    str | None,
    typer.Option(help="WIDTHxHEIGHT of the frames, for compilers that want one. Default: any."),
]
Batch = Annotated[int | None, typer.Option(min=1, help="Frames at once. Default: any number.")]
Npu = Annotated[
    bool,
    typer.Option(
        "--npu",
        help="Only operators that small neural processors take; checked. Needs --size.",
    ),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Encoder and decoder in 8-bit integers, calibrated on the frames of --data; refused where it "
        "loses more than 2 % of AbsRel.",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        help="Frames to calibrate and measure on: a data set as everywhere, or a folder of thermal frames of "
        "your camera. Default: the shipped pack."
    ),
]


def export(
    model: ModelArgument,
    to: To = "onnx",
    out: Out = None,
    unit: Unit = None,
    short_side: ShortSide = None,
    size: Size = None,
    batch: Batch = None,
    npu: Npu = False,
    int8: Int8 = False,
    data: Data = None,
    json: JsonReport = None,
    extensions: With = [],
) -> None:
    """A model as one graph for a device: raw frames in; metres, structure, expected error and sky out.

    Input recipe, resizing and lens are in the graph. What is written is first compared with the model.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.export.exporting import SUFFIXES, ExportOptions, export_model
    from thermodepth.files import write_json
    from thermodepth.model import load_model, resolve_model
    from thermodepth.types import ThermalUnit

    if to not in KINDS:
        raise SettingsError(f"--to: {unknown('kind of graph', to, KINDS)}")
    if unit is not None and unit not in UNITS:
        raise SettingsError(f"--unit: {unknown('unit', unit, UNITS)}")
    options = ExportOptions(
        to=to,
        unit=None if unit is None else ThermalUnit(unit),
        short_side=short_side,
        size=None if size is None else frame_size(size),
        batch=batch,
        npu=npu,
    )
    path = out or Path(f"{Path(model).name}{SUFFIXES[to]}")
    folder = resolve_model(model)
    loaded = load_model(folder)
    frames = _frames(data, loaded.recipe, options, int8=int8)
    exported = export_model(
        loaded, path, options, check=frames.check, calibration=frames.calibration if int8 else None
    )
    if json is not None:
        write_json(json, export_tree(exported, frames.source))
    _print(exported, frames)
    _note_metres(folder)


def export_tree(exported: Export, source: str) -> dict[str, Any]:
    """What was measured as plain JSON values: a row for every frame, size and runtime."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "files": [path.name for path in exported.paths],
        "graph": exported.facts.tree(),
        "operators": dict(exported.operators),
        "float_layers": exported.float_layers,
        "parity": [asdict(row) for row in exported.parity],
        "frames": source,
        "losses": [asdict(loss) for loss in exported.losses],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFrames:
    """What an export is measured on."""

    calibration: Sequence[Sample] = ()
    check: Sequence[Sample] = ()
    source: str = ""  # where they are from
    note: str = ""  # why there are none


def _frames(
    data: str | None, recipe: ModelRecipe, options: ExportOptions, *, int8: bool
) -> ExportFrames:
    """
    Raises:
        DataError: for data that cannot be read, or have too few frames.
        SettingsError: for frames in another unit than the graph's.
    """
    from thermodepth.export.accuracy import evenly

    unit = options.unit or recipe.trained_unit
    most = CHECK_FRAMES_INT8 if int8 else CHECK_FRAMES
    if data is not None and Path(data).is_dir():
        samples = _folder_samples(Path(data), CALIBRATION_FRAMES * int8 + most, recipe)
        # The earlier part of a recording calibrates, the later one measures.
        share = CALIBRATION_FRAMES / (CALIBRATION_FRAMES + most)
        place = max(round(len(samples) * share), 1) if int8 else 0
        calibration, check = samples[:place], samples[place:]
        if not check:
            raise DataError(f"{data}: one frame; expected two or more, to calibrate and to check")
    else:
        from thermodepth.data import open_dataset

        dataset = open_dataset(data or DEFAULT_DATA)
        calibration = evenly(dataset, "train", CALIBRATION_FRAMES) if int8 else []
        check = evenly(dataset, "test", most)
    source = data or DEFAULT_DATA
    if not check or (int8 and not calibration):
        raise DataError(f"--data {source}: no frames to measure an export on")
    units = {sample.thermal_unit for sample in (*calibration, *check)}
    if units != {unit}:
        text = f"its frames are in {' and '.join(sorted(units))}, and the graph reads {unit}"
        if data is None and not int8:
            note = f"no loss of accuracy is measured: of the shipped pack {text}; name others by --data"
            return ExportFrames(note=note)
        raise SettingsError(f"--data {source}: {text}; name frames in {unit} with --data")
    if options.size is not None:
        from thermodepth.data.transform import crop_resize

        calibration = [crop_resize(sample, options.size) for sample in calibration]
        check = [crop_resize(sample, options.size) for sample in check]
    return ExportFrames(calibration=calibration, check=check, source=source)


def _folder_samples(folder: Path, most: int, recipe: ModelRecipe) -> list[Sample]:
    """Evenly spread frames of a folder, without truth, through the lens of the training.

    Which lens it is decides nothing here: model and graph are told the same.
    """
    import numpy as np

    from thermodepth.camera import focal_of_view
    from thermodepth.sources import FailedFrame, SourceFrame
    from thermodepth.sources.opening import frames
    from thermodepth.types import Sample

    source = frames(folder)
    total = source.length or most
    chosen = set(np.linspace(0, total - 1, min(most, total)).round().astype(int).tolist())
    numbers = count()
    samples = []
    for frame in source.frames(lambda *_: next(numbers) in chosen):
        if isinstance(frame, SourceFrame):
            intrinsics = np.full((3, 3), np.nan, np.float32)
            if recipe.lens is not None:
                view_deg, (rows, columns) = recipe.lens.field_of_view_deg, frame.raw.shape
                focal_px = focal_of_view(view_deg, max(rows, columns))
                intrinsics = np.array(
                    [[focal_px, 0, columns / 2], [0, focal_px, rows / 2], [0, 0, 1]], np.float32
                )
            samples.append(
                Sample(
                    sample_id=frame.name,
                    thermal=frame.raw,
                    thermal_unit=frame.unit,
                    intrinsics=intrinsics,
                )
            )
        elif isinstance(frame, FailedFrame):
            raise frame.error
    return samples


def _print(exported: Export, frames: ExportFrames) -> None:
    from thermodepth.cli.terminal import console, error_console

    console.print(_parity_table(exported.parity).rich())
    for loss in exported.losses:
        words = f"metres differ by {loss.mean_difference:.2%} on average"
        if loss.has_truth:
            words = f"AbsRel {loss.lost:+.2%}, {words}"
        console.print(
            f"{loss.runtime}: {words}, {loss.frames} frames of {frames.source}",
            soft_wrap=True,
        )
    if frames.note:
        error_console.print(f"note: {frames.note}", soft_wrap=True)
    console.print(_facts_text(exported), soft_wrap=True)
    if exported.operators:
        console.print(f"operators: {', '.join(sorted(exported.operators))}", soft_wrap=True)
    for path in exported.paths:
        console.print(f"  {path} ({path.stat().st_size / 1e6:.1f} MB)", soft_wrap=True)


def _note_metres(folder: Path) -> None:
    """That the metres of a camera, which the folder keeps, are not in the graph."""
    from thermodepth.cli.terminal import error_console
    from thermodepth.scale_calibration import FILE_NAME

    if (folder / FILE_NAME).exists():
        error_console.print(
            f"note: the graph has the model's own depth; predict --metres {folder / FILE_NAME} gives the "
            "metres of the camera that the folder is calibrated for",
            soft_wrap=True,
        )


def _facts_text(exported: Export) -> str:
    facts = exported.facts
    size = "any size" if facts.size is None else f"{facts.size[1]}x{facts.size[0]}"
    count = "any number" if facts.batch is None else str(facts.batch)
    parts = [
        f"frames in {facts.unit} of {size}, {count} at once",
        f"the network sees a short side of {facts.short_side}",
        facts.numbers,
    ]
    if exported.float_layers is not None:
        parts[-1] += f", heads and the encoder's first {exported.float_layers} convolutions float32"
    return "; ".join(parts)


def _parity_table(rows: Sequence[Parity]) -> Table:
    """A row for every runtime and kind of frame, with the worst of its sizes."""
    from thermodepth.report.table import Column, Table

    groups: dict[tuple[str, str], list[Parity]] = {}
    for row in rows:
        groups.setdefault((row.runtime, row.frame), []).append(row)
    sizes = list(dict.fromkeys(f"{row.size[1]}x{row.size[0]}" for row in rows))
    return Table(
        title="The graph against the model",
        columns=(
            Column(label="runtime", align="left"),
            Column(label="frame", align="left"),
            Column(label="depth, most"),
            Column(label="depth, mean"),
            Column(label="structure, most"),
            Column(label="error, most"),
            Column(label="sky, share"),
        ),
        rows=tuple(
            (
                *names,
                _worst(row.depth for row in group),
                _worst(row.mean_depth for row in group),
                _worst(row.structure for row in group),
                _worst(row.relative_error for row in group),
                _worst(row.sky for row in group),
            )
            for names, group in groups.items()
        ),
        notes=(
            f"Relative differences, the worst of {', '.join(sizes)}: of metres; of structure, over its span; "
            "of 1 + expected error; and the share of pixels that are sky to one of the two.",
        ),
    )


def _worst(values: Iterable[float | None]) -> str | None:
    numbers = [value for value in values if value is not None]
    return f"{max(numbers):.1e}" if numbers else None
