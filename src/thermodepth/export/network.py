"""The network as nodes: encoder, decoder and heads, as `model.network` runs them, for any size.

Sides are multiples of the encoder's stride, so every step of the pyramid is a factor of two, and nothing in
here asks a tensor for its shape. No operator is used that small processors lack: the convex upsampling takes
its neighbours by a convolution with fixed kernels, and sums over them by another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from thermodepth.errors import SettingsError
from thermodepth.export.encoder import conv, conv_of, write_encoder
from thermodepth.model.decoder import GROUPS, STRIDE, Decoder, LeanDecoder, MapHead, SeparableBlock
from thermodepth.model.network import INPUT_MEAN, INPUT_STD

if TYPE_CHECKING:
    from thermodepth.export.graph import Graph, Value
    from thermodepth.model import DepthNetwork

#: In the names of what stays in float32 whatever is quantised around it.
NORM = "norm"
#: Exponentials of logits within this, and sums of nine of them, are numbers in float32; none of a trained
#: head's is near it, and the comparison of the export would show it.
_MOST_LOGIT = 60.0
#: Below this a weight is nothing beside the largest.
_LEAST_LOGIT = -80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkMaps:
    """`[b 1 h w]` each, at the size of the network's input."""

    log_depth: Value  # canonical, where the network is told the lens
    structure: Value
    sky_logit: Value | None
    log_errors: tuple[Value, ...]  # by level; empty without the head


def write_network(
    graph: Graph, network: DepthNetwork, image: Value, *, name: str, few_operators: bool
) -> NetworkMaps:
    """All maps of an image whose sides are multiples of `network.multiple`.

    Args:
        graph: to write into.
        network: in evaluation mode.
        image: `[b 1 h w]` in [0, 1].
        name: of the encoder, for messages.
        few_operators: for small processors, which compute in less than float32.

    Raises:
        SettingsError: naming a layer of the encoder that cannot be written.
    """
    encoder = network.encoder
    if not encoder.is_plain_torch:
        raise SettingsError(
            f"encoder {name}: is built by transformers; export writes encoders of plain torch, such as "
            "mobilenetv2, efficientnet-lite0, resnet-small and resnet18"
        )
    centred = graph.node("Sub", image, graph.constant(INPUT_MEAN))
    x = graph.node("Mul", centred, graph.constant(1 / INPUT_STD))
    with graph.scope("encoder"):
        maps = write_encoder(graph, encoder.backbone, x, name=name)
    strides = list(encoder.backbone.strides)  # type: ignore[arg-type]
    features = [_Feature(*pair) for pair in zip(maps, strides, strict=True)][network.first_map :]
    with graph.scope("decoder"):
        if isinstance(network.decoder, LeanDecoder):
            decoded = _lean_decoder(graph, network.decoder, features, x)
        else:
            decoded = _decoder(graph, network.decoder, features, x)
    with graph.scope("heads"):
        heads = (network.metric_head, network.structure_head, network.sky_head, network.error_head)
        (share,), (structure,), sky, errors = (
            () if head is None else _head(graph, head, decoded, few_operators=few_operators)
            for head in heads
        )
        metric = graph.node("Sigmoid", share)
        scaled = graph.node("Mul", metric, graph.constant(network.log_span))
        log_depth = graph.node("Add", scaled, graph.constant(network.log_near))
    return NetworkMaps(
        log_depth=log_depth,
        structure=structure,
        sky_logit=sky[0] if sky else None,
        log_errors=errors,
    )


@dataclass(frozen=True, slots=True)
class _Feature:
    value: Value
    stride: int


def _decoder(graph: Graph, decoder: Decoder, features: list[_Feature], image: Value) -> Value:
    x: _Feature | None = None
    for feature, lateral, block in zip(
        reversed(features), reversed(decoder.lateral), reversed(decoder.blocks), strict=True
    ):
        side = conv(graph, feature.value, lateral)
        if x is not None:
            side = graph.node("Add", side, _enlarged(graph, x, feature.stride))
        x = _Feature(_block(graph, block, side), feature.stride)
    assert x is not None, "an encoder has maps"
    fine = _enlarged(graph, x, STRIDE)
    convolution, norm, _ = decoder.detail
    unshuffled = graph.node("SpaceToDepth", image, blocksize=STRIDE)
    detail = graph.node("Relu", conv(graph, unshuffled, convolution, norm))
    return _merged(graph, decoder, fine, detail)


def _lean_decoder(
    graph: Graph, decoder: LeanDecoder, features: list[_Feature], image: Value
) -> Value:
    finest, pyramid = (features[0], features[1:]) if decoder.fine_channels else (None, features)
    last = pyramid[-1]
    x = _Feature(conv(graph, last.value, decoder.lateral[-1]), last.stride)
    x = _Feature(_block(graph, decoder.blocks[-1], x.value), x.stride)
    for level in range(len(pyramid) - 2, -1, -1):
        side = conv(graph, pyramid[level].value, decoder.lateral[level])
        both = graph.node("Add", side, _enlarged(graph, x, pyramid[level].stride))
        if level > 0:
            both = _block(graph, decoder.blocks[level - 1], both)
        x = _Feature(both, pyramid[level].stride)
    fine = _enlarged(graph, x, STRIDE)
    if finest is not None:
        # A pixel unshuffle and a pointwise convolution are one convolution of 2x2 with stride 2.
        weight = decoder.fine.weight.reshape(-1, decoder.fine_channels, 2, 2)
        more = conv_of(graph, finest.value, weight, decoder.fine.bias, strides=[2, 2])
        fine = graph.node("Add", fine, more)
    convolution, norm, _ = decoder.detail
    unshuffled = graph.node("SpaceToDepth", image, blocksize=STRIDE)
    detail = graph.node("Relu", _norm(graph, norm, conv(graph, unshuffled, convolution)))
    return _merged(graph, decoder, fine, detail)


