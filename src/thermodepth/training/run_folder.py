"""A run's folder: what was asked, where it ran, and whether it is done.

settings.json      the resolved settings
environment.json   versions, device, processor, threads, command, and when it began
run.json           the identity: hash of settings, data and labels
teacher.json       what the teacher's labels are worth beside blind maps, where the frames have truth
log.csv            a line every few steps
watch.csv          what frames without truth say of it every so many steps, where any are watched
seconds.json       what its training took so far, over all of its stretches
checkpoint.safetensors, then model/ and done.json when it is finished

Every JSON file here, the checkpoint and the model carry checksums of their own, and `done.json` has those of
the lines and maps that were written step by step.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TypeGuard

from thermodepth import __version__
from thermodepth.checksums import UNLIKE, file_sha256, read_record, write_record
from thermodepth.config import identity as identity_tree
from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError, SettingsError
from thermodepth.extensions import ExtensionRecord, check_loaded, extension_records
from thermodepth.lock import holding
from thermodepth.machine import processor
from thermodepth.training import checkpoint
from thermodepth.training.settings import TrainingSettings

DONE = "done.json"
SECONDS = "seconds.json"
#: Of the environment: what decides the last bits of a run, beside versions.
_HARDWARE = ("device", "processor", "threads")
#: What grows while a run trains, and no more when it is done.
GROWN = (
    "log.csv",
    "watch.csv",
    "gradients.csv",
    "cosines.csv",
    "step_cosines.csv",
    "conflict/*.npz",
)
_REMEDY = "delete the folder to start this run again"
PACKAGES = ("torch", "numpy", "transformers", "accelerate", "opencv-python-headless", "pillow")


def run_identity(settings: TrainingSettings, dataset: Dataset, label_source: str) -> str:
    """Sixteen digits that change when, and only when, the run's numbers may."""
    tree = identity_tree(settings)
    # The place of the data is not its content, which the fingerprint says.
    tree["data"]["source"] = dataset.name
    parts = {"settings": tree, "data": dataset.fingerprint(), "labels": label_source}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def open_run(settings: TrainingSettings, out: Path, *, dataset: Dataset, label_source: str) -> str:
    """Make the folder, or recognise it as this run's.

    Returns:
        The run's identity.

    Raises:
        SettingsError: when the folder is another run's, or not a run's at all.
    """
    identity = run_identity(settings, dataset, label_source)
    record = out / "run.json"
    check_run(settings, out, dataset=dataset, label_source=label_source)
    if not record.is_file():
        # First of all, so that a run that is killed in its first second is still recognised.
        facts: dict[str, Any] = {"identity": identity, "data": dataset.spec, "labels": label_source}
        if settings.extensions:
            facts["extensions"] = [extension.tree() for extension in settings.extensions]
        write_record(record, facts)
    if not (out / "settings.json").is_file():
        write_record(out / "settings.json", settings.tree())
    _note_environment(out / "environment.json", done=run_is_done(out))
    return identity


def _note_environment(path: Path, *, done: bool) -> None:
    """Write where the run computes; a stretch on other hardware than the first is added to its record."""
    if not path.is_file():
        write_record(path, environment())
        return
    if done:
        return
    try:
        recorded = read_record(path)
    except DataError:  # who reads it says so, and what to do
        return
    current = environment()
    stretches = recorded.get("continued", [])
    last = {**recorded, **(stretches[-1] if stretches else {})}
    changed = {key: current[key] for key in _HARDWARE if last.get(key) != current[key]}
    if changed:
        stretch = {**changed, "began": current["began"]}
        write_record(path, {**recorded, "continued": [*stretches, stretch]})


def check_run(
    settings: TrainingSettings, out: Path, *, dataset: Dataset, label_source: str
) -> None:
    """Whether the folder is this run's or nobody's, with nothing written.

    Raises:
        SettingsError: as `open_run`.
    """
    record = out / "run.json"
    if not record.is_file():
        check_place(out)
        return
    identity = run_identity(settings, dataset, label_source)
    other, extensions = _identity_in(record)
    if other != identity:
        check_loaded(extensions, str(out))
        new = [
            e.words() for e in settings.extensions if e.sha256 not in {r.sha256 for r in extensions}
        ]
        added = f", the extension {', '.join(new)} beside them," if new else ""
        raise SettingsError(
            f"{out}: holds run {other}, and these settings and data{added} make run {identity}. "
            "Choose another --out, or delete the folder to start again"
        )


def check_place(out: Path) -> None:
    """Whether a run may be in this folder: before labels are made, which may take hours.

    Raises:
        SettingsError: for a file, or a folder of something else.
    """
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out}: is a file, expected a folder for the run")
    is_run = (out / "run.json").is_file()
    if out.is_dir() and not is_run and any(p.name[0] != "." for p in out.iterdir()):
        raise SettingsError(f"{out}: holds other files and no run; choose another --out")


