"""What a study's folder holds, and whether it is this study's.

`study.json` holds all that a cell needs beside the data, so whoever sees the folder can compute one. Seeds
and arms are added to it and never taken away; everything else belongs to the study and may not change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from thermodepth.checksums import read_record, write_record
from thermodepth.config import Settings, flatten
from thermodepth.config import identity as identity_tree
from thermodepth.data import Dataset
from thermodepth.errors import DataError, SettingsError, StudyError, unknown
from thermodepth.extensions import ExtensionRecord, check_loaded, extension_records
from thermodepth.lock import LOCK, holding
from thermodepth.statistics.questions import NAME
from thermodepth.study.cell_job import CellJob
from thermodepth.study.design import TEST_SPLIT, Study
from thermodepth.study.factors_record import ArmFactorsRecord
from thermodepth.study.inputs import label_key
from thermodepth.study.pairing import pairing_words
from thermodepth.study.paths import StudyFolder as StudyFolder
from thermodepth.teacher import LabelStore
from thermodepth.training.settings import TrainingSettings

#: Names that are also folders. What a record says is not believed: `..` would lead out of the study.
_FOREIGN = "not empty and no study of ours; choose another --out"


def study_folder_of(study: Study, dataset: Dataset) -> Path:
    """Where a study goes when nobody says."""
    return Path("runs") / f"{study.name}-{dataset.name}"


class ArmRecord(Settings):
    """An arm, as `study.json` keeps it."""

    name: str
    title: str
    edits: dict[str, Any]

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"arm name {name!r:.80}, expected a-z, 0-9 and dashes")
        return name


class DesignRecord(Settings):
    """The study without its seeds; arms are added to it and never taken away."""

    model_config = ConfigDict(extra="ignore")  # what decides no number is not kept

    name: str
    title: str
    reference: str
    arms: tuple[ArmRecord, ...]
    settings: dict[str, Any]
    scored_split: str = TEST_SPLIT

    @property
    def extensions(self) -> tuple[ExtensionRecord, ...]:
        """Files and packages whose rows the settings may name."""
        return extension_records(self.settings.get("extensions", []), f"study {self.name}")

    def base(self, runtime: Mapping[str, Any]) -> TrainingSettings:
        """The settings that arms are edits of.

        Raises:
            SettingsError: for settings that cannot be, or extensions that were not given.
        """
        check_loaded(self.extensions, f"study {self.name}")
        own = [record.tree() for record in self.extensions]  # and no other that is loaded
        return TrainingSettings.parse({**self.settings, "runtime": runtime, "extensions": own})


class StudyManifest(Settings):
    """The content of `study.json`."""

    model_config = ConfigDict(extra="ignore")

    identity: str
    data: str  # spec of what all arms are scored on
    data_fingerprint: str
    seeds: tuple[int, ...]  # every one that was ever asked for
    study: DesignRecord
    runtime: dict[str, Any] = Field(default_factory=dict)
    #: Earlier versions did not keep it.
    arm_factors: ArmFactorsRecord | None = Field(default=None, alias="asked")
    working_folder: str = ""  # what relative paths in settings and data spec start from
    #: By `label_key` the store below `labels/`, empty until they are made. Earlier versions had one for all.
    labels: dict[str, str] | str = Field(default_factory=dict)

    @field_validator("labels")
    @classmethod
    def _are_folders(cls, labels: dict[str, str] | str) -> dict[str, str] | str:
        for name in labels.values() if isinstance(labels, dict) else [labels]:
            if name in (".", "..") or set(name) & set("/\\"):
                raise ValueError(f"labels {name!r:.80}, expected the name of one folder")
        return labels

    def labels_of(self, settings: TrainingSettings) -> str:
        """The store of the labels that a cell with these settings asks for; empty until they are made."""
        if isinstance(self.labels, dict):
            return self.labels.get(label_key(settings), "")
        base = self.study.base(self.runtime)
        return self.labels if label_key(base) == label_key(settings) else ""


def open_study(study: Study, out: Path, dataset: Dataset) -> StudyFolder:
    """Make the folder, or recognise it as this study's, to which seeds and arms may be added.

    Processes that add to it at once wait for each other, and nothing of either is lost.

    Raises:
        StudyError: when it belongs to another study or to something else, or when an arm of this name
            was another one there.
    """
    folder = StudyFolder(path=out)
    design = DesignRecord.parse(study.describe())
    runtime = study.settings.tree()["runtime"]
    # Nothing is put into a folder of something else, not even a lock; one with a lock may be in the making.
    if _is_foreign(folder) and not (out / LOCK).is_file():  # asked last: it is made first
        raise StudyError(f"{out}: {_FOREIGN}")
    with holding(out):
        if _is_foreign(folder):
            raise StudyError(f"{out}: {_FOREIGN}")
        known = _read_record(folder) if folder.record.is_file() else None
        difference_words = _parted(known, design, runtime, dataset.fingerprint()) if known else ""
        if difference_words:
            raise StudyError(
                f"{out}: holds another study ({difference_words}). Choose another --out, or delete the folder"
            )
        now = {arm.name for arm in design.arms}
        former = [arm for arm in known.study.arms if arm.name not in now] if known else []
        record = StudyManifest(
            identity=study.identity(dataset.fingerprint()),
            data=dataset.spec,
            data_fingerprint=dataset.fingerprint(),
            seeds=tuple(sorted({*study.seeds, *(known.seeds if known else ())})),
            study=design.model_copy(update={"arms": (*design.arms, *former)}),
            runtime=runtime,
            asked=ArmFactorsRecord.of_arms(study.arm_factors, pairing_words(study)),
            working_folder=str(Path.cwd()),
            labels=known.labels if known else {},
        )
        write_record(folder.record, record.model_dump(mode="json", by_alias=True))
    return folder


def known_arms(out: Path) -> tuple[str, ...]:
    """The names of all arms that the study of a folder ever had; none where there is no study.

    Raises:
        StudyError: for a damaged record.
    """
    folder = StudyFolder(path=out)
    if not folder.record.is_file():
        return ()
    return tuple(arm.name for arm in _read_record(folder).study.arms)


def _is_foreign(folder: StudyFolder) -> bool:
    """Whether something else is there, and no study."""
    if folder.record.is_file() or not folder.path.exists():
        return False
    return not folder.path.is_dir() or any(p.name != LOCK for p in folder.path.iterdir())


def note_labels(folder: StudyFolder, stores: Mapping[str, LabelStore]) -> None:
    """Say in the study's record which store has which labels, by `label_key`."""
    with holding(folder.path):
        record = read_record(folder.record)
        before = record.get("labels")
        now = {key: store.folder.name for key, store in stores.items()}
        record["labels"] = {**(before if isinstance(before, dict) else {}), **now}
        write_record(folder.record, record)


