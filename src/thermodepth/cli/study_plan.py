"""`study plan`: a look at a study before it is run."""

from __future__ import annotations

from thermodepth.cli.options import (
    GivenData,
    Seeds,
    Set,
    Steps,
    StudyName,
    StudyOut,
    Twin,
    With,
    load_with,
)
from thermodepth.threads import set_thread_policy


def study_plan(
    name: StudyName,
    data: GivenData = None,
    seeds: Seeds = None,
    steps: Steps = None,
    twin: Twin = False,
    out: StudyOut = None,
    edits: Set = [],  # noqa: B006
    extensions: With = [],  # noqa: B006
) -> None:
    """What a study would train, ask and be able to answer. Nothing is trained or written."""
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.commands.plan import show_plan

    show_plan(name, data=data, seeds=seeds, steps=steps, twin=twin, out=out, edits=edits)
