"""Greenlets: several stacks on one thread, switched in the middle of calls."""

from __future__ import annotations

import pytest
from pairs import load, lost, need
from running import Done, Execmap, python

PLAIN = """
import greenlet


def leaf(text):
    return text


def child(name):
    leaf(name + " 1")
    main.switch(name)
    leaf(name + " 2")
    deeper(name)
    return name


def deeper(name):
    try:
        main.switch(name)
    except greenlet.GreenletExit:
        leaf(name + " ended")
        raise
    leaf(name + " 3")


def drive():
    one, two, three = (greenlet.greenlet(child) for _ in range(3))
    leaf("drive 0")
    one.switch("one")
    leaf("drive 1")
    two.switch("two")
    three.switch("three")
    leaf("drive 2")
    one.switch()
    two.switch()
    three.switch()
    leaf("drive 3")
    two.throw(ValueError, ValueError("thrown"))


def thrown():
    try:
        drive()
    except ValueError as error:
        leaf(str(error))


main = greenlet.getcurrent()
thrown()
leaf("end")
"""


def both(execmap: Execmap, source: str) -> Done:
    """Runs a program without execmap and under it; both have to say the same."""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    plain = python("program.py", cwd=execmap.folder)
    done = execmap.run("program.py")
    assert (done.exit_code, done.out, done.err) == (plain.exit_code, plain.out, plain.err)
    assert (plain.exit_code, plain.err) == (0, "")
    return done


def test_calls_belong_to_the_stack_they_are_on(execmap: Execmap) -> None:
    need("greenlet")
    both(execmap, PLAIN)

    rows = list(load(execmap.trace).calls)
    functions = {row["handle"]: row["function"] for row in rows}
    names = {row["handle"]: row["args"].get("name", "").strip("'") for row in rows}
    for row in rows:
        if row["function"] == "leaf":
            words = row["args"]["text"].strip("'").split()
            if words[0] in ("one", "two", "three"):
                assert names[row["parent"]] == words[0]
            if words[0] == "drive":
                assert functions[row["parent"]] == "drive"
    outcomes = {(row["function"], row["args"].get("name")): row["outcome"] for row in rows if row["function"] != "leaf"}
    assert outcomes["child", "'two'"] == outcomes["deeper", "'two'"] == "raised"
    assert outcomes["thrown", None] == "returned"
    assert outcomes["drive", None] == "raised"
    assert lost(execmap) == []


def test_every_call_knows_its_line_after_switches_too(execmap: Execmap) -> None:
    need("greenlet")
    both(execmap, PLAIN)

    lines = PLAIN.splitlines()
    rows = [row for row in load(execmap.trace).calls if row["function"] in ("leaf", "deeper", "drive", "thrown")]
    assert len(rows) > 10
    for row in rows:
        assert row["call_line"] is not None, row
        assert f"{row['function']}(" in lines[row["call_line"] - 1]


def test_greenlets_on_several_threads(execmap: Execmap) -> None:
    need("greenlet")
    source = """
import threading

import greenlet


def work(name):
    main = greenlet.getcurrent()

    def inner(n):
        for _ in range(5):
            step(name, n)
            main.switch()
        return n

    greenlets = [greenlet.greenlet(inner) for _ in range(3)]
    for n in range(6):
        for number, each in enumerate(greenlets):
            if n == 0:
                each.switch(number)
            else:
                each.switch()
            after(name, number)
    assert all(each.dead for each in greenlets)


def step(name, n):
    return name, n


def after(name, number):
    return name, number


threads = [threading.Thread(target=work, args=(f"thread {n}",)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    by_handle = {row["handle"]: row for row in rows}
    assert {row["outcome"] for row in rows} == {"returned"}
    for row in rows:
        parent = by_handle.get(row["parent"])
        if row["function"] == "step":
            assert parent["function"] == "work.<locals>.inner"
            assert parent["args"]["n"] == row["args"]["n"]
            assert parent["thread"] == row["thread"]
        if row["function"] == "after":
            assert parent["function"] == "work"
            assert parent["args"]["name"] == row["args"]["name"]
            assert row["call_line"] is not None
    assert sum(row["function"] == "step" for row in rows) == 4 * 3 * 5
    assert lost(execmap) == []


def test_generators_and_tasks_inside_greenlets(execmap: Execmap) -> None:
    need("greenlet")
    source = """
import asyncio

import greenlet


def numbers(n):
    for number in range(n):
        main.switch()
        yield number


def total(n):
    return sum(numbers(n))


async def later(n):
    await asyncio.sleep(0)
    bridge(n)
    return n


def bridge(n):
    # As SQLAlchemy's asyncio does.
    inner = greenlet.greenlet(total)
    inner.parent = greenlet.getcurrent()
    global main
    main = greenlet.getcurrent()
    inner.switch(n)
    while not inner.dead:
        inner.switch()
    after(n)


