"""Trainer `sklearn`: one of scikit-learn's estimators; histogram gradient boosting unless told otherwise.

Parameter ``estimator`` chooses; all others go to the estimator's own constructor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..api import Rows, TrainerFault, TrainingContext, trainer

#: Estimator by name: of a classification, of a regression.
ESTIMATORS: dict[str, tuple[type, type]] = {
    "hist_gradient_boosting": (HistGradientBoostingClassifier, HistGradientBoostingRegressor),
    "random_forest": (RandomForestClassifier, RandomForestRegressor),
    "extra_trees": (ExtraTreesClassifier, ExtraTreesRegressor),
    "linear": (LogisticRegression, Ridge),
}
#: Iterations between two checkpoints; each slice bins the rows anew.
SLICE = 25
#: Longest silence of a fit that cannot report.
QUIET_SECONDS = 3_600.0
CHECKPOINT = "estimator.joblib"


@trainer("sklearn")
def train(context: TrainingContext) -> Any:
    name = context.parameter("estimator", "hist_gradient_boosting")
    if name not in ESTIMATORS:
        raise TrainerFault(
            "PRN_TRAINING_INVALID_PARAMETER", parameter="estimator", expected=", ".join(ESTIMATORS), got=repr(name)
        )
    rows = context.load()
    context.progress(f"{len(rows.labels)} rows read")
    if name == "hist_gradient_boosting":
        return _boost(context, rows)
    estimator = _made(context, name)
    context.progress(f"fitting {name}", quiet_seconds=QUIET_SECONDS)
    # Forests take missing values by themselves, but their export to ONNX loses where those go.
    before = [SimpleImputer(keep_empty_features=True), *([StandardScaler()] if name == "linear" else [])]
    model = make_pipeline(*before, estimator)
    weights = {} if rows.weights is None else {f"{type(estimator).__name__.lower()}__sample_weight": rows.weights}
    return model.fit(rows.features, _labels(context, rows), **weights)


def _boost(context: TrainingContext, rows: Rows) -> Any:
    """Fits in slices of iterations, each going on from the one before, so that it can report, stop and resume."""
    wanted = context.parameter("max_iter", 100)
    kept = context.checkpoint_folder / CHECKPOINT
    estimator = joblib.load(kept) if kept.exists() else _made(context, "hist_gradient_boosting")
    done = estimator.n_iter_ if kept.exists() else 0
    estimator.set_params(warm_start=True)
    while done < wanted:
        target = min(wanted, done + SLICE)
        estimator.set_params(max_iter=target)
        context.progress(f"iteration {done} of {wanted}", quiet_seconds=QUIET_SECONDS)
        estimator.fit(rows.features, _labels(context, rows), sample_weight=rows.weights)
        stopped_early = estimator.n_iter_ < target
        done = estimator.n_iter_
        if stopped_early or done >= wanted:
            break
        joblib.dump(estimator, kept)
        context.save_checkpoint()
    context.progress(f"{done} iterations", metrics=_losses(estimator), step=done)
    return estimator


def _losses(estimator: Any) -> dict[str, float]:
    """Training loss, and the loss of the rows held back where the estimator stops early."""
    scores = {"train_score": estimator.train_score_, "validation_score": estimator.validation_score_}
    return {name: float(values[-1]) for name, values in scores.items() if len(values) > 0}


def _made(context: TrainingContext, name: str) -> Any:
    own = {key: value for key, value in context.parameters.items() if key != "estimator"}
    factory: Callable[..., Any] = ESTIMATORS[name][1 if context.task == "regression" else 0]
    known = factory().get_params()
    for key in own:
        if key not in known:
            raise TrainerFault(
                "PRN_TRAINING_INVALID_PARAMETER", parameter=key, expected=f"one of {', '.join(sorted(known))}", got=repr(own[key])
            )
    fixed: dict[str, Any] = {"random_state": context.seed}
    if "n_jobs" in known and name != "linear":
        fixed["n_jobs"] = context.threads
    return factory(**{key: value for key, value in fixed.items() if key in known}, **own)


def _labels(context: TrainingContext, rows: Rows) -> np.ndarray:
    return rows.labels if context.task == "regression" else rows.labels.astype(np.int64)
