"""The folders of `src/turnpoint` are the architecture; import-linter keeps their order, and these the rest."""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    parts = {
        file: file.relative_to(SOURCE).with_suffix("").parts for file in SOURCE.rglob("turnpoint/**/*.py")
    }
    return {".".join(part[:-1] if part[-1] == "__init__" else part): file for file, part in parts.items()}


@cache
def imports() -> dict[str, frozenset[str]]:
    """What each module imports of the package: anywhere in it, in functions and for type checkers too."""
    return {name: imported(file) for name, file in modules().items()}


@cache
def tree_of(file: Path) -> ast.Module:
    """What a file says."""
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def imported(file: Path) -> frozenset[str]:
    """The modules that a file imports; `from room import module` is an import of the module."""
    found: set[str] = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ImportFrom):
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in modules() else str(node.module) for name in full}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found & modules().keys())


def doors() -> list[str]:
    """The folders within rooms; each exports what others use."""
    packages = [name for name, file in modules().items() if file.name == "__init__.py"]
    return sorted(name for name in packages if name.count(".") == 2)


def test_imports_of_the_package_are_found():
    assert "turnpoint.study.study" in imports()["turnpoint.study.reading"]
    assert "turnpoint.formats.fhir" in imports()["turnpoint.formats"]
    assert "turnpoint.formats.fhir" in doors()


def test_no_modules_import_each_other_in_a_circle():
    try:
        order = list(TopologicalSorter(imports()).static_order())
    except CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))
    assert set(order) == set(modules())


@pytest.mark.parametrize("door", doors())
def test_other_rooms_import_from_the_door_only(door):
    room = door.rpartition(".")[0]
    past_it = {
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if other.startswith(f"{door}.") and name != room and not name.startswith(f"{room}.")
    }
    assert not past_it


@pytest.mark.parametrize("door", doors())
def test_door_exports_only_what_is_used_outside(door):
    exported = set(ast.literal_eval(_all_of(modules()[door])))
    used = {
        name
        for module, file in modules().items()
        if module != door and not module.startswith(f"{door}.")
        for name in _names_from(file, door)
    }
    assert exported <= used


def _all_of(file: Path) -> ast.expr:
    for node in tree_of(file).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        ):
            return node.value
    return ast.List([])


def _names_from(file: Path, door: str) -> set[str]:
    """Names taken from a door: `from door import name`, or `door.name` after an import of the door."""
    tree = tree_of(file)
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == door
        for alias in node.names
    }
    if door in imported(file):
        last = door.rpartition(".")[2]
        taken |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == last
        }
    return taken


def test_page_on_the_architecture_names_the_rooms_and_files_there_are():
    page = (SOURCE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {name.partition(".")[2] for name, file in modules().items() if file.name == "__init__.py"}
    assert {room for room in rooms if room and "." not in room} <= set(re.findall(r"\w+", page))
    files = {file.relative_to(SOURCE / "turnpoint").as_posix() for file in modules().values()}
    named = re.findall(r"`([\w/]+\.py)`", page)
    missing = [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)]
    assert [name for name in missing if name != "tests/test_rooms.py"] == []
