"""A user's own rows: loss terms, metrics, data sets, teachers, encoders, normalisers from files or packages.

    # my_losses.py
    ROWS = (LossRow(name="my_term", group="mine", term=my_term, settings=MySettings, ...),)

A file declares the very rows that our own tables are made of, in a list `ROWS`; the type of a row says which
table it joins. Nothing is registered by decorators or by assignment, so what a file adds can be read off it,
and a file that is refused leaves no trace.

A file is run where a person names it, with `--with` or in a study file. A run, study or model folder lists
the files that it was made with by their sha256 and never has one run: who opens it names the file again.

    registry.py   tables that rows can join
    record.py     what a folder says of an extension
    loading.py    a file or package to rows
    carrying.py   to worker processes
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermodepth.extensions.carrying import Carrier as Carrier
    from thermodepth.extensions.carrying import Sources as Sources
    from thermodepth.extensions.carrying import load_sources as load_sources
    from thermodepth.extensions.carrying import loaded_sources as loaded_sources
    from thermodepth.extensions.loading import Extension as Extension
    from thermodepth.extensions.loading import check_loaded as check_loaded
    from thermodepth.extensions.loading import installed_extensions as installed_extensions
    from thermodepth.extensions.loading import load_extension as load_extension
    from thermodepth.extensions.loading import load_extensions as load_extensions
    from thermodepth.extensions.loading import loaded_extensions as loaded_extensions
    from thermodepth.extensions.loading import loaded_records as loaded_records
    from thermodepth.extensions.loading import unload_extension as unload_extension
    from thermodepth.extensions.record import ExtensionRecord as ExtensionRecord
    from thermodepth.extensions.record import extension_records as extension_records
    from thermodepth.extensions.registry import Registry as Registry

#: Where each public name stands. Tables import `registry` alone, and what loads files only when it is used.
_HOME = {
    "Carrier": "carrying",
    "Sources": "carrying",
    "load_sources": "carrying",
    "loaded_sources": "carrying",
    "Extension": "loading",
    "check_loaded": "loading",
    "installed_extensions": "loading",
    "load_extension": "loading",
    "load_extensions": "loading",
    "loaded_extensions": "loading",
    "loaded_records": "loading",
    "unload_extension": "loading",
    "ExtensionRecord": "record",
    "extension_records": "record",
    "Registry": "registry",
}

__all__ = [
    "Carrier",
    "Extension",
    "ExtensionRecord",
    "Registry",
    "Sources",
    "check_loaded",
    "extension_records",
    "installed_extensions",
    "load_extension",
    "load_extensions",
    "load_sources",
    "loaded_extensions",
    "loaded_records",
    "loaded_sources",
    "unload_extension",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
