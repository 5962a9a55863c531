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
from thermodepth.extensions.registry import NAME, Registry
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


def _free(*rows: MetricRow) -> None:
    """Whether a user's rows can stand beside those of every family.

    Raises:
        SettingsError: for a name or label that is taken.
    """
    labels = {row.label: row.name for row in METRICS.values()}
    for row in rows:
        if not NAME.fullmatch(row.name) or not row.name.isidentifier():
            raise SettingsError(f"metric '{row.name[:60]}': expected a name of a-z, 0-9 and _")
        if row.name in METRICS:
            raise SettingsError(f"metric '{row.name}': is there already; rows are never replaced")
        if row.label in labels:
            raise SettingsError(
                f"metric '{row.name}': its label '{row.label}' is that of {labels[row.label]}"
            )


ERRORS: Registry[ErrorRow] = Registry("metric", ErrorRow, DEPTH_ERROR, check=_free)
MAP_FAMILIES: Registry[MapFamily] = Registry(
    "family of metrics",
    MapFamily,
    (
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
    ),
    check=lambda family: _free(*family.rows),
)
#: Of models that tell how far off they expect to be; other rows are not theirs.
EXPECTED: dict[str, ExpectedRow] = {row.name: row for row in EXPECTED_ERROR}
#: Of all families; it follows them.
METRICS: dict[str, MetricRow] = {}


def _follow_families() -> None:
    METRICS.clear()
    METRICS.update(ERRORS)
    METRICS.update({row.name: row for family in MAP_FAMILIES.values() for row in family.rows})
    METRICS.update(EXPECTED)


_follow_families()
for _registry in (ERRORS, MAP_FAMILIES):
    _registry.followers.append(_follow_families)


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
