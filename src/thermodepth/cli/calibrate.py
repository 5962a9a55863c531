"""`thermodepth calibrate`: metres of one's own camera, from known distances."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.options import Device, Model, ShortSide, With, load_with
from thermodepth.cli.sources import READ_AS_IT_IS, ReadingOptions, open_typed
from thermodepth.errors import DataError, SettingsError, nearest, unknown
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.inference.predictor import Depth, Predictor
    from thermodepth.report.table import Number, Table
    from thermodepth.scale_calibration import (
        DistanceSample,
        GroundSamples,
        PredictedFrame,
        RefusedSample,
        ScaleCalibration,
        ScaleFit,
    )
    from thermodepth.scale_calibration.sample_files import TypedDistance
    from thermodepth.sources import Source, SourceFrame

KINDS = ("range", "depth")
CAPTURES = ("laser", "ground")
LISTED = 24  # samples of a table
LISTED_GROUNDS = 5
MOST_LISTED_FRAMES = 10

Frames = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Thermal frames: one, or the files or the folder of those that samples name.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The file of the calibration. Default: metres.json, or the --store folder's."
    ),
]
Add = Annotated[
    bool,
    typer.Option("--add", help="Keep the samples of --out, and fit them and the new ones anew."),
]
Store = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Keep the calibration with the model: its folder, or a new one that becomes a copy of it.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceOptions:
    """Where known distances come from, as it was typed."""

    at: Annotated[
        list[str],
        typer.Option(
            "--at",
            help="A known distance: FRAME,X,Y,METRES (pixel from the top left); X,Y,METRES with one frame. "
            "Repeatable.",
        ),
    ] = field(default_factory=list)
    click: Annotated[
        bool,
        typer.Option(
            "--click", help="Open each frame in a window: click a pixel, type its metres, Enter."
        ),
    ] = False
    samples: Annotated[
        Path | None,
        typer.Option("--samples", help="A CSV or JSON file of frame,x,y,metres[,kind]."),
    ] = None
    lidar: Annotated[
        Path | None,
        typer.Option(
            "--lidar",
            help="A measured depth map of the frame's size, or a list of points x, y, z (NPY, CSV); for a "
            "folder of frames a folder of such files of the same names.",
        ),
    ] = None
    per_metre: Annotated[
        float,
        typer.Option("--per-metre", help="What a metre is in a --lidar map of whole numbers."),
    ] = 256.0
    lidar_pose: Annotated[
        Path | None,
        typer.Option(
            "--lidar-pose",
            help="A text file with the 12 or 16 numbers of the pose that brings --lidar points into the "
            "thermal camera's axes.",
        ),
    ] = None
    height_m: Annotated[
        float | None,
        typer.Option("--height", help="Metres of the camera above flat ground; with --pitch."),
    ] = None
    pitch_deg: Annotated[
        float | None,
        typer.Option("--pitch", help="Degrees of its axis below the horizon: 90 is straight down."),
    ] = None
    roll_deg: Annotated[
        float, typer.Option("--roll", help="Degrees clockwise, seen from behind the camera.")
    ] = 0.0
    captures: Annotated[
        list[str],
        typer.Option(
            "--capture",
            help="What the camera wrote into its files (DJI): laser, its laser's range; ground, its height "
            "above take-off and its pitch. Repeatable.",
        ),
    ] = field(default_factory=list)
    kind: Annotated[
        str | None,
        typer.Option(
            help="range (from the camera; what tape and laser give) or depth (along the optical axis). "
            "Default: range; of --lidar maps depth."
        ),
    ] = None

    def check(self) -> None:
        """
        Raises:
            SettingsError: for options that cannot be, or that have no effect.
        """
        for capture in self.captures:
            if capture not in CAPTURES:
                raise SettingsError(f"--capture: {unknown('source', capture, CAPTURES)}")
        if self.kind is not None and self.kind not in KINDS:
            raise SettingsError(f"--kind: {unknown('kind', self.kind, KINDS)}")
        if (self.height_m is None) != (self.pitch_deg is None):
            raise SettingsError(
                "--height and --pitch come together: the ground's distance needs both"
            )
        if self.height_m is not None and "ground" in self.captures:
            raise SettingsError(
                "--height and --capture ground: one of them says where the camera is"
            )
        if self.roll_deg and self.height_m is None:
            raise SettingsError("--roll: has no effect without --height and --pitch")
        if self.lidar_pose is not None and self.lidar is None:
            raise SettingsError("--lidar-pose: has no effect without --lidar")
        ways = (self.at, self.samples, self.lidar, self.height_m, self.captures)
        if not self.click and not any(way not in (None, []) for way in ways):
            raise SettingsError(
                "no known distance: give --at FRAME,X,Y,METRES, --click, --samples FILE, --lidar FILE, "
                "--height and --pitch, or --capture laser"
            )


def calibrate(
    source: Frames,
    distances: DistanceOptions = DistanceOptions(),
    out: Out = None,
    add: Add = False,
    store: Store = None,
    model: Model = DEFAULT_MODEL,
    short_side: ShortSide = None,
    reading: ReadingOptions = READ_AS_IT_IS,
    lens: LensOptions = NO_LENS,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """Metres of your own camera: known distances in, one factor with its interval out.

    Tape or laser at a few pixels, a lidar, the height and pitch over flat ground, or what a DJI file says.
    The result is a small file for `predict --metres`. See docs/metres.md.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.inference.frame_predictor import calibration_lens
    from thermodepth.inference.metres import calibrate as calibrate_predictor
    from thermodepth.inference.predictor import Predictor
    from thermodepth.model import load_model, resolve_model
    from thermodepth.scale_calibration import ScaleCalibration
    from thermodepth.sources import FailedFrame, SourceFrame

    distances.check()
    place = _Place.from_options(out, store, model, add=add)
    points = _points(distances)
    typed = open_typed(source, reading)
    if distances.click:
        points += _clicked(typed)
    needed = _needed_frames(typed, points, distances)
    folder = resolve_model(model)
    loaded = load_model(folder)
    place.check_store(loaded.fingerprint)
    previous = ScaleCalibration.read(place.path) if add else None
    predictor = Predictor(
        loaded,
        device=device,
        short_side=short_side,
        lens=lens.lens() or calibration_lens(previous),
        name=Path(model).name or model,
    )
    evidence = Evidence()
    for frame in typed.frames(lambda name, _: name in needed):
        if isinstance(frame, FailedFrame):
            raise frame.error
        if isinstance(frame, SourceFrame):
            _add_frame(evidence, predictor, frame, needed[frame.name], distances)
    for refused in evidence.refused:
        _note(f"left out: {refused}")
    if evidence.result is None or not evidence.samples:
        raise DataError("no sample is left to calibrate with; the reasons stand above")
    fit = calibrate_predictor(predictor, evidence.samples, evidence.result, previous=previous)
    place.write(fit.calibration, folder)
    _print_fit(fit, evidence, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the calibration goes."""

    path: Path
    store: Path | None

    @classmethod
    def from_options(cls, out: Path | None, store: Path | None, model: str, *, add: bool) -> _Place:
        """
        Raises:
            SettingsError: for a file that is there and is not to be added to, or the reverse.
        """
        from thermodepth.scale_calibration import FILE_NAME
        from thermodepth.shipped import BUILT_IN

        if out is not None and store is not None:
            raise SettingsError("--out and --store: one of them; a stored calibration has its name")
        if store is not None and str(store) in BUILT_IN:
            raise SettingsError(
                f"--store {store}: a model that ships stays as it is; give a new folder, which becomes a "
                f"copy of {model} with its metres"
            )
        path = (out or Path(FILE_NAME)) if store is None else store / FILE_NAME
        if path.is_dir():
            raise SettingsError(f"--out {path}: is a folder, expected a file such as {FILE_NAME}")
        if add and not path.exists():
            raise SettingsError(
                f"--add: {path} is not there; leave --add out for the first samples"
            )
        if path.exists() and not add:
            raise SettingsError(
                f"{path}: is there already; --add keeps its samples beside the new ones, or give another "
                "--out, or delete it"
            )
        return cls(path=path, store=store)

    def check_store(self, fingerprint: str) -> None:
        """
        Raises:
            SettingsError: for a folder that holds another model, or something else.
        """
        from thermodepth.model.weights import RECIPE_FILE, load_model

        if self.store is None or not self.store.exists():
            return
        if not (self.store / RECIPE_FILE).is_file():
            raise SettingsError(
                f"--store {self.store}: no model folder (no {RECIPE_FILE}); give the model's, or the name "
                "of a new one"
            )
        if load_model(self.store).fingerprint != fingerprint:
            raise SettingsError(f"--store {self.store}: holds another model than --model")

    def write(self, calibration: ScaleCalibration, model_folder: Path) -> None:
        """
        Raises:
            OutputError: where it cannot be written.
        """
        from thermodepth.model.weights import copy_model

        if self.store is not None and not self.store.exists():
            copy_model(model_folder, self.store)
        calibration.write(self.path)


@dataclass(slots=True)
class Evidence:
    """What the frames gave."""

    samples: list[DistanceSample] = field(default_factory=list)
    refused: list[RefusedSample] = field(default_factory=list)
    grounds: dict[str, GroundSamples] = field(default_factory=dict)
    result: Depth | None = None  # of the first frame: whose lens all others must have

    def add(self, sample: DistanceSample | RefusedSample) -> None:
        """Where it belongs."""
        from thermodepth.scale_calibration import RefusedSample

        if isinstance(sample, RefusedSample):
            self.refused.append(sample)
        else:
            self.samples.append(sample)


def _points(distances: DistanceOptions) -> list[TypedDistance]:
    """What was typed, and what the file lists.

    Raises:
        DataError: for a file that is none.
        SettingsError: for what was typed wrongly.
    """
    from thermodepth.scale_calibration.sample_files import read_distances, typed_distance

    typed = [typed_distance(text) for text in distances.at]
    return typed if distances.samples is None else typed + read_distances(distances.samples)


def _clicked(source: Source) -> list[TypedDistance]:
    """What a person clicks in the frames; said once more as options, to repeat it without a window.

    Raises:
        DataError: for a frame that cannot be read, or where nothing was clicked.
        SettingsError: for a source that never ends, or where no window can be opened.
    """
    from thermodepth.cli.clicking import clicked_distances

    _refuse_live(source)
    points = clicked_distances(source)
    if not points:
        raise DataError("--click: nothing was clicked")
    _note(f"the same again without a window: {' '.join(point.where for point in points)}")
    return points


def _refuse_live(source: Source) -> None:
    if source.is_live:
        raise SettingsError(
            "a camera that goes on: record the frames that are measured, and name them"
        )


def _needed_frames(
    source: Source, points: Sequence[TypedDistance], distances: DistanceOptions
) -> dict[str, list[TypedDistance]]:
    """Name of each frame that is needed -> the points in it.

    Raises:
        DataError: for a frame that the source does not have.
        SettingsError: for a source that never ends, or one measurement of several frames.
    """
    _refuse_live(source)
    names = [frame.name for frame in source.frames(lambda _name, _state: False)]
    if distances.lidar is not None and not distances.lidar.is_dir() and len(names) > 1:
        raise SettingsError(
            f"--lidar {distances.lidar}: one measurement for {len(names)} frames; give a folder with a file "
            "of each frame's name, or one frame"
        )
    takes_all = (
        distances.lidar is not None or distances.height_m is not None or bool(distances.captures)
    )
    needed: dict[str, list[TypedDistance]] = {name: [] for name in names} if takes_all else {}
    for point in points:
        needed.setdefault(_frame_name(point, names), []).append(point)
    return needed


def _frame_name(point: TypedDistance, names: Sequence[str]) -> str:
    """The frame of a point: its whole name, or that without its suffix."""
    if not point.frame:
        if len(names) == 1:
            return names[0]
        raise SettingsError(
            f"{point.where}: expected FRAME,X,Y,METRES, for the source has {len(names)} frames"
        )
    file_name = Path(point.frame).name
    stem = re.sub(r"\.[A-Za-z0-9]{1,8}$", "", file_name)
    for name in (point.frame, file_name, stem):
        if name in names:
            return name
    listing = (
        unknown("frame", stem, names)
        if len(names) <= MOST_LISTED_FRAMES
        else f"no frame '{point.frame}' among {len(names)}{nearest(stem, names)}"
    )
    raise DataError(f"{point.where}: {listing}")


def _add_frame(
    evidence: Evidence,
    predictor: Predictor,
    source_frame: SourceFrame,
    points: Sequence[TypedDistance],
    distances: DistanceOptions,
) -> None:
    """Predict one frame, raw, and take every sample that the options have of it."""
    from thermodepth.inference.metres import check_same_lens, predicted_frame
    from thermodepth.scale_calibration import point_sample

    result = predictor.predict_frame(source_frame)
    if evidence.result is not None:
        check_same_lens(evidence.result, result, source_frame.origin)
    evidence.result = evidence.result or result
    path = Path(source_frame.origin)  # of a frame that is a file
    name = path.name if path.stem == source_frame.name else source_frame.name
    frame = predicted_frame(result, name)
    for point in points:
        kind = point.kind or ("depth" if distances.kind == "depth" else "range")
        evidence.add(point_sample(frame, point.x, point.y, point.metres, kind=kind))
    if distances.lidar is not None:
        evidence.samples += _lidar_samples(frame, source_frame.name, distances)
    if distances.height_m is not None or "ground" in distances.captures:
        _add_ground(evidence, frame, path, distances)
    if "laser" in distances.captures:
        evidence.add(_laser_sample(frame, path))


def _lidar_samples(
    frame: PredictedFrame, name: str, distances: DistanceOptions
) -> list[DistanceSample]:
    from thermodepth.scale_calibration.cells import cell_samples
    from thermodepth.scale_calibration.lidar import measured_map, read_pose

    assert distances.lidar is not None
    pose = None if distances.lidar_pose is None else read_pose(distances.lidar_pose)
    measured_m = measured_map(
        _lidar_file(distances.lidar, name),
        frame,
        kind="range" if distances.kind == "range" else "depth",
        per_metre=distances.per_metre,
        camera_from_lidar=pose,
    )
    return cell_samples(frame, measured_m, source="lidar")


def _lidar_file(lidar: Path, name: str) -> Path:
    """The file itself, or of a folder the one of the frame's name."""
    from thermodepth.scale_calibration.lidar import SUFFIXES

    if not lidar.is_dir():
        return lidar
    for suffix in SUFFIXES:
        path = lidar / f"{name}{suffix}"
        if path.is_file():
            return path
    raise DataError(f"{lidar}: no {name} with {', '.join(SUFFIXES)} in this folder")


def _add_ground(
    evidence: Evidence, frame: PredictedFrame, path: Path, distances: DistanceOptions
) -> None:
    from thermodepth.scale_calibration import PoseOverGround, ground_samples
    from thermodepth.thermal import read_capture

    if distances.height_m is not None and distances.pitch_deg is not None:
        pose = PoseOverGround(
            height_m=distances.height_m, pitch_deg=distances.pitch_deg, roll_deg=distances.roll_deg
        )
    else:
        capture = read_capture(path)
        if capture is None or capture.height_m is None or capture.pitch_deg is None:
            raise DataError(
                f"{path}: states no height and pitch; DJI's originals do, and lose it when they are edited "
                "(give --height and --pitch)"
            )
        pose = PoseOverGround(
            height_m=capture.height_m,
            pitch_deg=-capture.pitch_deg,  # the drone counts from the horizon upwards
            roll_deg=capture.roll_deg or 0.0,
        )
    ground = ground_samples(frame, pose)
    evidence.grounds[frame.name] = ground
    evidence.samples += ground.samples


def _laser_sample(frame: PredictedFrame, path: Path) -> DistanceSample | RefusedSample:
    from thermodepth.scale_calibration import point_sample
    from thermodepth.thermal import read_capture

    capture = read_capture(path)
    if capture is None or capture.laser_range_m is None:
        raise DataError(
            f"{path}: states no laser range that came back; DJI's originals with a laser do, and lose it "
            "when they are edited"
        )
    rows, columns = frame.size
    return point_sample(
        frame, columns / 2, rows / 2, capture.laser_range_m, kind="range", source="laser"
    )


# --- what is printed ------------------------------------------------------------------------------


def _note(text: str) -> None:
    from thermodepth.cli.terminal import error_console

    error_console.print(f"note: {text}", soft_wrap=True)


def _print_fit(fit: ScaleFit, evidence: Evidence, place: _Place) -> None:
    """The table of samples, the scale with its interval, and what it carries."""
    from thermodepth.cli.terminal import console
    from thermodepth.scale_calibration import advice

    calibration = fit.calibration
    console.print(_table(fit).rich())
    interval = "no interval yet"
    if calibration.interval is not None:
        low, high = calibration.interval
        interval = f"95 % interval {low:.3f} to {high:.3f}"
    console.print(f"scale {calibration.scale:.3f}, {interval}; applied: {calibration.correction}")
    for name, ground in list(evidence.grounds.items())[:LISTED_GROUNDS]:
        console.print(_ground_line(name, ground), soft_wrap=True)
    for line in advice(fit):
        console.print(f"- {line}", soft_wrap=True)
    if place.store is None:
        console.print(f"written to {place.path}; use it with --metres {place.path}", soft_wrap=True)
    else:
        console.print(
            f"kept with the model {place.store}; --uncalibrated leaves it out", soft_wrap=True
        )


def _table(fit: ScaleFit) -> Table:
    """Every sample: raw, calibrated, how far off; of many the first, and those that are far off."""
    from thermodepth.report.table import Column, Number, Table
    from thermodepth.scale_calibration import outliers

    calibration = fit.calibration
    numbers = list(range(len(calibration.samples)))
    listed = [*numbers[:LISTED], *(n for n in outliers(fit) if n >= LISTED)]
    rows: list[tuple[str | int | Number, ...]] = []
    for number in listed:
        sample = calibration.samples[number]
        rows.append(
            (
                number + 1,
                sample.frame,
                f"{sample.x:g}, {sample.y:g}",
                sample.source,
                _metres(sample.distance_m),
                _metres(sample.depth_m),
                _metres(sample.predicted_m),
                _metres(float(calibration.calibrated_m[number])),
                Number(100 * float(calibration.residuals[number]), 1),
            )
        )
    left_out = len(numbers) - len(listed)
    return Table(
        title="Samples, in metres",
        columns=(
            Column(label="#"),
            Column(label="frame", align="left"),
            Column(label="pixel", align="left"),
            Column(label="source", align="left"),
            Column(label="measured"),
            Column(label="depth"),
            Column(label="predicted"),
            Column(label="calibrated"),
            Column(label="off, %", signed=True),
        ),
        rows=tuple(rows),
        notes=(f"and {left_out} more, in the file",) if left_out else (),
    )


def _metres(metres: float) -> Number:
    from thermodepth.report.table import Number

    return Number(metres, 3 if metres < 10 else 2)


def _ground_line(name: str, ground: GroundSamples) -> str:
    return (
        f"{name}: {ground.share:.0%} of what looks down is ground; the model's ground is tilted by "
        f"{ground.tilt_deg:+.1f} degrees against that pitch; a pitch one degree larger would change the "
        f"scale by {ground.per_degree - 1:+.1%}"
    )
