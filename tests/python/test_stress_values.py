"""Very large and very odd values: the program notices nothing, and nothing scales with their size."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from comparing import compare
from running import Execmap
from running_both import MIB, assert_whole, run_both

# The most that the process needed at any time, and it is forgotten what it needed before.
PEAK = """
    def forget_peak():
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")

    def peak():
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) << 10
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "big",
    [
        '"a" * size',
        '"\\xe9" * size',
        'b"a" * size',
        "bytearray(size)",
        "memoryview(bytearray(size))",
        'bytearray(b"password=") + bytearray(size)',
        'type("Text", (str,), {})("a" * size)',
    ],
)
def test_a_gigabyte_is_not_copied(execmap: Execmap, big: str) -> None:
    plain, recorded = run_both(
        execmap,
        PEAK
        + f"""
    def log_in(password):
        return len(password)

    size = 1 << 30
    big = {big}
    f(1)
    forget_peak()
    before = peak()
    for _ in range(200):
        f(big)
        f([big, (big,)])
        log_in(big)
    samples = [peak() - before]
    import sys
    print(len(big), sys.getsizeof(big))
    keep(samples)
    """,
    )

    assert recorded[0] <= plain[0] + 4 * MIB
    assert execmap.trace.stat().st_size < MIB
    assert execmap.info()["complete"]


def test_a_text_does_not_grow_because_it_was_seen(execmap: Execmap) -> None:
    run_both(
        execmap,
        """
        import sys

        text = "naïve café " * 10
        key = "".join(["pass", "wörd"])
        named = type("Größe" * 3, (), {})
        made = lambda: 0
        made.__qualname__ = "".join(["lambda", "é"])
        made.__module__ = "".join(["modül", "é"])

        def log_in(password):
            return password

        for value in (text, {key: text}, named(), named, made, [text, key]):
            f(value)
        log_in(text)
        log_in(key)
        print([sys.getsizeof(x) for x in (text, key, named.__qualname__, made.__qualname__, made.__module__)])
        """,
    )


def test_a_secret_behind_what_is_looked_at_is_cut(execmap: Execmap) -> None:
    secret = "hunter2hunter2"
    run_both(
        execmap,
        f"""
        def log_in(password):
            return None

        begins = "x" * 20_000
        ends = begins + " password={secret}"
        for text in (ends, ends.encode(), "é" + begins + "{secret}"):
            f(text)
            f([text])
        long = ("k" * 300 + "{secret}") * 100
        log_in(long)
        f(long)
        f("this is " + long)
        log_in(bytearray(b"{secret}"))
        f("{secret}")
        f(["{secret}"])
        """,
    )

    for form in ("ndjson", "json", "html"):
        out = execmap.folder / "out"
        assert execmap.command("export", "-f", form, "-o", out, execmap.trace).exit_code == 0
        assert secret.encode() not in out.read_bytes(), form
        assert b"kkkkkkkkkk" not in out.read_bytes(), form


def test_sizes_and_gaps_cost_nothing(execmap: Execmap) -> None:
    """What is read of a container that was emptied does not depend on what it held."""
    run_both(
        execmap,
        """
        size = 2_000_000
        kept = set(range(size))
        for n in range(size - 5):
            kept.discard(n)
        table = dict.fromkeys(range(size))
        for n in range(size - 5):
            del table[n]
        names = {str(n): n for n in range(size)}
        for n in range(size - 5):
            del names[str(n)]
        whole = dict.fromkeys(range(size))
        number = 1 << 3_400_000
        for _ in range(3000):
            f(kept)
            f(table)
            f(names)
            f(whole)
            f(number)
            f(-number)
        print(len(kept), len(table), len(names))
        """,
    )

    rows = [row["args"]["x"] for row in execmap.rows() if row["function"] == "f"]
    assert rows[0] == "{… (5 items)}"
    assert rows[1] == "{… (5 items)}"
    assert rows[4] == "<int of 3400001 bits>"


def test_both_recorders_agree_on_containers_with_gaps(execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent(
            """
            def f(x):
                return x

            for n in (1, 10, 100, 1000):
                for made in (set(range(n)), dict.fromkeys(range(n)), {str(i): i for i in range(n)}):
                    f(made)
                    for key in list(made)[::2]:
                        made.discard(key) if isinstance(made, set) else made.pop(key)
                    f(made)
                    made.clear()
                    f(made)

            class C:
                pass

            c = C()
            for n in range(40):
                setattr(c, f"a{n}", n)
                f(c)
            for n in range(0, 40, 2):
                delattr(c, f"a{n}")
                f(c)
            """
        ),
        "utf-8",
    )

    assert compare(script, cwd=tmp_path) == []


