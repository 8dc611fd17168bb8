"""The Temporal activity `trainExternal`: a training run that heart-beats."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio import activity

from .api import TrainerFault
from .artifacts import Artifacts, RunFiles
from .errors import failure
from .run import RunState, Trainers, TrainingRun

BEAT_SECONDS = 1.0
#: Of more points between two beats only the last are shown live.
REPORTED_POINTS = 100


class TrainingActivities:
    def __init__(self, trainers: Trainers) -> None:
        self._trainers = trainers

    @activity.defn(name="trainExternal")
    async def train_external(self, run: dict[str, Any]) -> dict[str, Any]:
        """``{runId, request, files}`` → ``{answer}``, both references to JSON artefacts; see docs/trainers.md."""
        folder = Path(tempfile.mkdtemp(prefix="perennial-run-"))
        try:
            return await self._train(run, folder)
        except TrainerFault as fault:
            raise failure(fault.code, fault.details) from fault
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _train(self, run: dict[str, Any], folder: Path) -> dict[str, Any]:
        info = activity.info()
        details = info.heartbeat_details
        state = RunState(checkpoint=details[0].get("checkpoint") if details else None)
        beating = asyncio.create_task(_beat_and_report(state, _run_files(run)))
        try:
            attempt = TrainingRun(self._trainers, self._artifacts(run), info.attempt, state)
            return {"answer": await attempt.train(run["request"], folder)}
        finally:
            beating.cancel()
            # Told once more, so that a checkpoint is not lost between two beats.
            _beat(state)

    def _artifacts(self, run: dict[str, Any]) -> Artifacts:
        shared = self._trainers.shared
        if shared is not None and shared.has(run["request"]["sha256"]):
            return shared
        files = _run_files(run)
        if files is None:
            raise failure("PRN_ARTIFACT_MISSING", {"uri": run["request"]["uri"]})
        return files


def _run_files(run: dict[str, Any]) -> RunFiles | None:
    files = run.get("files")
    return files and RunFiles(url=files["url"], token=files["token"], attempt=activity.info().attempt)


async def _beat_and_report(state: RunState, files: RunFiles | None) -> None:
    reported = 0
    while True:
        _beat(state)
        points = state.history[reported:]
        reported += len(points)
        if files is not None and points:
            await asyncio.to_thread(_report, files, points[-REPORTED_POINTS:])
        await asyncio.sleep(BEAT_SECONDS)


def _beat(state: RunState) -> None:
    activity.heartbeat({"checkpoint": state.checkpoint, **state.last})


def _report(files: RunFiles, points: list[dict[str, Any]]) -> None:
    """Best effort: a run that goes well does not end because nobody watches it."""
    try:
        files.report([_point(dict(point)) for point in points])
    except (OSError, ValueError) as error:
        activity.logger.warning("the metrics of this moment were not heard: %s", error)


def _point(values: dict[str, Any]) -> dict[str, Any]:
    return {"step": values.pop("step"), "timestampMs": time.time_ns() // 1_000_000, "metrics": values}
