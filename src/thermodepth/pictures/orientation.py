"""How the camera was held, as EXIF's orientation says: pixels are stored as the sensor lay.

Who looks at pictures, or reads them with OpenCV, sees them upright; a reader that ignores the tag sees them
upside down or on their side. So they are turned wherever they are decoded.

Source: Exif 2.32, tag 274: where row 0 and column 0 of the stored pixels belong in the upright picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ORIENTATION_TAG = 274
UPRIGHT = 1
NOT_KNOWN = 0  # as some cameras write for nothing
ON_ITS_SIDE = frozenset({5, 6, 7, 8})  # rows of the upright picture are columns of the stored one


def turned(stored: NDArray[Any], orientation: object, name: str) -> NDArray[Any]:
    """The upright picture `[h w]` or `[h w c]` of pixels as they are stored.

    Args:
        stored: rows and columns as in the file.
        orientation: the tag's value; None where there is none.
        name: what messages call the file.

    Raises:
        DataError: for a value that the standard does not have.
    """
    if orientation in (None, NOT_KNOWN, UPRIGHT):
        return stored
    across = stored.swapaxes(0, 1)
    views = {
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: across,
        6: across[:, ::-1],
        7: across[::-1, ::-1],
        8: across[::-1],
    }
    if not isinstance(orientation, int) or orientation not in views:
        raise DataError(
            f"{name}: its EXIF orientation is {orientation!r}, expected 1 to 8: which way is up is unknown. "
            "Save it upright and without the tag"
        )
    return np.ascontiguousarray(views[orientation])
