"""Keys of a calibration file that look like ones that are read, and are not.

A slip in a name drops a lens without a word: `dist_coefs_` leaves a file that reads well and has no
distortion. So what a reader did not take is held against what it knows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

#: Parts of names that only a lens, a pose or a size has, in the spellings of OpenCV, ROS, Kalibr and Matlab.
_TELLING = (
    "dist",
    "fisheye",
    "intrinsic",
    "extrinsic",
    "camera_model",
    "cameramodel",
    "resolution",
    "focal",
    "principal",
    "skew",
    "undistort",
)
#: How alike two names are that one person may take for the other.
_ALIKE = 0.8
_MOST = 20  # of one file


def unread_keys(
    keys: Iterable[str],
    *,
    recognised: Collection[str],
    harmless: Collection[str] = (),
    where: str = "",
) -> tuple[str, ...]:
    """A sentence for each key that looks like one of ours and is not read.

    Args:
        keys: all that stand in a file, or in one part of it.
        recognised: those that the reader knows.
        harmless: known ones that nothing here depends on.
        where: the part of the file, or empty.
    """
    sentences = []
    by_plain_name: dict[str, list[str]] = {}
    for key in sorted(recognised):
        by_plain_name.setdefault(_plain(key), []).append(key)
    for key in keys:
        if key in recognised or key in harmless:
            continue
        plain = _plain(key)
        close = difflib.get_close_matches(
            plain, by_plain_name, n=1, cutoff=_ALIKE if len(plain) > 2 else 1
        )
        text = key.lower().replace("distance", "")  # to a board, and no distortion
        if not close and not any(part in text for part in _TELLING):
            continue
        hint = ""
        if close:
            nearest = difflib.get_close_matches(key, by_plain_name[close[0]], n=1, cutoff=0)[0]
            hint = f"; did you mean '{nearest}'?"
        location = f" of {where}" if where else ""
        sentences.append(
            f"the key '{key[:60]}'{location} looks like a part of the calibration and is not read{hint}"
        )
    return tuple(sentences[:_MOST])


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())
