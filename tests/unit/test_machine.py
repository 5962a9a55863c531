"""What of a processor is recorded, and how it reads."""

import pytest
import torch

from thermodepth import machine
from thermodepth.machine import processor, processor_model, processor_words
from thermodepth.report.study.machines import machines_of

CPUINFO = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\n"
    "model name\t: AMD EPYC\nstepping\t: 1\n\nprocessor\t: 1\nmodel name\t: another\n"
)


def environment(model="EPYC", capability="AVX512", *, device="cpu", threads=1, **more):
    facts = {"model": model, "capability": capability, "limits": {}}
    return {"device": device, "threads": threads, "processor": facts, **more}


def test_the_model_is_told_with_its_numbers_since_virtual_machines_hide_names(tmp_path):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert processor_model(tmp_path / "cpuinfo") == "AMD EPYC (cpu family 26, model 2, stepping 1)"


def test_without_cpuinfo_python_says_what_it_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "arm64")
    assert processor_model(tmp_path / "none") == "arm64"


def test_instructions_and_their_limits_are_recorded(monkeypatch):
    for name in machine.LIMITS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "AVX2")
    facts = processor()
    assert facts["capability"] == torch.backends.cpu.get_cpu_capability()
    assert facts["model"] == processor_model()
    assert facts["limits"] == {"DNNL_MAX_CPU_ISA": "AVX2"}
    words = processor_words({"processor": facts})
    assert words == f"{facts['model']}, {facts['capability']}, DNNL_MAX_CPU_ISA=AVX2"


@pytest.mark.parametrize("record", [{}, {"processor": None}, {"processor": {}, "continued": 3}])
def test_a_record_without_a_processor_is_read(record):
    assert processor_words(record) == "processor not recorded"


def test_a_run_that_went_on_elsewhere_names_both():
    later = {"processor": environment("Xeon", "AVX2")["processor"], "began": "then"}
    record = environment(continued=[{"threads": 2, "began": "before"}, later])
    assert processor_words(record) == "EPYC, AVX512 then Xeon, AVX2"


def test_a_study_of_one_kind_of_machine_promises_bits_and_of_two_does_not():
    one = machines_of([environment()] * 3)
    assert one == {"Device": "cpu, 1 thread(s) a cell", "Processor": "EPYC, AVX512"}
    two = machines_of([environment(), environment(), environment(capability="AVX2")])
    assert two["Processor"] == "EPYC, AVX512 (2 cells); EPYC, AVX2 (1 cells)"
    assert two["Same bits"].startswith("no: ")
    assert "Same bits" in machines_of([environment(), environment(threads=2)])
