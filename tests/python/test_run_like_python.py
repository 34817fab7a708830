"""`execmap run` behaves exactly as `python` does, seen from inside the program and from outside."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running import TIMEOUT_S, Done, Execmap, python, without_addresses

LOOK_AROUND = """
import os, sys
print(__name__, __file__, __doc__, __package__, __spec__ and __spec__.name, type(__loader__).__name__)
print(sys.argv, sys.path, sys.flags)
print(sys.modules["__main__"].__dict__ is globals(), __builtins__.__name__, sorted(vars()))
print(os.getcwd(), sys.orig_argv[0] == sys.executable, sys.stdin.readline(), end="")
print("to stderr", file=sys.stderr)
"""


def both(execmap: Execmap, *arguments: str | Path, stdin: bytes = b"") -> tuple[Done, Done]:
    """What `execmap run ARGUMENTS` and `python ARGUMENTS` do."""
    return execmap.run(*arguments, stdin=stdin), python(*arguments, cwd=execmap.folder, stdin=stdin)


def assert_same(execmap: Execmap, *arguments: str | Path, stdin: bytes = b"") -> Done:
    recorded, plain = both(execmap, *arguments, stdin=stdin)
    assert recorded.out == plain.out
    assert steady(recorded.err) == steady(plain.err)
    assert recorded.exit_code == plain.exit_code
    return recorded


def steady(text: str) -> str:
    """Without addresses, and without the depth that a recursion reached, which our own few frames lessen."""
    return re.sub(r"(?<=Previous line repeated )\d+", "…", without_addresses(text))


def script(execmap: Execmap, source: str, name: str = "program.py") -> str:
    path = execmap.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
    return name


def test_a_script_finds_the_same_world(execmap: Execmap) -> None:
    done = assert_same(
        execmap, script(execmap, LOOK_AROUND), "one", "--two", "-o", "three four", "", stdin=b"line\nrest"
    )

    assert "line" in done.out


def test_a_script_in_another_folder_finds_the_same_world(execmap: Execmap) -> None:
    script(execmap, "def helped():\n    return 'helped'\n", "some folder/helper.py")
    program = script(execmap, "import helper\n" + LOOK_AROUND + "print(helper.helped())\n", "some folder/prögram.py")

    assert_same(execmap, program)
    assert_same(execmap, execmap.folder / program)


def test_a_script_behind_a_link_finds_the_same_world(execmap: Execmap) -> None:
    program = script(execmap, LOOK_AROUND, "real/program.py")
    (execmap.folder / "link.py").symlink_to(program)

    assert_same(execmap, "link.py")


def test_a_module_finds_the_same_world(execmap: Execmap) -> None:
    script(execmap, "", "package/__init__.py")
    script(execmap, LOOK_AROUND, "package/__main__.py")
    script(execmap, LOOK_AROUND, "package/tool.py")
    script(execmap, LOOK_AROUND, "single.py")

    assert_same(execmap, "-m", "package", "a", "-m", "b")
    assert_same(execmap, "-m", "package.tool", "--help")
    assert_same(execmap, "-m", "single")


def test_a_module_that_is_not_there_is_refused_as_python_does(execmap: Execmap) -> None:
    recorded, plain = both(execmap, "-m", "no_such_module_here")

    assert recorded.exit_code == plain.exit_code == 1
    assert "No module named no_such_module_here" in recorded.err
    assert "Traceback" not in recorded.err


def test_code_of_the_command_line_finds_the_same_world(execmap: Execmap) -> None:
    assert_same(execmap, "-c", LOOK_AROUND.replace("__file__", "globals().get('__file__')"), "a", "-c", "b")


def test_code_of_the_standard_input_finds_the_same_world(execmap: Execmap) -> None:
    source = (
        b"import sys\nprint(__name__, sys.argv, sys.path, globals().get('__file__'))\nraise ValueError('from stdin')\n"
    )

    assert_same(execmap, "-", "a", "-", stdin=source)


def test_a_console_script_finds_the_same_world(execmap: Execmap, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = execmap.folder / "bin" / "shop-tool"
    script(execmap, f"#!{sys.executable}\n{LOOK_AROUND}\nsys.exit(5)\n", "bin/shop-tool")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONHASHSEED", "0")

    recorded = execmap.run("shop-tool", "a", "--b", stdin=b"line\n")

    direct = subprocess.run(
        ["shop-tool", "a", "--b"],
        input=b"line\n",
        capture_output=True,
        cwd=execmap.folder,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (recorded.stdout, recorded.stderr, recorded.exit_code) == (direct.stdout, direct.stderr, 5)


def test_a_console_script_of_another_python_is_refused_and_named(
    execmap: Execmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = execmap.folder / "bin" / "other-tool"
    script(execmap, "#!/usr/bin/python2.7\nprint('never')\n", "bin/other-tool")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)

    done = execmap.run("other-tool")

    assert (done.exit_code, done.out) == (2, "")
    assert "/usr/bin/python2.7" in done.err
    assert "install" in done.err
    assert "Traceback" not in done.err


def test_the_interpreter_s_own_options_hold(execmap: Execmap) -> None:
    name = script(execmap, "import sys\nassert False\nprint(sys.flags, __debug__)\n")
    options = ("-O", "-X", "utf8", "-W", "error")

    recorded = python(*options, "-m", "execmap", "run", "--quiet", "--no-html", name, cwd=execmap.folder)

    assert recorded == python(*options, name, cwd=execmap.folder)


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit()",
        "sys.exit(0)",
        "sys.exit(3)",
        "sys.exit(256 + 7)",
        "sys.exit(-1)",
        "sys.exit('a text')",
        "sys.exit(None)",
        "sys.exit(True)",
        "sys.exit((1, 2))",
        "raise SystemExit(4)",
        "exit(6)",
        "os._exit(7)",
        "os.abort()",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGHUP)",
        "raise KeyboardInterrupt",
        "raise BaseException('base')",
        "raise",
        "signal.raise_signal(signal.SIGINT)",
    ],
)
def test_a_program_ends_with_its_own_exit_code_and_output(end: str, execmap: Execmap) -> None:
    source = f"""