def test_containers_that_other_threads_change(execmap: Execmap) -> None:
    run_both(
        execmap,
        """
        import collections
        import sys
        import threading

        sys.setswitchinterval(1e-6)

        class Thing:
            pass

        shared = [], {}, set(), collections.deque(), bytearray(), Thing(), collections.OrderedDict()
        items, table, kept, queue, data, thing, ordered = shared
        is_over = False

        def change():
            n = 0
            while not is_over:
                n += 1
                items.append([n])
                table[n] = [n]
                kept.add((n, n))
                queue.append({n: n})
                data.extend(b"abc")
                setattr(thing, f"a{n % 50}", [n])
                ordered[n] = n
                if n % 40 == 0:
                    items.clear()
                    table.clear()
                    kept.clear()
                    queue.clear()
                    data.clear()
                    thing.__dict__ = {}
                    ordered.clear()

        def look():
            for _ in range(1500):
                for each in shared:
                    f(each)
                f(shared)

        changing = [threading.Thread(target=change) for _ in range(3)]
        looking = [threading.Thread(target=look) for _ in range(3)]
        for thread in changing + looking:
            thread.start()
        for thread in looking:
            thread.join()
        is_over = True
        for thread in changing:
            thread.join()
        print("done")
        """,
    )
    assert_whole(execmap)


ODD = """
    import array
    import collections
    import contextvars
    import ctypes
    import enum
    import io
    import itertools
    import mmap
    import re
    import struct
    import sys
    import threading
    import types
    import weakref

    def f(x):
        return x

    # What was given back.
    view = memoryview(bytearray(10))
    view.release()
    f(view)
    f(memoryview(b"abc")[::2])
    f(memoryview(array.array("d", [1.0])))
    closed = io.BytesIO(b"x")
    closed.close()
    f(closed)
    mapped = mmap.mmap(-1, 10)
    mapped.close()
    f(mapped)
    resized = bytearray(b"x" * 1000)
    del resized[:990]
    f(resized)

    # What is being made.
    class Early:
        __slots__ = ("a", "b", "__dict__", "__weakref__")

        def __new__(cls, *args):
            self = object.__new__(cls)
            f(self)
            return self

        def __init__(self, a):
            f(self)
            self.a = a
            f(self)

    f(Early(1))
    f(object.__new__(Early))

    class Meta(type):
        @classmethod
        def __prepare__(meta, name, bases):
            f(meta)
            return f({})

        def __new__(meta, name, bases, namespace):
            f(namespace)
            return f(super().__new__(meta, name, bases, namespace))

        def __init__(cls, *args):
            f(cls)

        def __call__(cls, *args):
            return f(super().__call__(*args))

        def mro(cls):
            f(1)
            return super().mro()

    class Named:
        def __set_name__(self, owner, name):
            f(owner)
            f(owner())

    class Base:
        def __init_subclass__(cls, **more):
            f(cls)
            f(cls())

    class Whole(Base, metaclass=Meta):
        part = Named()

    f(Whole)
    f(Whole())
    f(type.__new__(Meta, "Bare", (), {}))
    f(types.new_class("New", (), {}, lambda namespace: f(namespace) and None))

    tuple(f(n) for n in range(3))
    list(map(f, [(1,), [2]]))

    class Rows(collections.namedtuple("Rows", "a b c")):
        __slots__ = ()

        def __new__(cls, *args):
            return f(super().__new__(cls, *args))

    f(Rows(1, [2], None))
    f(tuple.__new__(Rows, (1, 2)))
    f(Rows._make(range(3)))

    class Fields(tuple):
        _fields = ("a", 5)

    f(Fields((1, 2)))

    class Empty:
        __slots__ = ("x", "y")

    empty = Empty()
    f(empty)
    empty.y = empty
    f(empty)
    del empty.y
    f(empty)

    class Renamed(Empty):
        x = 1

    f(Renamed())

    # What looks like something else.
    class Lies:
        __class__ = property(lambda self: f(int))
        __dict__ = property(lambda self: f({}))
        __slots__ = ()

    f(Lies())
    f(weakref.proxy(Whole))
    f(weakref.ref(Whole))
    f(types.SimpleNamespace(a=1))
    f(types.MappingProxyType({"a": 1}))
    f(ctypes.c_int(5))
    # From 3.15 on it has a member that is shown.
    if sys.version_info < (3, 15):
        f(struct.Struct("i"))
    f(re.compile("a"))
    f(itertools.count(5))
    f(threading.Lock())
    f(contextvars.ContextVar("c"))
    f(collections.Counter("aab"))
    f(collections.defaultdict(list, a=[1]))
    f(collections.ChainMap({}, {"a": 1}))
    f(collections.UserDict(a=1))
    f(enum.IntFlag("Flags", "A B")(3))
    f(type("", (), {})())
    f(type("a.b", (), {})())
    f(property())
    f(staticmethod(f))
    f(super)
    f(NotImplemented)
    f(types.CellType())
    f(f.__code__)
    f(object())
    print("done")
"""


def test_odd_values_are_not_noticed(execmap: Execmap) -> None:
    run_both(execmap, ODD)
    assert_whole(execmap)


def test_both_recorders_agree_on_odd_values(execmap: Execmap, tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(ODD), "utf-8")

    assert compare(script, cwd=tmp_path) == []
