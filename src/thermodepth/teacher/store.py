"""Labels on disk: made once per teacher and data set, resumed after a kill, never mixed.

    <root>/<teacher fingerprint>-<data fingerprint>/
        store.json          what the maps are and who made them
        <sample id>.png     one map each (see `codec`), the id escaped so that it can be read back
        facts/<id>.json     why a frame was rejected, and what it was judged by, where a teacher says so

Each map carries the store's two fingerprints and its own id, so that a file copied or renamed by hand is
refused rather than used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

import numpy as np

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, TeacherError
from thermodepth.files import escaped_id, read_bytes, write_bytes
from thermodepth.teacher.codec import CodecError, decode, encode
from thermodepth.teacher.interface import ExplainingTeacher, Teacher, to_affine_inverse
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
_REMEDY = "delete the folder, and its labels are made again"
#: Room for the temporary name's own letters within the 255 bytes of common file systems.
MAX_NAME_BYTES = 220
#: No 16-bit map that fits the pixel bound comes out larger.
MAX_FILE_BYTES = 160_000_000
MAX_FACTS_BYTES = 1 << 16
#: How many batches of frames may wait for others of their size.
WAITING_BATCHES = 4


class LabelStore:
    """The labels of one teacher for one data set."""

    def __init__(
        self,
        root: Path,
        teacher_fingerprint: str,
        data_fingerprint: str,
        geometry: Geometry,
        *,
        teacher_description: str = "",
    ) -> None:
        """Open the folder, or make it.

        Args:
            root: where label folders live.
            teacher_fingerprint: of `Teacher.fingerprint()`.
            data_fingerprint: changes when the frames of the data set may.
            geometry: what the teacher's maps mean.
            teacher_description: a line for people.

        Raises:
            TeacherError: when the folder holds something else.
            OutputError: when it cannot be written.
        """
        for fingerprint in (teacher_fingerprint, data_fingerprint):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", fingerprint):
                raise TeacherError(f"fingerprint '{fingerprint}': expected letters, digits, _ . -")
        self.teacher_fingerprint = teacher_fingerprint
        self.data_fingerprint = data_fingerprint
        self.geometry = geometry
        self.folder = Path(root).expanduser() / f"{teacher_fingerprint}-{data_fingerprint}"
        about = {
            "format": FORMAT,
            "teacher_fingerprint": teacher_fingerprint,
            "data_fingerprint": data_fingerprint,
            "geometry": str(geometry),
        }
        path = self.folder / "store.json"
        if path.exists():
            _check_same(path, about)
            return
        write_record(path, {**about, "teacher": teacher_description})

    @classmethod
    def existing(cls, folder: Path) -> Self:
        """A store that is there, without its teacher.

        Raises:
            DataError: when its record is missing or damaged.
            TeacherError: when it is not a store of labels.
        """
        about = read_record(folder / "store.json", remedy=_REMEDY)
        try:
            teacher, data = str(about["teacher_fingerprint"]), str(about["data_fingerprint"])
            geometry = Geometry(about["geometry"])
        except (KeyError, ValueError) as error:
            raise TeacherError(f"{folder}: not a store of labels ({error})") from None
        # Else a store of that name would be made beside this one.
        if folder.name != f"{teacher}-{data}":
            raise TeacherError(f"{folder}: its record is that of {teacher}-{data}; {_REMEDY}")
        return cls(folder.parent, teacher, data, geometry)

    def path(self, sample_id: str) -> Path:
        """Where this sample's map belongs.

        Raises:
            TeacherError: for an empty id, or one too long for a file name.
        """
        return self.folder / file_name(sample_id)

    def missing(self, ids: Iterable[str]) -> list[str]:
        """The ids without a map, in the order given."""
        present = {path.name for path in self.folder.glob("*.png")}
        return [sample_id for sample_id in ids if file_name(sample_id) not in present]

    def ids(self) -> list[str]:
        """The ids that have a map, sorted."""
        return sorted(sample_id_of(path.name) for path in self.folder.glob("*.png"))

    def write(self, sample_id: str, values: NDArray[Any]) -> None:
        """Keep one map `[h w]` in the store's geometry, NaN = none; whole or not at all.

        Raises:
            TeacherError: naming the sample, for a map that cannot be kept.
            OutputError: naming the file, where it cannot be written.
        """
        path = self.path(sample_id)
        try:
            write_bytes(path, encode(values, self.geometry, owner=self._owner(sample_id)))
        except CodecError as error:
            raise TeacherError(f"label of frame {sample_id}: {error}") from None

    def read(self, sample_id: str) -> NDArray[np.float32]:
        """One map `[h w]` in the store's geometry, NaN where the teacher gave none.

        Raises:
            TeacherError: naming the file and the remedy, when it is missing, damaged or foreign.
        """
        path = self.path(sample_id)
        if not path.exists():
            raise TeacherError(
                f"{path}: frame {sample_id} has no label yet; make the labels again, which only adds "
                "what is missing"
            )
        try:
            return self._decoded(sample_id)
        except DataError as error:
            raise TeacherError(f"{error}. Make the labels again (`thermodepth label`)") from None
        except CodecError as error:
            raise TeacherError(
                f"{path}: {error}. Delete the file and make the labels again; only what is missing "
                "is made (`thermodepth label` does both)"
            ) from None

    def drop_damaged(self, ids: Iterable[str]) -> list[str]:
        """Read every map that is there and delete what cannot be used, so that it is made again.

        Returns:
            For people: each file and what was wrong with it.
        """
        problems = []
        for sample_id in ids:
            path = self.path(sample_id)
            if not path.exists():
                continue
            try:
                self._decoded(sample_id)
            except (CodecError, DataError) as error:
                problems.append(f"{path}: {error}")
                path.unlink(missing_ok=True)
        return problems

    def label(self, sample_id: str) -> NDArray[np.float32]:
        """One map as training wants it: affine-invariant inverse depth, larger = nearer, NaN = none.

        Raises:
            TeacherError: as `read`.
        """
        return to_affine_inverse(self.read(sample_id), self.geometry)

    def facts(self, sample_id: str) -> dict[str, Any] | None:
        """What the teacher said of this frame beside its map; None where it said nothing.

        Raises:
            TeacherError: naming the file, when it is damaged.
        """
        path = self._facts_path(sample_id)
        if not path.exists():
            return None
        try:
            return read_record(path, limit=MAX_FACTS_BYTES)
        except DataError as error:
            raise TeacherError(
                f"{error}. Delete it and the map of the same name; only what is missing is made again"
            ) from None

    def rejected(self, ids: Iterable[str]) -> Counter[str]:
        """How many of these frames were rejected, by reason.

        Raises:
            TeacherError: as `facts`.
        """
        records = (self.facts(sample_id) for sample_id in ids)
        return Counter(
            str(record["rejected"]) for record in records if record and record.get("rejected")
        )

    def fill(
        self,
        teacher: Teacher,
        samples: Iterable[Sample],
        *,
        batch_size: int = 8,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Label the samples that have no map yet; running it again goes on where it was cut off.

        Samples are taken one by one and may be read lazily; to spare reading the frames that are done,
        give only those of `missing(ids)`.

        Args:
            teacher: the one this store was opened for.
            samples: any order; frames of equal size are labelled together.
            batch_size: frames that one call of the teacher gets.
            progress: called with the number of maps written so far.

        Returns:
            How many maps were written.

        Raises:
            TeacherError: for another teacher, or as the teacher itself raises; what was written stays.
        """
        self._check_teacher(teacher)
        done = 0
        for batch in _equal_sizes(self._unlabelled(samples), batch_size):
            for sample, (values, facts) in zip(batch, _labelled_batch(teacher, batch), strict=True):
                if values.shape != sample.size:
                    raise TeacherError(
                        f"frame {sample.sample_id} is {sample.size}, the teacher's map "
                        f"{values.shape}; a teacher gives maps at the frame's own size"
                    )
                if facts is not None:  # first, so that no map is without them
                    self._write_facts(sample.sample_id, facts)
                self.write(sample.sample_id, values)
                done += 1
            if progress is not None:
                progress(done)
        return done

    def _unlabelled(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        passed_ids: set[str] = set()
        for sample in samples:
            if sample.sample_id not in passed_ids and not self.path(sample.sample_id).exists():
                yield sample
            passed_ids.add(sample.sample_id)

    def _check_teacher(self, teacher: Teacher) -> None:
        identity = (teacher.fingerprint(), teacher.geometry)
        if identity != (self.teacher_fingerprint, self.geometry):
            raise TeacherError(
                f"{self.folder}: holds labels of {self.teacher_fingerprint} ({self.geometry}), the "
                f"teacher is {identity[0]} ({identity[1]}); open a store for this teacher"
            )

    def _facts_path(self, sample_id: str) -> Path:
        return self.folder / "facts" / (file_name(sample_id).removesuffix(".png") + ".json")

    def _write_facts(self, sample_id: str, facts: dict[str, Any]) -> None:
        write_record(self._facts_path(sample_id), facts)

    def _decoded(self, sample_id: str) -> NDArray[np.float32]:
        content = read_bytes(self.path(sample_id), limit=MAX_FILE_BYTES)
        return decode(content, self.geometry, owner=self._owner(sample_id))

    def _owner(self, sample_id: str) -> str:
        # Escaped, because PNG text is Latin-1.
        return f"{self.teacher_fingerprint}-{self.data_fingerprint}/{quote(sample_id, safe='')}"


def open_store(root: Path, teacher: Teacher, data_fingerprint: str) -> LabelStore:
    """The store of a teacher's labels for a data set, made when it does not exist.

    Raises:
        TeacherError: as `LabelStore`.
    """
    return LabelStore(
        root,
        teacher.fingerprint(),
        data_fingerprint,
        teacher.geometry,
        teacher_description=teacher.description,
    )


def file_name(sample_id: str) -> str:
    """A file name for any id, from which `sample_id_of` gives the id back.

    Percent escapes for all but letters, digits and `_ . - ~`; a dot in front too, so that no name is
    hidden or points upwards.
    """
    try:
        escaped = escaped_id(sample_id)
    except DataError as error:
        raise TeacherError(str(error)) from None
    if not 0 < len(escaped) <= MAX_NAME_BYTES:
        raise TeacherError(
            f"sample id '{sample_id[:80]}': {len(escaped)} letters as a file name, expected 1 to "
            f"{MAX_NAME_BYTES}"
        )
    return escaped + ".png"


def sample_id_of(name: str) -> str:
    """The id that `file_name` made this name from."""
    return unquote(name.removesuffix(".png"))


def _check_same(path: Path, about: dict[str, Any]) -> None:
    try:
        record = read_record(path, remedy=_REMEDY)
    except DataError as error:
        raise TeacherError(str(error)) from None
    for key, value in about.items():
        recorded = record.get(key)
        if recorded != value:
            raise TeacherError(
                f"{path}: {key} is {recorded}, expected {value}; these labels are not used. Delete the "
                "folder to have them made again, or give another root"
            )


def _labelled_batch(
    teacher: Teacher, samples: Sequence[Sample]
) -> list[tuple[NDArray[np.float32], dict[str, Any] | None]]:
    """Maps with the teacher's facts, or with None from a teacher that has none."""
    if isinstance(teacher, ExplainingTeacher):
        return list(teacher.explained(samples))
    return [(values, None) for values in teacher.label(samples)]


def _equal_sizes(samples: Iterable[Sample], batch_size: int) -> Iterator[Sequence[Sample]]:
    """Batches of one frame size each; few frames wait, however many sizes there are."""
    assert batch_size >= 1, batch_size
    waiting: dict[tuple[int, int], list[Sample]] = {}
    for sample in samples:
        group = waiting.setdefault(sample.size, [])
        group.append(sample)
        if len(group) == batch_size:
            yield waiting.pop(sample.size)
        elif sum(map(len, waiting.values())) >= WAITING_BATCHES * batch_size:
            yield waiting.pop(max(waiting, key=lambda size: len(waiting[size])))
    yield from waiting.values()
