"""What drawing reads of a prediction: pictures and plots take anything that has these maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from thermodepth.types import ThermalUnit


class DepthMaps(Protocol):
    """Maps of one frame, `[h w]` each; `Depth` is one."""

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """Metres along the optical axis."""

    @property
    def structure(self) -> NDArray[np.float32]:
        """Inverse depth up to factor and offset: larger is nearer."""

    @property
    def sky(self) -> NDArray[np.bool_] | None:
        """True where nothing but sky is seen; None: not known."""

    @property
    def has_depth(self) -> NDArray[np.bool_]:
        """Where there is a depth: a positive number, and no sky."""

    @property
    def thermal(self) -> NDArray[Any] | None:
        """The raw frame."""

    @property
    def thermal_unit(self) -> ThermalUnit | None:
        """What its values mean."""
