"""The Temporal activity `trainExternal`: a training run that heart-beats."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from temporalio import activity

from .api import TrainerFault
from .artifacts import Artifacts, RunFiles
from .errors import failure
from .run import RunState, Trainers, TrainingRun

BEAT_SECONDS = 1.0


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
        beating = asyncio.create_task(_beat(state))
        try:
            attempt = TrainingRun(self._trainers, self._artifacts(run), info.attempt, state)
            return {"answer": await attempt.train(run["request"], folder)}
        finally:
            beating.cancel()

    def _artifacts(self, run: dict[str, Any]) -> Artifacts:
        shared = self._trainers.shared
        if shared is not None and shared.has(run["request"]["sha256"]):
            return shared
        files = run.get("files")
        if files is None:
            raise failure("PRN_ARTIFACT_MISSING", {"uri": run["request"]["uri"]})
        return RunFiles(url=files["url"], token=files["token"], attempt=activity.info().attempt)


async def _beat(state: RunState) -> None:
    while True:
        activity.heartbeat({"checkpoint": state.checkpoint, **state.last})
        await asyncio.sleep(BEAT_SECONDS)
