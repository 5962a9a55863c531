"""Which camera of a file is the thermal one: said by the caller, or by the file's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from thermodepth.calibration.types import RGB, THERMAL
from thermodepth.errors import DataError, SettingsError, unknown

#: Words of topics and labels. `flir` is not among them: FLIR makes RGB cameras as well.
_WORDS = {
    THERMAL: {
        "thermal",
        "ther",
        "thr",
        "therm",
        "lwir",
        "boson",
        "lepton",
        "tau2",
        "a65",
        "optris",
    },
    RGB: {"rgb", "color", "colour", "vis", "visible"},
}


def assign_roles(
    labels: Mapping[str, str], roles: Mapping[str, str], source: str
) -> dict[str, str]:
    """The name that each camera of a file goes by here.

    Args:
        labels: camera as the file names it -> its topic or label, in which `thermal` or `rgb` may stand.
        roles: camera as the file names it -> `thermal`, `rgb` or any other name; wins over the words.
        source: what messages call the file.

    Returns:
        file's name -> ours. Cameras that nothing is said of keep their name.

    Raises:
        SettingsError: for a role of a camera that is not there, or one name for two cameras.
        DataError: when no camera, or more than one, may be the thermal one; an only camera of which nothing
            is said is.
    """
    for name in roles:
        if name not in labels:
            raise SettingsError(f"{source}: {unknown('camera', name, labels)}")
    if len(set(roles.values())) < len(roles):
        raise SettingsError(f"{source}: two cameras are called alike: {dict(roles)}")
    our_names = dict(roles)
    for role, vocabulary in _WORDS.items():
        if role in our_names.values():
            continue
        claims = [
            n for n, text in labels.items() if n not in our_names and vocabulary & _split(text)
        ]
        if len(claims) == 1:
            our_names[claims[0]] = role
        elif len(claims) > 1:
            raise DataError(f"{source}: {_both(claims)} may be '{role}'; {_ask(labels)}")
    if alone_in(labels, roles):
        our_names = dict.fromkeys(labels, THERMAL)
    if THERMAL not in our_names.values():
        raise DataError(f"{source}: nothing says which camera is the thermal one; {_ask(labels)}")
    if RGB not in our_names.values() and len(labels) > 1:
        raise DataError(f"{source}: nothing says which camera is the RGB one; {_ask(labels)}")
    return {name: our_names.get(name, name) for name in labels}


def alone_in(labels: Mapping[str, str], roles: Mapping[str, str]) -> bool:
    """Whether a file has one camera of which nothing is said: it is taken for the thermal one."""
    return (
        len(labels) == 1
        and not roles
        and not any(k & _split(*labels.values()) for k in _WORDS.values())
    )


def notes_on(labels: Mapping[str, str], roles: Mapping[str, str]) -> tuple[str, ...]:
    """What the reader took for granted of the roles."""
    if not alone_in(labels, roles):
        return ()
    return ("the file has one camera and does not say which; it is taken for the thermal one",)


def _split(text: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", text.lower()))


def _both(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _ask(labels: Mapping[str, str]) -> str:
    first, *remaining = labels
    example = f"--camera {first}=thermal" + (f" --camera {remaining[0]}=rgb" if remaining else "")
    listed = ", ".join(f"{name} ({text!r})" if text else name for name, text in labels.items())
    return f"the file has {listed}. Say it, such as {example}"
