"""`thermodepth predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.options import Device, Model, With, load_with
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.cli.frame_files import FrameFormat
    from thermodepth.inference.predictor import Depth, Predictor
    from thermodepth.thermal import NormaliserState
    from thermodepth.types import ThermalUnit

FORMATS = ("png", "npy")

Source = Annotated[
    Path, typer.Argument(help="A thermal frame (PNG, TIFF, NPY, FLIR JPEG) or a folder of them.")
]
Out = Annotated[Path, typer.Option(help="Folder for the maps.")]
DepthFormat = Annotated[
    str, typer.Option("--format", help="png (16 bit, metres*256) or npy (float32 metres).")
]
View = Annotated[bool, typer.Option(help="Also write a picture for people.")]
ShortSide = Annotated[
    int | None,
    typer.Option(help="Pixels of the short side that the network sees. Default: as trained."),
]
Counts = Annotated[
    bool, typer.Option("--counts", help="Refuse 8-bit pictures: raw 14/16-bit counts are meant.")
]
Y16 = Annotated[
    str,
    typer.Option(
        help="WIDTHxHEIGHT of raw 16-bit frames without a header; with :big where the high byte "
        "comes first."
    ),
]
Drop = Annotated[
    str,
    typer.Option(
        help="Rows and columns that are no picture, such as telemetry: bottom=2 or top=1,right=4."
    ),
]
Video = Annotated[
    bool,
    typer.Option("--video", help="The files are one recording: recipes may remember frames."),
]


def predict(
    source: Source,
    out: Out = Path("depth"),
    model: Model = DEFAULT_MODEL,
    depth_format: DepthFormat = "png",
    view: View = True,
    short_side: ShortSide = None,
    counts: Counts = False,
    y16: Y16 = "",
    drop: Drop = "",
    video: Video = False,
    lens: LensOptions = NO_LENS,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """Metric depth and structure of thermal frames.

    Reads 8/14/16-bit PNG, TIFF and NPY, FLIR radiometric JPEG and raw Y16. Metres hold for the lens that
    --fov, --focal-px or --calibration says.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.cli.frame_files import FrameFormat
    from thermodepth.inference.predictor import Predictor
    from thermodepth.model import load_model, resolve_model
    from thermodepth.thermal import NormaliserState

    if depth_format not in FORMATS:
        raise SettingsError(f"--format: {unknown('format', depth_format, FORMATS)}")
    frame_format = FrameFormat.of_options(y16=y16, drop=drop, counts=counts)
    paths = frame_format.paths_of(source)
    _check_out(out, source)
    named_lens = lens.lens()
    loaded = load_model(resolve_model(model))
    predictor = Predictor(loaded, device=device, short_side=short_side, lens=named_lens)
    state = NormaliserState() if video else None
    output = Output(folder=out, depth_format=depth_format, view=view)
    predictions = _predict_all(predictor, paths, frame_format, output, state)
    _print(predictions, out)
    _print_notes(predictions, predictor)
    _raise_broken(predictions.broken, total=len(paths))


