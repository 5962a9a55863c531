"""The options that describe depth maps of any tool."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError, unknown

if TYPE_CHECKING:
    from thermodepth.evaluation.scoring.map_folders import MapFolders


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMaps:
    """As they were typed; without `predictions` and `truth` there are no such maps."""

    predictions: Annotated[
        Path | None, typer.Option(help="Folder of depth maps of any tool (PNG16, NPY, EXR, TIFF).")
    ] = None
    truth: Annotated[
        Path | None, typer.Option(help="Folder of true depth maps with the same names.")
    ] = None
    geometry: Annotated[
        str,
        typer.Option(
            help="What --predictions hold: metric_depth, scale_depth, affine_depth, affine_inverse."
        ),
    ] = "metric_depth"
    png_scale: Annotated[
        float, typer.Option(help="Stored whole numbers of --predictions are metres times this.")
    ] = 256.0
    truth_scale: Annotated[
        float, typer.Option(help="Stored whole numbers of --truth are metres times this.")
    ] = 256.0
    thermal: Annotated[
        Path | None,
        typer.Option(
            help="Folder of thermal frames with the same names, for contrast and the page."
        ),
    ] = None
    intrinsics: Annotated[
        str, typer.Option(help="fx,fy,cx,cy in pixels of the truth, for surface normals.")
    ] = ""
    prediction_ending: Annotated[
        str, typer.Option(help="What names in --predictions end in besides, such as _depth.")
    ] = ""
    truth_ending: Annotated[str, typer.Option(help="The same of --truth.")] = ""
    thermal_ending: Annotated[str, typer.Option(help="The same of --thermal.")] = ""
    placement: Annotated[
        str,
        typer.Option(
            help="Where --predictions of another size lie in the truth's view: whole (stretched), kb, "
            "centre, garg, eigen, nyu, or TOP,LEFT; see docs/foreign_maps.md."
        ),
    ] = "whole"

    def named(self) -> list[str]:
        """The options that were given, by what differs from its default."""
        return [
            f"--{row.name.replace('_', '-')}"
            for row in fields(self)
            if getattr(self, row.name) != row.default
        ]

    def folders(self) -> MapFolders:
        """
        Raises:
            SettingsError: for a geometry, camera or placement that cannot be.
            DataError: for folders that do not fit together, or files that cannot be read.
        """
        from thermodepth.evaluation.scoring.map_folders import MapFolders
        from thermodepth.evaluation.scoring.placement import Placement
        from thermodepth.types import Geometry

        assert self.predictions is not None
        assert self.truth is not None
        if self.geometry not in list(Geometry):
            raise SettingsError(f"--geometry: {unknown('geometry', self.geometry, list(Geometry))}")
        return MapFolders(
            self.predictions,
            self.truth,
            geometry=Geometry(self.geometry),
            png_scale=self.png_scale,
            truth_scale=self.truth_scale,
            thermal=self.thermal,
            intrinsics=_intrinsics(self.intrinsics),
            prediction_ending=self.prediction_ending,
            truth_ending=self.truth_ending,
            thermal_ending=self.thermal_ending,
            placement=Placement.parse(self.placement),
        )


NO_MAPS = ForeignMaps()  # where nothing is said of them


def _intrinsics(text: str) -> tuple[float, float, float, float] | None:
    """fx,fy,cx,cy of the command line."""
    if not text:
        return None
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(
            f"--intrinsics {text}: expected four numbers fx,fy,cx,cy in pixels"
        ) from None
    if not (fx > 0 and fy > 0):
        raise SettingsError(f"--intrinsics {text}: the focal lengths fx and fy must be positive")
    return fx, fy, cx, cy
