"""`thermodepth study cell`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.options import With, load_with
from thermodepth.errors import DivergedError, StudyError
from thermodepth.threads import set_thread_policy

Folder = Annotated[Path, typer.Argument(help="A study's folder.")]
Names = Annotated[
    list[str], typer.Argument(help="ARM/seed-N. Several are computed one after the other.")
]


def cell(folder: Folder, names: Names, extensions: With = []) -> None:
    """Compute cells of a study: what `study run --executor print` writes lines of."""
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.cli.study.progress import plain_news
    from thermodepth.study.executors.launch import compute, enter_working_folder
    from thermodepth.study.folder import prepared_job

    jobs = [prepared_job(folder.absolute(), name) for name in dict.fromkeys(names)]
    enter_working_folder(jobs[0])
    # Several GPUs are this command several times: who starts it knows how many.
    tell = plain_news({job.name: job.settings.steps for job in jobs})
    errors = {job.name: error for job in jobs if (error := compute(job, tell, gpus=1))}
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        listing = "".join(f"\n  {name}: {error}" for name, error in errors.items())
        message = f"{len(errors)} of {len(jobs)} cells failed; what is done is kept.{listing}"
        only_diverged = all(isinstance(error, DivergedError) for error in errors.values())
        raise DivergedError(message) if only_diverged else StudyError(message)
