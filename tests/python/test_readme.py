"""The README shows what execmap prints, and names only what is there.

`EXECMAP_UPDATE_README=1 pytest tests/python/test_readme.py` writes what is printed now into the README.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from running import Execmap

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
IS_UPDATING = "EXECMAP_UPDATE_README" in os.environ

pytestmark = [
    pytest.mark.skipif(not README.exists(), reason="the README lies in the repository"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="the numbers of calls are those of 3.12 and 3.13"),
]


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text("utf-8")


def normal(text: str) -> str:
    """Text without what differs from run to run: times, sizes, the number of threads that had work."""
    text = re.sub(r"\b[\d.]+ (?:ns|µs|ms|s)\b", "TIME", text)
    text = re.sub(r"\b[\d.]+ [KM]?B\b", "SIZE", text)
    return re.sub(r"\b\d threads\b", "N threads", text)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def printed(execmap: Execmap, line: str) -> str:
    """What a command line prints in the test's folder, paths as they are seen from there."""
    program, *words = shlex.split(line)
    assert program == "execmap"
    if not (execmap.folder / "examples").exists():
        shutil.copytree(ROOT / "examples", execmap.folder / "examples")
    done = execmap.command(*words)
    assert done.exit_code == 0, done.err
    return (done.out + done.err).replace(f"{execmap.folder}/", "")


def check(shown: str, now: str) -> None:
    """The README's text is what is printed now, or becomes it."""
    if normal(shown) == normal(now):
        return
    if IS_UPDATING:
        text = README.read_text("utf-8")
        assert text.count(shown) == 1
        README.write_text(text.replace(shown, now), "utf-8")
        return
    assert normal(shown) == normal(now)


def test_commands_print_what_the_readme_shows(execmap: Execmap, text: str) -> None:
    (transcript,) = blocks(text, "console")
    lines = [line.removeprefix("$ ") for line in transcript.splitlines() if line.startswith("$ ")]
    assert lines[0] == "execmap run examples/shop/shop.py 1042"
    check(transcript, "".join(f"$ {line}\n{printed(execmap, line)}" for line in lines))


def test_the_map_is_what_the_readme_shows(execmap: Execmap, text: str) -> None:
    printed(execmap, "execmap run examples/shop/shop.py 1042")
    found = re.findall(r"\$ (execmap map .*) -->\n(```mermaid\n.*?^```$)", text, re.DOTALL | re.MULTILINE)
    ((line, diagram),) = found
    check(diagram, f"```mermaid\n{printed(execmap, line)}```")


def test_the_example_in_python_prints_what_the_readme_shows(execmap: Execmap, text: str) -> None:
    (source,) = blocks(text, "python")
    ((start, output),) = re.findall(r"(```text\n)(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    script = execmap.folder / "door.py"
    script.write_text(source, "utf-8")
    done = execmap.command_of_python(script)
    assert (done.exit_code, done.err) == (0, "")
    check(start + output, start + done.out)


def test_what_the_readme_names_is_there(execmap: Execmap, text: str) -> None:
    paths = re.findall(r"\b((?:tests|docs|examples|crates)/[\w./-]*\w)", text)
    links = re.findall(r"\]\((?!http)([^)#]+)", text)
    for path in {*paths, *links}:
        assert (ROOT / path).exists(), path

    verbs = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)`", text)) <= set(verbs)

    known = printed(execmap, "execmap --help")
    for name in re.findall(r"`execmap ([a-z]+)\b", text):
        assert re.search(rf"^  {name}\b", known, re.MULTILINE), name
    for name in ("run", "tree", "map", "stats", "info", "diff", "export"):
        options = printed(execmap, f"execmap {name} --help")
        for line in re.findall(rf"^\| `execmap {name}\b.*$", text, re.MULTILINE):
            assert all(option in options for option in re.findall(r"--\w+", line)), line


def test_what_is_not_there_yet_is_refused(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text("print(1)\n", "utf-8")
    for options in (["--detail", "statements"], ["--repr"]):
        done = execmap.command("run", *options, "program.py")
        assert done.exit_code == 2
        assert "not there yet" in done.err
    for name in ("find", "view"):
        assert execmap.command(name).exit_code == 2


def test_a_program_notices_what_the_readme_says(execmap: Execmap) -> None:
    source = """
        import os, sys
        print(sorted(name for name in sys.modules if name.startswith("execmap")))
        print("atexit" in sys.modules, "EXECMAP_CHILD" in os.environ)
        print([number for number in range(6) if sys.monitoring.get_tool(number)])
    """
    script = execmap.folder / "program.py"
    script.write_text("\n".join(line.strip() for line in source.splitlines()), "utf-8")
    names, rest, tools = execmap.run(script).out.splitlines()
    assert "'execmap._core'" in names
    assert rest == "True True"
    assert tools == "[4]"
