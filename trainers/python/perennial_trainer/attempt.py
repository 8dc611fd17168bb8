"""One attempt at a training run: a process of its own, watched from here, whose end never takes the worker along."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .api import TrainerFault
from .child import MEMORY_VARIABLE

#: A longer line is not a report but something that went wrong.
LINE_LIMIT = 1 << 20
#: Silence that a process may keep before its first report, while it imports what it needs.
START_SECONDS = 120.0
WATCH_SECONDS = 0.1
#: What an ended process has said is read within this; a pipe that stays open longer is held by somebody else.
DRAIN_SECONDS = 2.0
#: What of standard error is told in an error message; all of it is kept with the run.
TAIL_CHARACTERS = 1_500
PACKAGE_PARENT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Limits:
    #: An attempt that reports nothing for so long is taken for hung.
    stalled_seconds: float
    #: Time from SIGTERM to SIGKILL for an attempt that is cancelled.
    grace_seconds: float
    #: Bound of the process's own memory, megabytes; None for no bound.
    memory_mb: int | None


@dataclass
class Attempt:
    """Runs the trainer of ``folder/request.json``; raises :class:`TrainerFault` unless it ends well."""

    folder: Path
    sources: Sequence[str]
    limits: Limits
    on_progress: Callable[[dict[str, Any]], None]
    on_checkpoint: Callable[[Path], None]
    _heard: float = field(default=0.0, init=False)
    _quiet_seconds: float = field(default=START_SECONDS, init=False)
    _fault: TrainerFault | None = field(default=None, init=False)
    #: A line is being taken, which may last.
    _taking: bool = field(default=False, init=False)

    @property
    def log(self) -> Path:
        return self.folder / "stderr.log"

    async def run(self) -> None:
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "perennial_trainer.child", str(self.folder), *self.sources,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                start_new_session=True, env=_environment(self.folder, self.limits.memory_mb), limit=LINE_LIMIT,
            )
        self._heard = asyncio.get_running_loop().time()
        listening = asyncio.create_task(self._listen(process))
        # What a report leads to can fail, as for an attempt that was replaced: then it has nothing more to do.
        listening.add_done_callback(lambda task: task.cancelled() or task.exception() is None or _kill_group(process.pid))
        try:
            await self._watch(process)
            # Whoever it forked holds its pipe, and would have it read for ever.
            _kill_group(process.pid)
            await self._drain(listening)
        except asyncio.CancelledError:
            await self._stop(process)
            raise
        finally:
            listening.cancel()
            _kill_group(process.pid)
            # Ends of pipes that somebody else still holds; asyncio has no public way to let go of them.
            process._transport.close()  # type: ignore[attr-defined]
        self._judge(process.returncode)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            self._heard = asyncio.get_running_loop().time()
            self._taking = True
            await self._take(line)
            self._taking = False

    async def _take(self, line: dict[str, Any]) -> None:
        if "progress" in line:
            self._quiet_seconds = float(line["progress"].pop("quietSeconds", 0.0))
            self.on_progress(line["progress"])
        elif "checkpoint" in line:
            archive = self.folder / Path(line["checkpoint"]).name
            await asyncio.to_thread(self.on_checkpoint, archive)
            archive.unlink(missing_ok=True)
        elif "error" in line:
            self._fault = TrainerFault(line["error"]["code"], **line["error"]["details"])

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Returns when the process has ended; ends it when it has been silent for too long.

        What is waited for is the process and nothing else: `process.wait()` returns no sooner than all who have its pipe.
        """
        while process.returncode is None:
            allowed = max(self.limits.stalled_seconds, self._quiet_seconds)
            if self._heard + allowed <= asyncio.get_running_loop().time():
                self._fault = self._fault or TrainerFault("PRN_TRAINER_STALLED", seconds=allowed)
                _kill_group(process.pid)
            await asyncio.sleep(WATCH_SECONDS)

    async def _drain(self, listening: asyncio.Task[None]) -> None:
        """Takes what the process said before it ended. Raises what taking it raised."""
        await asyncio.wait([listening], timeout=DRAIN_SECONDS)
        while self._taking and not listening.done():
            await asyncio.wait([listening], timeout=DRAIN_SECONDS)
        if listening.done():
            listening.result()

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """Lets a cancelled trainer end by itself for a moment. Shielded: the caller is being cancelled."""
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        waiting = asyncio.ensure_future(process.wait())
        await asyncio.shield(asyncio.wait([waiting], timeout=self.limits.grace_seconds))

    def _judge(self, code: int | None) -> None:
        if self._fault is not None:
            raise self._fault
        if code == 0 and (self.folder / "output" / "answer.json").exists():
            return
        if code == 0:
            raise TrainerFault("PRN_TRAINER_OUTPUT", problem="it ended without output/answer.json")
        raise TrainerFault("PRN_TRAINER_CRASHED", how=_ending(code), log=self.tail())

    def tail(self) -> str:
        """The last that the trainer wrote to standard error."""
        try:
            text = self.log.read_bytes()[-4 * TAIL_CHARACTERS :].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return text[-TAIL_CHARACTERS:].strip()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    """JSON objects, one a line; anything else on the pipe is passed over."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _environment(folder: Path, memory_mb: int | None) -> dict[str, str]:
    """The worker's own without what it does not need: a trainer is not told where the engines are."""
    hidden = ("PERENNIAL_", "TEMPORAL_", "MONGODB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    paths = [str(PACKAGE_PARENT), *filter(None, [kept.get("PYTHONPATH")])]
    if memory_mb is not None:
        kept[MEMORY_VARIABLE] = str(memory_mb)
    # Threads that wait for each other sleep instead of spinning: other work shares this machine.
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder)}


def _ending(code: int | None) -> str:
    if code is None:
        return "in an unknown way"
    if code >= 0:
        return f"with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"by {name}{hint}"


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
