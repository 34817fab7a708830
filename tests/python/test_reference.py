"""The reference recorder tells the story that each program file expects, and the program does not notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import programs
import pytest
import reference
from reference.redaction import is_secret
from reference.values import text_of


@pytest.mark.parametrize("program", programs.load_all(), ids=lambda program: program.name)
def test_the_reference_tells_the_expected_story(program: programs.Program, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(program.source, "utf-8")

    recorded = reference.record_and_run(script, cwd=tmp_path)

    assert program.tells(recorded.rows) == program.expected_here
    plain = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, check=False)
    assert (recorded.stdout, recorded.exit_code) == (plain.stdout, plain.returncode)


def test_rows_have_the_keys_of_the_contract_in_their_order(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("def f(a):\n    return a\n\n\nf(\n    1\n)\n", "utf-8")

    module, call = reference.record(script, cwd=tmp_path)

    assert list(call.items()) == [
        ("handle", "c-1"),
        ("parent", "c-0"),
        ("created_by", None),
        ("process", "p-0"),
        ("thread", "t-0"),
        ("task", None),
        ("function", "f"),
        ("module", "__main__"),
        ("file", str(script)),
        ("line", 1),
        ("call_line", 5),
        ("start_ns", 0),
        ("end_ns", None),
        ("suspended_ns", 0),
        ("args", {"a": "1"}),
        ("result", "1"),
        ("outcome", "returned"),
        ("exception", None),
    ]
    assert (module["function"], module["parent"], module["call_line"], module["line"]) == ("<module>", None, None, 1)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "userPassword",
        "API_KEY",
        "x-api-key",
        "apikey",
        "accessToken",
        "session_id",
        "Set-Cookie",
        "HTTPAuthorization",
        "card_token",
    ],
)
def test_names_of_secrets_are_known_in_every_case(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["tokenizer", "key", "author", "compass", "cookiejar", "", "api", "discard"])
def test_other_names_are_not_secret(name: str) -> None:
    assert not is_secret(name)


def test_a_key_without_room_for_its_value_is_left_out() -> None:
    text = text_of([list(range(10)), list(range(3)), {n: [n] for n in range(9)}])

    assert text.endswith(", {0: [0], 1: [1], … (9 items)}]")


@pytest.mark.parametrize(
    ("include", "functions"),
    [
        ((), {"<module>", "f"}),
        (("json",), {"<module>", "f", "dumps", "JSONEncoder.__init__", "JSONEncoder.encode", "JSONEncoder.iterencode"}),
        (("json:dumps",), {"<module>", "f", "dumps"}),
        (("*/json/__init__.py",), {"<module>", "f", "dumps"}),
        (("json.enc*:*.encode",), {"<module>", "f", "JSONEncoder.encode"}),
    ],
)
def test_included_code_is_recorded_beside_the_project_s_own(
    include: tuple[str, ...], functions: set[str], tmp_path: Path
) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import json\n\n\ndef f():\n    return json.dumps([1], indent=None, sort_keys=True)\n\n\nf()\n", "utf-8"
    )

    found = {row["function"] for row in reference.record(script, include=include, cwd=tmp_path)}

    assert {name for name in found if not name.startswith("_")} == functions
