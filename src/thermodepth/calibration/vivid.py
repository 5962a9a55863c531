"""ViViD's `calib_ther_to_rgb.yaml`, as Shin's post-processed sets have it: lines of `KEY: numbers`.

Keys R (9 numbers), T (3, metres), K_Thermal and K_RGB (9). By the file's name and its use,
`X_rgb = R X_thermal + T`. It says no sizes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from thermodepth.calibration.content import Content
from thermodepth.calibration.keys import unread_keys
from thermodepth.calibration.numbers import intrinsics, moved
from thermodepth.calibration.types import RGB, THERMAL, Calibration, Camera
from thermodepth.errors import DataError

KEYS = {"R", "T", "K_Thermal", "K_RGB"}
_LINE = re.compile(r"^[ \t]*(\w+)[ \t]*:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE | re.ASCII)


def recognises(content: Content) -> bool:
    """Has it a line of `K_Thermal: ...`?"""
    return not content.is_json and b"K_Thermal" in content.raw and b"K_RGB" in content.raw


def read(content: Content, roles: Mapping[str, str]) -> Calibration:
    """The cameras `thermal` and `rgb`.

    Raises:
        DataError: naming the file and the key that is missing or broken.
    """
    del roles  # the keys name the cameras
    fields: dict[str, list[str]] = {}
    for key, value in _LINE.findall(content.text):
        if key in fields and key in KEYS:
            raise DataError(f"{content.name}: '{key}' stands twice")
        fields[key] = re.split(r"[\s,]+", value.strip("[] "))
    if missing := sorted(KEYS - set(fields)):
        raise DataError(f"{content.name}: no line '{missing[0]}: numbers'")
    matrices = {
        name: intrinsics(fields[key], f"{content.name}: {key}", first_pixel=0.0)
        for name, key in ((THERMAL, "K_Thermal"), (RGB, "K_RGB"))
    }
    return Calibration(
        cameras={
            name: Camera(name=name, width=None, height=None, intrinsics=matrix)
            for name, matrix in matrices.items()
        },
        from_reference={
            THERMAL: np.eye(4),
            RGB: moved(fields["R"], fields["T"], f"{content.name}: R, T"),
        },
        source=content.name,
        doubts=unread_keys(fields, recognised=KEYS),
    )
