"""Models on the Hugging Face Hub by their name, `org/name`: fetched once into its cache, pushed with a card.

Of a model on the hub two files are fetched, `model.json` and the weights. Both carry a checksum, and neither
is code or a pickle. `org/name@REVISION` holds to a commit, a tag or a branch.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from thermodepth.errors import OutputError, SettingsError, WeightsError

_PART = r"[A-Za-z0-9][\w.-]{0,95}"
_NAME = re.compile(rf"(?P<repository>{_PART}/{_PART})(?:@(?P<revision>{_PART}))?", re.ASCII)


def is_hub_name(name: str) -> bool:
    """Whether a name may be that of a model on the hub: two parts, the first of them no folder here."""
    match = _NAME.fullmatch(name)
    return match is not None and not Path(match["repository"]).parent.exists()


def fetched_folder(name: str, *, names: tuple[str, ...]) -> Path:
    """The folder of a model on the hub, in the hub's cache; without a network what the cache holds.

    Args:
        name: `org/name` or `org/name@REVISION`.
        names: of the files that are fetched.

    Raises:
        WeightsError: where the hub does not give it, or it is no model of ours.
    """
    from huggingface_hub import snapshot_download

    match = _NAME.fullmatch(name)
    assert match is not None, name
    try:
        snapshot = snapshot_download(
            match["repository"], revision=match["revision"], allow_patterns=list(names)
        )
    except Exception as error:  # the hub's client has no common root for what can go wrong
        raise WeightsError(
            f"{name}: no folder here, and the model hub does not give it ({_in_one_line(error)}). Without a "
            f"network, copy {' and '.join(names)} into a folder and give that"
        ) from None
    folder = Path(snapshot)
    if missing := [each for each in names if not (folder / each).is_file()]:
        raise WeightsError(
            f"{name}: the model hub has it without {' and '.join(missing)}; expected a model that "
            "`thermodepth push` put there"
        )
    return folder


def push_folder(folder: Path, name: str, *, private: bool) -> str:
    """Put the files of a folder under a name on the hub; the address of the commit.

    Args:
        folder: with `model.json`, the weights and the card, and nothing else.
        name: `org/name`.
        private: seen by its owners alone, where it is new.

    Raises:
        SettingsError: for another name.
        OutputError: where the hub does not take it.
    """
    check_hub_name(name)
    from huggingface_hub import HfApi

    api: Any = HfApi()
    try:
        api.create_repo(name, repo_type="model", private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=name,
            repo_type="model",
            folder_path=folder,
            commit_message="A thermodepth model",
        )
    except Exception as error:  # as above
        raise OutputError(
            f"{name}: the model hub does not take it ({_in_one_line(error)}); `hf auth login` or HF_TOKEN "
            "says who you are"
        ) from None
    return str(commit.commit_url)


def check_hub_name(name: str) -> None:
    """
    Raises:
        SettingsError: for what is no `org/name`.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["revision"] is not None:
        raise SettingsError(f"{name}: expected ORG/NAME, as the model hub names models")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
