"""The Temporal activity `trainExternal` and the worker that serves it."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio import activity

from .api import TrainerFault
from .artifacts import Artifacts, Reference, RunFiles, SharedFolder
from .attempt import Attempt, Limits
from .errors import failure

JSON, ONNX, BYTES, TEXT = "application/json", "application/x-onnx", "application/octet-stream", "text/plain"
#: Points of the metrics' history that an answer carries; of more, evenly spread ones.
HISTORY_POINTS = 2_000
BEAT_SECONDS = 1.0


@dataclass(frozen=True)
class Trainers:
    """What every attempt of this worker has in common."""

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
    #: Errors of keeping a checkpoint do not end a run that goes well.
    unkept: int = 0


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
        details = activity.info().heartbeat_details
        state = RunState(checkpoint=details[0].get("checkpoint") if details else None)
        beating = asyncio.create_task(_beat(state))
        artifacts = self._artifacts(run)
        attempt = self._attempt(artifacts, folder, state)
        try:
            await self._prepare(run, artifacts, folder, state)
            await attempt.run()
            answer = await asyncio.to_thread(self._answer, artifacts, folder, state)
            return {"answer": answer}
        except TrainerFault as fault:
            # Kept with the run also where it failed: whoever reads the error finds the whole log behind it.
            log = await asyncio.to_thread(_keep_log, artifacts, attempt.log)
            raise TrainerFault(fault.code, **{"log": attempt.tail(), **fault.details, "logArtifact": log}) from fault
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

    def _attempt(self, artifacts: Artifacts, folder: Path, state: RunState) -> Attempt:
        def progress(report: dict[str, Any]) -> None:
            state.last = report
            if "metrics" in report:
                state.history.append({"step": report.get("step", len(state.history)), **report["metrics"]})

        def checkpoint(archive: Path) -> None:
            try:
                state.checkpoint = artifacts.keep(archive, BYTES)
            except OSError as error:
                state.unkept += 1
                activity.logger.warning("a checkpoint could not be kept: %s", error)

        trainers = self._trainers
        return Attempt(folder, trainers.sources, trainers.limits, progress, checkpoint)

    async def _prepare(self, run: dict[str, Any], artifacts: Artifacts, folder: Path, state: RunState) -> None:
        """Brings request, rows and the checkpoint of an earlier attempt into the folder."""
        await asyncio.to_thread(artifacts.fetch, run["request"], folder / "fetched-request.json")
        request = json.loads((folder / "fetched-request.json").read_text())
        files: dict[str, str | None] = {"train": "train.parquet", "checkpoint": None}
        await asyncio.to_thread(artifacts.fetch, request["data"], folder / "train.parquet")
        if state.checkpoint is not None:
            try:
                await asyncio.to_thread(artifacts.fetch, state.checkpoint, folder / "checkpoint.tar")
                files["checkpoint"] = "checkpoint.tar"
            except (TrainerFault, OSError) as error:
                activity.logger.warning("starting anew, the checkpoint cannot be read: %s", error)
        attempt = {"attempt": activity.info().attempt, "threads": self._trainers.threads, "files": files}
        (folder / "request.json").write_text(json.dumps({**request, **attempt}))

    def _answer(self, artifacts: Artifacts, folder: Path, state: RunState) -> Reference:
        output = folder / "output"
        answer = json.loads((output / "answer.json").read_text())
        step = max(1, -(-len(state.history) // HISTORY_POINTS))
        kept = {
            "onnx": artifacts.keep(output / "model.onnx", ONNX),
            "samplePredictions": artifacts.keep(output / "sample-predictions.json", JSON),
            "log": _keep_log(artifacts, folder / "stderr.log"),
            "metrics": state.history[::-1][::step][::-1],
            "attempt": activity.info().attempt,
            "trainerDigest": self._trainers.digest,
        }
        path = folder / "trainer-answer.json"
        path.write_text(json.dumps({**answer, **kept}, sort_keys=True))
        return artifacts.keep(path, JSON)


async def _beat(state: RunState) -> None:
    while True:
        activity.heartbeat({"checkpoint": state.checkpoint, **state.last})
        await asyncio.sleep(BEAT_SECONDS)


def _keep_log(artifacts: Artifacts, log: Path) -> Reference | None:
    try:
        return artifacts.keep(log, TEXT) if log.exists() and log.stat().st_size > 0 else None
    except (OSError, TrainerFault):
        return None

