"""The layout holds: the import law, the mirrors, one home per library, the house measures."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("guards", "brain", "proxy")
MAY_IMPORT = {
    "guards": {"guards"},
    "brain": {"brain", "guards"},
    "proxy": {"proxy", "brain", "guards"},
}
BRAIN_KNOWS_OF_GUARDS = {"guards.types", "guards.errors"}
HOMES: dict[str, str | tuple[str, ...]] = {
    "spacy": "guards/detectors/",
    "tokenizers": "guards/detectors/",
    "onnxruntime": "guards/",
    "onnx": "guards/training/",
    "torch": "guards/training/",
    "presidio_analyzer": "guards/detectors/",
    "ahocorasick_rs": "guards/detectors/",
    "re2": "guards/detectors/",
    "tldextract": "guards/detectors/",
    "phonenumbers": "guards/detectors/",
    "dspy": "brain/",
    "together": "brain/lms/",
    "openai": "brain/lms/",
    "aiohttp": "proxy/upstream.py",
    "yaml": "brain/yaml_lines.py",
    "sacrebleu": "brain/overlap.py",
    "rouge_score": "brain/overlap.py",
    "sqlite3": "brain/sqlite_file.py",
    "redis": "brain/memory/redis.py",
    "prometheus_client": "proxy/metrics.py",
    "watchfiles": ("brain/persona_store.py", "proxy/policy_store.py"),
    "telegram": "proxy/telegram.py",
}
ENVIRONMENT_HOMES = {"brain/settings.py", "proxy/settings.py"}
PURE_OF = {"asyncio", "os", "time", "datetime", "socket", "httpx", "fastapi", "logging", "random"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NAMELESS = {"utils", "helpers", "common", "manager", "misc"}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_run_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    for module in imported(path):
        top = module.partition(".")[0]
        assert top not in PACKAGES or top in MAY_IMPORT[package], f"{name(path)} imports {module}"
        if package == "brain" and top == "guards":
            assert ".".join(module.split(".")[:2]) in BRAIN_KNOWS_OF_GUARDS, f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_library_has_one_home(path: Path) -> None:
    for module in imported(path):
        home = HOMES.get(module.partition(".")[0])
        assert home is None or name(path).startswith(home), f"{name(path)} imports {module}, whose home is {home}"


def test_guards_are_pure() -> None:
    for path in (ROOT / "guards").rglob("*.py"):
        impure = {module for module in imported(path) if module.partition(".")[0] in PURE_OF}
        assert not impure, f"{name(path)} imports {impure}"


def test_the_environment_is_read_in_settings_alone() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert name(path) in ENVIRONMENT_HOMES or not any(
            word in text for word in ("os.environ", "os.getenv", "(BaseSettings")
        ), name(path)


def test_no_package_has_an_import_cycle() -> None:
    known = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in MODULES}
    graph = {
        module: {
            target
            for name_ in imported(path)
            for target in (name_, name_.rpartition(".")[0])
            if target in known and target != module
        }
        for module, path in known.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in done:
            for target in graph[module]:
                visit(target, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_tests_mirror_the_packages_file_for_file() -> None:
    for path in MODULES:
        if path.name == "__init__.py":
            continue
        mirror = ROOT / "tests" / path.relative_to(ROOT).with_name(f"test_{path.stem.strip('_')}.py")
        assert mirror.is_file(), f"{name(path)} has no mirror {name(mirror)}"
    sources = {name(path) for path in MODULES}
    for mirror in (ROOT / "tests").rglob("test_*.py"):
        inside = mirror.relative_to(ROOT / "tests")
        if inside.parts[0] in PACKAGES:
            stem = inside.stem.removeprefix("test_")
            mirrored = {inside.with_name(f"{each}.py").as_posix() for each in (stem, f"__{stem}__")}
            assert mirrored & sources, f"{name(mirror)} mirrors nothing"


def test_no_file_is_longer_than_400_lines_and_the_median_is_a_page() -> None:
    files = [*MODULES, *(ROOT / "tests").rglob("*.py")]
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    too_long = {file: length for file, length in lengths.items() if length > 400}
    assert not too_long
    assert statistics.median(length for file, length in lengths.items() if not file.startswith("tests/")) <= 200


def test_functions_are_short() -> None:
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for path in MODULES for node in functions(path))
    assert statistics.median(lengths) <= 12
    assert lengths[int(0.95 * len(lengths))] <= 45


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=name)
def test_modules_say_what_they_are_and_everything_is_annotated(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"
    assert path.stem not in NAMELESS, f"{name(path)} has no name of its own"
    for node in functions(path):
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [arg.arg for arg in given if arg.annotation is None and arg.arg not in ("self", "cls")]
        assert not bare, f"{name(path)}:{node.lineno} leaves {bare} without a type"
        assert node.returns is not None, f"{name(path)}:{node.lineno} leaves its result without a type"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_public_functions_and_classes_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name(path)}:{node.lineno} {node.name} has no docstring"


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_locks_pin_everything_with_hashes_and_name_no_registry(file: str) -> None:
    lock = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    pinned = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)[1:]
    assert pinned
    assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned)
