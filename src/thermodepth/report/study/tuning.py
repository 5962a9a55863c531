"""A search of weights as tables, a section of the page, and the sentences of METHODS.md."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from thermodepth.metrics import metric_rows
from thermodepth.report.page.skeleton import Section, table_html
from thermodepth.report.study.dose_charts import dose_svg
from thermodepth.report.study.findings_tables import interval_of
from thermodepth.report.table import Cell, Column, Table
from thermodepth.statistics.comparison import SCOPE_WORDS
from thermodepth.statistics.criterion import criterion_name
from thermodepth.statistics.labels import counted, p_text
from thermodepth.statistics.level_choice import LevelResult, TermChoice
from thermodepth.study.tuned import TunedLevel, TunedTerm, TunedWeights, settings_apart
from thermodepth.study.tuning.findings import LevelChoices
from thermodepth.training.settings import TrainingSettings

STEM = "tuning"  # of the table of choices; those of single terms have the term behind it
ONE_AT_A_TIME = (
    "One weight was moved at a time, the others as in the recipe: the chosen weights together were not "
    "trained."
)
CHOSEN_FOR_IT = (
    "The change of a chosen weight is flattered, for it was chosen by these frames; test frames tell what "
    "it is worth."
)
CAPTION = (
    "The criterion's change against the recipe's own weight (dotted line) with 95 % intervals; the band is "
    "what is too small to matter. Levels are multiples of the weight on a logarithmic axis, 0 beyond the "
    "break. Filled points and the bar along the floor: levels that cannot be told from the term's lowest, "
    "which is ringed."
)


# --- tables --------------------------------------------------------------------------------------


def tuning_tables(choices: LevelChoices, chosen: TunedWeights) -> dict[str, Table]:
    """By the stem of their files: what was chosen, then the levels of each term."""
    tables = {STEM: choices_table(choices, chosen)}
    for choice in choices.terms:
        tables[f"{STEM}_{choice.term}"] = levels_table(choice, choices, chosen)
    return tables


def choices_table(choices: LevelChoices, chosen: TunedWeights) -> Table:
    """A line a term: its weight in the recipe, the lowest one, and what cannot be told from that."""
    lines: list[tuple[Cell, ...]] = []
    for choice in choices.terms:
        change = choice.chosen.change
        equal = [r for r in choice.results if r.in_best and r is not choice.chosen]
        added = sum(r.grid.added for r in choice.results)
        lines.append(
            (
                choice.term,
                _number(choice.reference.grid.weight),
                _weight_words(choice.chosen),
                0.0 if change is None else change.percent,
                None if change is None else interval_of(change),
                "every other"
                if len(equal) + len(choice.lost) == len(choice.results) - 1
                else ", ".join(map(_weight_words, equal)) or "none",
                f"{len(choice.results)}{f' ({added} added)' if added else ''}",
                _END_WORDS[choice.end],
            )
        )
    return Table(
        title=f"Weights searched on the split '{chosen.split}'",
        columns=(
            Column(label="Term", align="left"),
            Column(label="Recipe"),
            Column(label="Lowest at"),
            Column(label="Δ (%)", digits=1, signed=True),
            Column(label="95 %", signed=True),
            Column(label="Not to be told from it", align="left"),
            Column(label="Weights"),
            Column(label="Lies", align="left"),
        ),
        rows=tuple(lines),
        notes=(*_notes(choices, chosen), ONE_AT_A_TIME, CHOSEN_FOR_IT),
    )


_END_WORDS = {
    "inside": "inside its grid",
    "upper": "at the upper end",
    "lower": "at the lower end",
    "off": "at 0: off",
}


def levels_table(choice: TermChoice, choices: LevelChoices, chosen: TunedWeights) -> Table:
    """A line a weight of one term."""
    metrics = metric_rows(list(chosen.metrics))
    lines: list[tuple[Cell, ...]] = []
    bold = set()
    all_equal = all(r.in_best for r in choice.results if r.criterion is not None)
    for number, result in enumerate(choice.results):
        means = choices.means.get(result.grid.arm, {}) if result.criterion is not None else {}
        lines.append(
            (
                _weight_words(result),
                f"{result.grid.level:g}{' (added)' if result.grid.added else ''}",
                _percent(choices.shares.get((choice.term, result.grid.arm))),
                *(means.get(row.name) for row in metrics),
                0.0
                if result.is_reference
                else None
                if result.change is None
                else result.change.percent,
                None if result.change is None else interval_of(result.change),
                None if result.p_from_best is None else p_text(result.p_from_best),
                _standing(choice, result),
            )
        )
        if result.in_best and not all_equal:
            bold.add((number, 0))
    return Table(
        title=f"Weights of {choice.term}",
        columns=(
            Column(label="Weight"),
            Column(label="times the recipe's" if choice.reference.grid.weight else "times"),
            Column(label="of the loss (%)", digits=1),
            *(Column(label=row.label, digits=row.digits, better="lower") for row in metrics),
            Column(label="Δ (%)", digits=1, signed=True),
            Column(label="95 %", signed=True),
            Column(label="p (Holm)"),
            Column(label="Is", align="left"),
        ),
        rows=tuple(lines),
        bold=frozenset(bold),
        notes=(
            choice.sentence,
            *_notes(choices, chosen),
            "Of the loss: the weighted term's share of the total over the last quarter of the training.",
            "p: of the difference from the lowest, after Holm over the other weights of this term"
            + (
                "." if all_equal else "; bold are the lowest and those that cannot be told from it."
            ),
        ),
    )


def _standing(choice: TermChoice, result: LevelResult) -> str:
    if result.criterion is None:
        return "without results in some seed"
    words = "lowest" if result is choice.chosen else "open" if result.in_best else "worse"
    return f"{words}, the recipe's own" if result.is_reference else words


def _notes(choices: LevelChoices, chosen: TunedWeights) -> tuple[str, ...]:
    changes = [r.change for choice in choices.terms for r in choice.results if r.change is not None]
    scope = next((each.printed_scope for each in changes if each.printed_scope), None)
    interval = f"95 % interval for {SCOPE_WORDS[scope]}" if scope else "no interval"
    reasons = dict.fromkeys(note for choice in choices.terms for note in choice.notes)
    return (
        f"Δ: {criterion_name(chosen.metrics)} against the recipe's weights, lower is better; {interval}; "
        f"{counted(len(chosen.seeds), 'seed')}, {counted(chosen.frames, 'frame')} of the split "
        f"'{chosen.split}' in {counted(chosen.recordings, 'recording')}.",
        *(f"{reason[:1].upper()}{reason[1:]}." for reason in reasons),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _weight_words(result: LevelResult) -> str:
    if not result.grid.weight:
        return "0"
    form = f" ({result.grid.form})" if result.grid.form else ""
    return f"{_number(result.grid.weight)}{form}"


def _number(value: float) -> str:
    return format(value, "g")


# --- the page ------------------------------------------------------------------------------------


def tuning_sections(choices: LevelChoices, tables: Mapping[str, Table]) -> list[Section]:
    """What was chosen, then of each term its curves and its weights."""
    parts = [table_html(tables[STEM])]
    for choice in choices.terms:
        drawn = [
            f"<figure><figcaption>{escape(curve.factor)}</figcaption>{svg}</figure>"
            for curve in choices.curves
            if curve.factor.partition(",")[0] == choice.term and (svg := dose_svg(curve))
        ]
        if drawn:
            parts.append(f'<div class="charts">\n{"".join(drawn)}\n</div>')
        parts.append(table_html(tables[f"{STEM}_{choice.term}"]))
    parts.append(f'<p class="caption">{escape(CAPTION)}</p>')
    return [Section(anchor="tuning", heading="Weights", parts=parts)]


# --- methods -------------------------------------------------------------------------------------


def search_methods(chosen: TunedWeights) -> str:
    """How weights were searched, for the folder of the search and for every study that uses them."""
    terms = ", ".join(term.name for term in chosen.terms)
    added = [
        f"{len(own)} of {term.name} ({', '.join(_level_words(level) for level in own)})"
        for term in chosen.terms
        if (own := [level for level in term.levels if level.added])
    ]
    beyond = (
        "Where the lowest weight lay at the end of its grid, the grid went on by the same rule for all: "
        f"{'; '.join(added)}."
        if added
        else "No grid went on beyond them."
    )
    return (
        f"Weights were searched on the validation split: those of {terms} on the "
        f"{counted(chosen.frames, 'frame')} of '{chosen.split}' ({counted(chosen.recordings, 'recording')}) "
        f"of {chosen.data}, which no network is trained on; test frames took no part. {_budget(chosen)} "
        f"{beyond} {ONE_AT_A_TIME} The lowest {criterion_name(chosen.metrics)} was taken; beside it stands "
        "what cannot be told from it, after Holm over the term's other weights. "
        + " ".join(_term_words(term) for term in chosen.terms)
        + f" {CHOSEN_FOR_IT}"
    )


def _budget(chosen: TunedWeights) -> str:
    """How many weights each term got before any grid went on."""
    several = {
        term.name: count
        for term in chosen.terms
        if (count := len({str(level.form) for level in term.levels})) > 1
    }
    # The recipe's own form has every weight of a grid; off stands with it alone.
    weights = {sum(not level.form and not level.added for level in t.levels) for t in chosen.terms}
    number = " or ".join(map(str, sorted(weights)))
    forms = "".join(
        f"; {name} had {count} forms, and so more tries" for name, count in several.items()
    )
    return (
        f"Every {'form of every ' if several else ''}term had the same budget, {number} weights with "
        f"{counted(len(chosen.seeds), 'seed')} each ({', '.join(map(str, chosen.seeds))}), "
        f"{chosen.steps} steps, on the same batches{forms}."
    )


def applied_methods(chosen: TunedWeights, settings: TrainingSettings) -> str:
    """The same in a study that was trained with the chosen weights, and what it does otherwise."""
    apart = ", ".join(
        f"{path} {old} there, {new} here"
        for path, (old, new) in settings_apart(chosen, settings).items()
    )
    edits = ", ".join(f"{path} = {value}" for path, value in chosen.edits.items())
    return (
        f"{search_methods(chosen)} Of the search '{chosen.name}' this study has "
        f"{edits or 'the weights of the recipe, which were the lowest'}. "
        + (
            f"What is otherwise than in the search: {apart}."
            if apart
            else "All else is as in the search."
        )
    )


def _term_words(term: TunedTerm) -> str:
    weights = ", ".join(_level_words(level) for level in term.levels)
    recipe = next(
        (each for each in term.levels if each.weight == term.recipe_weight and not each.form), None
    )
    lowest = next(
        each for each in term.levels if (each.weight, each.form) == (term.weight, term.form)
    )
    share = _share_words(recipe)
    if recipe is not lowest:
        share += f", lowest {_number(lowest.weight)}{_share_words(lowest)}"
    return f"{term.finding.rstrip('.')} (recipe {_number(term.recipe_weight)}{share}; tried {weights})."


def _share_words(level: TunedLevel | None) -> str:
    if level is None or level.loss_percent is None:
        return ""
    return f", {level.loss_percent:.1f} % of the loss"


def _level_words(level: TunedLevel) -> str:
    form = ", ".join(f"{name}={value}" for name, value in level.form.items())
    return f"{_number(level.weight)} ({form})" if form else _number(level.weight)
