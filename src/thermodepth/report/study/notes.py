"""What stands under a study's tables: on what the numbers rest, and what they can carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.guesser_comparison import DECIDED_BY
from thermodepth.report.evaluation.guessers import verdict
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, SCOPE_WORDS
from thermodepth.statistics.labels import counted
from thermodepth.statistics.two_way import Scope
from thermodepth.study.results.entries import NO_COMMON_SEED, ONE_COMMON_SEED, Entry, Part
from thermodepth.study.results.lines import Lines

DAGGER = "†"  # behind the name of an arm with a single run

_UNDECIDED = {
    ONE_RUN: "with one run no arm can be told from the best",
    ONE_RECORDING: "with one recording no arm can be told from the best",
    ONE_COMMON_SEED: f"with {ONE_COMMON_SEED} none can be told from the best",
    NO_COMMON_SEED: f"there is {NO_COMMON_SEED}",
}


def caption_notes(
    lines: Lines, parts: Mapping[str, Sequence[Part]], *, blocks: bool, ranked: bool = True
) -> list[str]:
    """What a caption must say: protocol, counts, what a change is, its interval, what is bold.

    `parts` are those of each block by its title, or of the whole frames alone; nothing is said of bold in
    a table that is not `ranked`.
    """
    every = [part for group in parts.values() for part in group]
    protocol = lines.scored_under
    return [
        _counted(lines, parts, blocks=blocks),
        *([] if protocol is None else [f"{protocol.words(headline=False)}."]),
        *_stamps(lines, every),
        *_change_notes(lines, parts, blocks=blocks),
        *(_bold_notes(parts, blocks=blocks) if ranked else []),
    ]


def other_notes(lines: Lines, parts: Mapping[str, Sequence[Part]]) -> list[str]:
    """What concerns single lines, and the protocol's own numbers."""
    every = [part for group in parts.values() for part in group]
    notes = _alignment_note(lines.scored_under)
    if lines.baselines:
        notes.append(
            "Baselines never look at the image, or only remember the training frames (nearest, ridge): they "
            "have no seeds and are not ranked; their Δ takes them as the same under every seed."
        )
        notes += beaten_notes(lines, parts.get("", ()))
    entries = _of_arms(lines, every)
    for twin in (arm for arm in entries if lines.kind(arm) == "twin"):
        notes.append(
            f"{lines.title(twin)}: the reference trained once more under the same seeds. Its Δ is the noise "
            "floor of the machine; it is not ranked."
        )
    missing = [lines.title(arm) for arm in lines.arms if arm not in entries]
    if missing:
        notes.append(f"No results (not run, failed or diverged): {', '.join(missing)}.")
    seeds = _seeds(lines, every)
    for arm, entry in entries.items():
        if entry.seeds != seeds:
            common = len(set(entry.seeds) & set(seeds))
            sentence = f"{lines.title(arm)} has {seed_list(entry.seeds)}"
            if common == 0:
                sentence += ", none of them the reference's: no Δ"
            elif common == 1 < min(len(entry.seeds), len(seeds)):
                sentence += ", one of them the reference's: no interval"
            notes.append(f"{sentence}.")
    for title, group in parts.items():
        where = f"{title}: " if title else ""
        notes += dict.fromkeys(f"{where}{words}." for part in group for words in part.left_out)
    return notes


def beaten_notes(lines: Lines, parts: Sequence[Part]) -> list[str]:
    """A sentence for each set of arms that the same guessers beat in AbsRel over whole frames."""
    part = next((part for part in parts if part.metric.name == DECIDED_BY), None)
    if part is None:
        return []
    guesses = {name: part.entries[name].value for name in lines.baselines if name in part.entries}
    beaten: dict[str, list[str]] = {}
    for arm in lines.arms:
        entry = part.entries.get(arm)
        if entry is not None and any(guess <= entry.value for guess in guesses.values()):
            words = verdict(entry.value, guesses)
            beaten.setdefault(words, []).append(f"{lines.title(arm)} ({entry.value:.4f})")
    if beaten and len(beaten) == 1 and len(next(iter(beaten.values()))) == len(lines.arms) > 1:
        return [f"In AbsRel every arm is {next(iter(beaten))}."]
    return [f"In AbsRel {', '.join(arms)}: {words}." for words, arms in beaten.items()]


def has_recordings(parts: Mapping[str, Sequence[Part]]) -> bool:
    """Whether any recording has several frames; otherwise each frame is one."""
    return any(part.recordings < part.images for group in parts.values() for part in group)


def is_single_run(lines: Lines, name: str, entry: Entry | None) -> bool:
    """Whether a line gets the dagger."""
    return name in lines.arms and entry is not None and len(entry.seeds) == 1


def seed_list(seeds: Sequence[int]) -> str:
    """`3 seeds (0, 1, 2)`."""
    return f"{counted(len(seeds), 'seed')} ({', '.join(map(str, seeds))})"


# --- pieces --------------------------------------------------------------------------------------


