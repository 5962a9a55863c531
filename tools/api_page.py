"""docs/api.md, made of signatures and docstrings, public names only. `python tools/api_page.py`."""

from __future__ import annotations

import importlib
import inspect
import re
from abc import ABC
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Protocol, get_origin

from pydantic import BaseModel

from places import DOCS

PAGE = DOCS / "api.md"
#: Modules, and the names of each that are for users; None: all that it exports.
PUBLIC: Mapping[str, tuple[str, ...] | None] = {
    "thermodepth": None,
    "thermodepth.types": ("Sample", "Batch", "Prediction", "Geometry", "ThermalUnit"),
    "thermodepth.data": None,
    "thermodepth.losses": None,
    "thermodepth.metrics": None,
    "thermodepth.statistics": None,
    "thermodepth.inference.metres": ("calibrate", "measure"),
    "thermodepth.scale_calibration": ("DistanceSample", "RefusedSample", "ScaleCalibration"),
    "thermodepth.evaluation.predict": ("predict_into",),
    "thermodepth.evaluation.store": ("PredictionStore",),
    "thermodepth.evaluation.protocols.protocol": ("Protocol", "differences"),
    "thermodepth.evaluation.protocols.named": ("named_protocol",),
    "thermodepth.evaluation.scoring.score": ("score_frame", "score_frames"),
    "thermodepth.evaluation.rows.rows": ("read_rows", "write_rows"),
    "thermodepth.evaluation.results.summary": ("summarise",),
}
HEAD = """# The Python interface

Made of the docstrings by `tools/api_page.py`; what is not here may change without notice. Maps are arrays or
tensors in the order rows, columns; `[b h w]` names their axes. Errors of a caller are subclasses of
`ValueError` (`thermodepth.errors`).
"""
_LONGEST_DEFAULT = 40
_SECTION = re.compile(r"^(Args|Returns|Raises|Yields):$", re.MULTILINE)
_QUALIFIED = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])")


def page() -> str:
    """The whole page."""
    modules = {name: importlib.import_module(name) for name in PUBLIC}
    index = "\n".join(f"- [{name}](#{name.replace('.', '')})" for name in modules)
    parts = [HEAD, index + "\n"]
    for name, module in modules.items():
        parts.append(f"## {name}\n\n{_first_paragraph(module)}\n")
        parts += [_entry(each, getattr(module, each)) for each in _names(name, module)]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _names(name: str, module: ModuleType) -> list[str]:
    chosen = PUBLIC[name] or tuple(module.__all__)
    return sorted((each for each in chosen if each != "__version__"), key=str.lower)


def _entry(name: str, value: Any) -> str:
    if inspect.isclass(value):
        return _class_entry(name, value)
    if callable(value) and get_origin(value) is None:
        return f"### `{name}`\n\n{_code(name, value)}\n\n{_text(value)}\n"
    if isinstance(value, Mapping):
        return f"### `{name}`\n\nA mapping of rows by name: {_listed(value)}.\n"
    if isinstance(value, tuple):
        return f"### `{name}`\n\n{len(value)} rows: {_listed(row.name for row in value)}.\n"
    return f"### `{name}`\n\n`{_QUALIFIED.sub('', str(value))}`\n"


def _class_entry(name: str, value: type) -> str:
    parts = [f"### `{name}`"]
    if issubclass(value, BaseModel):
        parts.append("Frozen settings: " + _listed(_fields(value)) + ".")
    elif members := getattr(value, "__members__", None):
        parts.append(
            "One of " + _listed(f"{each.name} = {each.value!r}" for each in members.values()) + "."
        )
    elif hasattr(value, "_fields") or (
        "__init__" in vars(value) and Protocol not in value.__bases__
    ):
        parts.append(_code(name, value))
    parts.append(_text(value))
    lines = list(_members(value))
    return "\n\n".join([*parts, *(["\n".join(lines)] if lines else [])]) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        plain = not field.is_required() and not isinstance(default, BaseModel)
        yield f"{name} = {default!r}" if plain else name


def _members(value: type) -> Iterator[str]:
    """A line for each public method and property that the class itself or its abstract base defines."""
    bases = [base for base in reversed(value.__mro__) if base is value or ABC in base.__bases__]
    for name, member in {n: m for base in bases for n, m in vars(base).items()}.items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, property):
            yield f"- `.{name}`: {_first_paragraph(member)}"
        elif inspect.isfunction(member) or isinstance(member, classmethod | staticmethod):
            bound = getattr(value, name) if not inspect.isfunction(member) else member
            shown = "" if name == "__call__" else f".{name}"
            yield f"- `{shown}{_signature(bound)}`: {_first_paragraph(bound)}"


def _code(name: str, value: Any) -> str:
    return f"```text\n{name}{_signature(value, wide=True)}\n```"


def _signature(value: Any, *, wide: bool = False) -> str:
    """The signature without the modules of its types; `wide`: one parameter a line where it is long."""
    signature = inspect.signature(value)
    parameters, kind = [], None
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and kind is not parameter.KEYWORD_ONLY:
            parameters.append("*")
        kind = parameter.kind
        parameters.append(_parameter(parameter))
    result = signature.return_annotation
    arrow = "" if result in (signature.empty, None, "None") else f" -> {_type(result)}"
    line = f"({', '.join(parameters)}){arrow}"
    if wide and len(line) > 90:
        return "(\n" + "".join(f"    {each},\n" for each in parameters) + f"){arrow}"
    return line


def _parameter(parameter: inspect.Parameter) -> str:
    positional, keyword = parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD
    star = "*" if parameter.kind is positional else "**" if parameter.kind is keyword else ""
    text = star + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_type(parameter.annotation)}"
    if parameter.default is not parameter.empty:
        default = repr(parameter.default)
        # Addresses and whole records say nothing here.
        text += " = " + ("…" if len(default) > _LONGEST_DEFAULT or " at 0x" in default else default)
    return text


def _type(annotation: Any) -> str:
    annotation = getattr(annotation, "__forward_arg__", annotation)  # of a NamedTuple
    text: str = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _QUALIFIED.sub("", text).strip("'\"")


def _first_paragraph(value: Any) -> str:
    return " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())


def _text(value: Any) -> str:
    """The docstring, its sections as lists."""
    own = value.__doc__ if inspect.isclass(value) else inspect.getdoc(value)
    head, *sections = _SECTION.split(inspect.cleandoc(own or ""))
    parts = [head.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        inner = inspect.cleandoc(body)
        # An entry starts at the margin; what is indented goes on with it.
        joined = re.sub(r"\n\s+", " ", inner)
        items = [joined.replace("\n", " ")] if title == "Returns" else joined.splitlines()
        parts.append(f"**{title}**\n\n" + "\n".join(f"- {_item(each)}" for each in items if each))
    return "\n\n".join(parts)


def _item(line: str) -> str:
    name, colon, rest = line.partition(": ")
    return f"`{name}`: {rest}" if colon and re.fullmatch(r"[\w, ]+", name) else line


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
