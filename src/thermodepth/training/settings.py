"""The whole of a training run as one tree of settings."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.data.frames import Dataset
from thermodepth.data.loader import DataSettings, check_truth
from thermodepth.errors import SettingsError
from thermodepth.extensions import ExtensionRecord, loaded_records
from thermodepth.losses import LossesSettings, rebuilt_with_terms
from thermodepth.model import LONGEST_WORKING_SIDE, ModelSettings, check_start
from thermodepth.model.auto_backbone import is_auto, read_config
from thermodepth.teacher import TeacherSettings
from thermodepth.training.lens import canonical_range_m


class OptimiserSettings(Settings):
    """AdamW with a linear warm-up and a cosine to zero, clipped gradients, averaged weights."""

    learning_rate: float = Field(2e-3, gt=0)
    later: ClassVar[frozenset[str]] = frozenset({"hold_statistics", "start_share"})

    #: The encoder's rate as a share: below 1 spares what it brings, 0 leaves every weight of it as it is.
    encoder_factor: float = Field(1.0, ge=0)
    #: Batch norms take the statistics that they start with for constants, in place of each batch's own.
    hold_statistics: bool = False
    #: Share of the first weights in the finished model, where it starts from a whole one: what a model could
    #: do on frames of another kind than those of the training lasts longer.
    start_share: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.02, ge=0)  # on matrices only, never on biases and norms
    warm_up: float = Field(0.05, ge=0, lt=1)  # share of the steps
    clip_norm: float = Field(1.0, gt=0)
    ema_decay: float = Field(0.99, ge=0, lt=1)  # 0 turns averaging off


class DiagnosticsSettings(Settings):
    """What is seen of the loss terms' gradients; the weights are the same with and without.

    The defaults cost less than 3 % of a training of the study's size (benchmarks/diagnostics.py).
    """

    not_identity: ClassVar[bool] = True

    on: bool = False
    share_every: int = Field(50, ge=0)  # steps between looks at the last shared block; 0: never
    cosine_every: int = Field(300, ge=0)  # steps between looks at all shared parameters; 0: never
    maps: int = Field(5, ge=0, le=100)  # looks at the output maps, evenly over the training
    map_frames: int = Field(4, ge=1, le=64)  # of how many frames


class WatchSettings(Settings):
    """Frames without truth that are looked at while a network trains; the weights are the same without."""

    not_identity: ClassVar[bool] = True

    #: Of `data.reference_frames`: FOLDER or FOLDER?fov=DEGREES; empty: nothing is watched.
    source: str = ""
    every: int = Field(0, ge=0)  # steps between looks; 0: as often as a checkpoint is written


class RuntimeSettings(Settings):
    """Where and how fast; never what comes out."""

    not_identity: ClassVar[bool] = True

    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int = Field(0, ge=0, le=128)  # processes that prepare batches
    checkpoint_every: int = Field(100, ge=1)  # steps
    log_every: int = Field(20, ge=1)  # steps
    tensorboard: bool = False
    compile: bool = False  # torch.compile; worth its minute on a GPU only
    cache_mb: int = Field(1024, ge=0)  # decoded frames kept in memory
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    watch: WatchSettings = WatchSettings()


class TrainingSettings(Settings):
    """One training run."""

    unless_empty: ClassVar[frozenset[str]] = frozenset({"extensions"})

    seed: int = Field(0, ge=0, lt=2**31)
    steps: int = Field(600, ge=1)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    teacher: TeacherSettings = TeacherSettings()
    losses: LossesSettings = Field(default_factory=LossesSettings)
    optimiser: OptimiserSettings = OptimiserSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    #: Whose rows these settings may name: all that this process has loaded. Their content is part of the
    #: run's identity, their place is not.
    extensions: tuple[ExtensionRecord, ...] = Field(default_factory=loaded_records)

    @model_validator(mode="after")
    def _a_pass_is_possible(self) -> Self:
        if self.data.modality == "rgb" and self.model.weights == "rgb-small":
            raise ValueError(
                "model.weights=rgb-small while data.modality=rgb: the built-in teacher cannot be its own "
                "start; set model.weights=none or a hub id"
            )
        return self

    def resolved(self, dataset: Dataset) -> TrainingSettings:
        """The same run with everything that was left to the data set filled in.

        Raises:
            WeightsError: for a model to start from that does not fit.
            SettingsError: when the training size is too small, a head has no term that teaches it, the
                start that is to have a share in the model is no whole model, or `data.truth` asks for what
                the frames do not have.
            DataError: for a first frame whose lens is not known, where `model.focal_px` needs it, and as
                `check_truth`.
        """
        self._check_heads()
        if is_auto(self.model.encoder) and self.model.encoder_config is None:
            config = read_config(self.model.encoder)
            return self.edit({"model.encoder_config": config}).resolved(dataset)
        start = check_start(self.model, channels=3 if self.data.modality == "rgb" else 1)
        near, far = dataset.depth_range_m
        edits = {
            "data.size": list(self.data.size or dataset.training_size),
            "data.min_truth_m": self.data.min_truth_m or near,
            "data.max_truth_m": self.data.max_truth_m or far,
        }
        run = self.edit(edits, where=f"on {dataset.spec}")  # most of it nobody typed
        head_range = self.model.depth_range_m or dataset.depth_range_m
        if start is None and self.optimiser.start_share:
            raise SettingsError(
                f"optimiser.start_share={self.optimiser.start_share:g} with model.weights="
                f"{self.model.weights}: only a whole model to start from has a share; give a model that "
                "reads the same, or 0"
            )
        if start is not None:  # its head says its own range, and its weights go on saying it
            assert start.model.depth_range_m is not None
            head_range = start.model.depth_range_m
        elif self.model.focal_px is not None and self.model.depth_range_m is None:
            head_range = canonical_range_m(head_range, self.model.focal_px, run.data, dataset)
        run = run.edit({"model.depth_range_m": list(head_range)})
        size = run.data.size
        assert size is not None
        if not all(32 <= side <= LONGEST_WORKING_SIDE for side in size):
            raise SettingsError(
                f"data.size={size[0]}x{size[1]}: at least 32 pixels each way, at most {LONGEST_WORKING_SIDE}"
            )
        if max(size) == 32 and run.data.batch_size == 1:
            raise SettingsError(
                "data.size=32x32 with data.batch_size=1: the deepest map is one pixel of one image, which "
                "has no statistics to be normed by; take larger frames or more of them"
            )
        check_truth(dataset, run.data, seed=self.seed)
        return run

    def _check_heads(self) -> None:
        for name in ("sky", "relative_error"):
            has_head, weight = getattr(self.model, name), self.losses.term(name).weight
            if has_head != (weight > 0):
                raise SettingsError(
                    f"model.{name}={str(has_head).lower()} with losses.{name}.weight={weight:g}: the head "
                    "and the term that teaches it go together"
                )


rebuilt_with_terms(TrainingSettings)
