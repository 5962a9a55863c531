"""Encoders of plain torch as nodes: `torch.fx` says what a backbone calls, a table how each call is written.

A row of the tables is a layer or a function. Norms that hold constants are folded into the convolution before
them. Nothing here depends on the size of the image.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from thermodepth.errors import SettingsError
from thermodepth.model.inverted_residual import Convolution

if TYPE_CHECKING:
    from thermodepth.export.graph import Graph, Value

Write = Callable[
    ..., "Value"
]  # (graph, module or nothing, values and numbers of the call) -> value


def write_encoder(graph: Graph, backbone: nn.Module, image: Value, *, name: str) -> list[Value]:
    """The maps of a backbone, finest first.

    Args:
        graph: to write into.
        backbone: in evaluation mode.
        image: `[b c h w]`.
        name: of the encoder, for messages.

    Raises:
        SettingsError: naming what cannot be written.
    """
    traced = _traced(backbone, name)
    modules = dict(backbone.named_modules())
    norms = _norms_after_convolutions(traced, modules)
    values: dict[fx.Node, Any] = {}
    for node in traced.nodes:
        match node.op:
            case "placeholder":
                values[node] = image
            case "get_attr":
                values[node] = graph.constant(_attribute(backbone, str(node.target)))
            case "call_module":
                module = modules[str(node.target)]
                if node in norms.values():
                    values[node] = values[node.args[0]]
                elif node in norms:
                    norm = modules[str(norms[node].target)]
                    values[node] = conv(graph, values[node.args[0]], module, norm)
                else:
                    write = _row(MODULES, type(module), type(module).__name__, name)
                    values[node] = write(graph, module, *_arguments(graph, node, values))
            case "call_function":
                write = _row(FUNCTIONS, node.target, _function_name(node.target), name)
                if options := sorted(set(node.kwargs) - {"inplace"}):
                    what = f"{_function_name(node.target)} with {', '.join(options)}"
                    raise SettingsError(_refusal(name, what))
                values[node] = write(graph, None, *_arguments(graph, node, values))
            case "output":
                return [values[each] for each in node.args[0]]
            case _:
                raise SettingsError(_refusal(name, f".{node.target}()"))
    raise AssertionError("a traced graph ends in its output")


def conv(graph: Graph, x: Value, layer: nn.Module, norm: nn.Module | None = None) -> Value:
    """A convolution, with the norm behind it where there is one.

    Args:
        graph: to write into.
        x: `[b c h w]`.
        layer: an `nn.Conv2d` that pads with zeros.
        norm: an `nn.BatchNorm2d`, whose statistics are taken as constants.
    """
    assert isinstance(layer, nn.Conv2d), layer
    assert layer.padding_mode == "zeros", layer
    assert not isinstance(layer.padding, str), layer
    weight, bias = layer.weight, layer.bias
    if norm is not None:
        factor, offset = _factor_and_offset(norm)
        weight = weight * factor[:, None, None, None]
        bias = offset if bias is None else bias * factor + offset
    return conv_of(
        graph,
        x,
        weight,
        bias,
        strides=list(layer.stride),
        pads=[*layer.padding, *layer.padding],
        dilations=list(layer.dilation),
        group=layer.groups,
    )


def conv_of(
    graph: Graph,
    x: Value,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    **attributes: Any,
) -> Value:
    """A convolution with these numbers; `attributes` are those of ONNX."""
    inputs = [x, graph.constant(weight.detach().cpu().numpy())]
    if bias is not None:
        inputs.append(graph.constant(bias.detach().cpu().numpy()))
    return graph.node("Conv", *inputs, kernel_shape=list(weight.shape[2:]), **attributes)


def relu6(graph: Graph, x: Value) -> Value:
    """Between 0 and 6."""
    return graph.node("Clip", x, graph.constant(0.0), graph.constant(6.0))


def _factor_and_offset(norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    assert isinstance(norm, nn.BatchNorm2d), norm
    assert norm.running_mean is not None, norm
    assert norm.running_var is not None, norm
    factor = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        factor = factor * norm.weight
    offset = -norm.running_mean * factor
    return factor, offset + norm.bias if norm.affine else offset


def _fixed_convolution(graph: Graph, module: Convolution, x: Value) -> Value:
    layer = module.convolution
    factor, offset = module.norm.factor_and_offset()
    pads = [*layer.padding, *layer.padding]
    if module.total:  # TensorFlow's "same": the odd pixel goes below and right
        before, after = module.total // 2, module.total - module.total // 2
        pads = [before, before, after, after]
    y = conv_of(
        graph,
        x,
        layer.weight * factor[:, None, None, None],
        offset,
        strides=list(layer.stride),
        pads=pads,
        group=layer.groups,
    )
    return relu6(graph, y) if module.activation else y


def _batch_norm(graph: Graph, module: nn.BatchNorm2d, x: Value) -> Value:
    factor, offset = _factor_and_offset(module)
    parts = (part.detach().cpu().numpy()[:, None, None] for part in (factor, offset))
    factor_value, offset_value = (graph.constant(part) for part in parts)
    return graph.node("Add", graph.node("Mul", x, factor_value), offset_value)


def _max_pool(graph: Graph, module: nn.MaxPool2d, x: Value) -> Value:
    kernel, stride, padding = (
        _pair(n) for n in (module.kernel_size, module.stride, module.padding)
    )
    return graph.node(
        "MaxPool",
        x,
        kernel_shape=kernel,
        strides=stride,
        pads=[*padding, *padding],
        ceil_mode=int(module.ceil_mode),
    )


def _pair(number: Any) -> list[int]:
    return [number, number] if isinstance(number, int) else list(number)


MODULES: Mapping[Any, Write] = {
    nn.Conv2d: lambda graph, module, x: conv(graph, x, module),
    nn.BatchNorm2d: _batch_norm,
    Convolution: _fixed_convolution,
    nn.ReLU: lambda graph, _, x: graph.node("Relu", x),
    nn.ReLU6: lambda graph, _, x: relu6(graph, x),
    nn.SiLU: lambda graph, _, x: graph.node("Mul", x, graph.node("Sigmoid", x)),
    nn.Hardswish: lambda graph, _, x: graph.node("HardSwish", x),
    nn.MaxPool2d: _max_pool,
    nn.Identity: lambda _, __, x: x,
    nn.Dropout: lambda _, __, x: x,
}
FUNCTIONS: Mapping[Any, Write] = {
    operator.add: lambda graph, _, x, y: graph.node("Add", x, y),
    operator.mul: lambda graph, _, x, y: graph.node("Mul", x, y),
    torch.add: lambda graph, _, x, y: graph.node("Add", x, y),
    torch.mul: lambda graph, _, x, y: graph.node("Mul", x, y),
    torch.sigmoid: lambda graph, _, x: graph.node("Sigmoid", x),
    torch.relu: lambda graph, _, x: graph.node("Relu", x),
    F.relu: lambda graph, _, x: graph.node("Relu", x),
    F.relu6: lambda graph, _, x: relu6(graph, x),
}


class _Tracer(fx.Tracer):
    """Our own convolution with a fixed norm is one call."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Convolution) or super().is_leaf_module(m, module_qualified_name)


