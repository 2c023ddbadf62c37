"""The shape of the code: who imports whom, which library lives where, sizes, words, comments."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PRODUCTION: Final = sorted(
    path for name in ("transformer", "destinations") for path in (ROOT / name).rglob("*.py")
)
EVERYTHING: Final = [*PRODUCTION, *sorted((ROOT / "tests").rglob("*.py"))]

# Layers, innermost first; a module imports its own layer and those before it. A name stands for
# the module or for the whole package; the longest that fits counts.
LAYERS: Final = {
    "values": (
        "record", "event", "upsert", "outcome", "errors", "failures", "policy", "security",
        "fence",
    ),
    "pure": (
        "mapping", "decode", "budget", "hosts", "document", "kit.changes", "kit.choice", "kit.fit",
        "kit.remembered", "engine.fuse", "engine.lanes", "engine.merge", "engine.offsets",
        "engine.results", "engine.retry", "engine.work", "replay.arrivals", "replay.letters",
        "replay.origin", "replay.plan", "telemetry.metric_list", "emulator.faults",
        "emulator.routes",
    ),
    "ports": ("destination", "broker", "clock", "observer"),
    "engine": ("engine", "replay"),
    "adapters": ("kafka", "memory", "embedded", "http", "kit", "telemetry", "emulator"),
    "app": (
        "config", "app", "worker", "ledger", "scorecard", "scaffold", "pages", "demo", "cli",
        "__main__",
    ),
}  # fmt: skip
ORDER: Final = tuple(LAYERS)
FREE: Final = frozenset({"transformer"})

# What destinations are made of, beside values and ports; and what their emulators are made of.
KIT: Final = frozenset({"budget", "hosts", "http", "kit"})
EMULATOR_KIT: Final = frozenset({"emulator"})

CONFINED: Final = {
    "aiokafka": ("transformer/kafka/",),
    "confluent_kafka": ("transformer/embedded.py",),
    "httpx": ("transformer/http.py",),
    "aiohttp": ("transformer/emulator/server.py", "transformer/telemetry/server.py"),
    "click": ("transformer/cli/",),
    "rich": ("transformer/cli/",),
    "prometheus_client": ("transformer/telemetry/metrics.py",),
    "faust": ("transformer/ledger/",),
    "jwt": ("transformer/kit/oauth.py", "destinations/"),
    "yaml": ("transformer/document.py",),
    "time": ("transformer/clock.py", "transformer/telemetry/log.py"),
    "destinations": ("transformer/app.py", "destinations/"),
}
# Packages whose modules are of several layers: `from transformer.kit import fit` names the module.
PACKAGES: Final = frozenset(
    f"transformer.{name}" for name in ("emulator", "engine", "kit", "replay", "telemetry")
)
MOST_LINES: Final = 400


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> Iterator[str]:
    """The full names of every module that a file imports, wherever in it."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "transformer":
                yield from (f"transformer.{alias.name}" for alias in node.names)
            elif node.module in PACKAGES:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield node.module


def _layer(module: str) -> int | None:
    """The layer of `transformer.<noun>...`, or None when the noun is in no layer."""
    words = module.split(".")[1:]
    for size in (2, 1):
        for number, layer in enumerate(ORDER):
            if ".".join(words[:size]) in LAYERS[layer]:
                return number
    return None


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


ENGINE: Final = [path for path in PRODUCTION if _name(path).startswith("transformer/")]
CRMS: Final = [path for path in PRODUCTION if _name(path).startswith("destinations/")]


@pytest.mark.parametrize("path", ENGINE, ids=_name)
def test_imports_point_inwards(path: Path) -> None:
    """Values <- pure <- ports <- engine <- adapters <- app."""
    module = _module(path)
    if module in FREE:
        return
    own = _layer(module)
    assert own is not None, f"{_name(path)} is in no layer: add it to LAYERS"
    outward = [
        name
        for name in _imports(path)
        if name.startswith("transformer.") and (layer := _layer(name)) is not None and layer > own
    ]
    assert outward == []


@pytest.mark.parametrize("path", CRMS, ids=_name)
def test_a_destination_imports_values_ports_and_http_only(path: Path) -> None:
    """Its emulator may use the emulator kit, too."""
    inner = {*LAYERS["values"], *LAYERS["ports"], *KIT}
    if "/emulator/" in _name(path):
        inner |= EMULATOR_KIT
    strange = {
        name
        for name in _imports(path)
        if name.startswith("transformer") and name.split(".")[1:2] not in [[word] for word in inner]
    }
    assert strange == set()


