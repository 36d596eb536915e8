import os

import pytest
import torch

from detection import runtime
from detection.runtime import choose_device, keep_freed_memory, make_deterministic, spare_threads


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, kind in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert choose_device().type == kind


def test_the_cpu_can_always_be_had() -> None:
    assert choose_device("cpu") == torch.device("cpu")


def test_pytorch_s_own_name_of_a_device_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device(torch.device("cpu")) == choose_device(torch.device("cpu:0")) == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device(torch.device("cuda:0")) == torch.device("cuda:0")
    with pytest.raises(ValueError, match="'cuda:1' was asked for"):
        choose_device(torch.device("cuda:1"))
    with pytest.raises(ValueError, match="unknown device 'mps'"):
        choose_device(torch.device("mps"))


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "CPU", "mps", ""])
def test_unknown_devices_are_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match=rf"unknown device {name!r}; choose auto, cpu, cuda"):
        choose_device(name)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="'cuda' was asked for, but PyTorch sees no CUDA device; use cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="'cuda:2' was asked for, but PyTorch sees 2 CUDA devices; use cuda"):
        choose_device("cuda:2")


def test_the_processor_is_free_while_a_gpu_works() -> None:
    assert spare_threads(torch.device("cpu")) == 0
    assert 2 <= spare_threads(torch.device("cuda")) <= 8


def test_freed_memory_is_kept_where_there_is_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    glibc = runtime.platform.system() == "Linux" and runtime.platform.libc_ver()[0] == "glibc"
    assert keep_freed_memory() == glibc
    monkeypatch.setattr(runtime.platform, "system", lambda: "Darwin")
    assert not keep_freed_memory()


def test_what_has_no_deterministic_form_is_refused_and_the_threads_are_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    threads = torch.get_num_threads()
    try:
        make_deterministic(1)
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
        assert torch.get_num_threads() == 1
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
        os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
