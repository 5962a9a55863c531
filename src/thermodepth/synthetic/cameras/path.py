"""How the camera moves through a sequence, and slowing it down where something is in the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from thermodepth.synthetic.cameras.pose import CameraPose, free_around_m
from thermodepth.synthetic.space.rays import RayCaster

LONGEST_M = 60.0  # the street ends about 40 m further on
_SLOWER = (1.0, 0.5, 0.25, 0.1)
_AROUND_M = 0.35
_LOOKS = 6


@dataclass(frozen=True, slots=True)
class Travel:
    """Straight on along +Y, with the shake of a person walking or of a car."""

    speed_m_s: float = 0.0
    on_foot: bool = True

    def pose(self, start: CameraPose, time_s: float) -> CameraPose:
        """Where the camera is; `start` itself at time 0."""
        x, y, z = start.position
        y += self.speed_m_s * time_s
        shake = _ON_FOOT if self.on_foot else _IN_A_CAR
        # A car that stands does not shake; a hand always does.
        share = 1.0 if self.on_foot or self.speed_m_s > 0 else 0.0

        def wave(amplitude: float, hertz: float) -> float:
            return share * amplitude * math.sin(2 * math.pi * hertz * time_s)

        return replace(
            start,
            position=(x, y, z + wave(*shake.up_m)),
            yaw=start.yaw + wave(*shake.yaw),
            pitch=start.pitch + wave(*shake.pitch),
            roll=start.roll + wave(*shake.roll),
        )


@dataclass(frozen=True, slots=True)
class _Shake:
    """(amplitude, hertz) of each motion; metres and radians."""

    up_m: tuple[float, float]
    yaw: tuple[float, float]
    pitch: tuple[float, float]
    roll: tuple[float, float]


_ON_FOOT = _Shake(up_m=(0.02, 1.8), yaw=(0.03, 0.31), pitch=(0.008, 1.8), roll=(0.006, 0.9))
_IN_A_CAR = _Shake(up_m=(0.015, 1.3), yaw=(0.004, 0.17), pitch=(0.005, 1.1), roll=(0.003, 0.7))


def clear_travel(
    travel: Travel,
    start: CameraPose,
    duration_s: float,
    caster_at: Callable[[float], RayCaster],
) -> Travel:
    """As fast as wanted, or slower, so that the camera ends in no wall; still if nothing helps.

    A sequence of the same length is the same whichever of its frames are asked for.
    """
    if travel.speed_m_s * duration_s == 0:
        return travel
    speed = min(travel.speed_m_s, LONGEST_M / duration_s)
    times = [duration_s * (i + 1) / _LOOKS for i in range(_LOOKS)]
    casters = [caster_at(time_s) for time_s in times]
    for share in _SLOWER:
        slower = replace(travel, speed_m_s=speed * share)
        if _is_free(slower, start, times, casters):
            return slower
    return replace(travel, speed_m_s=0.0)


def _is_free(
    travel: Travel, start: CameraPose, times: Sequence[float], casters: Sequence[RayCaster]
) -> bool:
    return all(
        free_around_m(travel.pose(start, time_s), caster) > _AROUND_M
        for time_s, caster in zip(times, casters, strict=True)
    )