def _check_out(out: Path, source: Path) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if source.is_dir() and out.resolve() == source.resolve():
        raise SettingsError(
            f"--out {out}: is the folder of the frames; its maps would be read as frames"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where maps go, and as what."""

    folder: Path
    depth_format: str
    view: bool


@dataclass(slots=True)
class Predictions:
    """What became of the files."""

    sources: list[Path] = field(default_factory=list)  # that were predicted
    broken: list[DataError] = field(default_factory=list)  # of the others
    display_only: int = 0  # frames after a camera's gain control
    last: tuple[Depth, Sequence[Path]] | None = None  # of `sources[-1]`, and its files


def _predict_all(
    predictor: Predictor,
    paths: Sequence[Path],
    frame_format: FrameFormat,
    output: Output,
    state: NormaliserState | None,
) -> Predictions:
    """Predict and write every file; what is wrong with one is remembered, and the others are predicted."""
    from thermodepth.cli.terminal import counting
    from thermodepth.inference.outputs import write_depth
    from thermodepth.thermal import looks_like_agc

    predictions = Predictions()
    with counting("predicting") as tell:
        for number, (path, name) in enumerate(zip(paths, _names(paths), strict=True), start=1):
            try:
                raw, unit = frame_format.read(path)
                result = _predicted(predictor, path, raw, unit, state)
            except DataError as error:
                predictions.broken.append(error)
                continue
            predictions.display_only += looks_like_agc(raw) is not None
            written = write_depth(
                output.folder,
                name,
                result,
                thermal=raw,
                unit=unit,
                depth_format=output.depth_format,
                view=output.view,
            )
            predictions.sources.append(path)
            predictions.last = result, written
            if len(paths) > 1:
                tell(number, len(paths))
    return predictions


def _predicted(
    predictor: Predictor,
    path: Path,
    raw: NDArray[Any],
    unit: ThermalUnit,
    state: NormaliserState | None,
) -> Depth:
    """What is wrong with a frame itself is one broken file of a folder."""
    try:
        lens = predictor.stated_lens(path)
        return predictor.predict([raw], unit=unit, state=state, lens=lens)[0]
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _names(paths: Sequence[Path]) -> list[str]:
    """Stems, or full file names where two files share a stem and one would overwrite the other."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [path.name for path in paths]


def _print(predictions: Predictions, out: Path) -> None:
    """One frame with its numbers, several by their count."""
    from thermodepth.cli.terminal import console

    count = len(predictions.sources)
    if count == 1 and predictions.last is not None:
        _print_one(predictions.sources[0], *predictions.last)
    elif count:
        console.print(f"{count} frames predicted into {out}", soft_wrap=True)


def _print_one(path: Path, result: Depth, written: Sequence[Path]) -> None:
    import numpy as np

    from thermodepth.cli.terminal import console

    low, median, high = np.percentile(result.solid_m, [5, 50, 95])
    console.print(
        f"{path}: median depth {median:.2f} m, 5 to 95 % {low:.2f} to {high:.2f} m{_sky_note(result)}"
    )
    if summary := _expected_error(result):
        console.print(summary, soft_wrap=True)
    for output in written:
        console.print(f"  {output}", soft_wrap=True)


def _expected_error(result: Depth) -> str:
    """How far off the depth is expected to be; empty where the model does not tell."""
    import numpy as np

    if result.relative_error is None or result.relative_error_90 is None:
        return ""
    solid = np.ones(result.depth_m.shape, bool) if result.sky is None else ~result.sky
    if not solid.any():
        return ""
    at_68, at_90 = (
        float(np.median(error[solid]))
        for error in (result.relative_error, result.relative_error_90)
    )
    return (
        f"expected error of the depth, median: below {at_68:.0%} at 68 % of the pixels, below {at_90:.0%} at "
        "90 % (larger is worse)"
    )


def _sky_note(result: Depth) -> str:
    if result.sky is None or not result.sky.any():
        return ""
    return f"; sky, {result.sky.mean():.0%} of the frame, left out"


def _print_notes(predictions: Predictions, predictor: Predictor) -> None:
    """What a person should know of the model and the files, on stderr."""
    from thermodepth.cli.terminal import error_console
    from thermodepth.inference.predictor import NO_EXPECTED_ERROR

    if predictor.facts.relative_error and not predictor.tells_relative_error:
        error_console.print(f"note: no relative error is written: {NO_EXPECTED_ERROR}")
    if predictions.display_only:
        error_console.print(
            f"note: {predictions.display_only} of {len(predictions.sources)} frames are 8-bit pictures after "
            "the camera's gain control; raw 14/16-bit counts keep more and are what the model was trained on"
        )


def _raise_broken(broken: Sequence[DataError], *, total: int) -> None:
    """What was wrong with files, once the others are done; nothing where nothing was."""
    if len(broken) == 1:
        raise broken[0]
    if broken:
        listing = "\n  ".join(str(error) for error in broken)
        raise DataError(f"{len(broken)} of {total} files could not be read:\n  {listing}")
