"""Raw thermal frames and the recipe that turns them into network input.

A raw frame is counts whose gain and offset drift with the camera's own temperature, or kelvin, or an
8-bit picture after the camera's gain control. The recipe is data: it is stored with every model and
applied again at prediction, so training and use can never disagree silently.
"""

from thermodepth.thermal.normalisers import (
    NORMALISERS,
    RECIPE_VERSION,
    NormaliserSettings,
    NormaliserState,
    check_compatible,
    display,
    normalise,
)
from thermodepth.thermal.radiometric import RadiometricFrame, read_capture, read_radiometric
from thermodepth.thermal.radiometry import PlanckConstants, counts_of_kelvin, kelvin_of_counts
from thermodepth.thermal.reading import (
    looks_like_agc,
    picture_of,
    read_thermal,
    read_y16,
    refuse_agc,
    thermal_frame,
    thermal_unit,
    y16_bytes,
    y16_frame,
    y16_size_hint,
)
from thermodepth.thermal.telemetry import Margins, describe_rows, refuse_telemetry, telemetry_rows
from thermodepth.thermal.units import HIGHEST, MIN_SPAN

__all__ = [
    "HIGHEST",
    "MIN_SPAN",
    "NORMALISERS",
    "RECIPE_VERSION",
    "Margins",
    "NormaliserSettings",
    "NormaliserState",
    "PlanckConstants",
    "RadiometricFrame",
    "check_compatible",
    "counts_of_kelvin",
    "describe_rows",
    "display",
    "kelvin_of_counts",
    "looks_like_agc",
    "normalise",
    "picture_of",
    "read_capture",
    "read_radiometric",
    "read_thermal",
    "read_y16",
    "refuse_agc",
    "refuse_telemetry",
    "telemetry_rows",
    "thermal_frame",
    "thermal_unit",
    "y16_bytes",
    "y16_frame",
    "y16_size_hint",
]
