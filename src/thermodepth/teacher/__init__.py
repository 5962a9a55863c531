"""Teachers: what the structural head learns from, in training only.

    teacher = open_teacher(TeacherSettings(kind="transformers", model="..."))
    store = open_store(root, teacher, data_fingerprint)
    store.fill(teacher, samples)
    store.label(sample_id)  # [h w] inverse depth, larger = nearer

`protocol` says what a teacher is, `table` lists the kinds, `store` keeps their labels, `agreement` scores
them. Importing this package loads neither torch nor transformers.
"""

from thermodepth.teacher.agreement import Agreement, agreement
from thermodepth.teacher.protocol import Teacher, to_affine_inverse
from thermodepth.teacher.store import LabelStore, open_store
from thermodepth.teacher.table import (
    TEACHERS,
    TeacherRow,
    TeacherRuntime,
    TeacherSettings,
    open_teacher,
)
from thermodepth.teacher.truth import TruthTeacher

__all__ = [
    "TEACHERS",
    "Agreement",
    "LabelStore",
    "Teacher",
    "TeacherRow",
    "TeacherRuntime",
    "TeacherSettings",
    "TruthTeacher",
    "agreement",
    "open_store",
    "open_teacher",
    "to_affine_inverse",
]
