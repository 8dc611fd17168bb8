"""One attempt at a run, whoever asks for it: its files come, a process of its own trains, what it leaves is kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .api import TrainerFault
from .artifacts import Artifacts, Reference, SharedFolder
from .attempt import Attempt, Limits

JSON, ONNX, BYTES, TEXT = "application/json", "application/x-onnx", "application/octet-stream", "text/plain"
#: Points of the metrics' history that an answer carries; of more, evenly spread ones.
HISTORY_POINTS = 2_000
log = logging.getLogger("perennial_trainer")


@dataclass(frozen=True)
class Trainers:
    """What every attempt of one process has in common."""

    #: The user's trainers: paths of Python files, names of modules.
    sources: Sequence[str]
    #: Digest of the package and of the sources.
    digest: str
    #: Artefact folder of the installation, where this machine has it.
    shared: SharedFolder | None
    threads: int
    limits: Limits


@dataclass
class RunState:
    """What heart-beats carry, and what the answer tells about the way there."""

    checkpoint: Reference | None = None
    last: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class TrainingRun:
    """Trains what ``request`` asks for; raises :class:`TrainerFault` with the end of the log."""

    trainers: Trainers
    artifacts: Artifacts
    #: Number of this attempt, from 1.
    number: int
    state: RunState
    on_progress: Callable[[dict[str, Any]], None] = lambda _report: None

    async def train(self, request: Reference, folder: Path) -> Reference:
        """Returns the reference to the JSON artefact with the answer. ``folder`` is empty, and the caller's to remove."""
        attempt = Attempt(folder, self.trainers.sources, self.trainers.limits, self._progress, self._checkpoint)
        try:
            await self._prepare(request, folder)
            await attempt.run()
            return await asyncio.to_thread(self._answer, folder)
        except TrainerFault as fault:
            # Kept with the run also where it failed: whoever reads the error finds the whole log behind it.
            kept = await asyncio.to_thread(_keep_log, self.artifacts, attempt.log)
            raise TrainerFault(fault.code, **{"log": attempt.tail(), **fault.details, "logArtifact": kept}) from fault

    def _progress(self, report: dict[str, Any]) -> None:
        state = self.state
        state.last = report
        if "metrics" in report:
            state.history.append({"step": report.get("step", len(state.history)), **report["metrics"]})
        self.on_progress(report)

    def _checkpoint(self, archive: Path) -> None:
        try:
            self.state.checkpoint = self.artifacts.keep(archive, BYTES)
        except OSError as error:
            # A run that goes well does not end because one of its checkpoints is lost.
            log.warning("a checkpoint could not be kept: %s", error)

    async def _prepare(self, reference: Reference, folder: Path) -> None:
        """Brings request, rows and the checkpoint of an earlier attempt into the folder."""
        await asyncio.to_thread(self.artifacts.fetch, reference, folder / "fetched-request.json")
        request = json.loads((folder / "fetched-request.json").read_text())
        files: dict[str, str | None] = {"train": "train.parquet", "checkpoint": None}
        await asyncio.to_thread(self.artifacts.fetch, request["data"], folder / "train.parquet")
        if self.state.checkpoint is not None:
            try:
                await asyncio.to_thread(self.artifacts.fetch, self.state.checkpoint, folder / "checkpoint.tar")
                files["checkpoint"] = "checkpoint.tar"
            except (TrainerFault, OSError) as error:
                log.warning("starting anew, the checkpoint cannot be read: %s", error)
        attempt = {"attempt": self.number, "threads": self.trainers.threads, "files": files}
        (folder / "request.json").write_text(json.dumps({**request, **attempt}))

    def _answer(self, folder: Path) -> Reference:
        artifacts, history, output = self.artifacts, self.state.history, folder / "output"
        answer = json.loads((output / "answer.json").read_text())
        step = max(1, -(-len(history) // HISTORY_POINTS))
        kept = {
            "onnx": artifacts.keep(output / "model.onnx", ONNX),
            "samplePredictions": artifacts.keep(output / "sample-predictions.json", JSON),
            "log": _keep_log(artifacts, folder / "stderr.log"),
            "metrics": history[::-1][::step][::-1],
            "attempt": self.number,
            "trainerDigest": self.trainers.digest,
        }
        path = folder / "trainer-answer.json"
        path.write_text(json.dumps({**answer, **kept}, sort_keys=True))
        return artifacts.keep(path, JSON)


def _keep_log(artifacts: Artifacts, log_file: Path) -> Reference | None:
    try:
        return artifacts.keep(log_file, TEXT) if log_file.exists() and log_file.stat().st_size > 0 else None
    except (OSError, TrainerFault):
        return None
