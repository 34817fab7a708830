"""The text of a value, written by the rules of the recorded call and without running user code."""

from __future__ import annotations

import collections
import datetime
import decimal
import pathlib
import types
import uuid
from collections.abc import Callable, Sequence
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
        is_text = any(structure.is_a(value, cls) for cls in (str, bytes, bytearray))
        if is_text and type(name) is str and is_secret(name):
            self.left -= 1
            return HIDDEN
        return self.text(value, depth)

    def text(self, value: Any, depth: int) -> str:
        self.left -= 1
        kind = type(value)
        scalar = _SCALARS.get(id(kind))
        if scalar is not None:
            return scalar(value)
        if kind is slice and depth > MAX_DEPTH:
            return "not recorded"
        if kind is slice:
            return f"slice({', '.join(self.text(part, depth + 1) for part in (value.start, value.stop, value.step))})"
        if kind is range:
            parts = [self.text(part, depth + 1) for part in (value.start, value.stop, value.step)]
            return f"range({', '.join(parts[:2] if value.step == 1 else parts)})"
        if id(kind) in _CONTAINERS:
            return self.container(value, kind, depth)
        if structure.is_a(value, type):
            module, name = structure.module_of(value), structure.qualname(value)
            return f"<class '{name if module in ('', 'builtins') else f'{module}.{name}'}'>"
        member = structure.enum_member_name(value)
        if member is not None:
            return f"<{structure.type_name(kind)}.{member}>"
        if structure.is_a(value, BaseException):
            return self.exception(value, depth)
        return self.instance(value, depth)

    def container(self, value: Any, kind: type, depth: int) -> str:
        """The text of a builtin container, or of the builtin part of an object of a subclass."""
        before, after, empty = _CONTAINERS[id(kind)]
        total = kind.__len__(value)  # type: ignore[attr-defined]
        if total == 0:
            return empty
        if kind is dict:
            shown = self.entries(value, depth)
        else:
            shown = self.items(list(kind.__iter__(value)), depth)  # type: ignore[attr-defined]
            if kind is set or kind is frozenset:
                shown.sort()
        if len(shown) < total:
            shown.append(f"… ({total} items)")
            if kind is tuple:
                after = ")"
        elif kind is tuple and total == 1:
            after = ",)"
        return before + ", ".join(shown) + after

    def items(self, values: Sequence[object], depth: int) -> list[str]:
        """The items that are shown. Of two, the first may be the name of the second, as in a list of headers."""
        name = values[0] if len(values) == 2 else None
        shown: list[str] = []
        if depth < MAX_DEPTH:
            for value in values[:MAX_ITEMS]:
                if self.left < 1:
                    break
                shown.append(self.named(name, value, depth + 1) if shown else self.text(value, depth + 1))
        return shown

    def entries(self, value: dict[object, object], depth: int) -> list[str]:
        shown: list[str] = []
        if depth < MAX_DEPTH:
            for key, item in dict.items(value):
                if len(shown) == MAX_ITEMS or self.left < 2:
                    break
                shown.append(f"{self.text(key, depth + 1)}: {self.named(key, item, depth + 1)}")
        return shown

    def exception(self, error: BaseException, depth: int) -> str:
        cls = type(error)
        args = BaseException.args.__get__(error)  # type: ignore[attr-defined]
        shown = self.items(args, depth)
        if len(shown) < len(args):
            shown.append(f"… ({len(args)} items)")
        if structure.is_builtin_exception(cls):
            return f"{structure.type_name(cls)}({', '.join(shown)})"
        return self.attributes(cls, shown, structure.attributes(error), depth)

    def instance(self, value: object, depth: int) -> str:
        """An object of any other class: the builtin value that it extends, then its attributes."""
        cls = type(value)
        fields = structure.in_namespace(cls, "_fields")
        if structure.is_a(value, tuple) and type(fields) is tuple and all(type(name) is str for name in fields):
            items: list[object] = list(tuple.__iter__(value))  # type: ignore[arg-type]
            if len(items) == len(fields):
                return self.attributes(cls, [], list(zip(fields, items, strict=True)), depth)
        for base in (int, float, str, bytes, tuple, list, dict, set, frozenset):
            if structure.is_a(value, base):
                self.left -= 1
                own = self.container(value, base, depth) if id(base) in _CONTAINERS else _SCALARS[id(base)](value)
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


def _function(value: types.FunctionType) -> str:
    return f"<function {_in_module(value.__module__, value.__qualname__)}>"


def _builtin(value: types.BuiltinFunctionType) -> str:
    return f"<built-in function {_in_module(value.__module__, value.__name__)}>"


def _method(value: types.MethodType) -> str:
    function = value.__func__
    is_function = type(function) is types.FunctionType
    return f"<bound method {_in_module(function.__module__, function.__qualname__) if is_function else '?'}>"


def _in_module(module: object, name: str) -> str:
    hidden = type(module) is not str or module in ("", "__main__", "builtins")
    return name if hidden else f"{module}.{name}"


def _module(value: types.ModuleType) -> str:
    name = structure.attribute(value, "__name__")
    return f"<module {name}>" if type(name) is str else "<module>"


def _datetime(value: datetime.datetime | datetime.time) -> str:
    zone = value.tzinfo
    if zone is None or type(zone) is datetime.timezone:
        return repr(value)
    return f"{repr(value.replace(tzinfo=None))[:-1]}, tzinfo=<{structure.type_name(type(zone))}>)"


_SCALAR_TYPES: dict[type, Callable[[Any], str]] = {
    type(None): repr,
    bool: repr,
    int: _int,
    float: float.__repr__,
    complex: complex.__repr__,
    str: _str,
    bytes: _bytes,
    bytearray: _bytearray,
    type(Ellipsis): repr,
    type(NotImplemented): repr,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _builtin,
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

_CONTAINER_TYPES: dict[type, tuple[str, str, str]] = {
    tuple: ("(", ")", "()"),
    list: ("[", "]", "[]"),
    collections.deque: ("deque([", "])", "deque([])"),
    dict: ("{", "}", "{}"),
    set: ("{", "}", "set()"),
    frozenset: ("frozenset({", "})", "frozenset()"),
}
"""What stands before the items, after them, and for none."""

# By identity: a look-up by the type itself could run the `__hash__` of a metaclass.
_SCALARS = {id(cls): text for cls, text in _SCALAR_TYPES.items()}
_CONTAINERS = {id(cls): marks for cls, marks in _CONTAINER_TYPES.items()}


def _message(error: BaseException) -> str:
    args = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    if structure.is_builtin_exception(type(error)):
        if _is_plain(args) and _is_plain(_shown_fields(error)):
            return _cut(str(error))
        if len(args) == 1:
            return text_of(args[0])
    elif len(args) == 1:
        return _cut(args[0]) if type(args[0]) is str else text_of(args[0])
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
