"""How much of a value is written, and what stands where nothing is known."""

from __future__ import annotations

MAX_CHARS = 200
"""Of a text or bytes."""
MAX_ITEMS = 10
"""Of each container, and attributes of each instance."""
MAX_DEPTH = 3
"""Containers and instances at this depth are shown as cut; a value itself has depth 0."""
MAX_NODES = 24
"""Values in a value, itself included."""
MAX_INT_BITS = 1024
"""Larger numbers are written as their size."""

UNKNOWN = "<the reference cannot tell>"
"""Stands in a field that `settrace` does not show; a comparison skips it."""
