"""The text of a value, written by the rules of the recorded call and without running user code."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import types
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import structure
from .limits import MAX_CHARS, MAX_DEPTH, MAX_INT_BITS, MAX_ITEMS, MAX_NODES
from .redaction import is_secret

HIDDEN = "hidden"


def text_of(value: object, name: str = "") -> str:
    """The text of an argument or attribute of that name, or of a result."""
    return _Writer().named(name, value, 0)


def exception_text(error: BaseException) -> str:
    """`Type: message`, or the type alone when there is no message."""
    message = _message(error)
    name = structure.type_name(type(error))
    return f"{name}: {message}" if message else name


@dataclass(slots=True)
class _Writer:
    """Writes one value; knows how many more values may be written in it."""

    left: int = field(default=MAX_NODES)

    def named(self, name: object, value: object, depth: int) -> str:
        if type(name) is bytes:
            name = name.decode("latin-1")
        if type(name) is str and is_secret(name) and (structure.is_a(value, str) or structure.is_a(value, bytes)):
            self.left -= 1
            return HIDDEN
        return self.text(value, depth)

    def text(self, value: Any, depth: int) -> str:
        self.left -= 1
        kind = type(value)
        if kind in _SCALARS:
            return _SCALARS[kind](value)
        if kind is slice:
            return "slice({}, {}, {})".format(*(self.text(part, depth + 1) for part in (value.start, value.stop, value.step)))
        if kind in _CONTAINERS:
            return self.container(value, kind, depth)
        if structure.is_a(value, type):
            module = structure.module_of(value)
            return f"<class '{structure.qualname(value) if module == 'builtins' else f'{module}.{structure.qualname(value)}'}'>"
        member = structure.enum_member_name(value)
        if member is not None:
            return f"<{structure.type_name(kind)}.{member}>"
        if structure.is_a(value, BaseException):
            return self.exception(value, depth)
        return self.instance(value, depth)

    def container(self, value: Any, kind: type, depth: int) -> str:
        """The text of a builtin container, or of the builtin part of an object of a subclass."""
        before, after, empty = _CONTAINERS[kind]
        total = kind.__len__(value)  # type: ignore[attr-defined]
        if total == 0:
            return empty
        if kind is dict:
            shown = self.entries(value, depth)
        elif (kind is tuple or kind is list) and total == 2:
            shown = self.pair(value, kind, depth)
        else:
            shown = self.items(kind.__iter__(value), depth)  # type: ignore[attr-defined]
            if kind is set or kind is frozenset:
                shown.sort()
        if len(shown) < total:
            shown.append(f"… ({total} items)")
            if kind is tuple:
                after = ")"
        elif kind is tuple and total == 1:
            after = ",)"
        return before + ", ".join(shown) + after

    def items(self, values: Iterable[object], depth: int) -> list[str]:
        shown: list[str] = []
        if depth < MAX_DEPTH:
            for value in values:
                if len(shown) == MAX_ITEMS or self.left < 1:
                    break
                shown.append(self.text(value, depth + 1))
        return shown

    def entries(self, value: dict[object, object], depth: int) -> list[str]:
        shown: list[str] = []
        if depth < MAX_DEPTH:
            for key, item in dict.items(value):
                if len(shown) == MAX_ITEMS or self.left < 2:
                    break
                shown.append(f"{self.text(key, depth + 1)}: {self.named(key, item, depth + 1)}")
        return shown

    def pair(self, value: Any, kind: type, depth: int) -> list[str]:
        """Two items; the first may be the name of the second, as in a list of headers."""
        first, second = kind.__iter__(value)  # type: ignore[attr-defined]
        shown: list[str] = []
        if depth < MAX_DEPTH and self.left >= 1:
            shown.append(self.text(first, depth + 1))
            if self.left >= 1:
                shown.append(self.named(first, second, depth + 1))
        return shown

    def exception(self, error: BaseException, depth: int) -> str:
        cls = type(error)
        args = BaseException.args.__get__(error)  # type: ignore[attr-defined]
        if structure.is_builtin_exception(cls):
            shown = self.items(args, depth)
            if len(shown) < len(args):
                shown.append("…" if not shown else f"… ({len(args)} items)")
            return f"{structure.type_name(cls)}({', '.join(shown)})"
        if depth >= MAX_DEPTH:
            return f"<{structure.type_name(cls)} …>" if args else self.attributes(cls, [], structure.attributes(error), depth)
        shown = self.items(args, depth)
        if len(shown) < len(args):
            shown.append(f"… ({len(args)} items)")
        return self.attributes(cls, shown, structure.attributes(error), depth)

    def instance(self, value: object, depth: int) -> str:
        """An object of any other class: the builtin value that it extends, then its attributes."""
        cls = type(value)
        fields = structure.in_namespace(cls, "_fields")
        if structure.is_a(value, tuple) and type(fields) is tuple and all(type(name) is str for name in fields):
            return self.attributes(cls, [], list(zip(fields, tuple.__iter__(value), strict=False)), depth)  # type: ignore[arg-type]
        for base in (int, float, str, bytes, tuple, list, dict, set, frozenset, bytearray, complex):
            if structure.is_a(value, base):
                if depth >= MAX_DEPTH and base in _CONTAINERS:
                    return f"<{structure.type_name(cls)} …>"
                self.left -= 1
                own = self.container(value, base, depth) if base in _CONTAINERS else _SCALARS[base](value)
                return self.attributes(cls, [own], structure.attributes(value), depth)
        return self.attributes(cls, [], structure.attributes(value), depth)

    def attributes(self, cls: type, first: list[str], attributes: list[tuple[str, object]], depth: int) -> str:
        parts = [structure.type_name(cls), *first]
        shown = 0
        if depth < MAX_DEPTH:
            for name, value in attributes[:MAX_ITEMS]:
                if self.left < 1:
                    break
                parts.append(f"{name}={self.named(name, value, depth + 1)}")
                shown += 1
        if shown < len(attributes):
            parts.append(f"… ({len(attributes)} attributes)" if shown else "…")
        return f"<{' '.join(parts)}>"


def _int(value: int) -> str:
    bits = int.bit_length(value)
    return f"<int of {bits} bits>" if bits > MAX_INT_BITS else int.__repr__(value)


def _str(value: str) -> str:
    length = str.__len__(value)
    start = str.__getitem__(value, slice(0, MAX_CHARS))
    return repr(start) if length <= MAX_CHARS else f"{repr(start)[:-1]}…{repr(start)[-1]} ({length} characters)"


def _bytes(value: bytes) -> str:
    length = bytes.__len__(value)
    start = repr(bytes.__getitem__(value, slice(0, MAX_CHARS)))
    return start if length <= MAX_CHARS else f"{start[:-1]}…{start[-1]} ({length} bytes)"


def _bytearray(value: bytearray) -> str:
    text, cut, length = _bytes(bytes(bytearray.__iter__(value))).partition(" (")
    return f"bytearray({text}){cut}{length}"


def _range(value: range) -> str:
    parts = (value.start, value.stop) if value.step == 1 else (value.start, value.stop, value.step)
    return f"range({', '.join(map(_int, parts))})"


def _function(value: types.FunctionType) -> str:
    return f"<function {_in_module(value)}>"


def _method(value: types.MethodType) -> str:
    function = value.__func__
    if type(function) is types.FunctionType:
        return f"<bound method {_in_module(function)}>"
    return "<bound method>"


def _in_module(function: types.FunctionType) -> str:
    module: object = function.__module__
    hidden = type(module) is not str or module in ("__main__", "builtins")
    return function.__qualname__ if hidden else f"{module}.{function.__qualname__}"


def _module(value: types.ModuleType) -> str:
    name = types.ModuleType.__dict__["__dict__"].__get__(value).get("__name__")
    return f"<module {name}>" if type(name) is str else "<module>"


def _datetime(value: datetime.datetime | datetime.time) -> str:
    if value.tzinfo is None or type(value.tzinfo) is datetime.timezone:
        return repr(value)
    return f"<{type(value).__name__}>"


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: float.__repr__,
    complex: complex.__repr__,
    str: _str,
    bytes: _bytes,
    bytearray: _bytearray,
    range: _range,
    type(Ellipsis): repr,
    type(NotImplemented): repr,
    types.FunctionType: _function,
    types.BuiltinFunctionType: lambda value: f"<built-in function {value.__name__}>",
    types.MethodType: _method,
    types.ModuleType: _module,
    types.GeneratorType: lambda value: f"<generator {value.__qualname__}>",
    types.CoroutineType: lambda value: f"<coroutine {value.__qualname__}>",
    types.AsyncGeneratorType: lambda value: f"<async_generator {value.__qualname__}>",
    decimal.Decimal: repr,
    datetime.date: repr,
    datetime.datetime: _datetime,
    datetime.time: _datetime,
    datetime.timedelta: repr,
    uuid.UUID: repr,
    pathlib.PosixPath: repr,
    pathlib.PurePosixPath: repr,
}

_CONTAINERS = {
    tuple: ("(", ")", "()"),
    list: ("[", "]", "[]"),
    dict: ("{", "}", "{}"),
    set: ("{", "}", "set()"),
    frozenset: ("frozenset({", "})", "frozenset()"),
}
"""What stands before the items, after them, and for none."""


def _message(error: BaseException) -> str:
    args = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    if structure.is_builtin_exception(type(error)):
        if _is_plain(args) and _is_plain(_shown_fields(error)):
            return _cut(str(error))
        if len(args) == 1:
            return text_of(args[0])
    elif len(args) == 1 and type(args[0]) is str:
        return _cut(args[0])
    return text_of(args) if args else ""


def _shown_fields(error: BaseException) -> list[object]:
    """What the `str` of a builtin exception shows beside its arguments."""
    if structure.is_a(error, OSError):
        return [getattr(OSError, name).__get__(error) for name in ("errno", "strerror", "filename", "filename2")]
    if structure.is_a(error, SyntaxError):
        return [getattr(SyntaxError, name).__get__(error) for name in ("msg", "filename", "lineno")]
    return []


def _is_plain(value: object) -> bool:
    """Whether `str` of it runs nothing but CPython's own code."""
    if type(value) in (tuple, list, set, frozenset):
        return all(_is_plain(item) for item in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    if structure.is_a(value, BaseException):
        return structure.is_builtin_exception(type(value)) and _is_plain(BaseException.args.__get__(value))  # type: ignore[attr-defined]
    return type(value) in (type(None), bool, int, float, complex, str, bytes, bytearray, range, type(...))


def _cut(message: str) -> str:
    return message if len(message) <= MAX_CHARS else f"{message[:MAX_CHARS]}… ({len(message)} characters)"
