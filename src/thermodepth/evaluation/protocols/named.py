"""A protocol by its name, or one of one's own: a TOML file with the keys of `Protocol`.

base = "ms2_metric"        # optional: a preset, or range:NEAR-FAR, that the other keys change
name = "our_van"           # without it, the file's name
max_depth_m = 60.0
crop = "none"              # or a table: unit, top, bottom, left, right, size
mask = "bonnet.png"        # beside the file or below; "none" takes the base's away

A mask is named from the file's own folder and cannot leave it, so that the two travel together and a
protocol from a stranger opens nothing else.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.evaluation.protocols.crop import Mask
from thermodepth.evaluation.protocols.presets import ALIASES
from thermodepth.evaluation.protocols.protocol import PROTOCOLS, Protocol, preset
from thermodepth.files import read_bytes

_MAX_BYTES = 100_000
_NONE = "none"  # TOML has no null


def named_protocol(text: str) -> Protocol:
    """A protocol of the table, of a range such as `range:0.5-60`, or of a TOML file by its path.

    Raises:
        SettingsError: for a name that is none of these, or a file that does not describe a protocol.
        DataError: for the mask of such a file.
    """
    if (protocol := preset(text)) is not None:
        return protocol
    if text.endswith(".toml") or "/" in text:
        return read_protocol(Path(text))
    known = unknown("protocol", text, (*PROTOCOLS, *ALIASES))
    raise SettingsError(f"{known}; or a range such as range:0.5-60, or a file such as mine.toml")


def read_protocol(path: Path) -> Protocol:
    """The protocol that a file describes.

    Raises:
        SettingsError: naming the file, when it cannot be read, a key is unknown, a value is not allowed,
            or the name is that of a preset and the choices are not.
        DataError: for a mask that is missing or no picture.
    """
    settings = _read_toml(path)
    tree: dict[str, Any] = {"name": path.stem}
    if "base" in settings:
        tree = {**_base(settings.pop("base"), path).tree(), **tree}
        # Bins that were made for another range could only be refused.
        if {"min_depth_m", "max_depth_m"} & settings.keys():
            tree["range_bin_edges_m"] = []
    if settings.get("crop") == _NONE:
        settings["crop"] = None
    if "mask" in settings:
        settings["mask"] = _mask(settings["mask"], path)
    protocol = Protocol.parse({**tree, **settings}, where=str(path))
    own = PROTOCOLS.get(ALIASES.get(protocol.name, protocol.name))
    if own is not None and own != protocol:
        raise SettingsError(
            f"{path}: name '{protocol.name}' is a preset's, and these choices are others; give another name"
        )
    return protocol


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        content = read_bytes(path, limit=_MAX_BYTES)
    except DataError as error:
        raise SettingsError(str(error)) from None
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML ({error})") from None


def _base(name: object, path: Path) -> Protocol:
    protocol = preset(name) if isinstance(name, str) else None
    if protocol is None:
        raise SettingsError(f"{path}: base: {unknown('protocol', str(name), PROTOCOLS)}")
    return protocol


def _mask(file_name: object, path: Path) -> dict[str, str] | None:
    if file_name == _NONE:
        return None
    if not isinstance(file_name, str) or not file_name:
        raise SettingsError(
            f"{path}: mask = {file_name!r}: expected the name of a picture file beside this one"
        )
    if Path(file_name).anchor or ".." in Path(file_name).parts:
        raise SettingsError(
            f"{path}: mask = {file_name!r}: leaves the folder of this file; put the picture beside it"
        )
    return Mask.from_file(path.parent / file_name).tree()
