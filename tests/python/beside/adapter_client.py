"""A client of the Debug Adapter Protocol, as small as a test needs it: JSON with a length before it."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

TIMEOUT_S = 60


class Client:
    """A connection to a debug adapter that listens on a local port."""

    def __init__(self, port: int) -> None:
        self._socket = connect(port)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._seen: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: object) -> int:
        self._number += 1
        message = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._number

    def ask(self, command: str, **arguments: object) -> Any:
        """Sends a request and gives the body of its answer."""
        return self.answer_to(self.send(command, **arguments))

    def answer_to(self, number: int) -> Any:
        answer = self._wait(lambda each: each["type"] == "response" and each["request_seq"] == number)
        assert answer["success"], answer
        return answer.get("body")

    def event(self, *names: str) -> dict[str, Any]:
        """The next event with one of these names."""
        return self._wait(lambda each: each["type"] == "event" and each["event"] in names)

    def _wait(self, is_it: Any) -> dict[str, Any]:
        while True:
            for message in self._seen:
                if is_it(message):
                    self._seen.remove(message)
                    return message
            self._seen.append(self._receive())

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the adapter has hung up"
        return dict(json.loads(self._file.read(length)))

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def connect(port: int) -> socket.socket:
    """Connects as soon as somebody listens."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.05)
