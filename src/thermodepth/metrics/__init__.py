"""What a prediction is scored by: one file per family, one table of all.

    row.py            the line of the table, and what a measurement looks like
    pixels.py         scored pixels, their errors computed once, groups of them
    truth_map.py      the truth of a frame as a picture, derived once for every prediction
    depth_error.py    AbsRel, both SqRel, RMSE, RMSElog, SILog, the deltas, MAE, log10, log bias
    boundary.py       precision, recall and F1 of depth boundaries, F1 also at the map's own size
    edge_distance.py  how far predicted and true edges lie apart (iBims)
    gradient_error.py differences of ln depth over 1, 2, 4 and 8 pixels
    normals.py        angles of surface normals
    ordinal.py        which of two pixels is nearer: works on sparse truth
    rank.py           rank correlation, plain and beyond the layout of the picture
    variability.py    total variation, off edges and on them
    ledger.py         the parts of the squared error of one frame
    scale.py          the factor that each frame's scale is off by
    expected_error.py whether a model that tells its relative error is right about it

A metric is added by its row in the family's file; a family by its file and its name below. Scoring needs
numpy, scipy, OpenCV and scikit-image, never torch.
"""

from __future__ import annotations

from collections.abc import Iterable

from thermodepth.errors import SettingsError, unknown
from thermodepth.metrics.arrays import Map as Map
from thermodepth.metrics.arrays import Pixels as Pixels
from thermodepth.metrics.boundary import BOUNDARY, BOUNDARY_OWN
from thermodepth.metrics.depth_error import DEPTH_ERROR
from thermodepth.metrics.edge_distance import EDGE_DISTANCE
from thermodepth.metrics.expected_error import EXPECTED_ERROR, ExpectedRow
from thermodepth.metrics.expected_error import checked_expected as checked_expected
from thermodepth.metrics.gradient_error import GRADIENT_ERROR
from thermodepth.metrics.ledger import LEDGER
from thermodepth.metrics.normals import NORMALS
from thermodepth.metrics.ordinal import ORDINAL
from thermodepth.metrics.pixels import Groups as Groups
from thermodepth.metrics.pixels import PixelErrors as PixelErrors
from thermodepth.metrics.rank import RANK
from thermodepth.metrics.rank import RankAgreement as RankAgreement
from thermodepth.metrics.rank import RankReference as RankReference
from thermodepth.metrics.rank import partial_correlation as partial_correlation
from thermodepth.metrics.rank import rank_agreement as rank_agreement
from thermodepth.metrics.row import Better as Better
from thermodepth.metrics.row import ErrorRow as ErrorRow
from thermodepth.metrics.row import MapFamily as MapFamily
from thermodepth.metrics.row import Measured as Measured
from thermodepth.metrics.row import MetricRow as MetricRow
from thermodepth.metrics.scale import SCALE
from thermodepth.metrics.truth_map import TruthMap as TruthMap
from thermodepth.metrics.variability import VARIABILITY

ERRORS: dict[str, ErrorRow] = {row.name: row for row in DEPTH_ERROR}
MAP_FAMILIES: tuple[MapFamily, ...] = (
    BOUNDARY,
    BOUNDARY_OWN,
    EDGE_DISTANCE,
    GRADIENT_ERROR,
    NORMALS,
    ORDINAL,
    RANK,
    VARIABILITY,
    LEDGER,
    SCALE,
)
#: Of models that tell how far off they expect to be; other rows are not theirs.
EXPECTED: dict[str, ExpectedRow] = {row.name: row for row in EXPECTED_ERROR}
METRICS: dict[str, MetricRow] = {
    **ERRORS,
    **{row.name: row for family in MAP_FAMILIES for row in family.rows},
    **EXPECTED,
}


def metric_rows(names: Iterable[str]) -> tuple[MetricRow, ...]:
    """The rows of these names, in this order.

    Raises:
        SettingsError: for no name at all, a name that is not in the table, or one given twice.
    """
    requested = tuple(names)
    if not requested:
        raise SettingsError(f"no metric was named (known: {', '.join(sorted(METRICS))})")
    for name in requested:
        if name not in METRICS:
            raise SettingsError(unknown("metric", name, METRICS))
        if requested.count(name) > 1:
            raise SettingsError(f"metric '{name}' is named twice")
    return tuple(METRICS[name] for name in requested)


__all__ = [
    "ERRORS",
    "EXPECTED",
    "MAP_FAMILIES",
    "METRICS",
    "Better",
    "ErrorRow",
    "ExpectedRow",
    "Groups",
    "Map",
    "MapFamily",
    "Measured",
    "MetricRow",
    "PixelErrors",
    "Pixels",
    "RankAgreement",
    "RankReference",
    "TruthMap",
    "checked_expected",
    "metric_rows",
    "partial_correlation",
    "rank_agreement",
]
