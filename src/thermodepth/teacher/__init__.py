"""Teachers: what the structural head learns from, in training only.

    teacher = open_teacher(TeacherSettings(kind="transformers", model="..."))
    store = open_store(root, teacher, data_fingerprint)
    store.fill(teacher, samples)
    store.label(sample_id)  # [h w] inverse depth, larger = nearer

`interface` says what a teacher is, `registry` lists the kinds, `store` keeps their labels, `agreement` scores
them. Where RGB is another camera's view, `transfer` moves maps into the thermal one: `quality` and
`metric_fit` decide about the frame, `warp` moves it, `trust` decides about its pixels.

Importing this package loads neither torch nor transformers.
"""

from thermodepth.teacher.agreement import Agreement, agreement
from thermodepth.teacher.interface import ExplainingTeacher, Teacher, to_affine_inverse
from thermodepth.teacher.lens import RefittedTeacher
from thermodepth.teacher.quality import Rejection
from thermodepth.teacher.registry import (
    TEACHERS,
    TeacherRow,
    TeacherRuntime,
    TeacherSettings,
    open_teacher,
)
from thermodepth.teacher.store import LabelStore, open_store
from thermodepth.teacher.transfer import Transfer, TransferringTeacher, TransferSettings
from thermodepth.teacher.truth import TruthTeacher

__all__ = [
    "TEACHERS",
    "Agreement",
    "ExplainingTeacher",
    "LabelStore",
    "RefittedTeacher",
    "Rejection",
    "Teacher",
    "TeacherRow",
    "TeacherRuntime",
    "TeacherSettings",
    "Transfer",
    "TransferSettings",
    "TransferringTeacher",
    "TruthTeacher",
    "agreement",
    "open_store",
    "open_teacher",
    "to_affine_inverse",
]
