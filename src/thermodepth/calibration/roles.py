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


def assign_roles(words: Mapping[str, str], roles: Mapping[str, str], source: str) -> dict[str, str]:
    """The name that each camera of a file goes by here.

    Args:
        words: camera as the file names it -> its topic or label, in which `thermal` or `rgb` may stand.
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
        if name not in words:
            raise SettingsError(f"{source}: {unknown('camera', name, words)}")
    if len(set(roles.values())) < len(roles):
        raise SettingsError(f"{source}: two cameras are called alike: {dict(roles)}")
    named = dict(roles)
    for role, known in _WORDS.items():
        if role in named.values():
            continue
        claims = [n for n, text in words.items() if n not in named and known & _split(text)]
        if len(claims) == 1:
            named[claims[0]] = role
        elif len(claims) > 1:
            raise DataError(f"{source}: {_both(claims)} may be '{role}'; {_ask(words)}")
    if alone_in(words, roles):
        named = dict.fromkeys(words, THERMAL)
    if THERMAL not in named.values():
        raise DataError(f"{source}: nothing says which camera is the thermal one; {_ask(words)}")
    if RGB not in named.values() and len(words) > 1:
        raise DataError(f"{source}: nothing says which camera is the RGB one; {_ask(words)}")
    return {name: named.get(name, name) for name in words}


def alone_in(words: Mapping[str, str], roles: Mapping[str, str]) -> bool:
    """Whether a file has one camera of which nothing is said: it is taken for the thermal one."""
    return (
        len(words) == 1
        and not roles
        and not any(k & _split(*words.values()) for k in _WORDS.values())
    )


def notes_on(words: Mapping[str, str], roles: Mapping[str, str]) -> tuple[str, ...]:
    """What the reader took for granted of the roles."""
    if not alone_in(words, roles):
        return ()
    return ("the file has one camera and does not say which; it is taken for the thermal one",)


def _split(said: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", said.lower()))


def _both(names: list[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _ask(words: Mapping[str, str]) -> str:
    first, *rest = words
    example = f"--camera {first}=thermal" + (f" --camera {rest[0]}=rgb" if rest else "")
    listed = ", ".join(f"{name} ({text!r})" if text else name for name, text in words.items())
    return f"the file has {listed}. Say it, such as {example}"
