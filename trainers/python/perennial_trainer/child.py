"""The process in which one attempt trains: `python -m perennial_trainer.child FOLDER`.

It follows the file contract of docs/trainers.md, so that it can be a command as well: reads ``request.json``, speaks in
JSON lines on standard output and leaves the model in ``output/``. It ends with its supervisor, and everything a trainer
prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .api import Cancelled, Feature, Reporter, TrainerFault, TrainingContext
from .checkpoint import archive_checkpoint, restore_checkpoint
from .loading import find_trainer, load_trainers

#: Exit codes beside 0: what was said in the last line counts, these only help whoever reads a log.
FAILED, CANCELLED = 70, 75
#: Bound of this process's own memory, megabytes.
MEMORY_VARIABLE = "TRAINER_MEMORY_MB"


class LineReporter:
    """Writes each report as one line of JSON to what was standard output when the process began."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._checkpoints = 0

    def line(self, value: Mapping[str, Any]) -> None:
        with self._lock:
            self._lines.write(json.dumps(value, allow_nan=False) + "\n")
            self._lines.flush()

    def progress(self, report: Mapping[str, Any]) -> None:
        self.line({"progress": dict(report)})

    def checkpoint(self, folder: Path) -> None:
        self._checkpoints += 1
        name = f"checkpoint-{os.getpid()}-{self._checkpoints}"
        self.line({"checkpoint": archive_checkpoint(folder, self._folder / name).name})


def main() -> int:
    folder = Path(sys.argv[1])
    reporter = LineReporter(folder)
    end_with_supervisor()
    bound_memory(os.environ.get(MEMORY_VARIABLE))
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: cancelled.set())
    try:
        request = json.loads((folder / "request.json").read_text())
        # Read by OpenMP when the first library that uses it is loaded.
        os.environ.setdefault("OMP_NUM_THREADS", str(threads_of(request)))
        load_trainers(sys.argv[2:])
        train(folder, request, reporter, cancelled)
        return 0
    except Cancelled:
        return CANCELLED
    except TrainerFault as fault:
        traceback.print_exc()
        reporter.line({"error": {"code": fault.code, "details": fault.details}})
    except MemoryError:
        traceback.print_exc()
        reporter.line({"error": {"code": "PRN_TRAINER_MEMORY", "details": {"reason": "an allocation was refused"}}})
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"[:1_000]
        reporter.line({"error": {"code": "PRN_TRAINER_FAILED", "details": {"reason": reason}}})
    return FAILED


def train(folder: Path, request: dict[str, Any], reporter: Reporter, cancelled: threading.Event) -> None:
    name = request["trainer"]
    function = find_trainer(name)
    context = TrainingContext(
        data=folder / request["files"]["train"],
        parameters=request["parameters"],
        seed=request["seed"],
        task=request["task"],
        classes=request["classes"],
        features=[Feature(each["name"], each["categorical"]) for each in request["features"]],
        checkpoint_folder=restore_checkpoint(folder, request),
        attempt=request["attempt"],
        threads=threads_of(request),
        _reporter=reporter,
        _cancelled=cancelled.is_set,
    )
    context.progress(f"trainer {name} starts")
    model = function(context)
    # Imported late: a trainer that fails at once should not wait for the converters.
    from .output import write_output

    write_output(folder / "output", model, context, request["sample"])


def threads_of(request: dict[str, Any]) -> int:
    """As the worker says; as many as there are cores where this is run as a command."""
    return int(request.get("threads") or os.cpu_count() or 1)


def end_with_supervisor() -> None:
    """Standard input is a pipe that the supervisor never writes to: at its end the supervisor is gone."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True, name="supervisor-watch").start()


def bound_memory(megabytes: str | None) -> None:
    """Where the machine runs out of memory, the kernel shall take this process and not its supervisor."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass
    if megabytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (int(megabytes) << 20, int(megabytes) << 20))


if __name__ == "__main__":
    sys.exit(main())
