"""The crew: the worker processes of a storm, and what each says of itself in its own log."""

import re
import signal
from collections import Counter
from pathlib import Path
from typing import Final

from tests.e2e.workers import WorkerProcess

_REBALANCE: Final = re.compile(r"partitions (assigned|revoked|lost): (.*?) connection=")
_WAITS: Final = re.compile(r"Connection is waiting, nothing is lost\..* reason=(\w+)")
_GOES_ON: Final = "Connection changed state."


class Member:
    """One worker: `held` are its partitions, `waits_for` is why it sends nothing, by its log."""

    def __init__(self, number: int, config: Path, directory: Path) -> None:
        self.number = number
        self.suspended = False
        self.held: frozenset[str] = frozenset()
        self.waits_for = ""
        self.log = directory / f"worker-{number}.log"
        self.worker = WorkerProcess(config, self.log)
        self._read = 0

    @property
    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.worker.process.returncode

    def look(self) -> None:
        """Read what its log says since the last look."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            news, end, _ = log.read().rpartition(b"\n")
        self._read += len(news + end)
        for line in news.decode("utf-8", "replace").splitlines():
            self._hear(line)

    def _hear(self, line: str) -> None:
        if found := _REBALANCE.search(line):
            named = frozenset(found[2].split(", ")) - {"none"}
            self.held = self.held | named if found[1] == "assigned" else self.held - named
        elif found := _WAITS.search(line):
            self.waits_for = found[1]
        elif _GOES_ON in line:
            self.waits_for = ""


class Crew:
    """All of them; `exits` counts how those ended that are gone."""

    def __init__(self, config: Path, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._members: list[Member] = []
        self._started = 0
        self.exits: Counter[int] = Counter()

    def running(self) -> list[Member]:
        """Those that run, suspended ones too, after a look at each log."""
        for member in self._members:
            if member.exit_code is not None:
                self.exits[member.exit_code] += 1
        self._members = [member for member in self._members if member.exit_code is None]
        for member in self._members:
            member.look()
        return self._members

    def awake(self) -> list[Member]:
        """Those that run and are not suspended."""
        return [member for member in self.running() if not member.suspended]

    def at_work(self) -> list[Member]:
        """Those that are awake and hold partitions."""
        return [member for member in self.awake() if member.held]

    async def start(self) -> Member:
        """Start one more."""
        member = Member(self._started, self._config, self._directory)
        self._started += 1
        await member.worker.start()
        self._members.append(member)
        return member

    async def kill(self, member: Member) -> bool:
        """Kill -9; whether that is how it ended."""
        await member.worker.kill()
        return member.exit_code == -signal.SIGKILL

    async def terminate(self, member: Member) -> bool:
        """SIGTERM; whether it has settled what it had and ended well."""
        return await member.worker.stop() == 0

    def suspend(self, member: Member) -> None:
        """SIGSTOP: it stops in the middle of whatever it does."""
        member.suspended = True
        member.worker.process.send_signal(signal.SIGSTOP)

    def resume(self, member: Member) -> None:
        """SIGCONT: it goes on as if nothing had happened."""
        member.suspended = False
        if member.exit_code is None:
            member.worker.process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        """Stop those at work as an operator would, and kill the others."""
        for member in self.running().copy():
            if member.held and not member.suspended:
                await self.terminate(member)
            else:
                await self.kill(member)
        self.running()

    async def kill_all(self) -> None:
        """Leave no process behind."""
        for member in self._members:
            await member.worker.kill()

    def said(self) -> str:
        """The last that each of those that run has said."""
        tails = (f"{m.log.name}: {m.log.read_text()[-1500:]}" for m in self._members)
        return "\n".join(tails)
