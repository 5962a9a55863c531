"""Warmth without a shape: traces on a table top, slow changes along a wall.

Both are surfaces cut into parts of slightly different temperature, too small a step to be seen as an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.mesh import Surface
from thermodepth.synthetic.grammar.things import Counter
from thermodepth.synthetic.space.vectors import Vec

_LEAST_RINGS, _MOST_RINGS, _RINGS_A_K = 6, 40, 22  # steps of about 50 mK
_SIDES = 20
_RISE_M = 2e-5  # of one ring above the other: nothing to a depth map, enough to lie on top
_STRIPS = 24
_GRADIENT_K = 0.8  # sigma of the difference from one side of a wall to the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """A table top about the origin."""

    surface: Surface
    width: float
    depth: float
    up: float  # height of the top
    rounded: bool


def add_trace(
    c: Counter, top: Top, middle: tuple[float, float], radius: float, warmer_k: float
) -> None:
    """A patch that fades out at `radius`, `warmer_k` above the top in its middle (below 0: cooler).

    It has the top's own paint, and must be added right after the top, so that both are one object with one
    texture. What would reach over the edge is left out.
    """
    limit = min(top.width, top.depth) / 2
    x, y = middle
    reach = radius
    if top.rounded:
        reach = min(radius, limit - float(np.hypot(x, y)) - 0.005)
    else:
        reach = min(radius, top.width / 2 - abs(x) - 0.005, top.depth / 2 - abs(y) - 0.005)
    if reach < 0.01:
        return
    turn = np.linspace(0, 2 * np.pi, _SIDES + 1)
    rim = np.stack([np.cos(turn), np.sin(turn)], -1)
    own_k, share = top.surface.source_k, top.surface.source_share
    rings = min(_LEAST_RINGS + int(_RINGS_A_K * abs(warmer_k)), _MOST_RINGS)
    for ring in range(rings):
        size = reach * (1 - ring / rings)
        # A bell: half the warmth at half the radius.
        warmth = warmer_k * float(np.exp(-3 * (size / reach) ** 2))
        surface = top.surface.heated(own_k + warmth / max(share, 0.1), share)
        flat = np.array([x, y]) + size * rim
        height = top.up + _RISE_M * (ring + 1)
        corners = np.concatenate([flat, np.full((_SIDES + 1, 1), height)], 1)
        centre = np.broadcast_to(np.array([x, y, height]), (_SIDES, 3))
        fan = np.stack([centre, corners[:-1], corners[1:]], 1)
        up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), fan.shape)
        # The top's own texture goes on: its coordinates begin in its left front corner.
        uv = fan[..., :2] + np.array([top.width / 2, top.depth / 2])
        c.mesh.triangles(fan, uv, up, surface)


def lay_wall(c: Counter, corner: Vec, edge: Vec, height: float, surface: Surface) -> None:
    """An upright wall from `corner` along `edge`, warmer towards one end or towards its top."""
    c.mesh.begin_object()
    change_k = float(c.rng.normal(0, _GRADIENT_K))
    upright = c.chance(0.6)
    for strip in range(_STRIPS):
        low = strip / _STRIPS
        kelvin = change_k * (low - 0.5)
        # The share that the wall has already goes to what is behind it; the change needs one of its own.
        share = 0.5
        behind = surface.source_share * (surface.source_k - c.air_k)
        part = surface.heated(c.air_k + (behind + kelvin) / share, share)
        if upright:
            foot = (corner[0], corner[1], corner[2] + height * low)
            c.mesh.quad(foot, edge, (0.0, 0.0, height / _STRIPS), part)
        else:
            foot = (corner[0] + edge[0] * low, corner[1] + edge[1] * low, corner[2])
            along = (edge[0] / _STRIPS, edge[1] / _STRIPS, edge[2] / _STRIPS)
            c.mesh.quad(foot, along, (0.0, 0.0, height), part)