def _merged(graph: Graph, decoder: Decoder | LeanDecoder, fine: Value, detail: Value) -> Value:
    both = graph.node("Concat", fine, detail, axis=1)
    return _block(graph, decoder.finish, conv(graph, both, decoder.merge))


def _block(graph: Graph, block: nn.Module, x: Value) -> Value:
    assert isinstance(block, SeparableBlock), block
    if isinstance(block.norm, nn.BatchNorm2d):
        hidden = conv(graph, x, block.depthwise, block.norm)
    else:
        hidden = _norm(graph, block.norm, conv(graph, x, block.depthwise))
    hidden = graph.node("Relu", conv(graph, hidden, block.expand))
    return graph.node("Add", x, conv(graph, hidden, block.project))


def _norm(graph: Graph, norm: nn.Module, x: Value) -> Value:
    """A group norm by means over maps and a convolution that shares them within groups."""
    assert isinstance(norm, nn.GroupNorm), norm
    with graph.scope(NORM):
        return _group_norm(graph, norm, x)


def _group_norm(graph: Graph, norm: nn.GroupNorm, x: Value) -> Value:
    channels = norm.num_channels
    group = np.arange(channels) // (channels // GROUPS)
    share = torch.from_numpy((group[:, None] == group) * np.float32(GROUPS / channels))
    share = share[:, :, None, None]
    mean = conv_of(graph, graph.node("GlobalAveragePool", x), share)
    centred = graph.node("Sub", x, mean)
    squared = graph.node("Mul", centred, centred)
    variance = conv_of(graph, graph.node("GlobalAveragePool", squared), share)
    spread = graph.node("Sqrt", graph.node("Add", variance, graph.constant(norm.eps)))
    weight, bias = (
        graph.constant(part.detach().cpu().numpy()[:, None, None])
        for part in (norm.weight, norm.bias)
    )
    factor = graph.node("Div", weight, spread)
    return graph.node("Add", graph.node("Mul", centred, factor), bias)


def _head(graph: Graph, head: MapHead, x: Value, *, few_operators: bool) -> tuple[Value, ...]:
    """`[b 1 h w]` at full size for each of its maps."""
    hidden = graph.node("Relu", conv(graph, x, head.hidden))
    value = conv(graph, hidden, head.value)
    if head.upsampling == "convex":
        logits = conv(graph, hidden, head.weights)
        return (_convex(graph, value, logits, few_operators=few_operators),)
    values = [value]
    if head.maps is not None and head.maps > 1:
        # Apart while they are small: runtimes are slow to part large maps.
        ones = graph.whole(*(1 for _ in range(head.maps)))
        values = graph.nodes_of("Split", value, ones, outputs=head.maps, axis=1)
    fine = [_enlarged(graph, _Feature(each, STRIDE), 1) for each in values]
    if head.upsampling == "subpixel":
        detail = conv(graph, hidden, head.detail)
        shuffled = graph.node("DepthToSpace", detail, blocksize=STRIDE, mode="CRD")
        fine = [graph.node("Add", fine[0], shuffled)]
    return tuple(fine)


def _convex(graph: Graph, value: Value, logits: Value, *, few_operators: bool) -> Value:
    """`[b 1 h w]` and logits `[b 9*16 h w]`, neighbour-major -> `[b 1 4h 4w]`."""
    places = STRIDE**2
    # One kernel for each logit: it picks the neighbour that the logit weighs.
    picking = torch.eye(9).reshape(9, 1, 3, 3).repeat_interleave(places, dim=0)
    around = graph.whole(0, 0, 1, 1, 0, 0, 1, 1)
    padded = graph.node("Pad", value, around, mode="edge")
    neighbours = conv_of(graph, padded, picking)
    if few_operators:  # and halves in the place of float32, where exponentials must be small
        largest = graph.node("ReduceMax", logits, axes=[1], keepdims=1)
        below = graph.node("Sub", logits, largest)
        bounded = graph.node("Max", below, graph.constant(_LEAST_LOGIT))
    else:  # a third of the head's time less
        bounds = graph.constant(-_MOST_LOGIT), graph.constant(_MOST_LOGIT)
        bounded = graph.node("Clip", logits, *bounds)
    weights = graph.node("Exp", bounded)
    summing = torch.eye(places).repeat(1, 9)[:, :, None, None]
    total = conv_of(graph, weights, summing)
    mixed = conv_of(graph, graph.node("Mul", weights, neighbours), summing)
    fine = graph.node("Div", mixed, total)
    return graph.node("DepthToSpace", fine, blocksize=STRIDE, mode="CRD")


def _enlarged(graph: Graph, feature: _Feature, stride: int) -> Value:
    if feature.stride == stride:
        return feature.value
    assert feature.stride % stride == 0, (feature.stride, stride)
    factor = feature.stride // stride
    return graph.node(
        "Resize",
        feature.value,
        "",
        graph.constant([1, 1, factor, factor]),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
