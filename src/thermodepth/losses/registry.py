"""The loss terms by name. Adding a term is its own file and one row here.

Names are public: they stand in settings, run folders and published tables. They get aliases, never
renames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from thermodepth.errors import SettingsError
from thermodepth.extensions.registry import Registry
from thermodepth.losses.consistency_forms import FORMS as CONSISTENCY_FORMS
from thermodepth.losses.consistency_forms import FormRow as ConsistencyRow
from thermodepth.losses.gradient_consistency import (
    GradientConsistencySettings,
    gradient_consistency,
)
from thermodepth.losses.guided_smooth import GuidedSmoothSettings, guided_smooth
from thermodepth.losses.invariance import Invariance
from thermodepth.losses.maps import Maps
from thermodepth.losses.metric_gradient import MetricGradientSettings, metric_gradient
from thermodepth.losses.metric_relative import FORMS as RELATIVE_FORMS
from thermodepth.losses.metric_relative import MetricRelativeSettings, metric_relative
from thermodepth.losses.metric_silog import MetricSilogSettings, metric_silog
from thermodepth.losses.relative_error import RelativeErrorSettings, relative_error
from thermodepth.losses.sky import SkySettings, sky
from thermodepth.losses.structure_gradient import StructureGradientSettings, structure_gradient
from thermodepth.losses.structure_smooth import StructureSmoothSettings, structure_smooth
from thermodepth.losses.structure_ssi import FORMS as SSI_FORMS
from thermodepth.losses.structure_ssi import StructureSsiSettings, structure_ssi
from thermodepth.losses.term import Term, TermSettings, full_precision
from thermodepth.types import Batch, Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Another formula of a term, for the contracts to try beside the default one."""

    edits: Mapping[str, Any]  # of its settings
    least_at_truth: bool = True  # False: not even where its row is
    partial: tuple[str, ...] = ()  # maps whose gradient leaves out their way through a constant fit


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRow:
    """One loss term."""

    name: str
    group: str  # "always", or the switch in `Groups` that turns it off; a new name makes its switch
    term: Term  # on the shared maps, as `evaluate` calls it
    settings: type[TermSettings]
    summary: str  # one line for the documentation and the report
    mask: Literal["label", "depth", "sky", None]  # whose valid pixels it reads; None: every pixel
    invariances: tuple[Invariance, ...]
    forms: tuple[Form, ...] = ()
    #: For the documentation, with `{name}` for defaults of its settings. Empty: the summary stands there.
    formula: str = ""
    constants: tuple[str, ...] = ()  # maps of the prediction that it reads without a way back
    #: Whether a perfect prediction has its minimum on every scene; what smooths has it on flat ones.
    least_at_truth: bool = True
    partial: tuple[str, ...] = ()  # as in `Form`

    def function(self, prediction: Prediction, batch: Batch, settings: TermSettings) -> Tensor:
        """The term by itself: `[b]`, one value per image, float32 (float64 stays)."""
        with full_precision(prediction):
            value: Tensor = self.term(Maps(prediction, batch), settings)
            return value


#: Of the terms that read `gradient_form`.
_COSTS_OF_STEPS = tuple(Form(edits={"form": form}) for form in ("squared", "huber"))

#: The default first, then its other spaces, then the other forms.
_CONSISTENCIES: tuple[tuple[Mapping[str, Any], ConsistencyRow], ...] = (
    ({"form": "normalised"}, CONSISTENCY_FORMS["normalised"]),
    *(
        ({"form": "normalised", "space": space}, CONSISTENCY_FORMS["normalised"])
        for space in ("log", "depth")
    ),
    *(({"form": name}, row) for name, row in CONSISTENCY_FORMS.items() if name != "normalised"),
)

