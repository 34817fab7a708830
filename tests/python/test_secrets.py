"""Planted secrets appear nowhere in the bytes of a trace, its side files, the page or an export.

The program gets its secrets from a file outside, so that its source does not hold them.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Done, Execmap

_KEY_LINES = "\n".join(f"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{n}planted" for n in range(4))

BY_NAME = {
    "argument": "planted-argument-1",
    "keyword": "planted-keyword-2",
    "default": "planted-default-3",
    "bytes": "planted-bytes-4",
    "deep_key": "planted-deep-key-5",
    "field": "planted-field-6",
    "header": "planted-header-7",
    "header_bytes": "planted-header-bytes-8",
    "slot": "planted-slot-9",
    "exception_field": "planted-exception-field-10",
    "camel": "planted-camel-11",
    "kebab": "planted-kebab-12",
    "in_subclass": "planted-in-subclass-13",
    "named_tuple": "planted-named-tuple-14",
}
"""Hidden because of the name beside them."""

BY_SHAPE = {
    "private_key_text": f"-----BEGIN PRIVATE KEY-----\n{_KEY_LINES}\n-----END PRIVATE KEY-----\n",
    "rsa_text": f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY_LINES}rsa\n-----END RSA PRIVATE KEY-----\n",
    "jwt_text": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwbGFudGVkIiw"
        "iaWF0IjoxNTE2MjM5MDIyfQ.cGxhbnRlZC1zaWduYXR1cmUtMTIzNDU2Nzg5MDEyMzQ1"
    ),
    "aws_text": "AKIAPLANTEDEXAMPLE12",
    "github_text": "ghp_plantedPLANTEDplantedPLANTED0123456789",
    "url_text": "postgres://shop:planted-url-password@db.example/orders",
}
"""Hidden because they look like what they are; the name beside them says nothing."""

PROGRAM = """
import asyncio
import dataclasses
import json
import os
import sys
import threading
import typing

planted = json.load(open(os.environ["PLANTED"]))


@dataclasses.dataclass
class Account:
    user: str
    password: str


class Slotted:
    __slots__ = ("secret",)


class Point(typing.NamedTuple):
    x: int
    token: str


class Special(str):
    pass


class Declined(Exception):
    def __init__(self, message, api_key):
        super().__init__(message)
        self.api_key = api_key


def login(password, *, token=None, **options):
    return options


def default(n, secret=planted["default"]):
    return n


def show(*things, **named):
    return things


def keep(thing):
    yield thing
    return thing


def fail(text):
    raise ValueError(text)


def fail_with(error):
    raise error


async def wait(text):
    await asyncio.sleep(0)
    return text


login(planted["argument"], token=planted["keyword"], apiKey=planted["camel"], **{"set-cookie": planted["kebab"]})
login(planted["bytes"].encode())
login(Special(planted["in_subclass"]))
default(1)
show({"a": {"password": planted["deep_key"]}})
show({"a": {"b": {"c": {"password": planted["deep_key"]}}}})
show(Account("ada", planted["field"]), [Account("ada", planted["field"])])
show(headers=[("Authorization", planted["header"]), (b"authorization", planted["header_bytes"].encode())])
show(Point(1, planted["named_tuple"]))
slotted = Slotted()
slotted.secret = planted["slot"]
show(slotted)
for error in Declined("no", api_key=planted["exception_field"]), ValueError("no"):
    try:
        fail_with(error)
    except Exception:
        pass

for name in "private_key_text rsa_text jwt_text aws_text github_text url_text".split():
    text = planted[name]
    show(text, [text], {"key": text}, {text: "as a key"}, (1, (2, text)), thing=text)
    show(text.encode(), bytearray(text.encode()), f"a message with {text} in it", "x" * 150 + " " + text)
    show(Special(text), Account(text, "x"))
    list(keep(text))
    asyncio.run(wait(text))
    thread = threading.Thread(target=show, args=(text,), name=text)
    thread.start()
    thread.join()
    try:
        fail(text)
    except ValueError:
        pass
    try:
        fail_with(KeyError(text, 1))
    except KeyError:
        pass

if "die" in sys.argv:
    os.kill(os.getpid(), 9)
if "raise" in sys.argv:
    fail(planted["url_text"])
"""

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{120,}={0,2}")


@pytest.fixture
def planted(execmap: Execmap, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The program in the test's folder, and the environment in which it finds its secrets."""
    (execmap.folder / "program.py").write_text(PROGRAM, "utf-8")
    secrets = tmp_path_factory.mktemp("outside") / "planted.json"
    secrets.write_text(json.dumps(BY_NAME | BY_SHAPE), "utf-8")
    return {"PLANTED": str(secrets)}


def pieces() -> Iterator[tuple[str, bytes]]:
    """What must not be found: of a text of several lines each line, of a URL its password."""
    for name, text in (BY_NAME | BY_SHAPE).items():
        if name == "url_text":
            yield name, b"planted-url-password"
        elif "\n" in text:
            yield name, b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
        else:
            yield name, text.encode()


def found_in(content: bytes) -> list[str]:
    """The names of the secrets that stand in the bytes, or in what is packed in them."""
    contents = [content]
    for blob in _BASE64.findall(content):
        try:
            raw = base64.b64decode(blob + b"=" * (-len(blob) % 4))
        except ValueError:
            continue
        contents.append(raw)
        for unpack in gzip.decompress, zlib.decompress, lambda data: zlib.decompress(data, -15):
            try:
                contents.append(unpack(raw))
            except (OSError, EOFError, zlib.error):
                continue
    return sorted({name for name, piece in pieces() for each in contents if piece in each})


