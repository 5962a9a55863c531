"""What arms may edit: whatever their cells can honour, and nothing that all arms must share.

An arm whose edit changed nothing would still be a line of the table, with an honest-looking difference of
0 under the edit's name. So an edit that nothing reads is refused, as is one of what the study decides.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from thermodepth.config import Edits, difference, flatten
from thermodepth.errors import SettingsError
from thermodepth.statistics.questions import is_twin
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import is_under, unread

if TYPE_CHECKING:
    from thermodepth.study.arm import Arm

_COMPUTING = (
    "where and how fast cells are computed is said once for all arms, in the study's settings"
)
#: Settings, or sections of them, that all arms share: `{dotted path: why, and where it is said}`.
SHARED: Mapping[str, str] = {
    "seed": "every arm is trained with the study's own seeds (`seeds` of a file, --seeds)",
    "data.modality": "every arm is scored as a thermal network",
    "runtime": _COMPUTING,
    "teacher.runtime": _COMPUTING,
}
#: What is left to the data set is decided by the study's own, once for all arms.
LEFT_TO_DATA = ("data.size", "data.min_truth_m", "data.max_truth_m", "model.depth_range_m")


def check_base(settings: TrainingSettings, where: str) -> None:
    """Whether a study can be made of edits of these settings.

    Raises:
        SettingsError: for a seed, which no cell would be trained with, or a network of RGB pictures.
    """
    if settings.seed != 0:
        raise SettingsError(f"{where}: seed = {settings.seed}: {SHARED['seed']}")
    if settings.data.modality != "thermal":
        raise SettingsError(
            f"{where}: data.modality = {settings.data.modality}: {SHARED['data.modality']}"
        )


def refuse_seed(edits: Edits, where: str) -> None:
    """
    Raises:
        SettingsError: where edits of all arms name the seed.
    """
    if "seed" in edits:
        raise SettingsError(f"{where}: seed = {edits['seed']!r}: {SHARED['seed']}")


def check_arms(settings: TrainingSettings, arms: Sequence[Arm], reference: str, where: str) -> None:
    """Whether every arm's edits are honoured by its cells, as far as settings tell.

    Raises:
        SettingsError: naming arm and setting, for what all arms share, what has no effect, or an arm that
            trains the same as another.
    """
    known: dict[str, TrainingSettings] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what has no effect is refused here, and told of elsewhere
        for arm in arms:
            place = f"{where}: arm '{arm.name}'"
            _refuse_shared(settings, arm.edits, place)
            edited = _edited(settings, arm.edits, place)
            _refuse_range_of_another_lens(settings, arm.edits, edited, place)
            for path, why in _without_effect(settings, arm.edits, edited):
                raise SettingsError(
                    f"{place}: {path} has no effect{why}, so this arm would train as if it were not there"
                )
            if is_twin(arm.name, reference):
                continue
            same = next((name for name, other in known.items() if other == edited), None)
            if same is not None:
                first, other = (arm.name, same) if arm.name != reference else (same, arm.name)
                word = "the reference" if other == reference else "arm"
                raise SettingsError(
                    f"{where}: arm '{first}' has the settings of {word} '{other}'; for the noise of the "
                    "machine ask for a twin (--twin)"
                )
            known[arm.name] = edited


def refuse_unread(
    settings: TrainingSettings, edits: Edits, idle: Mapping[str, str], where: str
) -> None:
    """The same for what has no effect on the data that the arm is trained on.

    Args:
        settings: that the arm edits.
        edits: of the arm.
        idle: of the arm's settings, as `unread_with`.
        where: what messages call the arm.

    Raises:
        SettingsError: naming the setting.
    """
    for path in difference(settings, settings.edit(edits)):
        for section, why in idle.items():
            if is_under(path, section):
                raise SettingsError(
                    f"{where}: {path} has no effect{why}, so this arm would train as if it were not there"
                )


def _refuse_shared(settings: TrainingSettings, edits: Edits, where: str) -> None:
    base = flatten(settings.tree())
    for path, value in edits.items():
        # A section that is given whole may hold what is shared, unchanged.
        changed = [k for k, v in _flat({path: value}).items() if base.get(k, base) != v] or [path]
        for section, why in SHARED.items():
            if is_under(path, section) or any(is_under(each, section) for each in changed):
                raise SettingsError(f"{where}: edits {path}, which all arms share: {why}")
        if path in LEFT_TO_DATA and value is None:
            raise SettingsError(
                f"{where}: {path} = None: what is left to the data set is decided once for all arms; give a "
                "value"
            )


def _refuse_range_of_another_lens(
    settings: TrainingSettings, edits: Edits, edited: TrainingSettings, where: str
) -> None:
    """The range of the metric head is in metres at `model.focal_px`; that of all arms is not this arm's."""
    focal_px = edited.model.focal_px
    if focal_px != settings.model.focal_px and "model.depth_range_m" not in _flat(edits):
        raise SettingsError(
            f"{where}: model.focal_px = {focal_px}: model.depth_range_m is in metres at that focal length, "
            "and is decided once for all arms, at another one; give this arm its model.depth_range_m too"
        )


def _edited(settings: TrainingSettings, edits: Edits, where: str) -> TrainingSettings:
    try:
        return settings.edit(edits)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None


def _without_effect(
    settings: TrainingSettings, edits: Edits, edited: TrainingSettings
) -> Iterator[tuple[str, str]]:
    """Edited paths that nothing reads, neither with the edit nor without it."""
    idle = unread(edited)
    for path in difference(settings, edited):
        why = _reason(idle, path)
        if why is None:
            continue
        # Read before, and idle by its own edit: that is an effect.
        others = {key: value for key, value in edits.items() if not is_under(path, key)}
        try:
            without = settings.edit(others)
        except SettingsError:  # the others need it, so it is read
            continue
        if _reason(unread(without), path) is not None:
            yield path, why


def _flat(edits: Edits) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for path, value in edits.items():
        flat |= flatten({path: value}) if isinstance(value, Mapping) else {path: value}
    return flat


def _reason(idle: Mapping[str, str], path: str) -> str | None:
    return next((why for section, why in idle.items() if is_under(path, section)), None)