_ROWS = (
    LossRow(
        name="structure_ssi",
        group="always",
        term=structure_ssi,
        settings=StructureSsiSettings,
        summary="structure agrees with the teacher up to factor and offset, worst residuals trimmed",
        formula=(
            "mean abs( N(s) − N(t) ), the worst {trim:.0%} of each image left out (`trim`, "
            "approximately: see Numerics); other forms below (`form`)"
        ),
        mask="label",
        invariances=(Invariance("structure_affine"), Invariance("label_affine")),
        forms=tuple(Form(edits={"form": form}) for form in SSI_FORMS if form != "trimmed"),
    ),
    LossRow(
        name="structure_gradient",
        group="always",
        term=structure_gradient,
        settings=StructureGradientSettings,
        summary="edges of the structure are the teacher's edges, over four scales",
        formula=(
            "sum over {scales} `scales` of mean( abs(dx R) + abs(dy R) ), R = N(s) − N(t) in "
            "means of 1x1, 2x2, 4x4, 8x8 pixels, both blocks of a pair valid"
        ),
        mask="label",
        invariances=(Invariance("structure_affine"), Invariance("label_affine")),
        forms=_COSTS_OF_STEPS,
    ),
    LossRow(
        name="structure_smooth",
        group="smooth",
        term=structure_smooth,
        settings=StructureSmoothSettings,
        summary="structure is smooth where the thermal image has no edge",
        formula=(
            "mean( abs(dx N(s)) exp(−b abs(dx G)) + the same in y ), G = the {guide} image, "
            "contrast-normalised"
        ),
        mask="label",
        least_at_truth=False,
        invariances=(
            Invariance("structure_affine"),
            Invariance("image_affine"),
            Invariance("label_affine", {"guide": "teacher"}),
        ),
        forms=(Form(edits={"order": 2}),),
    ),
    LossRow(
        name="metric_relative",
        group="always",
        term=metric_relative,
        settings=MetricRelativeSettings,
        summary="metric depth is right relative to the distance",
        formula="mean abs(D − D*) / D*; other forms below (`form`)",
        mask="depth",
        invariances=(
            *(Invariance("unit_of_length", {"form": form}) for form in RELATIVE_FORMS),
            *(
                Invariance("depth_exchange", {"form": form})
                for form, row in RELATIVE_FORMS.items()
                if row.unbiased
            ),
        ),
        forms=tuple(Form(edits={"form": form}) for form in RELATIVE_FORMS if form != "relative"),
    ),
    LossRow(
        name="metric_silog",
        group="silog",
        term=metric_silog,
        settings=MetricSilogSettings,
        summary="metric depth has the right proportions, a common factor forgiven in part",
        formula="sqrt( var g + (1 − λ) mean(g)² + eps ), g = ln D − ln D*, λ = {lam:g}",
        mask="depth",
        invariances=(
            Invariance("unit_of_length"),
            Invariance("depth_exchange"),
            Invariance("depth_scale", {"lam": 1.0}),
        ),
    ),
    LossRow(
        name="guided_smooth",
        group="smooth",
        term=guided_smooth,
        settings=GuidedSmoothSettings,
        summary="metric depth is smooth where the structure is smooth",
        formula="mean( abs(dx ln D) exp(−b abs(dx N(s))) + the same in y ), s detached",
        mask=None,
        constants=("structure",),
        least_at_truth=False,
        invariances=(
            Invariance("depth_scale"),
            Invariance("structure_affine"),
            Invariance("image_affine", {"guide": "thermal"}),
            Invariance("label_affine", {"guide": "teacher"}),
            *(
                Invariance(change, {"space": space})
                for space in ("inverse", "depth")
                for change in ("depth_scale", "unit_of_length")
            ),
        ),
        forms=(
            Form(edits={"space": "inverse"}),
            Form(edits={"space": "depth"}),
            Form(edits={"order": 2}),
            Form(edits={"space": "inverse", "order": 2}),
        ),
    ),
    LossRow(
        name="gradient_consistency",
        group="consistency",
        term=gradient_consistency,
        settings=GradientConsistencySettings,
        summary="structure and metric depth have the same gradients",
        formula=(
            "sum over {scales} `scales` of mean( abs(dx(A − N(s))) + abs(dy(A − N(s))) ), A = "
            "N(1/D), in the same means; other forms below (`form`)"
        ),
        mask=None,
        invariances=tuple(
            Invariance(change, edits)
            for edits, row in _CONSISTENCIES
            for change in row.unchanged_by
        ),
        forms=tuple(
            Form(
                edits=edits,
                least_at_truth=row.least_at_truth and "space" not in edits,
                partial=("structure",) if row.aligned else (),
            )
            for edits, row in _CONSISTENCIES[1:]
        ),
    ),
    LossRow(
        name="sky",
        group="always",
        term=sky,
        settings=SkySettings,
        summary="sky is told from everything else",
        formula=(
            "mean( softplus(z) − y z + `far_weight` y max(0, ln `far_m` − ln D) ), z the "
            "logit of `model.sky`, y whether nothing was hit"
        ),
        mask="sky",
        invariances=(),
    ),
    LossRow(
        name="relative_error",
        group="always",
        term=relative_error,
        settings=RelativeErrorSettings,
        summary="the error to expect of each pixel's depth covers the share it says",
        formula=(
            "sum over levels k = .68, .90 of mean( max( k (u − q_k), (k − 1)(u − q_k) ) ), u "
            "= ln abs(ln D − ln D*), q_k of `model.relative_error`"
        ),
        mask="depth",
        invariances=(Invariance("unit_of_length"),),
        constants=("log_depth",),
    ),
    LossRow(
        name="metric_gradient",
        group="always",
        term=metric_gradient,
        settings=MetricGradientSettings,
        summary="metric depth steps by the truth's factors, over four scales; off by default",
        formula=(
            "sum over {scales} `scales` of mean( abs(dx g) + abs(dy g) ), g = ln D − ln D* in "
            "the same means, pairs of blocks with truth only"
        ),
        mask="depth",
        invariances=(
            Invariance("depth_scale"),
            Invariance("unit_of_length"),
            Invariance("depth_exchange"),
        ),
        forms=_COSTS_OF_STEPS,
    ),
)


def _check(row: LossRow) -> None:
    """Whether the name and the group of a user's row can stand in settings."""
    for what, name in (("loss term", row.name), ("group", row.group)):
        if not name.isidentifier() or name.startswith("model_") or hasattr(TermSettings, name):
            raise SettingsError(f"{what} '{name}': cannot be a name in settings; choose another")
    if row.name == "groups" or row.group in LOSSES:
        raise SettingsError(f"loss term '{row.name}' in group '{row.group}': one of them is taken")
    if not issubclass(row.settings, TermSettings):
        raise SettingsError(f"loss term '{row.name}': its settings are no subclass of TermSettings")
    row.settings()  # every field has a default


#: A term of a user's own joins it, and `LossesSettings` has its field.
LOSSES: Registry[LossRow] = Registry("loss term", LossRow, _ROWS, check=_check)
