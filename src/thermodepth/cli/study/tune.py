"""`thermodepth study tune`: a fair search of loss weights on the validation split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import OptionalData, Set, Steps, StudyOut, Tuned, With, load_with
from thermodepth.cli.study.computing import HERE, ComputingOptions, compute_cells
from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.data import Dataset
    from thermodepth.study.tuning.rounds import SearchState

SearchName = Annotated[
    str,
    typer.Argument(
        help="What is searched around: a recipe such as thermal, or the base run of a study: paper, or a "
        "study file, .toml or .py, whose arms do not count."
    ),
]
Terms = Annotated[
    str,
    typer.Option(
        help="Loss terms, with commas; TERM=WEIGHT for one that the recipe gives no weight. Default: those "
        "in a group that studies switch."
    ),
]
Forms = Annotated[
    bool, typer.Option("--forms", help="Search every form of each term, each at the same weights.")
]
Levels = Annotated[
    str, typer.Option(help="Multiples of the recipe's weight, with commas; 1 among them.")
]
SearchSeeds = Annotated[
    int | None,
    typer.Option(
        "--seeds", min=1, max=1000, help="Seeds per level. Default: 3, or several of the file."
    ),
]
Split = Annotated[
    str, typer.Option(help="Whose frames the weights are chosen on; never the test split.")
]
MostAdded = Annotated[
    int,
    typer.Option(
        min=0, max=10, help="The most levels that go on where a grid's lowest lies at its end."
    ),
]


def tune(
    name: SearchName = "thermal",
    terms: Terms = "",
    forms: Forms = False,
    levels: Levels = "0,0.1,0.3,1,3,10",
    data: OptionalData = None,
    seeds: SearchSeeds = None,
    steps: Steps = None,
    split: Split = "val",
    most_added: MostAdded = 2,
    out: StudyOut = None,
    tuned: Tuned = None,
    edits: Set = [],
    extensions: With = [],
    computing: ComputingOptions = HERE,
) -> None:
    """Search the weights of loss terms with the same care for each, on the validation split.

    One term is moved at a time; all have the same levels, seeds and batches. Where a term's lowest level
    lies at the end of its grid, the grid goes on. tuned.toml holds what was chosen, for `study run --tuned`.
    The same command goes on where it was stopped.
    """
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.cli.edits import edits_of_options
    from thermodepth.cli.terminal import error_console
    from thermodepth.data import open_dataset
    from thermodepth.recipes.planned_search import planned_search
    from thermodepth.study.folder import known_arms, study_folder_of
    from thermodepth.study.inputs import check_starts
    from thermodepth.study.tuning.rounds import run_search

    options = {"data.source": ("--data", data), "steps": ("--steps", steps)}
    planned = planned_search(
        name,
        edits_of_options(options, edits),
        terms=[term.strip() for term in terms.split(",") if term.strip()],
        forms=forms,
        levels=_levels(levels),
        seeds=seeds,
        split=split,
        most_added=most_added,
        tuned=tuned,
    )
    executor = computing.cell_executor(planned.settings)
    dataset = open_dataset(planned.settings.data.source)
    resolved = replace(planned, settings=planned.settings.resolved(dataset))
    dataset.split(split)  # before anything is computed
    check_starts(resolved.study())
    folder = out or study_folder_of(resolved.study(), dataset)
    end = run_search(
        resolved.continued(known_arms(folder)),
        lambda study: compute_cells(
            study, folder, dataset, executor, only_prints=computing.only_prints
        ),
        lambda sentence: error_console.print(sentence, soft_wrap=True, markup=False),
    )
    _write(end, dataset, folder)


def _levels(text: str) -> list[float]:
    try:
        return [float(level) for level in text.split(",")]
    except ValueError:
        raise SettingsError(f"--levels {text}: expected numbers with commas") from None


def _write(end: SearchState, dataset: Dataset, folder: Path) -> None:
    """Write what was chosen, or say what is missing for a choice."""
    from thermodepth.cli.terminal import console
    from thermodepth.report.study.write import write_results
    from thermodepth.study.tuned import FILE, write_tuned
    from thermodepth.study.tuning.findings import tuned_weights

    if end.state is None:  # the cells were only printed
        return
    if end.choices is None:
        end.state.require_complete()
    assert end.choices is not None, "a search whose cells are done has chosen"
    chosen = tuned_weights(
        end.search, end.choices, dataset, end.study.identity(dataset.fingerprint())
    )
    write_tuned(folder / FILE, chosen)
    results = write_results(end.study, end.state, dataset, choices=end.choices, chosen=chosen)
    console.print()
    console.print(results.table.rich())
    for path in (folder / FILE, *results.files):
        console.print(f"  {path}", soft_wrap=True)
    end.state.require_complete()