def _read_record(folder: StudyFolder) -> StudyManifest:
    try:
        return StudyManifest.parse(read_record(folder.record), where=str(folder.record))
    except DataError as error:
        raise StudyError(f"{error}; delete the folder to start again") from None
    except SettingsError as error:
        raise StudyError(
            f"{folder.path}: holds another study ({error}). Choose another --out, or delete the folder"
        ) from None


def _parted(
    known: StudyManifest, design: DesignRecord, runtime: Mapping[str, Any], data: str
) -> str:
    """What keeps the two from being one study; empty when seeds, arms and titles are all there is."""
    if known.study.name != design.name:
        return f"name: {known.study.name} there, {design.name} now"
    try:
        old = known.study.base(known.runtime)
    except SettingsError as error:
        return str(error)
    former, present = (_deciding(settings) for settings in (old, design.base(runtime)))
    for key in sorted(former.keys() | present.keys()):
        if former.get(key) != present.get(key):
            return f"{key}: {json.dumps(former.get(key))} there, {json.dumps(present.get(key))} now"
    if known.data_fingerprint != data:
        return "its data changed"
    if known.study.scored_split != design.scored_split:
        return f"scored on: {known.study.scored_split} there, {design.scored_split} now"
    was = {arm.name: arm.edits for arm in known.study.arms}
    for arm in design.arms:
        edits = was.get(arm.name, arm.edits)
        # The place of the data may change; what they are is part of every cell's fingerprint.
        for key in sorted((edits.keys() | arm.edits.keys()) - {"data.source"}):
            if edits.get(key) != arm.edits.get(key):
                words = [json.dumps(e[key]) if key in e else "unedited" for e in (edits, arm.edits)]
                return f"arm {arm.name}: {key} {words[0]} there, {words[1]} now"
    return ""


def _deciding(settings: TrainingSettings) -> dict[str, Any]:
    """Dotted settings that decide numbers; the data are known by their fingerprint, not by their place."""
    flat = flatten(identity_tree(settings))
    return {key: value for key, value in flat.items() if key not in ("seed", "data.source")}


def prepared_job(out: Path, name: str) -> CellJob:
    """A cell of a study folder whose labels are made, known by its name `ARM/seed-N`.

    Raises:
        StudyError: for a folder without a study, without labels, or without this cell.
    """
    folder = StudyFolder(path=out)
    record = _read_record(folder)
    arms = {arm.name: arm for arm in record.study.arms}
    arm_name, _, seed_text = name.partition("/seed-")
    if arm_name not in arms:
        raise StudyError(f"{out}: {unknown('arm', arm_name, arms)}")
    if seed_text not in map(str, record.seeds):
        known = ", ".join(map(str, record.seeds))
        raise StudyError(f"{out}: cell '{name}', expected ARM/seed-N with N of {known}")
    base = record.study.base(record.runtime)
    settings = base.edit({**arms[arm_name].edits, "seed": int(seed_text)})
    labels = record.labels_of(settings)
    if not labels:
        raise StudyError(
            f"{out}: not prepared yet for {name}; `thermodepth study run` makes its labels first"
        )
    return CellJob(
        study=record.study.name,
        name=name,
        arm=arm_name,
        seed=int(seed_text),
        settings=settings,
        scored_on=base.data.source,
        scored_split=record.study.scored_split,
        folder=out / "cells" / name,
        labels=LabelStore.existing(folder.labels / labels),
        working_folder=record.working_folder,
    )
