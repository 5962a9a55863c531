"""The sentences that a paper needs to say how its numbers came about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from thermodepth.report.study.pattern_tables import pattern_sentences, patterns_words
from thermodepth.report.study.readings import READING, WHAT
from thermodepth.statistics.claims import RESULT_WORDS
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, Comparison
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.measurements import RUN_LEVEL, Measurements
from thermodepth.statistics.questions import is_twin
from thermodepth.statistics.twin import twin_sentence

_NO_TRAINING = (
    "These are the statistics. Data, splits, resolution, network, teacher, losses, training, protocol, "
    "hardware and versions are not known here; a study's own METHODS.md has them."
)


def methods_text(findings: Findings, *, pairing: str = "", training: str = "") -> str:
    """Markdown, to be copied into a methods section and cut.

    Args:
        found: of the study.
        pairing: a sentence on what the arms of a seed shared; empty where nobody knows.
        training: paragraphs on how the models were trained; without them the text says that they are missing.
    """
    first = next(iter(findings.measurements.values()))
    higher = [
        label_of(s.comparison.metric)
        for s in findings.tested
        if s.declared and s.comparison.better == "higher"
    ]
    seeds, clusters = len(first.seeds), len(set(first.clusters))
    comparison = findings.tested[0].comparison if findings.tested else None
    primary = ", ".join(label_of(findings.measurements[name].metric) for name in findings.primary)
    margin = ""
    if comparison is not None and comparison.reference_value:
        margin = f"{100 * comparison.margin / abs(comparison.reference_value):g} %"
    arms = [arm for arm in findings.arms if not is_twin(arm, findings.reference)]
    lines = [
        "# Methods",
        "",
        training.rstrip() or _NO_TRAINING,
        "",
        f"We trained {len(arms)} configurations ({', '.join(arms)}), each with {seeds} "
        f"seed{'s' * (seeds != 1)} ({', '.join(map(str, first.seeds))}). {f'{pairing} ' if pairing else ''}"
        f"{_lost(first, arms)}"
        f"{_scored(first, clusters)}",
        "",
        "Every reported difference is a linear contrast of the configurations' means. "
        f"{_interval(comparison)}",
        "",
        f"Primary metrics: {primary or 'none'}; higher is better for "
        f"{', '.join(dict.fromkeys(higher)) or 'none'}, lower for the others. "
        f"{_verdicts(findings, margin) if seeds > 1 else _NO_VERDICT}",
    ]
    if comparison is not None and seeds > 1:
        lines += [
            "",
            f"With {seeds} seed{'s' * (seeds != 1)} the smallest p-value of an exact sign-flip test over "
            f"seeds is {comparison.least_sign_flip:.3g}.",
        ]
    for sentences in (*findings.assumptions, *remarks_of(findings)):
        lines += ["", sentences]
    if findings.patterns:
        lines += ["", " ".join(patterns_words(findings)), ""]
        lines += [f"- {sentence}" for sentence in pattern_sentences(findings)]
    lines += _readings(findings)
    if findings.outcomes:
        lines += ["", "Claims:", ""]
        lines += [
            f"- {o.claim.text}: **{findings.switched_by(o.claim.question).words}: "
            f"{RESULT_WORDS[o.result]}**. {o.sentence}"
            for o in findings.outcomes
        ]
    return "\n".join(lines) + "\n"


def _readings(findings: Findings) -> list[str]:
    """Which terms each declared question switches, in what form, and what they weigh."""
    declared = {
        s.comparison.question.name: s.comparison.question
        for s in findings.tested
        if s.declared and s.comparison.question.name in findings.switched
    }
    if not declared:
        return []
    lines = [
        f"- {question.title}: {findings.switched_by(question).text}"
        for question in declared.values()
    ]
    return ["", f"{READING} {WHAT}", "", *lines]


_NO_VERDICT = "Of single runs nothing is called better, worse or equivalent."


def _verdicts(findings: Findings, margin: str) -> str:
    """By what rule a difference gets a verdict."""
    return (
        "Their p-values are adjusted by Holm's method over "
        f"{max((s.family for s in findings.tested), default=0)} declared comparisons; all other metrics are "
        f"descriptive. A difference whose 90 % interval lies within ±{margin} of the reference "
        f"({findings.reference}) is called equivalent (two one-sided tests); one with an adjusted p-value of "
        "at most .05 is called better or worse; all others cannot be told."
    )


def _scored(block: Measurements, clusters: int) -> str:
    """What the numbers are of."""
    if block.images == (RUN_LEVEL,):
        return (
            "Of every run one number a metric was logged; what it is a mean of is not known here."
        )
    return (
        f"Every model was scored on the same {len(block.images)} images of {clusters} recordings or "
        "scenes."
    )


def _lost(block: Measurements, arms: Sequence[str]) -> str:
    """Which arms have fewer results than were asked for."""
    sentences = []
    for arm in arms:
        measured = block.present[block.place(arm)]
        if measured.all():
            continue
        seeds = ", ".join(str(block.seeds[place]) for place in np.flatnonzero(measured))
        sentences.append(f"{arm} has results of {f'seeds {seeds} only' if seeds else 'no seed'}")
    return f"Not every training gave results: {'; '.join(sentences)}. " if sentences else ""


def _interval(comparison: Comparison | None) -> str:
    """What the intervals allow for, by the scope that the study has."""
    if comparison is not None and comparison.scope == "scenes":
        return (
            f"{ONE_RUN.capitalize()}, so differences stand without intervals. What other scenes would do to "
            "these very weights (t over recordings; images of one recording form one cluster) is told apart "
            "from them, in the table of scopes."
        )
    if comparison is not None and comparison.scope == "seeds":
        return f"{ONE_RECORDING.capitalize()}. Its 95 % interval allows for seeds alone (paired t)."
    return (
        "Its 95 % interval allows for seeds and scenes as crossed random factors (two-way analysis of "
        "variance with Satterthwaite's degrees of freedom, bounded by the share of the seeds' variance "
        "pooled over the contrasts of one metric; the variance between recordings by a jackknife that is "
        "never too small on average, whatever their lengths); images of one recording form one cluster."
    )


def remarks_of(findings: Findings) -> list[str]:
    """A sentence for each switch at levels, each weight that was varied, and for the reference's twin."""
    primary = {findings.measurements[name].metric for name in findings.primary}
    doses = [curve.sentence for curve in findings.doses if curve.metric in primary]
    twin = twin_sentence(findings.tested)
    levels = [curve.sentence for curve in findings.levels]
    return [*levels, *doses, *([twin] if twin else [])]
