"""A finished study as its folder holds it, read once: nobody who computes or prints opens its files."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from thermodepth.data import Dataset
from thermodepth.errors import StudyError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import protocol_of
from thermodepth.statistics.questions import is_twin
from thermodepth.study.arm import ArmLabel
from thermodepth.study.design import Study
from thermodepth.study.gradients.arms import ArmDiagnostics, read_diagnostics
from thermodepth.study.pairing import check_pairing
from thermodepth.study.results.facts import StudyFacts, read_facts
from thermodepth.study.results.frames import FrameErrors, frame_errors, pick_frames
from thermodepth.study.results.lines import metric_depth_rows
from thermodepth.study.results.scenes import StudyScenes, read_scenes
from thermodepth.study.results.training_logs import Curve, read_curve
from thermodepth.study.run import StudyState, collect_rows
from thermodepth.training.log import FILE as LOG_FILE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyRecord:
    """Everything that a study's numbers, tables and page are made from."""

    facts: StudyFacts
    rows: pa.Table  # of all cells and baselines, under one protocol
    errors: FrameErrors  # by which the frames of the figures are chosen
    scenes: StudyScenes
    curves: tuple[Curve, ...]  # the logs of the finished cells
    diagnostics: tuple[ArmDiagnostics, ...]  # of the gradients, of arms that have any

    @property
    def arms(self) -> tuple[ArmLabel, ...]:
        """The arms, with results or without."""
        return labels_of(self.facts.study)


def read_study(study: Study, state: StudyState, dataset: Dataset) -> StudyRecord:
    """Read and check the cells that are done.

    Raises:
        StudyError: when arms of one seed did not share what they do not edit, the reference has no results,
            or the rows are of another protocol than the data set's.
        DataError: when a cell's files are missing or damaged.
    """
    folder = state.folder
    check_pairing(study, state.done, folder)
    rows = collect_rows(study, folder, state.done)
    facts = read_facts(study, state, dataset)
    check_protocol(rows, facts.protocol)
    arms = labels_of(study)
    # A twin has its line in every table; to look at, it is the reference once more.
    to_look_at = [arm for arm in arms if not is_twin(arm.name, study.reference)]
    finished = {cell.arm.name for cell in state.done}
    errors = frame_errors(metric_depth_rows(rows))
    picked = pick_frames(
        errors,
        reference=study.reference,
        arms=[arm.name for arm in to_look_at if arm.name in finished],
    )
    return StudyRecord(
        facts=facts,
        rows=rows,
        errors=errors,
        scenes=read_scenes(study, state, dataset, errors=errors, arms=to_look_at, picked=picked),
        curves=tuple(
            read_curve(folder.cell(cell) / LOG_FILE, arm=cell.arm.name, seed=cell.seed)
            for cell in state.done
        ),
        diagnostics=read_diagnostics(folder.path, arms),
    )


def labels_of(study: Study) -> tuple[ArmLabel, ...]:
    """The arms of a study as tables and figures call them."""
    return tuple(ArmLabel(name=arm.name, title=arm.title) for arm in study.arms)


def check_protocol(rows: pa.Table, protocol: Protocol) -> None:
    """
    Raises:
        StudyError: for rows that were made under another protocol.
        DataError: for rows of several.
    """
    if protocol_of(rows) != protocol.protocol_id():
        raise StudyError(
            f"the results were made under protocol {protocol_of(rows)}, and the report names "
            f"{protocol.protocol_id()}: score the stored predictions again"
        )
