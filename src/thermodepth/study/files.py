"""A study as a file, TOML or Python, so that it can be read, kept and sent.

name = "which-losses"
title = "Which losses carry the depth?"
extensions = ["my_losses.py"]      # files of one's own terms and the like; they are run
recipe = "thermal"                 # the run that every arm starts from
seeds = 5                          # 0 to 4; or a list such as [3, 7]
design = "full-factorial"          # or another of DESIGNS; without it, by the number of factors
primary = ["abs_rel", "rmse"]
smallest_effect = 0.01             # what is too small to matter, a share of the reference
budget_hours = 8                   # of training in all: no seed is begun that would not fit
twin = true                        # the reference once more, for the noise of the machine
settings.steps = 600               # edits of the recipe, in dots or in sections
tuned = "tuned.toml"               # weights that `study tune` chose

[factors]                          # what is edited where a factor is off; on is the recipe
smooth = { "losses.groups.smooth" = false }
consistency = { "losses.groups.consistency" = false }

[[claims]]
name = "consistency-rmse"
text = "Without consistency RMSE rises."
question = "no-consistency"        # an arm, against the reference, or an effect: "main effect: smooth"
metric = "rmse"
says = "rises"

`design = "list"` takes `[[arms]]` with `name`, `title`, `off` (factors) and `edits`; "dose-response" takes
`[doses.NAME]` with `setting` and `levels` (multiples of what the recipe has there) in place of factors. A
Python file has a function `study()` that returns the same keys as a dictionary, or a `StudyFile`; it is run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from thermodepth.config import Edits, Settings, flatten
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.extensions import load_extension
from thermodepth.files import read_bytes
from thermodepth.metrics import EXPECTED, METRICS
from thermodepth.statistics import designs
from thermodepth.statistics.claims import Claim
from thermodepth.statistics.default_questions import NO_DESIGN
from thermodepth.statistics.designs import DoseResponse
from thermodepth.statistics.labels import quantity_of
from thermodepth.statistics.measurements import Form
from thermodepth.statistics.questions import NAME, against
from thermodepth.study.arm_edits import refuse_seed
from thermodepth.study.design import Arm, Study
from thermodepth.study.factors import dose_of
from thermodepth.study.file_entries import DESIGNS as DESIGNS
from thermodepth.study.file_entries import ArmEntry, ClaimEntry, DoseEntry, StudyFile
from thermodepth.study.python_file import MOST_BYTES, call_study
from thermodepth.study.tuned import TunedWeights, read_tuned, with_tuned
from thermodepth.training.settings import TrainingSettings

MOST_SEEDS = 1000


def read_study(path: Path) -> StudyFile:
    """The study that a .toml or .py file describes. A .py file is run, and so are the extensions of both.

    Raises:
        SettingsError: naming the file and the key, for what cannot be read or is not a study.
    """
    if path.suffix == ".py":
        returned = call_study(path)
        if isinstance(returned, StudyFile):
            returned = returned.tree()
        if not isinstance(returned, Mapping):
            raise SettingsError(
                f"{path}: study() returned {type(returned).__name__}, expected a dictionary or a StudyFile"
            )
        _load_extensions(returned, path)
        return parse_study(_beside(returned, path), where=str(path))
    if path.suffix != ".toml":
        raise SettingsError(f"{path}: expected a study as .toml or .py")
    try:
        tree = tomllib.loads(read_bytes(path, limit=MOST_BYTES).decode("utf-8-sig"))
    except DataError as error:
        raise SettingsError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error})") from None
    _load_extensions(tree, path)
    return parse_study(_beside(tree, path), where=str(path))


def _beside(tree: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """The tree with the file of chosen weights, which is named from where the study file lies."""
    tuned = tree.get("tuned")
    if not isinstance(tuned, str) or not tuned:
        return tree
    return {**tree, "tuned": str(path.absolute().parent / Path(tuned).expanduser())}


def _load_extensions(tree: Mapping[str, Any], path: Path) -> None:
    """Before anything in the file is looked at, for it may name what they bring."""
    sources = tree.get("extensions", ())
    if not isinstance(sources, list | tuple) or not all(isinstance(each, str) for each in sources):
        raise SettingsError(f"{path}: extensions = {sources!r:.80}, expected a list of file names")
    for source in sources:
        try:
            load_extension(path.absolute().parent / source if source.endswith(".py") else source)
        except SettingsError as error:
            raise SettingsError(f"{path}: extensions: {error}") from None


def parse_study(tree: Mapping[str, Any], *, where: str) -> StudyFile:
    """The study of a plain tree; `where` is what messages call it.

    Raises:
        SettingsError: for an unknown key, with the nearest, or what makes no study.
    """
    content = dict(tree)
    if isinstance(seeds := content.get("seeds"), int) and not isinstance(seeds, bool):
        if not 1 <= seeds <= MOST_SEEDS:
            raise SettingsError(f"{where}: seeds = {seeds}, expected 1 to {MOST_SEEDS} or a list")
        content["seeds"] = list(range(seeds))
    if isinstance(edits := content.get("settings"), Mapping):
        content["settings"] = flatten(edits)
    for key in ("factors", "doses"):
        if isinstance(entries := content.get(key), Mapping):
            _sections(entries, f"{where}: {key}")
    if isinstance(factors := content.get("factors"), Mapping):
        content["factors"] = {name: flatten(edits) for name, edits in factors.items()}
    # One by one: a list inside the record could not name its nearest key.
    kinds: tuple[tuple[str, type[Settings]], ...] = (("arms", ArmEntry), ("claims", ClaimEntry))
    for key, kind in kinds:
        if isinstance(entries := content.get(key), list | tuple):
            content[key] = [
                _entry(kind, entry, f"{where}: {key}[{place}]")
                for place, entry in enumerate(entries)
            ]
    if isinstance(doses := content.get("doses"), Mapping):
        content["doses"] = {
            name: _entry(DoseEntry, entry, f"{where}: doses.{name}")
            for name, entry in doses.items()
        }
    if content.get("design") == "add-one-in" and isinstance(factors, Mapping):
        # There nothing is on but what is added, so differences are to nothing.
        content.setdefault("reference", designs.arm_name(tuple(factors), (False,) * len(factors)))
    file = StudyFile.parse(content, where=where)
    _check(file, where)
    return file


def study_of(
    file: StudyFile,
    base: TrainingSettings,
    edits: Edits | None = None,
    *,
    tuned: TunedWeights | None = None,
) -> Study:
    """Arms by seeds over a run, every arm's settings tried.

    Args:
        file: what is studied.
        base: the settings of `file.recipe`; what the file and then the data set edit comes on top.
        edits: after those of the file and before those of the arms, whose doses are multiples of the
            outcome.
        tuned: weights that a search chose; None takes those that the file names, or none.

    Raises:
        SettingsError: for an edit that does not exist, a dose of what is no number, a reference that is
            no arm, or a weight that the search chose and the file or an edit says otherwise.
    """
    where = f"study {file.name}"
    refuse_seed(file.settings, f"{where}: settings")
    run = _tried(base, file.settings, f"{where}: settings").edit(edits or {})
    if tuned is None and file.tuned:
        tuned = read_tuned(Path(file.tuned))
    if tuned is not None:
        run = with_tuned(run, tuned, {**file.settings, **(edits or {})}, where)
    arms = list(_arms(file, run))
    study = Study(
        name=file.name,
        title=file.title or file.name,
        settings=run,
        arms=tuple(arms),
        reference=file.reference,
        seeds=file.seeds,
        primary=file.primary,
        smallest_effect=file.smallest_effect,
        design=file.switches() or NO_DESIGN,
        doses=_doses(file),
        budget_hours=file.budget_hours,
        claims=_claims(file, [arm.name for arm in arms]),
        tuned=tuned,
    )
    return study.with_twin() if file.twin else study


def _claims(file: StudyFile, arms: Sequence[str]) -> tuple[Claim, ...]:
    switches = file.switches()
    questions = {q.name: q for q in (switches.questions() if switches else ())}
    questions |= {q.name: q for q in against(file.reference, arms)}
    return tuple(
        Claim(**{**dict(entry), "question": questions[entry.question]}) for entry in file.claims
    )


# --- arms ----------------------------------------------------------------------------------------


def _arms(file: StudyFile, run: TrainingSettings) -> Iterator[Arm]:
    if file.design == "list":
        for entry in file.arms:
            off: dict[str, Any] = {}
            for factor in entry.off:
                off |= file.factors[factor]
            yield Arm(
                name=entry.name, title=entry.title or entry.name, edits=off | dict(entry.edits)
            )
    elif file.design == "dose-response":
        yield from _dosed(file, run)
    else:
        design = file.switches()
        assert design is not None, "checked by parse_study"
        for name, on in design.arms.items():
            missing = [f for f, is_on in zip(design.factors, on, strict=True) if not is_on]
            edits: dict[str, Any] = {}
            for factor in missing:
                edits |= file.factors[factor]
            yield Arm(name=name, title=_title(missing), edits=edits)


def _doses(file: StudyFile) -> tuple[DoseResponse, ...]:
    """The curves that the file asks for: none where it names no dose."""
    if file.design != "dose-response":
        return ()
    responses = (designs.dose_response(name, dose.levels) for name, dose in file.doses.items())
    return tuple(dose_of(dose.factor, {**dose.arms, designs.FULL: 1.0}) for dose in responses)


def _dosed(file: StudyFile, run: TrainingSettings) -> Iterator[Arm]:
    """ "full" once, and each number at its other levels."""
    yield Arm(name=designs.FULL, title="The recipe's weights")
    settings_by_path = flatten(run.tree())
    for name, dose in file.doses.items():
        if dose.setting not in settings_by_path:
            raise SettingsError(
                f"study {file.name}: {unknown('setting', dose.setting, settings_by_path)}"
            )
        weight = settings_by_path[dose.setting]
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight:
            raise SettingsError(
                f"study {file.name}: doses.{name}: {dose.setting} = {weight!r}, expected a number other "
                "than 0"
            )
        for arm, level in designs.dose_response(name, dose.levels).arms.items():
            if level != 1.0:
                yield Arm(
                    name=arm,
                    title=f"{name} × {level:g}",
                    # Rounded: .1 x 3 is .3 in a settings file, and not .30000000000000004.
                    edits={dose.setting: _multiple(weight, level)},
                )


def _multiple(weight: int | float, level: float) -> int | float:
    """Of a number that counts things a whole number, where it is one."""
    value = float(format(weight * level, ".12g"))
    return int(value) if isinstance(weight, int) and value.is_integer() else value


def _title(off: list[str]) -> str:
    return f"No {' & '.join(off)}" if off else "All on"


def _tried(settings: TrainingSettings, edits: Mapping[str, Any], where: str) -> TrainingSettings:
    try:
        return settings.edit(edits)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None


# --- checks --------------------------------------------------------------------------------------


def _sections(entries: Mapping[str, Any], where: str) -> None:
    for name, entry in entries.items():
        if not isinstance(entry, Mapping) or not entry:
            raise SettingsError(f"{where}.{name} = {entry!r}: expected a section of settings")


def _entry(kind: type[Settings], entry: Any, where: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{where} = {entry!r}: expected a section")
    tree = dict(entry)
    if isinstance(tree.get("edits"), Mapping):
        tree["edits"] = flatten(tree["edits"])
    return kind.parse(tree, where=where).tree()


def _check(file: StudyFile, where: str) -> None:
    if not NAME.fullmatch(file.name):
        raise SettingsError(f"{where}: name = '{file.name}', expected a-z, 0-9 and dashes")
    if not file.seeds or len(set(file.seeds)) < len(file.seeds) or min(file.seeds) < 0:
        raise SettingsError(
            f"{where}: seeds = {list(file.seeds)}, expected distinct numbers from 0"
        )
    _check_design(file, where)
    _check_factors(file, where)
    try:
        switches = file.switches()
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    names = _names(file, switches, where)
    if file.reference not in names:
        raise SettingsError(f"{where}: {unknown('reference arm', file.reference, names)}")
    for place, metric in enumerate(file.primary):
        _check_metric(metric, f"{where}: primary")
        if quantity_of(metric) in [quantity_of(other) for other in file.primary[:place]]:
            raise SettingsError(f"{where}: primary: '{metric}' is there twice")
    questions = set(names) - {file.reference}
    questions |= {question.name for question in switches.questions()} if switches else set()
    for place, claim in enumerate(file.claims):
        _check_metric(claim.metric, f"{where}: claims[{place}].metric")
        if claim.question not in questions:
            raise SettingsError(
                f"{where}: claims[{place}].question: {unknown('question', claim.question, questions)}"
            )
        if claim.name in [other.name for other in file.claims[:place]]:
            raise SettingsError(f"{where}: claims[{place}].name: '{claim.name}' is used twice")


def _check_design(file: StudyFile, where: str) -> None:
    """Each design has its own key for what it varies."""
    needed = {"list": "arms", "dose-response": "doses"}.get(file.design or "", "factors")
    for key in ("arms", "doses", "factors"):
        is_given = bool(getattr(file, key))
        if key == needed and not is_given:
            raise SettingsError(f"{where}: {file.design or 'a study'} needs {key}")
        if is_given and key != needed and not (key == "factors" and file.design == "list"):
            raise SettingsError(
                f"{where}: {key} are for design = "
                f"'{ {'arms': 'list', 'doses': 'dose-response'}.get(key, 'full-factorial') }', "
                f"and this one is {file.design or 'without one'}"
            )
    for arm in file.arms:
        for factor in arm.off:
            if factor not in file.factors:
                raise SettingsError(
                    f"{where}: arm '{arm.name}', off: {unknown('factor', factor, file.factors)}"
                )


def _check_factors(file: StudyFile, where: str) -> None:
    """Two factors at one setting could not be switched apart."""
    editors: dict[str, str] = {}
    for factor, edits in file.factors.items():
        for path in edits:
            for other, editor in editors.items():
                if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                    raise SettingsError(
                        f"{where}: factors '{editor}' and '{factor}' both edit {path}"
                    )
        editors |= dict.fromkeys(edits, factor)


def _names(file: StudyFile, switches: designs.Design | None, where: str) -> list[str]:
    if file.design == "list":
        names = [arm.name for arm in file.arms]
        if double := [name for name in names if names.count(name) > 1]:
            raise SettingsError(f"{where}: arms: '{double[0]}' is used twice")
        return names
    if file.design == "dose-response":
        try:
            doses = [designs.dose_response(name, dose.levels) for name, dose in file.doses.items()]
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from None
        return list(dict.fromkeys([designs.FULL, *(arm for dose in doses for arm in dose.arms)]))
    assert switches is not None, "such a design has factors"
    return list(switches.arms)


def _check_metric(quantity: str, where: str) -> None:
    """METRIC or METRIC.FORM."""
    metric, dot, form = quantity.partition(".")
    if metric not in METRICS:
        raise SettingsError(f"{where}: {unknown('metric', metric, METRICS)}")
    if metric in EXPECTED:
        raise SettingsError(
            f"{where}: '{metric}' is of models that tell their relative error and is scored by evaluate, not "
            "compared in studies"
        )
    if dot and form not in get_args(Form):
        raise SettingsError(f"{where} = {quantity}: {unknown('form', form, get_args(Form))}")
