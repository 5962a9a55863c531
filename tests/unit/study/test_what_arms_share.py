"""What all arms share is refused by name; what they do not share is said."""

import json
from dataclasses import replace

import pytest

from thermodepth.data import open_dataset
from thermodepth.data.frames import SomeFrames
from thermodepth.errors import DataError, SettingsError, StudyError, WeightsError
from thermodepth.recipes.planned import planned_study
from thermodepth.study.arm_edits import SHARED
from thermodepth.study.cell import PREDICTIONS
from thermodepth.study.cell_facts import FACTS
from thermodepth.study.design import Arm, Study, steps_words
from thermodepth.study.folder import StudyFolder, known_arms, open_study
from thermodepth.study.inputs import check_starts, label_key, open_datasets
from thermodepth.study.pairing import alike_words, check_pairing, pairing_words
from thermodepth.training.settings import TrainingSettings


def study(*edits, settings=None, **changes):
    arms = [Arm(name="full", title="All")]
    arms += [Arm(name=f"arm-{n}", title=f"Arm {n}", edits=own) for n, own in enumerate(edits)]
    settings = settings or TrainingSettings().edit({"data.size": [32, 32], "model.weights": "none"})
    return Study(
        name="s",
        title="S",
        settings=settings,
        arms=tuple(arms),
        reference="full",
        seeds=(0,),
        **changes,
    )


@pytest.mark.parametrize(
    "edits",
    [
        {"seed": 0},
        {"runtime.workers": 2},
        {"runtime": {"workers": 2}},
        {"runtime.diagnostics.on": True},
        {"teacher.runtime.batch_size": 1},
        {"data.modality": "rgb"},
    ],
)
def test_what_all_arms_share_is_refused_by_name(edits):
    (path,) = edits
    with pytest.raises(SettingsError, match=f"arm 'arm-0': edits {path}, which all arms share: "):
        study(edits)
    assert any(path == shared or path.startswith(f"{shared}.") for shared in SHARED)


def test_a_section_given_whole_may_hold_what_is_shared_unchanged():
    teacher = TrainingSettings().edit({"teacher.kind": "truth"}).tree()["teacher"]
    assert study({"teacher": teacher}).arm("arm-0").edits["teacher"]["kind"] == "truth"
    teacher["runtime"]["batch_size"] = 1
    with pytest.raises(SettingsError, match="edits teacher, which all arms share"):
        study({"teacher": teacher})


def test_two_arms_of_one_training_are_refused_and_a_twin_is_not():
    smooth = {"losses.groups.smooth": False}
    with pytest.raises(SettingsError, match="arm 'arm-1' has the settings of arm 'arm-0'"):
        study(smooth, smooth)
    assert len(study(smooth).with_twin().arms) == 3


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"data.augmentation.thermal.noise_strength": 0.5}, "while noise_probability is 0"),
        ({"losses.groups.smooth": False, "losses.guided_smooth.weight": 1.0}, "smooth is off"),
        ({"teacher.input_size": 64, "teacher.kind": "truth"}, "on the teacher 'truth'"),
        ({"losses.metric_silog.weight": 0.0, "losses.metric_silog.lam": 0.1}, "weight is 0"),
    ],
)
def test_an_edit_that_nothing_reads_is_refused_also_beside_others(edits, words):
    with pytest.raises(SettingsError, match=f"has no effect.*{words}"):
        study(edits)


def test_a_switch_may_bring_its_own_settings():
    study(
        {"data.normaliser.name": "clahe", "data.normaliser.clahe_clip": 4.0},
        {
            "data.augmentation.thermal.noise_probability": 1.0,
            "data.augmentation.thermal.noise_strength": 0.5,
        },
    )


def test_a_seed_is_refused_wherever_it_is_written(tmp_path):
    (tmp_path / "s.toml").write_text(
        'name = "s"\nsettings.seed = 3\n[factors.smooth]\nlosses.groups.smooth = false\n'
    )
    with pytest.raises(SettingsError, match="seed = 3: every arm is trained with the study's own"):
        planned_study(str(tmp_path / "s.toml"), {})
    with pytest.raises(SettingsError, match="seed = 0: every arm"):
        planned_study("paper", {"seed": 0})
    with pytest.raises(SettingsError, match="seed = 5"):
        study(settings=TrainingSettings(seed=5))


