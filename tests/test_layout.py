"""What the file tree promises: names, sizes, a mirrored test tree, light imports, versions that agree."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

import backbone
import detection

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = ("backbone", "detection", "tools")
NAMELESS = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
LONGEST_FILE = 350  # lines; 250 is the aim

LIGHT_MODULES = (
    "backbone",
    "detection",
    "detection.boxes",
    "detection.structures",
    "detection.images",
    "detection.results",
)
HEAVY_LIBRARIES = {"torch", "torchvision", "numba", "albumentations", "selectivesearch", "pycocotools", "cv2"}


def source_files() -> list[Path]:
    return sorted(path for folder in SOURCE_FOLDERS for path in (ROOT / folder).rglob("*.py"))


def relative(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


def requirements() -> Iterator[Requirement]:
    """What pyproject.toml asks for, but for the project's own extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in (
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ):
        requirement = Requirement(line)
        if requirement.name != project["name"]:
            yield requirement


def pins() -> dict[str, str]:
    """The versions of constraints.txt by lower-case name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names_and_versions = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name.lower(): version for name, version in names_and_versions}


def test_the_source_tree_is_found() -> None:
    assert len(source_files()) > len(SOURCE_FOLDERS)


def test_every_file_is_named_after_its_subject() -> None:
    assert relative([path for path in source_files() if path.name in NAMELESS]) == []


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    too_long = [path for path, length in lengths.items() if length > LONGEST_FILE]
    assert relative(too_long) == []


@pytest.mark.parametrize("package", ["backbone", "detection"])
def test_tests_mirror_the_source_tree(package: str) -> None:
    folders = {path.parent for path in (ROOT / "tests" / package).rglob("test_*.py")}
    strangers = [folder for folder in sorted(folders) if not (ROOT / folder.relative_to(ROOT / "tests")).is_dir()]
    assert relative(strangers) == []


def test_every_tool_says_how_to_run_it_and_has_a_main() -> None:
    for path in sorted((ROOT / "tools").glob("[!_]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert f"tools/{path.name}" in (ast.get_docstring(tree) or ""), f"{path.name}: no runnable example"
        assert any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body), path.name


def test_no_tool_loads_torch_before_it_knows_what_is_asked() -> None:
    """What ``--help``, a usage error and a misspelt option wait for."""
    tools = ", ".join(f"tools.{path.stem}" for path in sorted((ROOT / "tools").glob("*.py")) if path.stem != "__init__")
    program = f"import sys, {tools}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"torch", "torchvision"}.intersection(run.stdout.split()) == set()


def test_every_config_opens_with_a_comment() -> None:
    silent = [
        path
        for path in sorted((ROOT / "configs").rglob("*.yaml"))
        if not path.read_text(encoding="utf-8").startswith("#")
    ]
    assert relative(silent) == []


def test_the_shared_structures_import_without_heavy_libraries() -> None:
    program = f"import sys, {', '.join(LIGHT_MODULES)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY_LIBRARIES.intersection(run.stdout.split()) == set()


@pytest.mark.parametrize("package", [backbone, detection], ids=["backbone", "detection"])
def test_what_a_package_offers_is_there_and_lazy(package: ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
        assert name in dir(package)
    with pytest.raises(AttributeError, match=f"module {package.__name__!r} has no attribute 'load_detectors'"):
        _ = package.load_detectors


def test_the_pinned_versions_are_the_ones_that_the_project_allows() -> None:
    wanted, pinned = list(requirements()), pins()
    assert {requirement.name.lower() for requirement in wanted} - pinned.keys() == set()
    for requirement in wanted:
        assert pinned[requirement.name.lower()] in requirement.specifier, str(requirement)


def test_both_builds_of_opencv_are_pinned_to_one_version() -> None:
    """They install into the same folder: two versions would mix."""
    assert pins()["opencv-python"] == pins()["opencv-python-headless"]
