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

from thermodepth.extensions.carrying import Carrier, Sources, load_sources, loaded_sources
from thermodepth.extensions.loading import (
    Extension,
    check_loaded,
    installed_extensions,
    load_extension,
    load_extensions,
    loaded_extensions,
    loaded_records,
    unload_extension,
)
from thermodepth.extensions.record import ExtensionRecord, extension_records
from thermodepth.extensions.registry import Registry

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
