"""What an attempt leaves behind: the ONNX model, its predictions on the sample, and what it was made with."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .api import TrainerFault, TrainingContext
from .convert import convert

#: Packages whose versions are kept with the run where they are installed.
PACKAGES = (
    "numpy", "scikit-learn", "lightgbm", "xgboost", "xgboost-cpu", "skl2onnx", "onnxmltools", "onnx", "onnxruntime", "pyarrow", "temporalio",
)


def write_output(folder: Path, model: Any, context: TrainingContext, sample: Sequence[int]) -> None:
    """Writes ``model.onnx``, ``sample-predictions.json`` and ``answer.json``, the last of them last."""
    folder.mkdir(exist_ok=True)
    context.progress("exporting to ONNX", quiet_seconds=600)
    converted = convert(model, context.task, [feature.name for feature in context.features])
    predictions = converted.predict(context.load().features[list(sample)])
    check_predictions(predictions, context)
    (folder / "model.onnx").write_bytes(converted.onnx)
    (folder / "sample-predictions.json").write_text(json.dumps({"predictions": predictions.tolist()}))
    answer = {"output": converted.output, "predictedBy": converted.predicted_by, "environment": environment()}
    (folder / "answer.json").write_text(json.dumps(answer))


def check_predictions(predictions: np.ndarray, context: TrainingContext) -> None:
    width = len(context.classes) if context.task == "multiclass" else 1
    if predictions.shape[1] != width:
        raise TrainerFault(
            "PRN_TRAINER_OUTPUTS", expected=f"{width} values a row for {context.task}", got=f"{predictions.shape[1]}"
        )
    if not np.isfinite(predictions).all():
        bad = int((~np.isfinite(predictions)).any(axis=1).sum())
        raise TrainerFault(
            "PRN_TRAINER_PREDICTIONS", problem=f"{bad} of {len(predictions)} predictions of the sample are not numbers"
        )


def environment() -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": versions}