import atexit, os, signal, sys

atexit.register(print, "at exit")


def stop():
    print("begun", flush=True)
    {end}


try:
    stop()
finally:
    print("finally", flush=True)
"""
    assert_same(execmap, script(execmap, source))


def test_a_sys_exit_in_a_thread_ends_the_thread_only(execmap: Execmap) -> None:
    assert_same(
        execmap,
        script(
            execmap,
            "import sys, threading\nt = threading.Thread(target=sys.exit, args=(3,))\nt.start()\nt.join()\nprint()\n",
        ),
    )


PROGRAMS_THAT_COMPLAIN = """
### plain
def f(a):
    return 1 / a


f(0)
### chained
def f():
    try:
        {}['a']
    except KeyError as e:
        raise ValueError('b') from e


f()
### context
try:
    1 / 0
except ZeroDivisionError:
    undefined
### group
def f():
    raise ExceptionGroup('g', [ValueError(1), TypeError('two')])


f()
### notes
e = ValueError('noted')
e.add_note('a note')
raise e
### multi line
raise ValueError(
    'several',
    'lines',
)
### deep
def f(n):
    f(n - 1) if n else 1 / 0


f(20)
### recursion
def f():
    f()


f()
### import
import no_such_module_here
### in a library
import json

json.loads('{')
### thread
import threading


def f():
    raise ValueError('lost')


t = threading.Thread(target=f, name='worker')
t.start()
t.join()
### finalizer
class C:
    def __del__(self):
        raise ValueError('in del')


C()
### at exit
import atexit


def f():
    raise ValueError('late')


atexit.register(f)
### hook
import sys


def hook(kind, error, tb):
    print('hooked', kind, error, tb.tb_frame.f_code.co_name, tb.tb_next.tb_lineno)


sys.excepthook = hook


def f():
    raise ValueError(1)


f()
### task
import asyncio


async def f():
    raise ValueError('in a task')


async def main():
    await asyncio.create_task(f())


asyncio.run(main())
### never awaited
async def f():
    pass


f()
### warning
import warnings

warnings.warn('careful')
### resource
open(__file__)
import warnings
warnings.simplefilter('always')
open(__file__)
### format_stack
import traceback


def f():
    traceback.print_stack()