# --- data ----------------------------------------------------------------------------------------


def on(pack, *edits):
    dataset = open_dataset(f"synthetic:{pack}")
    base = {"data.source": f"synthetic:{pack}", "model.weights": "none", "data.size": [32, 32]}
    return study(*edits, settings=TrainingSettings().edit(base).resolved(dataset)), dataset


def test_no_arm_trains_on_frames_that_are_scored(tiny_pack, tmp_path):
    copy = tmp_path / "copy.zip"
    copy.write_bytes(tiny_pack.read_bytes())
    for edits in (
        {"data.split": "test"},
        {"data.split": "test", "data.source": f"synthetic:{copy}"},
    ):
        with pytest.raises(SettingsError, match=r"arm 'arm-0': .*6 of its frames are test frames"):
            open_datasets(*on(tiny_pack, edits))
    datasets = open_datasets(*on(tiny_pack, {"data.source": f"synthetic:{copy}"}))
    assert len(datasets) == 2


def test_what_an_arm_cannot_be_trained_on_is_said_before_anything_is_made(tiny_pack):
    for edits, error, words in (
        ({"data.source": "mm5:/nonexistent"}, DataError, "arm 'arm-0': /nonexistent"),
        ({"data.split": "tran"}, DataError, "arm 'arm-0': .*unknown split 'tran'"),
        ({"data.size": [16, 16]}, SettingsError, "arm 'arm-0': data.size=16x16"),
    ):
        with pytest.raises(error, match=words):
            open_datasets(*on(tiny_pack, edits))


def test_frames_that_cannot_be_watched_are_refused_before_any_cell_begins(tiny_pack, tmp_path):
    planned, dataset = on(tiny_pack, {"steps": 2})
    watching = replace(
        planned, settings=planned.settings.edit({"runtime.watch.source": str(tmp_path / "none")})
    )
    with pytest.raises(DataError, match=r"arm 'full': .*none.*no such folder"):
        open_datasets(watching, dataset)


def test_every_arm_is_tried_before_any_is_trained(tiny_pack):
    """Its device, its precision and the weights that it starts from."""
    planned = study({"precision": "fp16"})
    cpu = planned.settings.edit({"runtime.device": "cpu"})
    with pytest.raises(SettingsError, match="arm 'arm-0': precision=fp16 needs a CUDA device"):
        check_starts(replace(planned, settings=cpu))
    check_starts(study({"precision": "bf16"}))
    planned, _ = on(tiny_pack, {"model.encoder": "resnet18", "model.weights": "rgb-small"})
    with pytest.raises(
        WeightsError, match=r"arm 'arm-0': model\.weights=rgb-small: that model has encoder"
    ):
        check_starts(planned)


def test_the_data_set_that_is_scored_is_the_one_that_the_settings_name(tiny_pack):
    planned, _ = on(tiny_pack)
    with pytest.raises(StudyError, match=r"its settings say data\.source"):
        open_datasets(planned, open_dataset("synthetic"))


def test_labels_are_known_by_what_is_asked_of_a_teacher():
    base = TrainingSettings()
    same = {"runtime.workers": 2, "teacher.runtime.batch_size": 1, "losses.groups.smooth": False}
    assert label_key(base.edit(same)) == label_key(base)
    others = [{"teacher.kind": "truth"}, {"data.source": "mm5:x"}, {"data.split": "val"}]
    assert len({label_key(base), *(label_key(base.edit(edits)) for edits in others)}) == 4


# --- what is not shared --------------------------------------------------------------------------

FACTS_OF_A_CELL = {
    "labels": "l",
    "first_weights": "w",
    "batches": "b",
    "seconds": 1.5,
    "frames": 6,
    "skipped": [],
}


