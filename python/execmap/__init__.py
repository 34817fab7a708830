"""Records what a Python program did and draws it as a map.

    import execmap

    with execmap.record() as recording:
        ...
    print(recording.trace.tree())

The names are bound on first use, so that importing the package inside a
recorded program loads as little as can be.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from execmap._core import TraceError as TraceError
    from execmap._core import __version__ as __version__
    from execmap._recording import Recording as Recording
    from execmap._recording import record as record
    from execmap._recording import trace as trace
    from execmap._trace import Calls as Calls
    from execmap._trace import Trace as Trace
    from execmap._trace import load as load

__all__ = ["Calls", "Recording", "Trace", "TraceError", "__version__", "load", "record", "trace"]

_HOMES = {
    "TraceError": "_core",
    "__version__": "_core",
    "Recording": "_recording",
    "record": "_recording",
    "trace": "_recording",
    "Calls": "_trace",
    "Trace": "_trace",
    "load": "_trace",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'execmap' has no attribute {name!r}")
    module = __import__(f"execmap.{home}", fromlist=[name])
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
