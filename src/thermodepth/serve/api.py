"""The routes: one frame in one request, or a recording that is sent once and asked for frame by frame."""

from __future__ import annotations

import asyncio
import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

import thermodepth
from thermodepth.serve.answers import (
    NUMBERS,
    Numbers,
    check_output,
    download_name,
    media_type,
    numbers_of,
    output_bytes,
    output_names,
)
from thermodepth.serve.decoding import Decoders, Description
from thermodepth.serve.limits import Limits
from thermodepth.serve.recordings import Recording, Recordings, shown_name, store_body
from thermodepth.serve.refusals import RefusedError
from thermodepth.serve.samples import SampleFile
from thermodepth.sources.lenses import centred_intrinsics

if TYPE_CHECKING:
    from thermodepth.inference.depth import Depth
    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.sources import SourceFrame

#: The numbers as JSON, beside an answer that is a file.
NUMBERS_HEADER = "Thermodepth-Numbers"

FileName = Annotated[
    str,
    Query(
        max_length=1000,
        description="Of the file. What it holds is told by its content, not by this.",
    ),
]
FieldOfView = Annotated[
    float | None,
    Query(
        gt=0,
        lt=180,
        description="The lens: degrees across the frame. Left out: what the file states, else the model's.",
    ),
]
FrameNumber = Annotated[int, Query(ge=0, description="Of a file of several, from 0.")]
Output = Annotated[str, Query(max_length=100, description="One of the names of GET /api/v1/model.")]

_BODY = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a file: PNG, TIFF (also of several pages), NPY (also stacks), "
        "radiometric JPEG, SEQ, CSQ, CPTV, video.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Mistake(BaseModel):
    """Why a request was refused."""

    error: str


class LimitNumbers(BaseModel):
    """What may be asked."""

    upload_bytes: int
    frame_pixels: int
    frames: int = Field(description="Of one recording.")
    requests_per_minute: int = Field(description="Of one address; 0: any number.")
    kept_s: float = Field(description="After its last use a recording is deleted.")


class ModelFacts(BaseModel):
    """The model of this server, and what it can be asked for."""

    name: str
    version: str = Field(description="Of thermodepth.")
    device: str
    knows_lens: bool = Field(description="Whether its metres depend on the field of view.")
    tells_relative_error: bool
    outputs: dict[str, str] = Field(description="Name -> what it holds.")
    limits: LimitNumbers


class RecordingFacts(BaseModel):
    """A file that was sent, or a sample."""

    id: str
    name: str
    frames: int
    is_cut: bool = Field(description="Whether the file has more frames than a recording may have.")
    first: int = Field(description="Number of the first frame that can be read.")
    rows: int
    columns: int
    unit: str
    fov_deg: float | None = Field(description="Across the frame, where the file states it.")


class SampleFacts(RecordingFacts):
    """A sample, and a picture of it."""

    thumbnail: str = Field(description="PNG, as data URI.")


class Health(BaseModel):
    """It lives."""

    status: str
    model: str
    version: str


_REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Mistake, "description": text}
    for status, text in (
        (400, "A parameter that cannot be."),
        (404, "No such recording, frame or output."),
        (408, "It took too long."),
        (413, "Larger than an upload may be."),
        (421, "Another host was asked for."),
        (422, "The file is no thermal frame, or damaged, or takes more than decoding may take."),
        (429, "Too many requests, of one address or of all; Retry-After says when to ask again."),
    )
}