def _counted(lines: Lines, parts: Mapping[str, Sequence[Part]], *, blocks: bool) -> str:
    every = [part for parts_of_block in parts.values() for part in parts_of_block]
    seeds = seed_list(_seeds(lines, every))
    start = f"Protocol {lines.protocol}, metres as they are (no alignment); mean over"
    grouped = has_recordings(parts)
    alone = "" if grouped else ", each taken as a recording of its own"
    if blocks:
        counts = "pixels, frames and recordings" if grouped else "pixels and frames"
        return f"{start} the frames of a block{alone}, then over {seeds}; {counts} are those of one seed."
    images, recordings = max((part.images, part.recordings) for part in every)
    parts_of_block = f" of {_recordings(recordings)}" if grouped else alone
    return f"{start} {counted(images, 'frame')}{parts_of_block}, then over {seeds}."


def _stamps(lines: Lines, every: Sequence[Part]) -> list[str]:
    entries = _of_arms(lines, every)
    single = [arm for arm, entry in entries.items() if is_single_run(lines, arm, entry)]
    notes = []
    if len(single) == len(entries):
        notes.append(f"{DAGGER} {ONE_RUN}")
    elif single:
        notes.append(f"{DAGGER} one run: run-to-run noise unknown; no interval.")
    if all(part.recordings == 1 for part in every):
        notes.append(ONE_RECORDING)
    return notes


def _change_notes(lines: Lines, parts: Mapping[str, Sequence[Part]], *, blocks: bool) -> list[str]:
    """Of which scope the intervals are: that of most blocks, and where it is another."""
    every = [part for group in parts.values() for part in group]
    seeds = len(_seeds(lines, every))
    of_blocks = {
        title: _scope(seeds, max(part.recordings for part in group))
        for title, group in parts.items()
    }
    start = f"Δ: change against “{lines.title(lines.reference)}” in percent of its mean"
    scopes = [scope for scope in of_blocks.values() if scope is not None]
    if not scopes and seeds == 1:
        return [
            f"{start}, without an interval; `scopes` has what other scenes would do to these very weights."
        ]
    if not scopes:
        return [f"{start}."]
    usual = max(dict.fromkeys(scopes), key=scopes.count)
    of_seeds, of_scenes = "seeds", "recordings"
    if not blocks:
        of_seeds = counted(seeds, "seed")
        of_scenes = _recordings(max(part.recordings for part in every))
    tests: dict[Scope, str] = {
        "both": f"crossed t: {of_seeds} × {of_scenes}",
        "seeds": f"t over {of_seeds}",
    }
    adjusted = ", not adjusted for the number of intervals" if blocks else ""
    notes = [
        f"{start}, with its 95 % interval for {SCOPE_WORDS[usual]} ({tests[usual]}){adjusted}."
    ]
    for title, scope in of_blocks.items():
        if scope != usual:  # there is one recording in this block
            interval = "no interval" if scope is None else f"intervals for {SCOPE_WORDS[scope]}"
            notes.append(f"{title}: {ONE_RECORDING}; {interval}.")
    return notes


def _scope(seeds: int, recordings: int) -> Scope | None:
    """The widest that is printed of so many: none of a single run."""
    if seeds > 1:
        return "both" if recordings > 1 else "seeds"
    return None


def _bold_notes(parts: Mapping[str, Sequence[Part]], *, blocks: bool) -> list[str]:
    notes = []
    if any(part.best for group in parts.values() for part in group):
        alone = ", each block and metric by itself" if blocks else ""
        notes.append(
            "Bold: the best mean and every arm whose difference from it is not significant (crossed t, "
            f"p > .05 after Holm over the other arms{alone}); nothing where that is every arm."
        )
    reasons: dict[str, list[str]] = {}
    for title, group in parts.items():
        for why in dict.fromkeys(part.undecided for part in group if part.undecided):
            reasons.setdefault(why, []).append(title)
    for why, titles in reasons.items():
        where = "" if len(titles) == len(parts) else f" in {', '.join(titles)}"
        notes.append(f"Nothing is bold{where}: {_UNDECIDED[why]}.")
    return notes


def _alignment_note(protocol: Protocol | None) -> list[str]:
    """Stands where the protocol's own numbers are aligned ones: a study is about metres as they are."""
    if protocol is None or protocol.alignment == "none":
        return []
    label = ALIGNMENTS[protocol.alignment].label
    return [
        f"Metres as they are, not aligned: published numbers under '{protocol.name}' are ({label})."
    ]


def _of_arms(lines: Lines, every: Sequence[Part]) -> dict[str, Entry]:
    """Each arm with results anywhere, in its widest entry."""
    widest: dict[str, Entry] = {}
    for part in every:
        for arm in lines.arms:
            entry = part.entries.get(arm)
            if entry is not None and (
                arm not in widest or len(entry.seeds) > len(widest[arm].seeds)
            ):
                widest[arm] = entry
    return {arm: widest[arm] for arm in lines.arms if arm in widest}


def _seeds(lines: Lines, every: Sequence[Part]) -> tuple[int, ...]:
    return _of_arms(lines, every)[lines.reference].seeds


def _recordings(number: int) -> str:
    return counted(number, "recording")