def check_free(out: Path) -> None:
    """Whether nobody trains in this folder just now: before labels are made, which may take hours.

    Raises:
        SettingsError: as `only_run`.
    """
    if out.is_dir():
        with only_run(out):
            pass


@contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Hold a run's folder for this process; the hold ends with the process, however it ends.

    Of several processes that train one network together the first holds it for all.

    Raises:
        SettingsError: when another process has it.
    """
    if not is_first_process():
        yield
        return
    with ExitStack() as lock:
        try:
            lock.enter_context(holding(out, patience_s=0.0))
        except TimeoutError:
            raise SettingsError(
                f"{out}: another process is training in this folder; wait for it or stop it, or choose "
                "another --out"
            ) from None
        yield


def is_first_process() -> bool:
    """Whether this process speaks for all that train one network together."""
    return os.environ.get("RANK", "0") == "0"


def _identity_in(path: Path) -> tuple[str, tuple[ExtensionRecord, ...]]:
    """The run's identity, and the extensions that are part of it."""
    try:
        facts = read_record(path, remedy=_REMEDY)
    except DataError as error:
        raise SettingsError(str(error)) from None
    identity = facts.get("identity")
    if not isinstance(identity, str):
        raise SettingsError(f"{path}: cannot be read (no identity); {_REMEDY}")
    return identity, extension_records(facts.get("extensions", []), str(path))


def note_start(out: Path, *, first_weights: str, batches: str) -> None:
    """Add to the run's record what it started from and what it is fed: equal in paired runs.

    Raises:
        SettingsError: when the run began from other weights, so that it cannot be continued.
    """
    facts = run_facts(out)
    before = facts.get("first_weights", first_weights)
    if before != first_weights:
        raise SettingsError(
            f"{out}: this run began from weights {before}, and model.weights now gives {first_weights}. "
            "Choose another --out, or delete the folder to start again"
        )
    write_record(out / "run.json", {**facts, "first_weights": first_weights, "batches": batches})


def run_facts(out: Path) -> dict[str, Any]:
    """The run's record: identity, data, labels, first weights, batches.

    Raises:
        DataError: when it is missing or damaged.
    """
    return read_record(out / "run.json", remedy=_REMEDY)


def run_is_done(out: Path) -> bool:
    """Whether the model of this run is complete."""
    return (out / DONE).is_file()


def training_seconds(out: Path) -> float | None:
    """What the training took so far, a run beside others its part; None where nobody noted it."""
    return seconds_in(out / SECONDS)


def note_seconds(out: Path, seconds: float) -> None:
    """Of all stretches together; never part of what a run is known by."""
    write_record(out / SECONDS, {"seconds": round(seconds, 3)})


def seconds_in(path: Path) -> float | None:
    """The `seconds` of a JSON file; None where they are no time that can be, or the file is lost."""
    try:
        seconds = read_record(path).get("seconds")
    except DataError:
        return None
    return float(seconds) if is_duration(seconds) else None


def is_duration(value: object) -> TypeGuard[float]:
    """Whether a value of a file is a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= sys.float_info.max


def finish_run(out: Path) -> None:
    """Mark the run as done, with checksums of what grew line by line; its checkpoint has served."""
    grown = [path for pattern in GROWN for path in sorted(out.glob(pattern))]
    sums = {path.relative_to(out).as_posix(): file_sha256(path) for path in grown}
    write_record(out / DONE, {"finished": _now(), "files": sums})
    (out / checkpoint.FILE).unlink(missing_ok=True)


def check_grown(path: Path, out: Path) -> None:
    """Whether a file of a finished run is as the run left it.

    Runs that are not done, and those of versions without checksums, say nothing of it.

    Raises:
        DataError: naming the file and the remedy, when it is not.
    """
    if not run_is_done(out):
        return
    sums = read_record(out / DONE, remedy=_REMEDY).get("files", {})
    recorded = sums.get(path.relative_to(out).as_posix()) if isinstance(sums, dict) else None
    if recorded is not None and file_sha256(path) != recorded:
        raise DataError(f"{path}: {UNLIKE}; {_REMEDY}")


def environment() -> dict[str, Any]:
    """What a reader needs to know of the machine and the versions."""
    import torch

    return {
        "thermodepth": __version__,
        "revision": _git_revision(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "process": os.getpid(),
        "began": _now(),
    }


def _version(package: str) -> str | None:
    """None where the same module came under another name, such as opencv-python."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _git_revision() -> str | None:
    """The commit of a source checkout, with `+dirty` if it was changed; None for an installed package."""
    folder = Path(__file__).parents[3]
    if not (
        folder / ".git"
    ).exists():  # another project's repository may lie about an installed package
        return None
    try:
        call = ["git", "describe", "--always", "--dirty=+dirty", "--abbrev=12", "--exclude=*"]
        description = subprocess.run(
            call, cwd=folder, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return description.stdout.strip() or None