f()
### syntax error
def f(:
    pass
### indentation error
if True:
print(1)
### null byte
print(1)\0
### unicode
def größe():
    raise ValueError('größe \\ud800')


größe()
"""

TRACEBACKS = {
    name: source for name, _, source in (part.partition("\n") for part in PROGRAMS_THAT_COMPLAIN.split("### ")[1:])
}


@pytest.mark.parametrize("name", TRACEBACKS)
def test_what_python_says_on_stderr_is_the_same_byte_for_byte(name: str, execmap: Execmap) -> None:
    assert_same(execmap, script(execmap, TRACEBACKS[name]))


def test_sources_in_every_form_run(execmap: Execmap) -> None:
    for source in (
        b"",
        b"print('no line end')",
        "\ufeffprint('with a mark, gr\u00f6\u00dfe')\n".encode(),
        "# -*- coding: latin-1 -*-\nprint(ascii('gr\u00f6\u00dfe'))\n".encode("latin-1"),
        "print('gr\u00f6\u00dfe')\n".encode("latin-1"),
        b"print('a')\r\nprint('b')\r\n",
        b'"""A docstring."""\nfrom __future__ import annotations\nx: undefined = 1\nprint(__doc__, __annotations__)\n',
    ):
        (execmap.folder / "program.py").write_bytes(source)
        assert_same(execmap, "program.py")


@pytest.mark.parametrize(
    "env", [{}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}], ids=["utf-8", "c"]
)
def test_names_and_arguments_that_cannot_be_decoded_are_no_hindrance(env: dict[str, str], execmap: Execmap) -> None:
    folder = execmap.folder / "hällo"
    folder.mkdir()
    script = folder / "prögram.py"
    script.write_text(
        """
import subprocess
import sys


def f():
    return 1


f()
print(ascii(sys.argv[1:]), flush=True)
child = [sys.executable, "-c", "import sys; print(ascii(sys.argv[1:]))", b"\\xff"]
print(subprocess.run(child, capture_output=True))
""",
        "utf-8",
    )
    inside = Execmap(folder)

    recorded = inside.run(script, "\udcff", "ä", env=env)

    plain = python(script, "\udcff", "ä", cwd=folder, env=env)
    assert (recorded.out, recorded.err, recorded.exit_code) == (plain.out, plain.err, plain.exit_code)
    assert plain.exit_code == 0
    row = next(row for row in inside.rows() if row["function"] == "f")
    assert row["file"] == str(script)


def test_binary_input_and_output_pass_through(execmap: Execmap) -> None:
    name = script(execmap, "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1] * 50_000)\n")

    assert_same(execmap, name, stdin=bytes(range(256)))


def test_a_closed_pipe_is_no_failure_of_ours(execmap: Execmap) -> None:
    name = script(execmap, "for n in range(100_000):\n    print(n)\n")

    def ends(*command: str | Path) -> tuple[int, bytes]:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=execmap.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        with process.stderr as stderr:
            text = stderr.read()
        return process.wait(TIMEOUT_S), text

    assert ends("-m", "execmap", "run", "--quiet", "--no-html", name) == ends(name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("handled", [False, True], ids=["unhandled", "handled"])
def test_a_signal_from_outside_does_what_it_does_without_us(
    number: signal.Signals, handled: bool, execmap: Execmap
) -> None:
    name = script(
        execmap,
        f"""
import signal, sys, time


def handler(number, frame):
    print("handled", number, frame.f_code.co_name, flush=True)
    sys.exit(9)


def wait():
    print("ready", flush=True)
    while True:
        time.sleep(0.01)


if {handled}:
    signal.signal({int(number)}, handler)
wait()
""",
    )

    def ends(*command: str | Path) -> tuple[int, bytes, list[str]]:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=execmap.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err.decode().splitlines()[-1:]

    plain = ends(name)
    recorded = ends("-m", "execmap", "run", "--quiet", "--no-html", "-o", execmap.trace, name)

    assert recorded == plain
    assert [row["function"] for row in execmap.rows()][:2] == ["<module>", "wait"]


def test_the_summary_is_one_line_on_stderr(execmap: Execmap) -> None:
    name = script(execmap, "print('output')\n")

    done = execmap.command("run", "-o", execmap.trace, name)

    assert done.out == "output\n"
    [line] = done.err.splitlines()
    assert line.startswith("execmap: 1 call")
    assert "run.execmap" in line


def test_the_trace_is_named_after_the_program(execmap: Execmap) -> None:
    script(execmap, "", "package/__init__.py")
    script(execmap, "", "package/__main__.py")
    script(execmap, "", "package/tool.py")
    name = script(execmap, "", "some-program.py")

    for arguments, stem in (
        ((name,), "some-program"),
        (("-m", "package"), "package"),
        (("-m", "package.tool"), "tool"),
        (("-c", "pass"), "command"),
        (("-",), "stdin"),
    ):
        done = execmap.command("run", "--quiet", *arguments)
        assert (done.exit_code, done.err) == (0, "")
        assert (execmap.folder / f"{stem}.execmap").is_file()
        assert (execmap.folder / f"{stem}.html").is_file()
    assert not list(execmap.folder.glob("*.part"))
