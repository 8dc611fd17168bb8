"""`python -m perennial_trainer.local ARTIFACTS REQUEST`: one run without a worker, for `perennial train --local`.

``ARTIFACTS`` is an artefact folder, ``REQUEST`` the reference to the request in it as JSON. Says on standard output how
far it is, and at last ``{"answer": reference}`` or ``{"error": {"code", "details"}}``, one object a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from .api import TrainerFault
from .artifacts import SharedFolder
from .attempt import Limits
from .config import read_config
from .loading import load_trainers, trainer_digest
from .run import RunState, Trainers, TrainingRun

GRACE_SECONDS = 2.0


async def run(artifacts: SharedFolder, request: dict[str, Any]) -> dict[str, Any]:
    # There is no server to connect to; all else is what the worker reads.
    config = read_config({"TEMPORAL_ADDRESS": "none", **os.environ})
    limits = Limits(config.stalled_seconds, GRACE_SECONDS, config.memory_mb)
    # Loaded here too, so that a broken file is told before the run begins.
    load_trainers(config.sources)
    trainers = Trainers(config.sources, trainer_digest(config.sources), artifacts, config.threads, limits)
    with tempfile.TemporaryDirectory(prefix="perennial-run-") as folder:
        attempt = TrainingRun(trainers, artifacts, 1, RunState(), lambda report: say({"progress": report}))
        return await attempt.train(request, Path(folder))


async def until_stopped(artifacts: SharedFolder, request: dict[str, Any]) -> dict[str, Any]:
    """Ends with whoever started it: on a signal, and when standard input, which nobody writes to, is closed."""
    running = asyncio.ensure_future(run(artifacts, request))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, running.cancel)
    watch = threading.Thread(target=lambda: (os.read(0, 1), loop.call_soon_threadsafe(running.cancel)), daemon=True)
    watch.start()
    return await running


def say(value: dict[str, Any]) -> None:
    print(json.dumps(value, default=str), flush=True)


def main() -> int:
    try:
        say({"answer": asyncio.run(until_stopped(SharedFolder(Path(sys.argv[1])), json.loads(sys.argv[2])))})
        return 0
    except TrainerFault as fault:
        say({"error": {"code": fault.code, "details": fault.details}})
        return 1
    except asyncio.CancelledError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
