"""What the three units of a raw frame have in common, and where they end."""

from __future__ import annotations

import math

from thermodepth.types import ThermalUnit

#: The span below which a frame counts as flat: stretching less would only show sensor noise.
#: 12 counts is what camera gain controls use as a floor; at 45 counts per kelvin it is 0.27 K.
MIN_SPAN = {ThermalUnit.COUNTS: 12.0, ThermalUnit.KELVIN: 0.27, ThermalUnit.DISPLAY: 4.0}

#: The highest value that a frame of the unit can hold.
HIGHEST = {ThermalUnit.COUNTS: 65535.0, ThermalUnit.KELVIN: math.inf, ThermalUnit.DISPLAY: 255.0}
