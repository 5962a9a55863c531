"""What a model says of one frame, and what can be done with it: read, save, draw, turn into points."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import SettingsError, unknown
from thermodepth.inference.lens import FrameLens
from thermodepth.scale_calibration import ScaleCalibration
from thermodepth.types import ERROR_LEVELS, FrameEvent, Geometry, ThermalUnit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Why there is no relative error, where there is none.
NO_EXPECTED_ERROR = (
    "this model tells no relative error; it takes a head (model.relative_error) and a calibration on "
    "held-out scenes, which training makes on the split 'val', and afterwards "
    "`python -m thermodepth.inference.error_calibration`"
)
PER_METRE = 1000.0  # of a saved PNG: millimetres
COLOURED = ".colour.png"

PointColour = Literal["thermal", "structure", "depth"]
_POINT_COLOURS = ("thermal", "structure", "depth")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Depth:
    """What a model says of one frame, at the frame's own size."""

    depth_m: NDArray[np.float32]  # [h w] metres along the optical axis
    structure: NDArray[np.float32]  # [h w] inverse depth up to factor and offset: larger is nearer
    #: [h w] True where nothing but sky is seen; None: the model does not tell. `depth_m` goes on there, far.
    sky: NDArray[np.bool_] | None = None
    #: [h w] the larger, the worse: for 68 % of the pixels the truth lies within `depth_m` / (1 + this) and
    #: `depth_m` (1 + this), so this bounds |error| / depth. None: the model has no calibrated head for it.
    #: Sky has no depth to be wrong about: there it means nothing.
    relative_error: NDArray[np.float32] | None = None
    relative_error_90: NDArray[np.float32] | None = None  # [h w] the same for 90 %
    #: That the metres hold for; None: nobody stated one, and the model is not told the lens.
    lens: FrameLens | None = None
    thermal: NDArray[Any] | None = None  # [h w] the raw frame
    thermal_unit: ThermalUnit | None = None
    #: Of a steady video: what interrupts it here. The maps of a frozen or flat frame are those of the frame
    #: before.
    event: FrameEvent | None = None
    #: What made `depth_m` of the model's own depth; None: nothing did.
    scale_calibration: ScaleCalibration | None = None

    #: What `structure` means; `depth_m` is Geometry.METRIC_DEPTH.
    structure_geometry = Geometry.AFFINE_INVERSE

    @property
    def solid_m(self) -> NDArray[np.float32]:
        """`[n]` metres of what is not sky; of all pixels where nothing else is seen."""
        solid = self.depth_m.ravel() if self.sky is None else self.depth_m[~self.sky]
        return solid if solid.size else self.depth_m.ravel()

    @property
    def has_depth(self) -> NDArray[np.bool_]:
        """`[h w]` where there is a depth: a positive number, and no sky."""
        valid = np.isfinite(self.depth_m) & (self.depth_m > 0)
        return valid if self.sky is None else valid & ~self.sky

    def interval_m(
        self, level: float = ERROR_LEVELS[0]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(near, far) `[h w]` metres that hold the true depth at this share of the pixels.

        Raises:
            SettingsError: for another level than 0.68 and 0.9, or a model that does not tell.
        """
        if level not in ERROR_LEVELS:
            raise SettingsError(f"level {level:g}: expected {' or '.join(map(str, ERROR_LEVELS))}")
        error = (self.relative_error, self.relative_error_90)[ERROR_LEVELS.index(level)]
        if error is None:
            raise SettingsError(f"an interval of {level:.0%}: {NO_EXPECTED_ERROR}")
        return self.depth_m / (1 + error), self.depth_m * (1 + error)

    # --- out of the program -------------------------------------------------------------------------

    def save(self, path: Path | str, *, per_metre: float = PER_METRE) -> Path:
        """Write the metric depth as one file, whole or not at all. Sky has no depth: it is "no value".

        Args:
            path: its suffix says what is written. `.png`: 16 bits, millimetres, 0 = no value; `.npy`, `.tif`,
                `.tiff`: float32 metres, NaN = no value; `.exr`: the same in the channel Z (extra `exr`);
                `.colour.png`: a coloured picture for the eye, near is bright, sky is blue.
            per_metre: steps of a metre in a 16-bit PNG. At 1000 it ends at 65.535 m; 256 is the convention of
                KITTI, MS2 and `thermodepth predict`, and ends at 255.996 m. A warning says how many pixels
                lie beyond.

        Returns:
            The path.

        Raises:
            SettingsError: for another suffix, or a scale that is not a positive number.
            DependencyError: for an EXR file without the package that writes it.
            OutputError: where the file cannot be written.
        """
        from thermodepth.depth_files import WRITTEN_SUFFIXES, write_depth_values

        path = Path(path)
        if path.name.lower().endswith(COLOURED):
            from thermodepth.files import encode_png, write_bytes
            from thermodepth.inference.view import depth_picture

            write_bytes(path, encode_png(depth_picture(self)))
            return path
        if path.suffix.lower() not in WRITTEN_SUFFIXES:
            suffixes = (*WRITTEN_SUFFIXES, COLOURED)
            raise SettingsError(f"{path}: {unknown('kind of depth file', path.suffix, suffixes)}")
        depth_m = np.where(self.has_depth, self.depth_m, np.float32(np.nan))
        if note := write_depth_values(path, depth_m, per_metre=per_metre):
            warnings.warn(note, stacklevel=2)
        return path

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the metric depth with its scale in metres; near is bright, sky is blue.

        Args:
            ax: of matplotlib, to draw into; None: a new figure of `matplotlib.pyplot`.

        Returns:
            The axes.
        """
        from thermodepth.inference.plotting import plot_depth

        return plot_depth(self, ax)

    def points(self, mask: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """`[n 3]` metres in camera axes (right, down, ahead): the point that each pixel sees, row by row.

        Pixels of sky, those without a depth, and those that no ray of the lens reaches are left out. The
        points stand on `lens.intrinsics`, and on the distortion that a calibration states.

        Args:
            mask: `[h w]` True for the pixels that may give a point, such as `~outputs.flying_pixels(depth)`;
                None: all.

        Raises:
            SettingsError: where nobody stated the lens, without which directions and metres are unknown.
        """
        remedy = (
            "give fov_deg, focal_px, intrinsics or calibration to load(), or one of the first three with "
            "the frame; `predict` takes --fov, --focal-px or --calibration"
        )
        if self.lens is None:
            raise SettingsError(f"points: the lens of this frame is not known; {remedy}")
        if self.lens.assumed:
            view_deg = self.lens.view_deg(self.depth_m.shape[1])
            raise SettingsError(
                f"points: the lens of this frame is not known, and its metres stand on the {view_deg:.0f} "
                f"degrees of the model's training; {remedy}"
            )
        points = self.lens.rays(self._size) * np.asarray(self.depth_m, np.float32)
        return np.ascontiguousarray(points[:, self.gives_point(mask)].T)

    def point_colours(
        self, by: PointColour = "thermal", mask: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint8]:
        """`[n 3]` RGB of `points(mask)`, in their order.

        Args:
            by: `thermal` (hot is bright), `structure` or `depth` (near is bright).
            mask: as `points` has it.

        Raises:
            SettingsError: for another name, or a result that does not carry its thermal frame.
        """
        from thermodepth.inference.view import depth_picture, structure_picture, thermal_picture

        if by not in _POINT_COLOURS:
            raise SettingsError(f"point_colours: {unknown('colour', by, _POINT_COLOURS)}")
        if by == "thermal":
            if self.thermal is None or self.thermal_unit is None:
                raise SettingsError(
                    "point_colours: this result does not carry its thermal frame; colour by structure or "
                    "depth"
                )
            picture = thermal_picture(self.thermal, self.thermal_unit)
        else:
            picture = structure_picture(self) if by == "structure" else depth_picture(self)
        return picture[self.gives_point(mask)]

    @property
    def _size(self) -> tuple[int, int]:
        return int(self.depth_m.shape[0]), int(self.depth_m.shape[1])

    def gives_point(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """`[h w]` True for the pixels of `points(mask)`, which has them row by row."""
        valid = self.has_depth if mask is None else self.has_depth & mask
        if self.lens is not None and self.lens.distortion is not None:
            valid = valid & np.isfinite(self.lens.rays(self._size)[0])
        return valid

    # --- in a line, and in a notebook ---------------------------------------------------------------

    def __repr__(self) -> str:
        rows, columns = self.depth_m.shape
        metres = self.depth_m[self.has_depth]
        parts = [f"{columns}x{rows}"]
        if metres.size:
            near, far = (float(q) for q in np.percentile(metres, [5, 95]))
            parts.append(f"{near:.3g} to {far:.3g} m (5 to 95 %)")
        else:
            parts.append("no depth")
        if self.sky is not None:
            parts.append(f"sky {self.sky.mean():.0%}")
        if self.relative_error is not None and metres.size:
            error = float(np.median(self.relative_error[self.has_depth]))
            parts.append(f"expected error {error:.0%} (median)")
        if self.lens is None:
            parts.append("lens not known")
        else:
            view_deg = self.lens.view_deg(columns)
            parts.append(f"lens {view_deg:.1f} deg across{' (assumed)' * self.lens.assumed}")
        if self.event is not None:
            parts.append(self.event.value)
        if self.scale_calibration is not None:
            parts.append(f"calibrated: {self.scale_calibration}")
        return f"Depth({', '.join(parts)})"

    def _repr_html_(self) -> str:
        from thermodepth.inference.view import notebook_png
        from thermodepth.notebook import picture_html

        return picture_html(notebook_png(self), caption=repr(self))
