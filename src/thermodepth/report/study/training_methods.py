"""How the models of a study were trained and scored, as paragraphs for a methods section.

What is written comes from the resolved settings, the data set and what the cells recorded; nothing is left to
memory. Edits of the arms stand beside the reference's settings.
"""

from __future__ import annotations

from thermodepth.config import difference
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.extensions import loaded_extensions
from thermodepth.losses import LOSSES
from thermodepth.report.study.machines import machines_of
from thermodepth.report.study.tuning import applied_methods, search_methods
from thermodepth.statistics.labels import counted
from thermodepth.statistics.questions import is_twin
from thermodepth.study.design import Study
from thermodepth.study.results.facts import StudyFacts
from thermodepth.study.tuned import TunedWeights
from thermodepth.training.settings import TrainingSettings

#: What the loss terms and the comparison are after; it gives no formulas, so docs/method.md has our reading.
REFERENCE = (
    "Ji Woong Jang, Jun Ha Shin, Hyun suck Ko: Loss Function Analysis for Monocular Depth Estimation in "
    "Thermal Imaging Environments. Hanyang University (in Korean)."
)


def training_methods(facts: StudyFacts, *, chosen: TunedWeights | None = None) -> str:
    """Markdown: one paragraph a subject, the subject in bold before it.

    Args:
        facts: of the study.
        chosen: what the study is a search of, where it is one.
    """
    study = facts.study
    settings = study.settings.edit(study.arm(study.reference).edits)
    paragraphs = {
        "Data": _data(settings, facts),
        "Network": _network(settings, facts),
        "Teacher": f"{facts.teacher}. It labels the training frames and is not needed for prediction.",
        "Losses": _losses(settings),
        **_weights(study, settings, chosen),
        **_extensions(settings),
        "Configurations": _arms(study),
        "Training": _training(settings),
        "Scoring": _scoring(facts.protocol),
        "Hardware": _hardware(facts),
        "Software": _software(facts),
        "Reference": f"{REFERENCE} The terms are our reading of it, for it gives no formulas.",
    }
    return "\n\n".join(f"**{name}.** {text}" for name, text in paragraphs.items()) + "\n"


def _data(settings: TrainingSettings, facts: StudyFacts) -> str:
    dataset = facts.data
    splits = ", ".join(f"{frames} in {name}" for name, frames in dataset.splits.items())
    rows, columns = settings.data.size or dataset.training_size
    near, far = settings.data.min_truth_m, settings.data.max_truth_m
    truth = "" if near is None or far is None else f", truth of {near:g} to {far:g} m"
    limits = settings.data.truth.words
    truth += f"; truth of the training {limits}" if limits else ""
    most = settings.data.most_frames
    drawn = f" (at most {counted(most, 'frame')}, drawn by the seed)" if most else ""
    return (
        f"{dataset.note} ({dataset.name}; {dataset.licence}). Frames: {splits}; trained on "
        f"'{settings.data.split}'{drawn}, scored on '{facts.study.scored_split}' "
        f"({facts.finished[0].frames} frames with truth in range). Input of {columns}x{rows} pixels (columns "
        f"x rows), {settings.data.modality}, "
        f"normalised by '{settings.data.normaliser.name}'{truth}."
    )


def _network(settings: TrainingSettings, facts: StudyFacts) -> str:
    model = settings.model
    near, far = model.depth_range_m or (None, None)
    depth = "" if near is None or far is None else f", depth of {near:g} to {far:g} m"
    return (
        f"Encoder {model.encoder}, first weights {model.weights}; decoder of width {model.decoder_width} "
        f"with {model.upsampling} upsampling and two heads, structure and metric depth{depth}; "
        f"{facts.parameters:,} parameters."
    )


def _losses(settings: TrainingSettings) -> str:
    losses = settings.losses
    terms, off = [], []
    for name, row in LOSSES.items():
        term = getattr(losses, name)
        switched = row.group == "always" or getattr(losses.groups, row.group)
        if not switched or term.weight == 0.0:
            off.append(name)
            continue
        others = ", ".join(f"{k} {v}" for k, v in term.tree().items() if k != "weight" and v)
        terms.append(f"{term.weight:g} {name}" + (f" ({others})" if others else ""))
    text = f"The weighted sum {' + '.join(terms)}" if terms else "No term has weight"
    return f"{text}." + (f" Off: {', '.join(off)}." if off else "")


