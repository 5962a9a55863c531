"""Settings: frozen, strict, and addressed by dots.

One tree of `Settings` describes a run. The command line's `--set losses.metric_silog.weight=2`, the
axes of a study and the difference between two runs are all the same thing: dotted edits. An unknown
key is refused with its path and the nearest name that exists. A run is identified by the fingerprint
of its resolved settings; sections marked `not_identity` (devices, workers, paths) are left out of it,
and so are the fields named in `later`, at their defaults.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from thermodepth.errors import SettingsError, nearest

Edits = Mapping[str, Any]


class Settings(BaseModel):
    """Base of every settings record: immutable, unknown keys refused, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
    )

    #: True for records that change where and how fast a run happens but never its numbers.
    not_identity: ClassVar[bool] = False
    #: Fields that came after runs were published: as long as they say their default they are no part of
    #: an identity, so that those runs and studies go on.
    later: ClassVar[frozenset[str]] = frozenset()
    #: Fields that say where something lies, and nothing that a number depends on.
    about_place: ClassVar[frozenset[str]] = frozenset()
    #: Lists that stand in no tree and no identity while they are empty: what most runs do without.
    unless_empty: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def parse(cls, tree: Mapping[str, Any], *, where: str = "settings") -> Self:
        """Build from a plain tree; every problem is named by its dotted path.

        Raises:
            SettingsError: with one line per problem.
        """
        try:
            text = json.dumps(tree)
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{where}: settings are plain JSON values ({error})") from None
        try:
            # Through JSON, where strict still turns a list into a tuple and a name into its enum.
            return cls.model_validate_json(text)
        except ValidationError as error:
            lines = [_explain(cls, dict(problem)) for problem in error.errors()]
            raise SettingsError(f"{where}: " + "; ".join(lines)) from None

    def tree(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        empty = {name for name in self.unless_empty if not getattr(self, name)}
        return self.model_dump(mode="json", exclude=empty)

    def edit(self, edits: Edits, *, where: str = "") -> Self:
        """A copy with dotted edits applied and the whole tree checked again.

        Args:
            edits: dotted path -> value.
            where: what messages call it; empty lists the edits.

        Raises:
            SettingsError: for a path that does not exist or a value that is not allowed.
        """
        tree = self.tree()
        for path, value in edits.items():
            node: Any = tree
            *parents, leaf = path.split(".")
            for depth, key in enumerate([*parents, leaf]):
                if not isinstance(node, dict) or key not in node:
                    unknown_path = ".".join(path.split(".")[: depth + 1])
                    known = list(node) if isinstance(node, dict) else []
                    listing = ", ".join(sorted(known)) or "a value, not a section"
                    raise SettingsError(
                        f"no setting '{unknown_path}'{nearest(key, known)} (here: {listing})"
                    )
                if depth < len(parents):
                    node = node[key]
            node[leaf] = value
        listed = "edit " + ", ".join(f"{k}={v}" for k, v in edits.items())
        return type(self).parse(tree, where=where or listed)

    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change when, and only when, the run's numbers may."""
        text = json.dumps(identity(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def identity(settings: Settings) -> dict[str, Any]:
    """The part of a settings tree that decides the numbers of a run."""
    tree: dict[str, Any] = {}
    for name, about in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in settings.later and value == about.get_default(call_default_factory=True):
            continue
        if name in settings.about_place or (name in settings.unless_empty and not value):
            continue
        if isinstance(value, Settings):
            if not value.not_identity:
                tree[name] = identity(value)
        elif name in settings.unless_empty:
            tree[name] = [identity(each) for each in value]
        else:
            tree[name] = settings.model_dump(mode="json", include={name})[name]
    return tree


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` -> `{"a.b": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, path + "."))
        else:
            flat[path] = value
    return flat


def difference(old: Settings, new: Settings) -> dict[str, tuple[Any, Any]]:
    """`{dotted path: (old value, new value)}` for every leaf that differs."""
    a, b = flatten(old.tree()), flatten(new.tree())
    return {k: (a.get(k), b.get(k)) for k in sorted(a.keys() | b.keys()) if a.get(k) != b.get(k)}


def parse_edit(text: str) -> tuple[str, Any]:
    """`path=value` from the command line; the value is JSON where it can be, else a string.

    Raises:
        SettingsError: without a `=`.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise SettingsError(
            f"--set {text}: expected PATH=VALUE, such as losses.metric_silog.weight=2"
        )
    try:
        return path.strip(), json.loads(value)
    except json.JSONDecodeError:
        return path.strip(), value


def _explain(root: type[BaseModel], problem: dict[str, Any]) -> str:
    """One validation problem as `path: what, what is allowed`."""
    location = [str(part) for part in problem["loc"]]
    path = ".".join(location) or "(top)"
    if problem["type"] == "extra_forbidden":
        known = _fields_at(root, location[:-1])
        listing = f" (known: {', '.join(known)})" if known else ""
        return f"no setting '{path}'{nearest(location[-1], known)}{listing}"
    what = problem["msg"].removeprefix("Value error, ")
    what = f"{what[:1].lower()}{what[1:]}"
    if problem["type"] in ("missing", "json_invalid"):  # their input is all that stands around
        return f"{path}: {what}"
    if isinstance(problem["input"], Mapping):  # a whole section, of which a person typed a part
        return f"{path}: {what}"
    typed = repr(problem["input"])
    return f"{path} = {typed if len(typed) <= 80 else typed[:77] + '...'}: {what}"


def _fields_at(root: type[BaseModel], location: list[str]) -> list[str]:
    model: Any = root
    for part in location:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            return []
        model = field.annotation
    return sorted(model.model_fields) if issubclass(model, BaseModel) else []
