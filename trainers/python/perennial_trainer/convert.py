"""Whatever a trainer returned, as an ONNX model with one input and one output of fixed names, and as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime

from .api import TrainerFault

#: What estimators are exported with; ONNX models that a trainer brings keep their own names.
INPUT, OUTPUT = "features", "model_output"

#: Newest versions of the operator sets that the serving runtime is known to run.
OPSETS = {"": 17, "ai.onnx.ml": 3}

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ConvertedModel:
    onnx: bytes
    #: Name of the output that holds probabilities or values.
    output: str
    #: float32 rows × features → float64 rows × width: the probability of 1, of each class, or the value.
    predict: Predict
    #: Where the predictions come from: the estimator itself, or the ONNX model run in this process.
    predicted_by: str


def convert(model: Any, task: str, features: list[str]) -> ConvertedModel:
    """Raises ``PRN_TRAINER_ESTIMATOR`` for what cannot be exported and ``PRN_TRAINER_NOT_ONNX`` for other bytes."""
    if isinstance(model, (bytes, bytearray)):
        return _own_model(bytes(model), task, features)
    if isinstance(model, onnx.ModelProto):
        return _own_model(model.SerializeToString(), task, features)
    exported = _export(model, len(features))
    return ConvertedModel(
        onnx=_single_output(exported, task).SerializeToString(),
        output=OUTPUT,
        predict=_predictions_of(model, task),
        predicted_by="estimator",
    )


def _export(model: Any, width: int) -> onnx.ModelProto:
    try:
        family = _family(model)
        if family == "sklearn":
            return _export_sklearn(model, width)
        import onnxmltools
        from onnxmltools.convert.common.data_types import FloatTensorType

        types = [(INPUT, FloatTensorType([None, width]))]
        if family == "lightgbm":
            return onnxmltools.convert_lightgbm(model, initial_types=types, zipmap=False, target_opset=15)
        return onnxmltools.convert_xgboost(model, initial_types=types, target_opset=15)
    except TrainerFault:
        raise
    except Exception as error:
        raise TrainerFault(
            "PRN_TRAINER_ESTIMATOR", problem=f"{type(model).__name__} has no export to ONNX: {error}"
        ) from error


def _family(model: Any) -> str:
    module = type(model).__module__.split(".")[0]
    if module in ("lightgbm", "xgboost"):
        return module
    if hasattr(model, "predict") and hasattr(model, "get_params"):
        return "sklearn"
    raise TrainerFault(
        "PRN_TRAINER_ESTIMATOR",
        problem=f"the trainer returned {type(model).__name__}; return ONNX bytes or a fitted estimator",
    )


def _export_sklearn(model: Any, width: int) -> onnx.ModelProto:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.base import is_classifier

    from .hist_gradient_boosting import register

    register()
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    types = [(INPUT, FloatTensorType([None, width]))]
    return to_onnx(model, initial_types=types, options=options, target_opset=OPSETS)


def _single_output(model: onnx.ModelProto, task: str) -> onnx.ModelProto:
    """Keeps the probabilities or values only and gives them their fixed name; class labels are made elsewhere."""
    outputs = [value.name for value in model.graph.output]
    wanted = outputs[0] if task == "regression" else next((n for n in outputs if n.startswith("prob")), outputs[-1])
    kept = next(value for value in model.graph.output if value.name == wanted)
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, kept.type.tensor_type.elem_type or 1, None))
    model.graph.node.append(onnx.helper.make_node("Identity", [wanted], [OUTPUT]))
    _drop_unused(model.graph)
    model.graph.ClearField("doc_string")
    # Some converters draw a name; the same estimator shall give the same bytes.
    model.graph.name = "model"
    return model


def _drop_unused(graph: onnx.GraphProto) -> None:
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
    constants = [each for each in graph.initializer if each.name in needed]
    del graph.node[:]
    graph.node.extend(reversed(kept))
    del graph.initializer[:]
    graph.initializer.extend(constants)


def _predictions_of(model: Any, task: str) -> Predict:
    def raw(features: np.ndarray) -> np.ndarray:
        if task == "regression":
            return model.predict(features)
        # LightGBM's Booster answers probabilities by itself, the probability of 1 alone for two classes.
        return model.predict_proba(features) if hasattr(model, "predict_proba") else model.predict(features)

    def predict(features: np.ndarray) -> np.ndarray:
        return canonical(raw(features), task, len(features))

    return predict


def canonical(values: Any, task: str, rows: int) -> np.ndarray:
    """float64 rows × width; of a pair of probabilities only that of class 1."""
    matrix = np.asarray(values, dtype=np.float64).reshape(rows, -1)
    return matrix[:, 1:] if task == "binary" and matrix.shape[1] == 2 else matrix


def _own_model(data: bytes, task: str, features: list[str]) -> ConvertedModel:
    try:
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise TrainerFault("PRN_TRAINER_NOT_ONNX", problem=str(error).strip()) from error
    inputs = [each.name for each in session.get_inputs()]
    output = _score_output([each.name for each in session.get_outputs()], task)

    def predict(matrix: np.ndarray) -> np.ndarray:
        if len(inputs) == 1 and inputs != features:
            feeds = {inputs[0]: matrix}
        else:
            missing = [name for name in inputs if name not in features]
            if missing:
                raise TrainerFault(
                    "PRN_TRAINER_INPUTS", expected=f"one [N,{len(features)}] matrix or inputs named as the features",
                    got=", ".join(inputs),
                )
            feeds = {name: np.ascontiguousarray(matrix[:, [features.index(name)]]) for name in inputs}
        try:
            return canonical(session.run([output], feeds)[0], task, len(matrix))
        except TrainerFault:
            raise
        except Exception as error:
            raise TrainerFault(
                "PRN_TRAINER_INPUTS", expected=f"float32 [N,{len(features)}]", got=str(error).strip()
            ) from error

    return ConvertedModel(onnx=data, output=output, predict=predict, predicted_by="onnxruntime")


def _score_output(outputs: list[str], task: str) -> str:
    """By name where one is told apart by it, else the first for values and the last for probabilities."""
    names = {"binary": ("probability", "probabilities"), "multiclass": ("probabilities",), "regression": ("prediction",)}
    for name in names[task]:
        if name in outputs:
            return name
    return outputs[0] if task == "regression" else outputs[-1]
