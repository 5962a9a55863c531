"""Encoders as nodes: what is called is written, what has no row is refused by name."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from thermodepth.errors import SettingsError
from thermodepth.export.encoder import write_encoder
from thermodepth.export.graph import Graph


class Toy(nn.Module):
    """One map at stride 2, with most of what the tables hold."""

    strides = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.SiLU())
        self.inner = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(4, affine=False)
        self.scale = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        y = self.inner(x)
        # The convolution is read twice, so its norm stays a step of its own.
        return [F.relu6(self.norm(y) + y * self.scale, inplace=True) + 0.5]


def test_a_backbone_of_ones_own_is_written_as_it_calls() -> None:
    torch.manual_seed(0)
    toy = Toy()
    toy(torch.randn(8, 1, 12, 16))  # statistics that are not 0 and 1
    toy.eval().requires_grad_(False)
    graph = Graph()
    image = graph.input("image", ["b", 1, "h", "w"])
    (written,) = write_encoder(graph, toy, image, name="toy")
    # The first norm is folded into its convolution: two convolutions, and no trace of it.
    assert [node.op_type for node in graph.nodes].count("Conv") == 2
    model = graph.model([(written, "map", ["b", 4, "y", "x"])], producer="test 0")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for shape in ((1, 1, 12, 16), (3, 1, 9, 7)):
        x = torch.randn(shape)
        (result,) = session.run(None, {"image": x.numpy()})
        np.testing.assert_allclose(result, toy(x)[0].numpy(), rtol=1e-5, atol=1e-6)


class Calls(nn.Module):
    """A backbone that does one thing."""

    strides = (1,)

    def __init__(self, call) -> None:
        super().__init__()
        self.call = call
        if isinstance(call, nn.Module):
            self.layer = call

    def forward(self, x):
        return [self.layer(x) if isinstance(self.call, nn.Module) else self.call(x)]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (nn.Softmax(dim=1), "Softmax"),
        (lambda x: torch.cumsum(x, 1), r"cumsum\(\)"),
        (lambda x: x.mean(), r"\.mean\(\)"),
        (lambda x: torch.add(x, x, alpha=2), r"add\(\) with alpha"),
        (lambda x: x if x.sum() > 0 else -x, "what cannot be traced"),
    ],
)
def test_what_has_no_row_is_refused_by_name(call, what: str) -> None:
    graph = Graph()
    image = graph.input("image", ["b", 1, "h", "w"])
    with pytest.raises(
        SettingsError, match=rf"encoder mine: calls {what}.*made of BatchNorm2d, Conv2d"
    ):
        write_encoder(graph, Calls(call), image, name="mine")
