"""A model as one ONNX graph: raw frames and focal lengths in; metres, structure, error and sky out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import thermodepth
from thermodepth.errors import DependencyError, SettingsError, WeightsError
from thermodepth.export.frame import Sizes, write_resized, write_sizes
from thermodepth.export.graph import Graph, Value
from thermodepth.export.maps import MapsInput, write_maps
from thermodepth.export.network import write_network
from thermodepth.export.recipe import RecipeInput, check_recipe, write_recipe
from thermodepth.inference.bounds import check_batch, check_frame_size
from thermodepth.inference.predictor import facts_of
from thermodepth.inference.working_size import network_size
from thermodepth.runtime.facts import (
    DEPTH,
    ERROR,
    FACTS_KEY,
    FOCAL,
    FRAME,
    SKY,
    STRUCTURE,
    GraphFacts,
)
from thermodepth.thermal import check_compatible
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from thermodepth.model import LoadedModel


def onnx_model(
    model: LoadedModel,
    *,
    unit: ThermalUnit | None = None,
    short_side: int | None = None,
    size: tuple[int, int] | None = None,
    batch: int | None = None,
    few_operators: bool = False,
    for_openvino: bool = False,
) -> Any:
    """The model as an `onnx.ModelProto`, with its facts in the metadata.

    Args:
        model: a thermal one.
        unit: of the frames that the graph takes; None: those of the training.
        short_side: pixels that the network sees; None: as trained.
        size: (rows, columns) of the frames; None: any.
        batch: frames at once; None: any number.
        few_operators: for processors that cannot sort, and take one size of frame.
        for_openvino: the same in the operations that OpenVINO is fast at.

    Raises:
        DependencyError: without onnx.
        SettingsError: for a normaliser, an encoder or a unit that cannot be written.
        WeightsError: for a model that reads RGB.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise DependencyError(
            "an export needs the package onnx: pip install 'thermodepth[export]'"
        ) from None
    facts = graph_facts(model, unit=unit, short_side=short_side, size=size, batch=batch)
    check_recipe(facts.model.normaliser, facts.unit, few_operators=few_operators)
    if few_operators and (size is None or batch is None):
        raise SettingsError(
            "a graph of few operators is of one size: give that of the frames, and how many at once"
        )
    if few_operators and facts.unit is ThermalUnit.DISPLAY and _enlarges(facts):
        raise SettingsError(
            "a graph of few operators reads 8-bit frames of at least the size that its network sees: give a "
            f"short side of at most {min(facts.size or (0,))}"
        )
    graph = Graph()
    sides: list[int | str] = ["batch" if batch is None else batch]
    frame_sides = [*sides, 1, *(("rows", "columns") if size is None else size)]
    frame = graph.input(FRAME, frame_sides)
    focal_px = graph.input(FOCAL, sides) if facts.model.view_deg is not None else None
    with graph.scope("frame"):
        sizes = write_sizes(graph, frame, short_side=facts.short_side)
        resized = write_resized(graph, frame, sizes, unit=facts.unit, few_operators=few_operators)
        about = RecipeInput(
            settings=facts.model.normaliser,
            unit=facts.unit,
            sizes=sizes,
            few_operators=few_operators,
        )
        image = write_recipe(graph, resized, about)
        padded = _padded(graph, image, sizes, model.network.multiple)
    with graph.scope("network"):
        maps = write_network(
            graph,
            model.network,
            padded,
            name=facts.model.encoder,
            few_operators=few_operators,
        )
    with graph.scope("maps"):
        frame_maps = write_maps(
            graph,
            maps,
            MapsInput(
                recipe=model.recipe, sizes=sizes, focal_px=focal_px, for_openvino=for_openvino
            ),
        )
        named = {
            DEPTH: _flat(graph, frame_maps.depth_m),
            STRUCTURE: _flat(graph, frame_maps.structure),
            ERROR: frame_maps.relative_error,
            SKY: None if frame_maps.sky is None else _flat(graph, frame_maps.sky),
        }
    outputs = [
        (value, name, [*sides, *([2] if name == ERROR else []), *frame_sides[2:]])
        for name, value in named.items()
        if value is not None
    ]
    proto = graph.model(outputs, producer=f"thermodepth {thermodepth.__version__}")
    set_facts(proto, facts)
    return proto


def set_facts(proto: Any, facts: GraphFacts) -> None:
    """Put the facts into the metadata, in the place of those that stand there."""
    others = [entry for entry in proto.metadata_props if entry.key != FACTS_KEY]
    del proto.metadata_props[:]
    proto.metadata_props.extend(others)
    proto.metadata_props.add(key=FACTS_KEY, value=facts.model_dump_json())


def facts_in(proto: Any) -> GraphFacts:
    """What the metadata of a graph of ours say."""
    (text,) = (entry.value for entry in proto.metadata_props if entry.key == FACTS_KEY)
    return GraphFacts.model_validate_json(text)


def _enlarges(facts: GraphFacts) -> bool:
    assert facts.size is not None
    return any(
        a > b for a, b in zip(network_size(facts.size, facts.short_side), facts.size, strict=True)
    )


def graph_facts(
    model: LoadedModel,
    *,
    unit: ThermalUnit | None,
    short_side: int | None,
    size: tuple[int, int] | None,
    batch: int | None,
) -> GraphFacts:
    """What a graph of the model says of itself; arguments as `onnx_model`.

    Raises:
        DataError, SettingsError, WeightsError: as `onnx_model`.
    """
    if model.recipe.modality != "thermal":
        raise WeightsError(f"model {model.fingerprint}: reads RGB; export takes a thermal model")
    about = facts_of(model)
    unit = unit or about.trained_unit
    check_compatible(about.normaliser, unit, trained_on=about.trained_unit)
    side = short_side or about.short_side
    inner = (side, side) if size is None else network_size(size, side)
    if size is not None:
        check_frame_size(size, inner)
    if batch is not None:
        check_batch(batch, inner)
    return GraphFacts(model=about, unit=unit, short_side=side, size=size, batch=batch)


def _padded(graph: Graph, image: Value, sizes: Sizes, multiple: int) -> Value:
    """To sides that the encoder divides, with the edge's own pixels, below and right."""
    inner = graph.node("Concat", sizes.inner_rows, sizes.inner_columns, axis=0)
    divisor = graph.whole(multiple)
    up = graph.node("Add", inner, graph.whole(multiple - 1))
    full = graph.node("Mul", graph.node("Div", up, divisor), divisor)
    added = graph.node("Sub", full, inner)
    known = graph.known(added)
    if known is not None and not known.any():
        return image
    pads = graph.node("Concat", graph.whole(0, 0, 0, 0, 0, 0), added, axis=0)
    return graph.node("Pad", image, pads, mode="edge")


def _flat(graph: Graph, value: Value) -> Value:
    """`[b 1 h w]` -> `[b h w]`."""
    return graph.node("Squeeze", value, graph.whole(1))
