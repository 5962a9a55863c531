"""The formats that calibration files come in, and how one is found and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.calibration import kalibr, ms2, opencv, rig, vivid
from thermodepth.calibration.content import Content
from thermodepth.calibration.types import Calibration
from thermodepth.errors import DataError, SettingsError, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One row: how a file of this format is known and read."""

    about: str  # its line in the help
    recognises: Callable[[Content], bool]
    read: Callable[[Content, Mapping[str, str]], Calibration]
    names_cameras: bool = True  # does the file itself say which camera is thermal?
    globs: tuple[str, ...] = field(default=())  # where it lies in a data set's folder


#: Asked in this order: OpenCV's keys are the least particular, so it comes last.
FORMATS: dict[str, Format] = {
    "ms2": Format(
        about="MS2's calib.npy or calib.json",
        recognises=ms2.recognises,
        read=ms2.read,
        globs=("calib.npy", "sync_data/*/calib.npy", "calib.json", "sync_data/*/calib.json"),
    ),
    "rig": Format(
        about="JSON of this project: thermal and rgb with intrinsics and body_from_camera",
        recognises=rig.recognises,
        read=rig.read,
        globs=("calibration.json", "rig.json"),
    ),
    "vivid": Format(
        about="ViViD's calib_ther_to_rgb.yaml",
        recognises=vivid.recognises,
        read=vivid.read,
        globs=("cal*_ther_to_rgb.yaml", "calibration/cal*_ther_to_rgb.yaml"),
    ),
    "kalibr": Format(
        about="Kalibr's camchain.yaml",
        recognises=kalibr.recognises,
        read=kalibr.read,
        names_cameras=False,
        globs=("*camchain*.yaml", "calibration.yaml"),
    ),
    "opencv": Format(
        about="OpenCV's FileStorage (YAML, JSON) and ROS camera files",
        recognises=opencv.recognises,
        read=opencv.read,
        names_cameras=False,
        globs=("stereo*.y*ml", "calib*.y*ml"),
    ),
}


def read_calibration(
    path: Path, *, format: str | None = None, cameras: Mapping[str, str] | None = None
) -> Calibration:
    """Cameras and where they sit, in this project's pixels, axes and metres.

    Nothing in a file is run, and its size is bounded; what it says is taken as it is. Call `require_sound`
    before numbers are made from it.

    Args:
        path: the file.
        format: a name in `FORMATS`; None: known by what stands in the file.
        cameras: camera as the file names it -> `thermal`, `rgb` or another name, for the formats that do
            not say themselves (`{"cam0": "rgb", "cam1": "thermal"}`).

    Raises:
        SettingsError: for an unknown format, or names of cameras where the file has its own.
        DataError: for a file that is missing, too large, broken, hostile or of no known format.
    """
    if format is not None and format not in FORMATS:
        raise SettingsError(unknown("calibration format", format, FORMATS))
    content = Content.from_file(path)
    name = format or _recognised(content)
    row = FORMATS[name]
    if cameras and row.names_cameras:
        raise SettingsError(
            f"{path}: a file of the format {name} names its cameras itself; leave out --camera"
        )
    return row.read(content, cameras or {})


def _recognised(content: Content) -> str:
    for name, row in FORMATS.items():
        if row.recognises(content):
            return name
    listed = "; ".join(f"{name}: {row.about}" for name, row in FORMATS.items())
    raise DataError(f"{content.name}: not a calibration that is read here ({listed})")


def find_calibration(path: Path) -> Path:
    """The file itself, or the calibration in a data set's folder.

    Where a folder has one for each sequence they must be the same, byte for byte: nothing would say which
    one is meant.

    Raises:
        DataError: for a folder without one, or with several that differ.
    """
    if not path.is_dir():
        return path
    globs = [pattern for row in FORMATS.values() for pattern in row.globs]
    for pattern in globs:
        files = sorted(file for file in path.glob(pattern) if file.is_file())
        if not files:
            continue
        first = Content.from_file(files[0]).raw
        for other in files[1:]:
            if Content.from_file(other).raw != first:
                raise DataError(
                    f"{path}: {files[0]} and {other} differ; name the one that is meant"
                )
        return files[0]
    raise DataError(f"{path}: no calibration in this folder (looked for {', '.join(globs)})")