@pytest.mark.parametrize("library", CONFINED)
def test_a_library_is_imported_in_its_own_place_only(library: str) -> None:
    """So that it can be replaced, and its exceptions are translated once."""
    elsewhere = [
        _name(path)
        for path in PRODUCTION
        if not _name(path).startswith(CONFINED[library])
        and any(name == library or name.startswith(f"{library}.") for name in _imports(path))
    ]
    assert elsewhere == []


def test_the_environment_is_read_by_the_configuration_only() -> None:
    """Everything else is told its settings."""
    readers = [
        _name(path)
        for path in PRODUCTION
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert set(readers) == {"transformer/config/__init__.py"}


def test_only_the_clock_sleeps() -> None:
    """Tests drive time; a sleep elsewhere would escape them."""
    sleepers = [
        _name(path)
        for path in PRODUCTION
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"asyncio.sleep", "time.sleep", "sleep"}
        and ast.unparse(node) != "asyncio.sleep(0)"
    ]
    assert set(sleepers) <= {"transformer/clock.py"}


@pytest.mark.parametrize("noun", LAYERS["pure"])
def test_a_pure_module_never_awaits(noun: str) -> None:
    """Decisions are plain functions."""
    own = f"transformer.{noun}"
    paths = [p for p in ENGINE if _module(p) == own or _module(p).startswith(f"{own}.")]
    assert paths
    awaits = [
        _name(path)
        for path in paths
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
    ]
    assert awaits == []


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_a_file_is_one_noun(path: Path) -> None:
    """At most 400 lines, a docstring, and a name that says something."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert path.stem not in {"utils", "common", "helpers", "base", "manager"}
    if text.strip():
        assert ast.get_docstring(_tree(path)), f"{_name(path)} has no docstring"


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_comments_say_why(path: Path) -> None:
    """No code that is commented out, nothing left to do."""
    left = [comment for comment in _comments(path) if _is_leftover(comment)]
    assert left == []


@pytest.mark.parametrize("path", PRODUCTION, ids=_name)
def test_one_word_per_thing(path: Path) -> None:
    """Names do not use the words that the glossary replaces."""
    forbidden = re.compile(r"(?:^|_)(mock|fake|stub|dlq)(?:_|$)", re.IGNORECASE)
    names = {
        name
        for node in ast.walk(_tree(path))
        for name in (getattr(node, "name", None), getattr(node, "arg", None))
        if isinstance(name, str) and forbidden.search(name)
    }
    assert names == set()


def _comments(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _is_leftover(comment: str) -> bool:
    text = comment.lstrip("#").strip()
    if re.match(r"(TODO|FIXME|XXX)\b", text):
        return True
    if not re.search(r"[=(\[:]", text) or text.startswith(
        ("noqa", "type:", "fmt:", "ruff:", "mypy:")
    ):
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    code = (ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Return, ast.Delete)
    return any(
        isinstance(node, code) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in tree.body
    )


def test_the_engine_starts_without_the_libraries_it_does_not_need() -> None:
    """`transformer --help` imports no Kafka client, no web server and no CRM."""
    heavy = {"aiokafka", "aiohttp", "httpx", "faust", "confluent_kafka", "destinations", "rich"}
    code = (
        "import sys; from transformer.cli import run; run(['--help']); "
        f"print(sorted({heavy!r} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr.strip() == "[]"


FAILURES: Final = frozenset(
    {
        "Throttled", "QuotaSpent", "Unauthorized", "Unreachable", "ServerFault", "AnswerLost",
        "RequestRefused", "EnvironmentFault", "ConfigurationError",
    }
)  # fmt: skip
VENDORS_WORDS: Final = frozenset(
    {"body", "category", "code", "detail", "message", "scopes", "text", "words", "vendor"}
)


@pytest.mark.parametrize("path", [p for p in CRMS if "/emulator/" not in _name(p)], ids=_name)
def test_no_vendors_word_gets_into_the_text_of_a_failure_as_it_came(path: Path) -> None:
    """It is logged: codes go through `code_word`, as a property `word`; the rest is detail."""
    raw = [
        f"{_name(path)}:{node.lineno}: {ast.unparse(node)}"
        for call in ast.walk(_tree(path))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in FAILURES and call.args
        for node in ast.walk(call.args[0])
        if isinstance(node, ast.Attribute) and node.attr in VENDORS_WORDS
    ]
    assert raw == []
