"""Maps in documents: drawn again by the commands they carry, compared, and rewritten when asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Done, Execmap

SHOP = """
import sys
def price(qty): return qty * 2
def order(count):
    for number in range(count): price(int(sys.argv[1]))
order({count})
"""

DOCUMENT = """\
# How an order is priced

<!-- $ execmap run 'my shop.py' 7
     $ execmap map --max-messages 12 -->
```mermaid
sequenceDiagram
```

The end.
"""


@pytest.fixture
def document(execmap: Execmap) -> Path:
    (execmap.folder / "my shop.py").write_text(SHOP.format(count=3), "utf-8")
    path = execmap.folder / "guide.md"
    path.write_text(DOCUMENT, "utf-8")
    return path


def check(execmap: Execmap, path: Path, *options: str) -> Done:
    return execmap.command("map", "--check", path, *options)


def test_a_map_that_differs_is_shown_and_rewritten(execmap: Execmap, document: Path) -> None:
    done = check(execmap, document)
    assert done.exit_code == 1
    lines = done.out.splitlines()
    assert lines[0] == "guide.md:3 differs: execmap map --max-messages 12".replace("guide.md", str(document))
    assert any(line.startswith("  +     loop 3×") for line in lines)
    assert lines[-1].endswith("1 of 1 map differ; --update rewrites them")
    assert document.read_text("utf-8") == DOCUMENT
    assert f"{document}:3 runs: execmap run 'my shop.py' 7" in done.err
    assert {path.name for path in execmap.folder.iterdir()} == {"my shop.py", "guide.md"}, "no trace is left"

    assert check(execmap, document, "--update").exit_code == 0
    written = document.read_text("utf-8")
    assert written.startswith(DOCUMENT.partition("sequenceDiagram")[0])
    assert written.endswith("```\n\nThe end.\n")
    assert "loop 3×, line 5\n    p1->>+p1: price(qty=7)\n" in written

    assert check(execmap, document).out == f"{document}: 1 map up to date\n"
    check(execmap, document, "--update")
    assert document.read_text("utf-8") == written, "the same calls give the same bytes"


def test_values_and_lines_may_differ_calls_and_counts_not(execmap: Execmap, document: Path) -> None:
    check(execmap, document, "--update")
    text = document.read_text("utf-8")
    for same in (text.replace("qty=7", "qty=8"), text.replace(", line 5", ", line 77"), text.replace(": 14", ": 16")):
        assert same != text
        document.write_text(same, "utf-8")
        assert check(execmap, document).exit_code == 0
    others = [("loop 3×", "loop 4×"), ("price(", "cost("), ("p1-->>-p1: 14", "p1--x-p1: ValueError: 14")]
    for before, after in others:
        assert before in text
        document.write_text(text.replace(before, after), "utf-8")
        done = check(execmap, document)
        assert done.exit_code == 1, after
        assert "  - " in done.out
        assert "  + " in done.out


def test_a_trace_beside_the_document(execmap: Execmap, document: Path) -> None:
    execmap.run("my shop.py", "7")
    document.write_text(
        DOCUMENT.replace("execmap run 'my shop.py' 7\n     $ ", "").replace("12", "12 run.execmap"), "utf-8"
    )
    assert check(execmap, document, "--update").exit_code == 0
    done = check(execmap, document)
    assert (done.exit_code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ("$ rm -rf /", "only `execmap run` and `execmap map` may stand here, not `rm -rf /`"),
        ("$ execmap map; touch owned", "`;` would mean something to a shell"),
        ("$ execmap map --root $(touch owned)", "`$` would mean something to a shell"),
        ("$ python -c 'open(1)'\n$ execmap map", "not `python -c 'open(1)'`"),
        ("$ execmap map -o owned", "have no place in a document"),
        ("$ execmap map --check x.md", "have no place in a document"),
        ("$ execmap run -o owned.execmap 'my shop.py' 7\n$ execmap map", "leave out -o and TRACE"),
        ("$ execmap map missing.execmap", "missing.execmap"),
        ("$ execmap map --colour", "unexpected argument '--colour'"),
        ("$ execmap run missing.py\n$ execmap map", "no such script"),
        ("$ execmap run 'my shop.py' 7", "the last command has to be `execmap map`"),
        ("$ execmap export -f json", "not `execmap export -f json`"),
    ],
)
def test_other_commands_are_refused(execmap: Execmap, document: Path, commands: str, said: str) -> None:
    document.write_text(f"<!-- {commands} -->\n```mermaid\n```\n", "utf-8")
    done = check(execmap, document, "--update")
    assert done.exit_code == 2
    assert said in done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert str(document) in errors[0]
    assert document.read_text("utf-8").endswith("```mermaid\n```\n")
    assert not list(execmap.folder.glob("owned*"))


def test_a_document_without_such_a_map(execmap: Execmap, document: Path) -> None:
    document.write_text("# Nothing\n", "utf-8")
    done = check(execmap, document)
    assert done.exit_code == 2
    assert "no map here says where it comes from" in done.err
    assert check(execmap, execmap.folder / "missing.md").exit_code == 2
    assert execmap.command("map", "--update").exit_code == 2