def _weights(
    study: Study, settings: TrainingSettings, chosen: TunedWeights | None
) -> dict[str, str]:
    """How weights were searched: in this study, or before it."""
    before = {} if study.tuned is None else {"Weights": applied_methods(study.tuned, settings)}
    return before if chosen is None else {**before, "Search": search_methods(chosen)}


def _extensions(settings: TrainingSettings) -> dict[str, str]:
    """Terms, metrics and the like that are no part of thermodepth, with what brought them."""
    words = [
        f"{extension.record.name} (sha256 {extension.record.sha256}) adds "
        + ", ".join(f"the {kind} {name}" for kind, name in extension.rows)
        for extension in loaded_extensions()
        if extension.record.sha256 in {record.sha256 for record in settings.extensions}
    ]
    return {"Extensions": f"{'; '.join(words)}."} if words else {}


def _arms(study: Study) -> str:
    texts = []
    for arm in study.arms:
        if arm.name == study.reference:
            texts.append(f"{arm.name} is the reference")
            continue
        if is_twin(arm.name, study.reference):
            texts.append(f"{arm.name} is the reference trained once more")
            continue
        base = study.settings.edit(study.arm(study.reference).edits)
        changes = difference(base, study.settings.edit(arm.edits))
        words = ", ".join(f"{path} {old} -> {new}" for path, (old, new) in changes.items())
        texts.append(f"{arm.name}: {words or 'no change'}")
    return "; ".join(texts) + "."


def _training(settings: TrainingSettings) -> str:
    by = settings.optimiser
    average = (
        f"an average of the weights (decay {by.ema_decay:g})"
        if by.ema_decay
        else "the last weights"
    )
    if by.start_share:
        average += f", drawn back by {by.start_share:g} of the way to the first weights"
    norms = ", statistics of batch norms held" if by.hold_statistics else ""
    encoder = "" if by.encoder_factor == 1.0 else f", times {by.encoder_factor:g} in the encoder"
    return (
        f"{settings.steps} steps of {counted(settings.data.batch_size, 'image')}, {settings.precision}. "
        f"AdamW, rate {by.learning_rate:g}{encoder}, linear warm-up over {100 * by.warm_up:g} % of the steps "
        f"and a cosine to zero, weight decay {by.weight_decay:g} on matrices, gradients clipped at norm "
        f"{by.clip_norm:g}{norms}; the model is {average}. Augmentation: {_augmentation(settings)}."
    )


def _augmentation(settings: TrainingSettings) -> str:
    """What is varied, with its strength."""
    augmentation = settings.data.augmentation
    parts = [
        f"flips with probability {augmentation.flip_probability:g}"
        if augmentation.flip_probability
        else "",
        f"zoom up to {augmentation.zoom:g}" if augmentation.zoom > 1.0 else "",
        f"contrast by {augmentation.gain:g}" if augmentation.gain else "",
        f"level by {augmentation.offset:g}" if augmentation.offset else "",
        *(
            f"{name.removesuffix('_probability').replace('_', ' ')} with probability {value:g}"
            for name, value in augmentation.thermal.tree().items()
            if name.endswith("_probability") and value
        ),
    ]
    return ", ".join(part for part in parts if part) or "none"


def _scoring(protocol: Protocol) -> str:
    words = protocol.words(headline=False).replace(f"; frame list {protocol.frame_list}", "")
    return (
        f"Protocol {words}. Metric depth is scored in metres as it is, without alignment; means are over "
        "frames, then over seeds."
    )


def _hardware(facts: StudyFacts) -> str:
    environments = [cell.environment or {} for cell in facts.finished]
    machines = machines_of(environments)
    texts = "; ".join(text for name, text in machines.items() if name != "Same bits")
    note = f" Same bits: {machines['Same bits']}." if "Same bits" in machines else ""
    return (
        f"{texts}. Training took {facts.seconds / 3600:.2f} hours over "
        f"{counted(len(environments), 'run')}.{note}"
    )


def _software(facts: StudyFacts) -> str:
    every = {
        f"thermodepth {e['thermodepth']}, Python {e['python']}, "
        + ", ".join(f"{name} {version}" for name, version in e["packages"].items() if version)
        for e in (cell.environment or {} for cell in facts.finished)
    }
    return "; or ".join(sorted(every)) + "."