@dataclass(kw_only=True)
class Service:
    """What the routes share."""

    predictor: FramePredictor
    recordings: Recordings
    decoders: Decoders
    samples: list[SampleFile]
    limits: Limits
    folder: Path

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.limits.slots)
        # One at a time: the network has its own threads, and its recipe of the input may have a memory.
        self._network = ThreadPoolExecutor(1, thread_name_prefix="network")

    async def received(self, request: Request, filename: str) -> tuple[str, Path, Description]:
        """The body as a file, and what it holds; a file that is refused is deleted.

        Raises:
            RefusedError: for what is too large, or no thermal recording.
        """
        name = shown_name(filename)
        path = self.recordings.new_path(name)
        length = request.headers.get("content-length", "")
        declared = int(length) if length.isdecimal() else None
        try:
            with self.recordings.arriving(declared):
                await store_body(request.stream(), path, self.limits.upload_bytes)
                async with self._slots:
                    description = await asyncio.to_thread(self.decoders.describe, path, name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return name, path, description

    async def answer(
        self,
        path: Path,
        name: str,
        number: int,
        fov_deg: float | None,
        output: str,
        *,
        sample_deg: float | None = None,
    ) -> tuple[bytes, Numbers]:
        """One output of one frame; `sample_deg` is the lens of a sample, whose file does not state it.

        Raises:
            RefusedError: for a frame that cannot be read, or an output that there is none of.
            UserError: for a lens that cannot be.
        """
        loop = asyncio.get_running_loop()
        async with self._slots:
            frame = await asyncio.to_thread(self.decoders.frame, path, name, number)
            if sample_deg is not None:
                frame = replace(frame, intrinsics=centred_intrinsics(sample_deg, frame.raw.shape))

            predict = partial(self._predicted, frame, fov_deg)
            result, numbers = await loop.run_in_executor(self._network, predict)
            content = await asyncio.to_thread(output_bytes, result, output, numbers, self.folder)
        return content, numbers

    def _predicted(self, frame: SourceFrame, fov_deg: float | None) -> tuple[Depth, Numbers]:
        # A model that is not told the lens leaves it out; distances in space need it nevertheless.
        in_file = None if fov_deg is not None or self.predictor.knows_lens else frame.intrinsics
        with warnings.catch_warnings():  # what they say stands in the numbers' notes
            warnings.simplefilter("ignore")
            result = self.predictor(frame, fov_deg=fov_deg, intrinsics=in_file)
        return result, numbers_of(result, frame, self.predictor, fov_deg=fov_deg)

    def close(self) -> None:
        """End what runs beside."""
        self._network.shutdown(wait=False, cancel_futures=True)
        self.decoders.close()


def routes(service: Service) -> APIRouter:
    """The routes of the API."""
    router = APIRouter(responses=_REFUSED)
    _add_facts(router, service)
    _add_recordings(router, service)
    _add_frames(router, service)
    return router


def _add_facts(router: APIRouter, service: Service) -> None:
    limits, predictor = service.limits, service.predictor

    @router.get("/health", tags=["server"], responses={})
    async def health() -> Health:
        """Whether the server lives, and which model it has."""
        return Health(status="ok", model=predictor.name, version=thermodepth.__version__)

    @router.get("/api/v1/model", tags=["server"])
    async def model() -> ModelFacts:
        """The model, the outputs that there are, and the limits."""
        return ModelFacts(
            name=predictor.name,
            version=thermodepth.__version__,
            device=predictor.device_text,
            knows_lens=predictor.knows_lens,
            tells_relative_error=predictor.tells_relative_error,
            outputs=output_names(),
            limits=LimitNumbers(
                upload_bytes=limits.upload_bytes,
                frame_pixels=limits.frame_pixels,
                frames=limits.frames,
                requests_per_minute=limits.requests_per_minute,
                kept_s=limits.kept_s,
            ),
        )

    @router.get("/api/v1/samples", tags=["recordings"])
    async def samples() -> list[SampleFacts]:
        """Recordings that are always there."""
        return [
            SampleFacts(**_facts(sample.recording).model_dump(), thumbnail=sample.thumbnail)
            for sample in service.samples
        ]


def _add_recordings(router: APIRouter, service: Service) -> None:
    @router.post("/api/v1/recordings", tags=["recordings"], status_code=201, openapi_extra=_BODY)
    async def send_recording(request: Request, filename: FileName = "frame") -> RecordingFacts:
        """Send a file once, to ask for its frames afterwards."""
        name, path, description = await service.received(request, filename)
        return _facts(service.recordings.keep(name, path, description))

    @router.get("/api/v1/recordings/{recording_id}", tags=["recordings"])
    async def recording(recording_id: str) -> RecordingFacts:
        """What a recording holds."""
        return _facts(service.recordings.get(recording_id))

    @router.delete("/api/v1/recordings/{recording_id}", tags=["recordings"], status_code=204)
    async def delete_recording(recording_id: str) -> None:
        """Delete it now rather than later."""
        service.recordings.forget(recording_id)


def _add_frames(router: APIRouter, service: Service) -> None:
    @router.post(
        "/api/v1/depth",
        tags=["frames"],
        openapi_extra=_BODY,
        response_class=Response,
        responses={200: _file_or_numbers()},
    )
    async def depth(
        request: Request,
        filename: FileName = "frame",
        output: Output = NUMBERS,
        frame: FrameNumber = 0,
        fov_deg: FieldOfView = None,
    ) -> Response:
        """Depth of one frame in one request; nothing of it is kept."""
        check_output(output)
        name, path, description = await service.received(request, filename)
        try:
            _check_number(frame, description, name)
            content, numbers = await service.answer(path, name, frame, fov_deg, output)
        finally:
            path.unlink(missing_ok=True)
        return _file(content, numbers, output, description.frames)

    @router.get(
        "/api/v1/recordings/{recording_id}/frames/{frame}/{output}",
        tags=["frames"],
        response_class=Response,
        responses={200: _file_or_numbers()},
    )
    async def frame_of_recording(
        recording_id: str, frame: int, output: str, fov_deg: FieldOfView = None
    ) -> Response:
        """Depth of one frame of a recording."""
        check_output(output)
        entry = service.recordings.get(recording_id)
        _check_number(frame, entry.description, entry.name)
        view_deg = entry.description.fov_deg if entry.is_sample else None
        content, numbers = await service.answer(
            entry.path, entry.name, frame, fov_deg, output, sample_deg=view_deg
        )
        return _file(content, numbers, output, entry.description.frames)


def _facts(recording: Recording) -> RecordingFacts:
    description = recording.description
    return RecordingFacts(
        id=recording.recording_id,
        name=recording.name,
        frames=description.frames,
        is_cut=description.is_cut,
        first=description.first,
        rows=description.rows,
        columns=description.columns,
        unit=description.unit.value,
        fov_deg=description.fov_deg,
    )


def _check_number(frame: int, description: Description, name: str) -> None:
    if not 0 <= frame < description.frames:
        raise RefusedError(404, f"{name}: no frame {frame}; it has 0 to {description.frames - 1}")


def _file(content: bytes, numbers: Numbers, output: str, frames: int) -> Response:
    filename = download_name(numbers.name, output, numbers.frame, frames)
    headers = {
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "private, no-store",
    }
    if output != NUMBERS:
        as_json = numbers.model_dump(mode="json")
        headers[NUMBERS_HEADER] = json.dumps(as_json, ensure_ascii=True)
    return Response(content, media_type=media_type(output), headers=headers)


def _file_or_numbers() -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {
        "description": f"The output; beside a file the numbers stand in the header {NUMBERS_HEADER}.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Numbers"}},
            "image/png": {"schema": schema},
            "image/tiff": {"schema": schema},
            "application/octet-stream": {"schema": schema},
        },
    }
