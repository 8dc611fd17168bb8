"""Trainer `lightgbm`: gradient boosting with LightGBM; parameters are LightGBM's own.

Reports each iteration and keeps the booster every few of them, so that another attempt goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np

from ..api import TrainerFault, TrainingContext, trainer

OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
#: LightGBM's aliases of the parameters that are set here, as its documentation lists them.
ALIASES = {
    "num_iterations": (
        "num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds", "num_boost_round",
        "n_estimators", "max_iter",
    ),
    "objective": ("objective_type", "app", "application", "loss"),
    "seed": ("random_seed", "random_state"),
    "num_threads": ("num_thread", "nthread", "nthreads", "n_jobs"),
    "num_class": ("num_classes",),
    "verbosity": ("verbose",),
}
FIRST_NAMES = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
CHECKPOINT_EVERY = 25
CHECKPOINT = "booster.txt"


@trainer("lightgbm")
def train(context: TrainingContext) -> Any:
    rows = context.load()
    context = replace(context, parameters=_by_first_names(context.parameters))
    iterations = context.parameter("num_iterations", 100)
    categorical = [index for index, feature in enumerate(context.features) if feature.categorical]
    # What is unknown or missing becomes NaN: LightGBM takes negative codes for missing and warns about each.
    features = rows.features.copy() if categorical else rows.features
    for column in categorical:
        features[:, column] = np.where(features[:, column] < 0, np.nan, features[:, column])
    data = lightgbm.Dataset(features, rows.labels, weight=rows.weights, categorical_feature=categorical, free_raw_data=False)
    context.progress(f"{len(rows.labels)} rows read")
    kept = context.checkpoint_folder / CHECKPOINT
    done = lightgbm.Booster(model_file=kept).current_iteration() if kept.exists() else 0
    if done >= iterations:
        return lightgbm.Booster(model_file=kept)
    return lightgbm.train(
        _parameters(context),
        data,
        num_boost_round=iterations - done,
        init_model=kept if kept.exists() else None,
        valid_sets=[data],
        valid_names=["train"],
        callbacks=[_Follow(context, done, iterations)],
    )


def _by_first_names(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same parameters without aliases of those that are set here, which LightGBM would let win or lose in silence."""
    named: dict[str, Any] = {}
    for key, value in parameters.items():
        name = FIRST_NAMES.get(key, key)
        if name in named:
            raise TrainerFault(
                "PRN_TRAINING_INVALID_PARAMETER", parameter=key, expected=f"{name} under one name", got="two names for it"
            )
        named[name] = value
    return named


def _parameters(context: TrainingContext) -> dict[str, Any]:
    own = {key: value for key, value in context.parameters.items() if key != "num_iterations"}
    fixed: dict[str, Any] = {
        "objective": OBJECTIVES[context.task],
        "seed": context.seed,
        "num_threads": context.threads,
        "verbosity": -1,
        # The same rows and seed give the same trees, whatever the number of threads.
        "deterministic": True,
        "force_row_wise": True,
    }
    if context.task == "multiclass":
        fixed["num_class"] = len(context.classes)
    return {**fixed, **own}


class _Follow:
    """Called after each iteration."""

    order = 50
    before_iteration = False

    def __init__(self, context: TrainingContext, done: int, wanted: int) -> None:
        self._context = context
        self._done = done
        self._wanted = wanted

    def __call__(self, environment: Any) -> None:
        iteration = self._done + environment.iteration - environment.begin_iteration + 1
        losses = {f"train_{name}": value for _set, name, value, _better in environment.evaluation_result_list}
        self._context.progress(f"tree {iteration} of {self._wanted}", metrics=losses, step=iteration)
        if iteration % CHECKPOINT_EVERY == 0 and iteration < self._wanted:
            environment.model.save_model(self._context.checkpoint_folder / CHECKPOINT)
            self._context.save_checkpoint()
