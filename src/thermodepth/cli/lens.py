"""The options that say what the lens of frames is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from thermodepth.inference.lens import Lens


@dataclass(frozen=True, slots=True, kw_only=True)
class LensOptions:
    """As they were typed."""

    fov_deg: Annotated[
        float | None, typer.Option("--fov", help="The lens: degrees across the frames.")
    ] = None
    focal_px: Annotated[
        float | None,
        typer.Option("--focal-px", help="The lens: focal length in pixels of the frames."),
    ] = None
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            help="The lens: a calibration file of any format of docs/calibration.md, or a folder with one.",
        ),
    ] = None
    cameras: Annotated[
        list[str],
        typer.Option(
            "--camera",
            help="NAME=thermal, for a --calibration that does not say which camera that is.",
        ),
    ] = field(default_factory=list)

    def named(self) -> list[str]:
        """The options that were given."""
        options = {
            "--fov": self.fov_deg is not None,
            "--focal-px": self.focal_px is not None,
            "--calibration": self.calibration is not None,
            "--camera": bool(self.cameras),
        }
        return [name for name, typed in options.items() if typed]

    def lens(self) -> Lens | None:
        """
        Raises:
            SettingsError: for options that cannot be, or that contradict each other.
            DataError: for a calibration that cannot be read.
        """
        from thermodepth.inference.lens import Lens

        ways = [name for name in self.named() if name != "--camera"]
        if len(ways) > 1:
            raise SettingsError(f"{' and '.join(ways)}: one of them says what the lens is")
        if self.cameras and self.calibration is None:
            raise SettingsError("--camera: has no effect without --calibration")
        try:
            return Lens.from_options(
                focal_px=self.focal_px,
                fov_deg=self.fov_deg,
                calibration=self.calibration,
                cameras=camera_roles(self.cameras),
            )
        except SettingsError as error:
            raise SettingsError(f"{' '.join(self.named())}: {error}") from None


NO_LENS = LensOptions()  # where nothing is said of it


def camera_roles(cameras: Sequence[str]) -> Mapping[str, str]:
    """`NAME=ROLE`, for calibrations that do not say which camera is thermal.

    Raises:
        SettingsError: for anything else, or a name that comes twice.
    """
    roles: dict[str, str] = {}
    for text in cameras:
        name, equals, role = text.partition("=")
        if not (name and equals and role):
            raise SettingsError(f"--camera {text}: expected NAME=ROLE such as cam1=thermal")
        if name in roles:
            raise SettingsError(f"--camera {text}: '{name}' has a role already: {roles[name]}")
        roles[name] = role
    return roles
