"""The processor that numbers were computed on, as far as it decides their last bits; the energy it takes.

PyTorch and oneDNN choose their kernels by the vector instructions of the processor. Another vector width adds
in another order, so the same training ends in other last bits, and after some hundred steps in other digits.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

#: What limits the instructions that kernels may use, where a person has set it.
LIMITS = ("DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_CBWR")
_NOT_RECORDED = "processor not recorded"


def processor() -> dict[str, Any]:
    """Model, instruction set of PyTorch's kernels, and limits set in the environment; loads torch."""
    import torch

    return {
        "model": processor_model(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "limits": {name: os.environ[name] for name in LIMITS if os.environ.get(name)},
    }


def processor_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name with family, model and stepping where Linux tells them, else what Python knows.

    A virtual machine often hides the name, but not the numbers.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        lines = []
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    name = facts.get("model name") or platform.processor() or platform.machine()
    numbers = [
        f"{key} {facts[key]}" for key in ("cpu family", "model", "stepping") if facts.get(key)
    ]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def energy_counter(root: Path = Path("/sys/class/powercap")) -> Callable[[], float | None]:
    """A function that gives the joules that all processor packages have taken, from some beginning on.

    It reads Linux's powercap counters (Intel and AMD); None where there are none, or only root may read them.
    They begin again at 0 now and then: of two readings that fall nothing can be said.
    """
    packages = sorted(path for path in root.glob("intel-rapl:*") if path.name.count(":") == 1)

    def read() -> float | None:
        try:
            microjoules = [
                int((path / "energy_uj").read_text(encoding="ascii")) for path in packages
            ]
        except (OSError, ValueError):
            return None
        return sum(microjoules) / 1e6 if microjoules else None

    return read


def processor_words(environment: Mapping[str, Any]) -> str:
    """One line for a person from an environment's record, which may be older than this.

    A run that went on elsewhere has a record for each stretch; different processors are joined by "then".
    """
    stretches = environment.get("continued")
    every = [environment, *(stretches if isinstance(stretches, list) else [])]
    descriptions = [
        _words(record["processor"])
        for record in every
        if isinstance(record, dict) and "processor" in record
    ]
    return " then ".join(dict.fromkeys(descriptions)) or _NOT_RECORDED


def _words(facts: object) -> str:
    if not isinstance(facts, Mapping):
        return _NOT_RECORDED
    if not facts.get("model"):
        return _NOT_RECORDED
    limits = facts.get("limits")
    limited = [f"{k}={v}" for k, v in limits.items()] if isinstance(limits, Mapping) else []
    return ", ".join(str(part) for part in (facts.get("model"), facts.get("capability"), *limited))
