"""Who created a task, started a thread or submitted a job.

Seen from the frames of three functions of the standard library: `BaseEventLoop.create_task`, `Thread.start` and
`_WorkItem.__init__`. A task made by calling `asyncio.Task` itself has no frame to be seen from: its creator is unknown.
"""

from __future__ import annotations

import types
import weakref
from typing import TYPE_CHECKING, Any

from .limits import UNKNOWN

if TYPE_CHECKING:
    import asyncio

    from .tracer import Call

_CREATE_TASK = ("asyncio.base_events", "BaseEventLoop.create_task")
_START_THREAD = ("threading", "Thread.start")
_RUN_THREAD = ("threading", "Thread._bootstrap_inner")
_SUBMIT_JOB = ("concurrent.futures.thread", "_WorkItem.__init__")
_RUN_JOB = ("concurrent.futures.thread", "_WorkItem.run")


class Creators:
    """Remembers creators until the first call of what they created."""

    def __init__(self) -> None:
        self._created: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()
        self._jobs: dict[int, str | None] = {}
        self._tasks: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._tasks_seen = 0
        self._threads_begun: set[int] = set()

    def event(self, frame: types.FrameType, event: str, arg: Any, nearest: tuple[Call, types.FrameType] | None) -> Any:
        """Looks at a frame that is not recorded; the answer is its local trace function."""
        where = (frame.f_globals.get("__name__"), frame.f_code.co_qualname)
        creator = nearest[0].row["handle"] if nearest else None
        if where == _START_THREAD:
            self._created[frame.f_locals["self"]] = creator
        elif where == _SUBMIT_JOB:
            self._jobs[id(frame.f_locals["self"])] = creator
        elif where == _CREATE_TASK:
            frame.f_trace_lines = False

            def local(frame: types.FrameType, event: str, arg: Any) -> Any:
                if event == "return" and arg is not None:
                    self._created[arg] = creator
                return local

            return local
        return None

    def task_handle(self, task: asyncio.Task[Any] | None) -> str | None:
        if task is None:
            return None
        if task not in self._tasks:
            self._tasks[task] = f"k-{self._tasks_seen}"
            self._tasks_seen += 1
        return self._tasks[task]

    def creator(
        self, frame: types.FrameType, below: types.FrameType | None, task: asyncio.Task[Any] | None
    ) -> str | None:
        """Who created the task, job or thread whose first call this frame is."""
        if task is not None and task not in self._tasks:
            return self._created.pop(task, UNKNOWN)
        thread = job = None
        above = frame.f_back
        while above is not None and above is not below:
            where = (above.f_globals.get("__name__"), above.f_code.co_qualname)
            if where == _RUN_JOB:
                job = above.f_locals["self"]
            elif where == _RUN_THREAD:
                thread = above.f_locals["self"]
            above = above.f_back
        creator = self._created.pop(thread, None) if thread is not None else None
        return self._jobs.pop(id(job), creator) if job is not None else creator