def write_cells(planned, folder, facts, models):
    for cell, own, model in zip(planned.cells(), facts, models, strict=True):
        place = folder.cell(cell)
        (place / PREDICTIONS).mkdir(parents=True)
        (place / FACTS).write_text(json.dumps(FACTS_OF_A_CELL | own))
        store = json.dumps({"made_by": {"model": model}})
        (place / PREDICTIONS / "store.json").write_text(store)


def test_arms_with_networks_and_frames_of_their_own_are_no_damage_and_are_said(tmp_path):
    planned = study({"model.decoder_width": 32}, {"data.batch_size": 4}, {"teacher.kind": "truth"})
    folder = StudyFolder(path=tmp_path)
    facts = [{}, {"first_weights": "x"}, {"batches": "y"}, {}]
    write_cells(planned, folder, facts, "abcd")
    check_pairing(planned, planned.cells(), folder)
    assert alike_words(planned, planned.cells(), folder) == []
    assert pairing_words(planned) == (
        "All configurations of one seed started from the same weights and saw the same batches, but arm-0 "
        "started from other weights (model.decoder_width); arm-1 saw other batches (data.batch_size); "
        "arm-2 was taught by other labels (teacher.kind)."
    )
    place = folder.cell(planned.cells()[3]) / FACTS
    place.write_text(json.dumps(FACTS_OF_A_CELL | {"first_weights": "z"}))
    with pytest.raises(StudyError, match=r"arm-2.*first weights differ"):
        check_pairing(planned, planned.cells(), folder)


def test_an_arm_whose_edit_changed_nothing_on_these_data_is_said(tmp_path):
    planned = study({"losses.metric_silog.weight": 2.0}, {"losses.metric_silog.lam": 0.5})
    folder = StudyFolder(path=tmp_path)
    write_cells(planned, folder, [{}] * 3, "aba")
    (words,) = alike_words(planned, planned.cells(), folder)
    assert words.startswith("“Arm 1” ended with the very network of “All”")


def test_arms_may_train_for_other_numbers_of_steps():
    assert steps_words(study({"steps": 60})) == "60 to 600"
    assert steps_words(study()) == "600"


# --- what is scored ------------------------------------------------------------------------------


def searched(pack, **edits):
    """A study that is scored on the split 'val', as a search of weights is."""
    settings = {"data.source": f"synthetic:{pack}", "data.size": [32, 32], "model.weights": "none"}
    return study(
        settings=TrainingSettings().edit({**settings, **edits}), scored_split="val"
    ), open_dataset(f"synthetic:{pack}")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("val", "2 of its frames are frames of the split 'val' of"),
        ("test", "6 of its frames are test frames of"),
    ],
)
def test_neither_validation_nor_test_frames_are_trained_on_where_weights_are_searched(
    tiny_pack, split, words
):
    with pytest.raises(SettingsError, match=words):
        open_datasets(*searched(tiny_pack, **{"data.split": split}))
    assert len(open_datasets(*searched(tiny_pack))) == 1


def test_a_validation_split_with_test_frames_is_none(tiny_pack):
    one, dataset = searched(tiny_pack)
    splits = {**dataset.splits, "val": SomeFrames(dataset.splits["test"], [4])}
    with pytest.raises(SettingsError, match="1 frames of the split 'val' are test frames as well"):
        open_datasets(one, replace(dataset, splits=splits))
    without_test = {name: dataset.splits[name] for name in ("train", "val")}
    assert len(open_datasets(one, replace(dataset, splits=without_test))) == 1


def test_the_split_that_is_scored_is_part_of_a_study_and_of_its_folder(tiny_pack, tmp_path):
    one, dataset = searched(tiny_pack)
    tested = replace(one, scored_split="test")
    assert "scored_split" not in tested.describe()  # studies of before are called what they were
    assert one.identity("0") != tested.identity("0")
    open_study(one, tmp_path / "s", dataset)
    with pytest.raises(StudyError, match="scored on: val there, test now"):
        open_study(tested, tmp_path / "s", dataset)
    open_study(one, tmp_path / "s", dataset)
    assert known_arms(tmp_path / "s") == ("full",)
    assert known_arms(tmp_path / "none") == ()
