"""The sentences that a paper needs to say how its numbers came about."""

from __future__ import annotations

from thermodepth.study.analysis.findings import Findings
from thermodepth.study.analysis.labels import label_of
from thermodepth.study.analysis.questions import is_twin
from thermodepth.study.analysis.twin import twin_sentences


def methods_text(found: Findings) -> str:
    """Markdown, to be copied into a methods section and cut."""
    first = next(iter(found.measurements.values()))
    seeds, clusters = len(first.seeds), len(set(first.clusters))
    made = found.settled[0].comparison if found.settled else None
    primary = ", ".join(label_of(found.measurements[name].metric) for name in found.primary)
    margin = ""
    if made is not None and made.reference_value:
        margin = f"{100 * made.margin / abs(made.reference_value):g} %"
    arms = [arm for arm in found.arms if not is_twin(arm, found.reference)]
    lines = [
        "# Methods",
        "",
        f"We trained {len(arms)} configurations ({', '.join(arms)}), each with {seeds} "
        f"seed{'s' * (seeds != 1)} ({', '.join(map(str, first.seeds))}). All configurations of one seed "
        "started from the same weights and saw the same batches. "
        f"Every model was scored on the same {len(first.images)} images of {clusters} recordings or scenes.",
        "",
        "Every reported difference is a linear contrast of the configurations' means. Its 95 % interval "
        "accounts for seeds and scenes as crossed random factors (two-way analysis of variance with "
        "Satterthwaite's degrees of freedom, bounded by the share of the seeds' variance pooled over the "
        "contrasts of one metric); images of one recording form one cluster.",
        "",
        f"Primary metrics: {primary}. Their p-values are adjusted by Holm's method over "
        f"{max((s.family for s in found.settled), default=0)} declared comparisons; all other metrics are "
        f"descriptive. A difference whose 90 % interval lies within ±{margin} of the reference "
        f"({found.reference}) is called equivalent (two one-sided tests); one with an adjusted p-value of "
        "at most .05 is called better or worse; all others cannot be told.",
    ]
    if made is not None:
        lines += [
            "",
            f"With {seeds} seed{'s' * (seeds != 1)} the smallest p-value of an exact sign-flip test over "
            f"seeds is {made.least_sign_flip:.3g}.",
        ]
    for told in remarks_of(found):
        lines += ["", told]
    if found.outcomes:
        lines += ["", "Claims:", ""]
        lines += [f"- {o.claim.text}: **{o.result}**. {o.sentence}" for o in found.outcomes]
    return "\n".join(lines) + "\n"


def remarks_of(found: Findings) -> list[str]:
    """A sentence for each weight that was varied, on each primary metric, and for the reference's twin."""
    primary = {found.measurements[name].metric for name in found.primary}
    doses = [curve.sentence for curve in found.doses if curve.metric in primary]
    return [*doses, *twin_sentences(found.settled)]
