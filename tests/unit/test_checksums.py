"""Checksums: found out is what is not as it was written; what never had one is read as it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from thermodepth.checksums import KEY, read_record, read_settings, write_record
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.model import load_model, resolve_model
from thermodepth.tensor_files import content_digest, read_tensors, write_tensors
from thermodepth.training.settings import TrainingSettings

TREE = {"step": 7, "share": 0.1, "names": ["a", "b"], "none": None}
TENSORS = {
    "a/b": torch.arange(12.0).reshape(3, 4),
    "half": torch.ones(5, dtype=torch.float16),
    "count": torch.tensor(3),
}
REMEDY = "train it again"


class TestRecords:
    def test_round_trip(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        write_record(path, TREE)
        assert read_record(path) == TREE
        assert list(json.loads(path.read_text()))[-1] == KEY

    def test_layout_and_order_are_no_content(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        write_record(path, TREE)
        tree = json.loads(path.read_text())
        path.write_text(json.dumps(dict(sorted(tree.items(), reverse=True))))
        assert read_record(path) == TREE

    def test_another_value_is_named_with_the_remedy(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        write_record(path, TREE)
        path.write_text(path.read_text().replace('"step": 7', '"step": 999'))
        with pytest.raises(
            DataError, match=r"r\.json: damaged, or changed by hand: .*; train it again"
        ):
            read_record(path, remedy=REMEDY)

    @pytest.mark.parametrize("name", ["sha257", "xha256", ""])
    def test_a_checksum_under_another_name_is_damage(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        write_record(path, TREE)
        path.write_text(path.read_text().replace(KEY, name))
        with pytest.raises(DataError, match="damaged"):
            read_record(path)

    def test_one_of_an_earlier_version_is_read_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        path.write_text(json.dumps(TREE))
        assert read_record(path) == TREE

    def test_settings(self, tmp_path: Path) -> None:
        path = tmp_path / "settings.json"
        write_record(path, TrainingSettings().tree())
        assert read_settings(TrainingSettings, path) == TrainingSettings()
        path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
        with pytest.raises(SettingsError, match=r"settings\.json: damaged"):
            read_settings(TrainingSettings, path)


class TestTensors:
    def test_round_trip_with_equal_bytes(self, tmp_path: Path) -> None:
        facts = {"step": 3, "identity": "i"}
        for name in ("a", "b"):
            write_tensors(tmp_path / name, TENSORS, facts=facts)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        tensors, read_facts = read_tensors(tmp_path / "a", remedy=REMEDY)
        assert read_facts == facts
        assert tensors.keys() == TENSORS.keys()
        assert all(torch.equal(tensors[k], TENSORS[k]) for k in TENSORS)
        assert all(tensors[k].dtype == TENSORS[k].dtype for k in TENSORS)

    def test_every_flipped_bit_is_found(self, tmp_path: Path) -> None:
        path = tmp_path / "x.safetensors"
        write_tensors(path, TENSORS, facts={"step": 3})
        whole = path.read_bytes()
        messages = []
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            try:
                tensors, facts = read_tensors(path, remedy=REMEDY)
            except WeightsError as error:
                messages.append(str(error))
                continue
            # What is left are the names that lead to the checksum, and then the facts are not there.
            assert facts == {} or facts["step"] == 3
            assert all(torch.equal(tensors[k], TENSORS[k]) for k in TENSORS)
        assert len(messages) > 0.9 * len(whole)
        assert all("x.safetensors" in message and REMEDY in message for message in messages)

    def test_a_file_of_another_program_is_read_without_facts(self, tmp_path: Path) -> None:
        path = tmp_path / "x.safetensors"
        safetensors.torch.save_file(TENSORS, path, metadata={"format": "pt"})
        tensors, facts = read_tensors(path, remedy=REMEDY)
        assert facts == {}
        assert torch.equal(tensors["a/b"], TENSORS["a/b"])
        assert content_digest(path).hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()

    def test_what_a_file_is_known_by_outlives_its_checksum(self, tmp_path: Path) -> None:
        """Names of teachers and labels are made of it: those of files without one must stay."""
        old, new = tmp_path / "old", tmp_path / "new"
        safetensors.torch.save_file(TENSORS, old)
        write_tensors(new, TENSORS)
        assert old.read_bytes() != new.read_bytes()
        assert content_digest(new).hexdigest() == hashlib.sha256(old.read_bytes()).hexdigest()
        write_tensors(new, {**TENSORS, "count": torch.tensor(4)})
        assert content_digest(new).hexdigest() != hashlib.sha256(old.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "known_by"),
    [("rgb-small", "f8042f20c5de2bc8"), ("thermal-small", "d14033a79d661459")],
)
def test_models_that_ship_carry_checksums_and_their_names_of_old(name: str, known_by: str) -> None:
    folder = resolve_model(name)
    header = (folder / "weights.safetensors").read_bytes()[:400]
    assert b'\\"sha256\\": \\"' in header
    assert KEY in json.loads((folder / "model.json").read_text())
    assert load_model(folder).fingerprint == known_by


@pytest.mark.parametrize("at", [0.05, 0.5, 0.999])
def test_a_flipped_bit_in_a_model_is_not_run(at: float, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(resolve_model("thermal-small"), folder)
    path = folder / "weights.safetensors"
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[int(at * content.size)] ^= 1
    path.write_bytes(content.tobytes())
    with pytest.raises(WeightsError, match=r"weights\.safetensors: .*; copy the model again"):
        load_model(folder)
