"""Promises about compilation, and the three rules that Numba cannot enforce itself."""

import ast
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import detection.proposals.selective_search as package
from detection.proposals.selective_search import kernel as module
from tests.conftest import REPOSITORY

FILES = sorted(Path(package.__file__).parent.glob("*.py"))
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def kernels(path, decorators=("kernel", "borrowing_kernel")):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [one for one in functions if any(getattr(mark, "id", None) in decorators for mark in one.decorator_list)]


def test_kernels_are_found():
    assert sum(len(kernels(path)) for path in FILES) > 15


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_kernel_has_no_comprehension(path):
    """Numba would silently drop writes (see kernel.py)."""
    for function in kernels(path):
        assert not [node for node in ast.walk(function) if isinstance(node, COMPREHENSIONS)], function.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_kernel_calls_kernels_of_its_own_file_alone(path):
    """Numba's cache would not see a change in another file."""
    elsewhere = {one.name for other in FILES if other != path for one in kernels(other)}
    own = {one.name for one in kernels(path)}
    for function in kernels(path):
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        assert names & elsewhere <= own, function.name


def test_kernels_of_one_kind_share_a_file():
    """One that borrows its arrays would leave those behind that another had made for it."""
    mixed = [path.name for path in FILES if kernels(path, ["kernel"]) and kernels(path, ["borrowing_kernel"])]
    assert not mixed


def test_an_import_compiles_nothing():
    program = (
        "from numba.core import event\n"
        "with event.install_recorder('numba:compile') as recorder:\n"
        "    import detection.proposals.selective_search\n"
        "print(len(recorder.buffer))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0"


def compilation_of(module_name):
    function = SimpleNamespace(__module__=module_name)
    dispatcher = SimpleNamespace(py_func=function, stats=SimpleNamespace(cache_path="/cache"))
    return SimpleNamespace(data={"dispatcher": dispatcher})


def test_a_compilation_is_told_once(caplog):
    notice = module._Notice()
    with caplog.at_level(logging.INFO):
        for name in ("somebody.elses", None, module.__name__, module.__name__):
            notice.on_start(compilation_of(name))
    assert len(caplog.messages) == 1
    assert "compiling selective search" in caplog.messages[0]
    assert "/cache" in caplog.messages[0]


def test_without_a_folder_for_the_cache_a_kernel_still_works(monkeypatch):
    real = module.numba.njit

    def njit(function, *, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(function, **options)

    monkeypatch.setattr(module.numba, "njit", njit)
    assert module.kernel(lambda x: x + 1)(1) == 2
