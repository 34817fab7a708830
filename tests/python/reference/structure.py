"""Looking at objects without running a line of their classes.

Everything here goes through `type`'s own descriptors and the functions of builtin types, never through attribute
access, `isinstance` or operators, which a class can define.
"""

from __future__ import annotations

import builtins
import ctypes
import types
from collections.abc import Iterator
from typing import Any

_is_subclass = type.__subclasscheck__
_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_qualname = type.__dict__["__qualname__"].__get__
_flags = type.__dict__["__flags__"].__get__

_generic_dict = ctypes.pythonapi.PyObject_GenericGetDict
_generic_dict.argtypes = [ctypes.py_object, ctypes.c_void_p]
_generic_dict.restype = ctypes.py_object

_HEAP_TYPE = 1 << 9


def bases(cls: type) -> tuple[type, ...]:
    """The class and what it inherits from, in the order of look-up."""
    return _mro(cls)  # type: ignore[no-any-return]


def is_a(value: object, cls: type) -> bool:
    """Whether the object is an instance of the class, whatever its `__class__` says."""
    return _is_subclass(cls, type(value))


def is_made_by_class_statement(cls: type) -> bool:
    """Whether the class can have slots and user code."""
    return bool(_flags(cls) & _HEAP_TYPE) and "__module__" in _namespace(cls)


def is_builtin_exception(cls: type) -> bool:
    """Whether the class is one of those that are always there, and so runs no user code."""
    return vars(builtins).get(qualname(cls)) is cls and module_of(cls) == "builtins"


def qualname(cls: type) -> str:
    return _qualname(cls)  # type: ignore[no-any-return]


def type_name(cls: type) -> str:
    """The qualified name without the functions in which the class was made."""
    return qualname(cls).rpartition("<locals>.")[2]


def module_of(cls: type) -> str:
    """The module that a class says it is from, empty when it says nothing usable."""
    if not _flags(cls) & _HEAP_TYPE:
        return str(type.__dict__["__module__"].__get__(cls))
    module = _namespace(cls).get("__module__")
    return module if type(module) is str else ""


def in_namespace(cls: type, name: str) -> object:
    """What the class or its bases define under this name, as it stands there; None when nothing."""
    for base in bases(cls):
        if name in _namespace(base):
            return _namespace(base)[name]
    return None


def attributes(value: object) -> list[tuple[str, object]]:
    """The slots that are set, base classes first, then the instance's own dictionary."""
    found = list(_slots(value))
    try:
        own = _generic_dict(ctypes.py_object(value), None)
    except AttributeError:
        return found
    return found + [(name, own[name]) for name in dict.keys(own) if type(name) is str]


def attribute(value: object, name: str) -> object:
    """One attribute that the object itself has; None when it has none of that name."""
    return dict(attributes(value)).get(name)


def _slots(value: object) -> Iterator[tuple[str, object]]:
    for cls in reversed(bases(type(value))):
        names = _namespace(cls)
        if not is_made_by_class_statement(cls) or "__slots__" not in names:
            continue
        # CPython lays slots out in the order of their names.
        for name in sorted(name for name in dict.keys(dict(names)) if type(name) is str):
            descriptor = names[name]
            if type(descriptor) is types.MemberDescriptorType and descriptor.__objclass__ is cls:
                try:
                    yield descriptor.__name__, descriptor.__get__(value)
                except AttributeError:
                    continue


def enum_member_name(value: Any) -> str | None:
    """The name of a member of an enumeration, None for anything else."""
    meta = type(type(value))
    if meta is type or not any(base.__module__ == "enum" and _qualname(base) == "EnumType" for base in bases(meta)):
        return None
    return next((text for name, text in attributes(value) if name == "_name_" and type(text) is str), None)