def assert_nowhere(execmap: Execmap, *outputs: Done) -> None:
    for path in sorted(execmap.folder.rglob("*")):
        if path.is_file() and path.name != "program.py":
            assert found_in(path.read_bytes()) == [], f"in {path.name}"
    for done in outputs:
        assert found_in(done.stdout + done.stderr) == []


def exported(execmap: Execmap, trace: Path) -> list[Done]:
    """The trace in every form that it can be read in."""
    done = [execmap.command("export", "-f", form, trace) for form in ("ndjson", "json", "mermaid")]
    done.append(execmap.command("export", "-f", "html", "-o", execmap.folder / "page.html", trace))
    done += [execmap.command(command, trace) for command in ("info", "tree", "stats", "map")]
    done += [execmap.command(command, "--json", trace) for command in ("info", "tree", "stats", "map")]
    assert [(each.exit_code, each.err) for each in done if each.exit_code] == []
    return done


def test_planted_secrets_are_nowhere(execmap: Execmap, planted: dict[str, str]) -> None:
    done = execmap.command("run", "-o", execmap.trace, "program.py", env=planted)
    assert done.exit_code == 0, done.err

    assert_nowhere(execmap, done, *exported(execmap, execmap.trace))
    assert "hidden" in execmap.command("export", "-f", "ndjson", execmap.trace).out


def test_planted_secrets_are_nowhere_when_the_program_is_killed(execmap: Execmap, planted: dict[str, str]) -> None:
    done = execmap.run("program.py", "die", env=planted)
    assert done.exit_code == -9

    assert_nowhere(execmap, *exported(execmap, execmap.trace))


def test_secrets_of_an_uncaught_exception_stand_in_the_traceback_only(
    execmap: Execmap, planted: dict[str, str]
) -> None:
    done = execmap.run("program.py", "raise", env=planted)

    assert done.err.endswith(f"ValueError: {BY_SHAPE['url_text']}\n")
    assert_nowhere(execmap, *exported(execmap, execmap.trace))


@pytest.mark.parametrize(
    "argv",
    [
        ["--password", "planted-argument-1"],
        ["--password=planted-argument-1"],
        ["--api-key", "planted-argument-1", "file.txt"],
        [BY_SHAPE["url_text"]],
        ["-u", f"--dsn={BY_SHAPE['url_text']}"],
        [BY_SHAPE["github_text"]],
        ["TOKEN=planted-argument-1"],
    ],
    ids=lambda argv: argv[0][:20],
)
def test_secrets_of_the_command_line_are_nowhere(argv: list[str], execmap: Execmap, planted: dict[str, str]) -> None:
    (execmap.folder / "program.py").write_text("import sys\n\nprint(len(sys.argv))\n", "utf-8")
    done = execmap.command("run", "-o", execmap.trace, "program.py", *argv)
    assert (done.exit_code, done.out) == (0, f"{len(argv) + 1}\n")

    assert_nowhere(execmap, done, *exported(execmap, execmap.trace))


def test_a_parser_s_token_stays_visible(execmap: Execmap) -> None:
    rows = execmap.record("def parse(token, tokens):\n    return token\n\n\nparse(42, ['a', 'b'])\n")

    assert rows[1]["args"] == {"token": "42", "tokens": "['a', 'b']"}


@pytest.mark.parametrize(
    "text",
    [
        "See the basic documentation of this",
        "the bearer certificates",
        "unexpected token: NUMBER, expected NAME",
        "token = tokenizer.next_token()",
        "https://example.com/path:with@signs?a=b",
        "password: ",
        "<meta name='x' content='basic highlighting'>",
    ],
)
def test_ordinary_text_stays_visible(text: str, execmap: Execmap) -> None:
    rows = execmap.record(f"def f(text):\n    pass\n\n\nf({text!r})\n")

    assert rows[1]["args"] == {"text": repr(text)}


def test_more_names_are_hidden_on_request(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text("def f(iban, n):\n    pass\n\n\nf('planted-iban', n='shown')\n", "utf-8")
    execmap.run("program.py", options=["--redact", "iban"])

    assert execmap.rows()[1]["args"] == {"iban": "hidden", "n": "'shown'"}
    assert b"planted-iban" not in execmap.trace.read_bytes()


def test_nothing_is_hidden_when_that_is_asked_for(execmap: Execmap) -> None:
    (execmap.folder / "program.py").write_text("def f(password):\n    pass\n\n\nf('open')\n", "utf-8")
    execmap.run("program.py", options=["--no-redact"])

    assert execmap.rows()[1]["args"] == {"password": "'open'"}


def test_a_secret_that_an_exception_took_as_an_argument_is_nowhere(execmap: Execmap, planted: dict[str, str]) -> None:
    """`BaseException.__new__` keeps all arguments in `args`, before `__init__` gives them names."""
    source = PROGRAM.partition("login(planted")[0]
    source += 'try:\n    fail_with(Declined("no", planted["exception_field"]))\nexcept Declined:\n    pass\n'
    (execmap.folder / "program.py").write_text(source, "utf-8")
    assert execmap.run("program.py", env=planted).exit_code == 0

    assert_nowhere(execmap, *exported(execmap, execmap.trace))
