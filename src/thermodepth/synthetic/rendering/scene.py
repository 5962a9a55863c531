"""What a grammar hands to the renderer."""

from __future__ import annotations

from dataclasses import dataclass, field

from thermodepth.synthetic.cameras.path import Travel
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.grammar.mesh import Mesh
from thermodepth.synthetic.weather.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Scene:
    """One world at one moment."""

    seed: int
    kind: str  # street, room or another row of `sites.SITES`
    conditions: Conditions
    mesh: Mesh  # at this moment
    camera: CameraPose  # at the first moment
    travel: Travel = field(default_factory=Travel)