def after(n):
    return n


async def several():
    return await asyncio.gather(*(later(n) for n in range(3)))


print(asyncio.run(several()))
"""
    both(execmap, source)

    rows = list(load(execmap.trace).calls)
    by_handle = {row["handle"]: row for row in rows}
    assert {row["outcome"] for row in rows} <= {"returned", "closed"}
    for row in rows:
        if row["function"] == "after":
            assert by_handle[row["parent"]]["function"] == "bridge"
            assert by_handle[row["parent"]]["args"] == row["args"]
            assert row["call_line"] is not None
        if row["function"] == "numbers":
            assert by_handle[row["parent"]]["function"] == "total"
    assert lost(execmap) == []


def test_recording_begins_and_ends_while_greenlets_are_in_the_middle(execmap: Execmap) -> None:
    need("greenlet")
    source = """
import execmap
import greenlet


def child(name):
    for n in range(4):
        step(name, n)
        main.switch()
    return name


def step(name, n):
    return n


main = greenlet.getcurrent()
children = [greenlet.greenlet(child) for _ in range(2)]
for name, each in zip("ab", children):
    each.switch(name)
with execmap.record("one.execmap"):
    for each in children:
        each.switch()
for each in children:
    each.switch()
recording = execmap.record("two.execmap")


def starts_inside():
    recording.start()
    step("inside", 0)
    main.switch()
    step("inside", 1)


inside = greenlet.greenlet(starts_inside)
inside.switch()
for each in children:
    each.switch()
recording.stop()
inside.switch()
for each in children:
    each.switch()
print([each.dead for each in [*children, inside]])
"""
    (execmap.folder / "program.py").write_text(source, "utf-8")
    done = python("program.py", cwd=execmap.folder)
    assert (done.exit_code, done.err, done.out) == (0, "", "[True, True, True]\n")

    found = {}
    for name in ("one", "two"):
        rows = list(load(execmap.folder / f"{name}.execmap").calls)
        found[name] = [(row["function"], *row["args"].values(), row["parent"], row["outcome"]) for row in rows]
        assert lost(execmap, execmap.folder / f"{name}.execmap") == []
    assert found["one"] == [("step", "'a'", "1", None, "returned"), ("step", "'b'", "1", None, "returned")]
    assert found["two"] == [
        ("step", "'inside'", "0", None, "returned"),
        ("step", "'a'", "3", None, "returned"),
        ("step", "'b'", "3", None, "returned"),
    ]


SERVER = """
{patch}
import json
import socket
import threading
import time


def answer(client, number):
    with client:
        asked = client.recv(100).decode()
        pause(number)
        client.sendall(reply(asked))


def pause(number):
    time.sleep(0.01 * (number % 3))
    return number


def reply(asked):
    return f"<{asked}>".encode()


def serve(server, count):
    for number in range(count):
        client, _ = server.accept()
        spawn(answer, client, number)


def ask(port, number):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(str(number).encode())
        return client.recv(100).decode()


{spawning}


def main(count):
    server = socket.create_server(("127.0.0.1", 0))
    spawn(serve, server, count)
    jobs = [spawn(ask, server.getsockname()[1], number) for number in range(count)]
    return sorted(wait(job) for job in jobs)


print(main(20))
"""

SPAWNING = {
    "gevent": (
        "from gevent import monkey; monkey.patch_all()",
        "import gevent\n\ndef spawn(*args):\n    return gevent.spawn(*args)\n\ndef wait(job):\n    return job.get()\n",
    ),
    "eventlet": (
        "import warnings; warnings.simplefilter('ignore')\nimport eventlet; eventlet.monkey_patch()",
        "def spawn(*args):\n    return eventlet.spawn(*args)\n\ndef wait(job):\n    return job.wait()\n",
    ),
}


@pytest.mark.parametrize("package", SPAWNING)
def test_a_server_with_patched_sockets(execmap: Execmap, package: str) -> None:
    need(package)
    patch, spawning = SPAWNING[package]
    both(execmap, SERVER.replace("{patch}", patch).replace("{spawning}", spawning))

    rows = list(load(execmap.trace).calls)
    by_handle = {row["handle"]: row for row in rows}
    assert {row["outcome"] for row in rows} == {"returned"}
    assert [sum(row["function"] == name for row in rows) for name in ("answer", "ask", "pause", "reply")] == [20] * 4
    for row in rows:
        if row["function"] in ("pause", "reply"):
            assert by_handle[row["parent"]]["function"] == "answer"
            assert row["call_line"] is not None
        if row["function"] == "pause":
            assert by_handle[row["parent"]]["args"]["number"] == row["args"]["number"]
    assert lost(execmap) == []
