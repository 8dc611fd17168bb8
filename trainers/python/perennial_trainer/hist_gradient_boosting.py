"""Scikit-learn's histogram gradient boosting as ONNX, for skl2onnx, whose own converter fails with this scikit-learn.

Thresholds are rounded *down* to float32: for every float32 value x and float64 threshold t, ``x <= t`` holds exactly
when ``x <= floor32(t)`` does, so that each row takes the same way through the trees as in scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from .api import TrainerFault

#: Loss of a regressor → what is done with its raw score.
LINKS = {"squared_error": "Identity", "absolute_error": "Identity", "quantile": "Identity", "poisson": "Exp", "gamma": "Exp"}


def register() -> None:
    """Makes skl2onnx use these converters, inside pipelines as well."""
    update_registered_converter(
        HistGradientBoostingClassifier,
        "PerennialHistGradientBoostingClassifier",
        calculate_linear_classifier_output_shapes,
        _convert_classifier,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [True, False]},
    )
    update_registered_converter(
        HistGradientBoostingRegressor,
        "PerennialHistGradientBoostingRegressor",
        calculate_linear_regressor_output_shapes,
        _convert_regressor,
    )


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    estimator = operator.raw_operator
    raw = _add_trees(scope, operator, container)
    classes = len(estimator.classes_)
    probabilities = operator.outputs[1].full_name
    if classes == 2:
        positive, negative = scope.get_unique_variable_name("positive"), scope.get_unique_variable_name("negative")
        one = scope.get_unique_variable_name("one")
        container.add_initializer(one, 1, [1], [1.0])
        container.add_node("Sigmoid", [raw], [positive], name=scope.get_unique_operator_name("Sigmoid"))
        container.add_node("Sub", [one, positive], [negative], name=scope.get_unique_operator_name("Sub"), op_version=14)
        container.add_node(
            "Concat", [negative, positive], [probabilities], axis=1, name=scope.get_unique_operator_name("Concat")
        )
    else:
        container.add_node(
            "Softmax", [raw], [probabilities], axis=1, name=scope.get_unique_operator_name("Softmax"), op_version=13
        )
    index, labels = scope.get_unique_variable_name("index"), scope.get_unique_variable_name("labels")
    container.add_initializer(labels, 7, [classes], [int(name) for name in estimator.classes_])
    container.add_node(
        "ArgMax",
        [probabilities],
        [index],
        axis=1,
        keepdims=0,
        name=scope.get_unique_operator_name("ArgMax"),
        op_version=13,
    )
    container.add_node(
        "Gather",
        [labels, index],
        [operator.outputs[0].full_name],
        name=scope.get_unique_operator_name("Gather"),
        op_version=13,
    )


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    raw = _add_trees(scope, operator, container)
    link = LINKS.get(operator.raw_operator.loss)
    if link is None:
        raise TrainerFault("PRN_TRAINER_ESTIMATOR", problem=f"loss {operator.raw_operator.loss} has no export to ONNX")
    container.add_node(link, [raw], [operator.outputs[0].full_name], name=scope.get_unique_operator_name(link))


def _add_trees(scope: Any, operator: Any, container: Any) -> str:
    """Adds the node that sums the trees; returns the name of the raw scores [N, trees per iteration]."""
    estimator = operator.raw_operator
    if estimator.is_categorical_ is not None:
        raise TrainerFault(
            "PRN_TRAINER_ESTIMATOR",
            problem="HistGradientBoosting with categorical_features has no export to ONNX; leave the codes as numbers",
        )
    raw = scope.get_unique_variable_name("raw")
    container.add_node(
        "TreeEnsembleRegressor",
        [operator.inputs[0].full_name],
        [raw],
        op_domain="ai.onnx.ml",
        op_version=1,
        name=scope.get_unique_operator_name("TreeEnsembleRegressor"),
        **tree_attributes(estimator),
    )
    return raw


def tree_attributes(estimator: Any) -> dict[str, Any]:
    """Attributes of a ``TreeEnsembleRegressor`` whose target k is the k-th raw score."""
    nodes: dict[str, list[Any]] = {name: [] for name in (
        "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true"
    )}
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    tree = 0
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            for position, node in enumerate(predictor.nodes):
                is_leaf = bool(node["is_leaf"])
                nodes["treeids"].append(tree)
                nodes["nodeids"].append(position)
                nodes["featureids"].append(0 if is_leaf else int(node["feature_idx"]))
                nodes["values"].append(0.0 if is_leaf else floor_to_float32(float(node["num_threshold"])))
                nodes["modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
                nodes["truenodeids"].append(0 if is_leaf else int(node["left"]))
                nodes["falsenodeids"].append(0 if is_leaf else int(node["right"]))
                nodes["missing_value_tracks_true"].append(0 if is_leaf else int(node["missing_go_to_left"]))
                if is_leaf:
                    leaves["treeids"].append(tree)
                    leaves["nodeids"].append(position)
                    leaves["ids"].append(target)
                    leaves["weights"].append(float(node["value"]))
            tree += 1
    baseline = [float(value) for value in np.ravel(estimator._baseline_prediction)]
    return {
        "n_targets": len(baseline),
        "base_values": baseline,
        "post_transform": "NONE",
        **{f"nodes_{name}": values for name, values in nodes.items()},
        **{f"target_{name}": values for name, values in leaves.items()},
    }


def floor_to_float32(value: float) -> float:
    """The largest float32 that is not above the value."""
    nearest = np.float32(value)
    if float(nearest) > value:
        nearest = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest)
