"""Running the command as a process of its own, as an operator does."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.waiting import PATIENCE_SECONDS, missing

ROOT = Path(__file__).parent.parent.parent


class Process:
    """A running command whose stderr and stdout can be waited on, line by line."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.seen: list[str] = []
        self._running = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "transformer", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, text: str, seconds: float = PATIENCE_SECONDS) -> str:
        """The first line from now on that holds `text`."""
        deadline = time.monotonic() + seconds
        while (line := self._line(text, seconds, deadline)) is not None:
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"ended without {text!r}: {self.seen}")

    def _line(self, text: str, seconds: float, deadline: float) -> str | None:
        """The next line, None at the end; fails when there is none in time."""
        try:
            return self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(missing(f"{text!r} was printed", seconds, self._said)) from None

    def _said(self) -> str:
        return f"It printed {self.seen}"

    def send(self, number: signal.Signals) -> Self:
        """Send a signal."""
        self._running.send_signal(number)
        return self

    def exit_code(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the end; what was printed is in `seen`."""
        deadline = time.monotonic() + seconds
        while (line := self._line("its end", seconds, deadline)) is not None:
            self.seen.append(line)
        return self._running.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._running.poll() is None:
            self._running.kill()
        self._running.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        if self._running.stdout is not None:
            self._running.stdout.close()


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Process]:
    """The command with `arguments`, ended at the end of the block."""
    process = Process(list(arguments), environment)
    try:
        yield process
    finally:
        process.close()
