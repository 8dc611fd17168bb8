"""A request folder as the worker lays it out, with rows whose answer is known to depend on the features."""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow
from pyarrow import parquet

from perennial_trainer.attempt import Attempt, Limits
from perennial_trainer.checkpoint import archive_checkpoint
from perennial_trainer.child import train
from perennial_trainer.convert import canonical

NAMES = ("distance", "carrier", "rate")


def rows(count: int = 2_000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Features (a number, a code, a number with gaps) and the score that labels are drawn from."""
    rng = np.random.default_rng(seed)
    features = np.column_stack(
        [rng.normal(size=count), rng.integers(-1, 5, count), rng.normal(size=count)]
    ).astype(np.float32)
    features[rng.random(count) < 0.1, 2] = np.nan
    score = features[:, 0] + (features[:, 1] == 2) - np.nan_to_num(features[:, 2]) + rng.normal(scale=0.3, size=count)
    return features, score


def labels_of(task: str, score: np.ndarray) -> np.ndarray:
    if task == "binary":
        return (score > 0).astype(np.float64)
    return np.digitize(score, [-0.7, 0.7]).astype(np.float64) if task == "multiclass" else score.astype(np.float64)


@dataclass
class Prepared:
    folder: Path
    task: str
    features: np.ndarray
    sample: list[int]
    reports: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[bytes] = field(default_factory=list)

    def run(self, sources: Sequence[str] = (), *, stalled: float = 60.0, memory_mb: int | None = None) -> None:
        """Runs one attempt to its end."""
        asyncio.run(self.attempt(sources, stalled=stalled, memory_mb=memory_mb).run())

    def run_here(self) -> None:
        """The same without a process of its own, which takes seconds to import what this one has already."""
        reporter = _Collected(self)
        train(self.folder, json.loads((self.folder / "request.json").read_text()), reporter, threading.Event())

    def attempt(self, sources: Sequence[str] = (), *, stalled: float = 60.0, memory_mb: int | None = None) -> Attempt:
        def keep(archive: Path) -> None:
            self.checkpoints.append(archive.read_bytes())

        return Attempt(self.folder, sources, Limits(stalled, 2.0, memory_mb), self.reports.append, keep)

    def resume_from(self, checkpoint: bytes) -> None:
        (self.folder / "checkpoint.tar").write_bytes(checkpoint)
        request = json.loads((self.folder / "request.json").read_text())
        request["files"]["checkpoint"] = "checkpoint.tar"
        (self.folder / "request.json").write_text(json.dumps({**request, "attempt": 2}))

    def onnx_predictions(self) -> np.ndarray:
        """Of all rows, by the model that was left."""
        answer = json.loads((self.folder / "output" / "answer.json").read_text())
        session = onnxruntime.InferenceSession((self.folder / "output" / "model.onnx").read_bytes())
        feeds = {session.get_inputs()[0].name: self.features}
        return canonical(session.run([answer["output"]], feeds)[0], self.task, len(self.features))

    def sample_predictions(self) -> np.ndarray:
        return np.array(json.loads((self.folder / "output" / "sample-predictions.json").read_text())["predictions"])


@dataclass
class _Collected:
    prepared: Prepared

    def progress(self, report: Mapping[str, Any]) -> None:
        self.prepared.reports.append(dict(report))

    def checkpoint(self, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as beside:
            archive = archive_checkpoint(folder, Path(beside) / "checkpoint")
            self.prepared.checkpoints.append(archive.read_bytes())


def prepare(
    folder: Path, trainer: str, parameters: dict[str, Any] | None = None, *, task: str = "binary", weighted: bool = False
) -> Prepared:
    features, score = rows()
    labels = labels_of(task, score)
    columns: dict[str, Any] = {name: features[:, index] for index, name in enumerate(NAMES)}
    columns |= {"label": labels, "event_ts": np.arange(len(labels), dtype=np.int64) * 1_000_000}
    if weighted:
        columns[":weight"] = np.linspace(0.5, 1.5, len(labels))
    parquet.write_table(pyarrow.table(columns), folder / "train.parquet")
    sample = list(range(0, len(labels), 8))
    request = {
        "trainer": trainer,
        "parameters": parameters or {},
        "seed": 7,
        "task": task,
        "classes": ["low", "mid", "high"] if task == "multiclass" else [],
        "features": [{"name": name, "categorical": name == "carrier"} for name in NAMES],
        "sample": sample,
        "attempt": 1,
        "threads": 1,
        "files": {"train": "train.parquet", "checkpoint": None},
    }
    (folder / "request.json").write_text(json.dumps(request))
    return Prepared(folder, task, features, sample)