def _traced(backbone: nn.Module, name: str) -> fx.Graph:
    try:
        return _Tracer().trace(backbone)
    except Exception as error:  # whatever somebody's own code does with what is no tensor
        reason = str(error).strip().splitlines()[0]
        raise SettingsError(_refusal(name, f"what cannot be traced ({reason})")) from None


def _norms_after_convolutions(
    traced: fx.Graph, modules: Mapping[str, nn.Module]
) -> dict[fx.Node, fx.Node]:
    """Convolutions that nothing reads but a norm."""
    pairs = {}
    for node in traced.nodes:
        if node.op != "call_module" or type(modules[str(node.target)]) is not nn.BatchNorm2d:
            continue
        (before,) = node.args
        if (
            before.op == "call_module"
            and type(modules[str(before.target)]) is nn.Conv2d
            and len(before.users) == 1
        ):
            pairs[before] = node
    return pairs


def _arguments(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Any]) -> list[Value]:
    arguments: list[Value] = []
    for argument in node.args:
        if isinstance(argument, fx.Node):
            arguments.append(values[argument])
        else:
            assert isinstance(argument, (int, float)), argument
            arguments.append(graph.constant(argument))
    return arguments


def _attribute(module: nn.Module, path: str) -> Any:
    value: Any = module
    for part in path.split("."):
        value = getattr(value, part)
    return value.detach().cpu().numpy()


def _row(table: Mapping[Any, Write], key: Any, what: str, name: str) -> Write:
    if key not in table:
        raise SettingsError(_refusal(name, what))
    return table[key]


def _function_name(target: Any) -> str:
    return f"{getattr(target, '__name__', target)}()"


def _refusal(name: str, what: str) -> str:
    layers = ", ".join(sorted(each.__name__ for each in MODULES if each is not Convolution))
    return (
        f"encoder {name}: calls {what}, which export cannot write into a graph; it writes encoders of plain "
        f"torch that are made of {layers}, additions and products"
    )
