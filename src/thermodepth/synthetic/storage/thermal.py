"""Raw thermal frames of a pack, the same for whoever writes them and whoever draws them at reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.sensors.any_core import any_core_frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.sensors.sequence import displayed_frames, raw
from thermodepth.synthetic.storage.csv_files import IndexRow


def frozen(rows: Iterable[IndexRow], sensor: MicrobolometerSettings) -> dict[str, IndexRow]:
    """`{id of a frame while the shutter is closed: the earlier frame that the camera still shows}`.

    Raises:
        DataError: when the times of a sequence do not rise.
    """
    if sensor.freeze_s == 0:
        return {}
    sequences: dict[str, list[IndexRow]] = {}
    for row in rows:
        if row.sequence:
            sequences.setdefault(row.sequence, []).append(row)
    earlier: dict[str, IndexRow] = {}
    for members in sequences.values():
        members.sort(key=lambda row: row.time_s)
        displayed = displayed_frames([row.time_s for row in members], sensor)
        for row, index in zip(members, displayed, strict=True):
            if members[index] is not row:
                earlier[row.frame_id] = members[index]
    return earlier


def raw_frame(
    kelvin: NDArray[np.float32],
    row: IndexRow,
    sensor: MicrobolometerSettings,
    *,
    draw: int = 0,
    any_core: bool = False,
) -> NDArray[Any]:
    """[h w] counts of one frame; draw 0 is the standing one, which a folder holds as `thermal/ID.png`.

    Of many cameras every frame and draw has a core of its own, and some give an 8-bit picture: uint8
    instead of uint16.
    """
    if any_core:
        return any_core_frame(kelvin, frame_id=row.frame_id, draw=draw, settings=sensor)
    return raw(
        kelvin,
        sequence=row.sequence,
        frame_id=row.frame_id,
        time_s=row.time_s,
        draw=draw,
        settings=sensor,
    )
