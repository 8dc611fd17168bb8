"""What a trainer is given and what it may raise. This module needs nothing beyond the standard library and NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

#: Columns beside the features; no feature can have these names.
LABEL, WEIGHT, EVENT_TIME = "label", ":weight", "event_ts"

Parameter = str | int | float | bool
TrainFunction = Callable[["TrainingContext"], Any]

REGISTERED: dict[str, TrainFunction] = {}


def trainer(name: str) -> Callable[[TrainFunction], TrainFunction]:
    """Registers a function under the name that a model's ``trainer.name`` refers to.

    The function returns the bytes of an ONNX model, a fitted scikit-learn estimator or pipeline, or a fitted LightGBM
    or XGBoost model.
    """

    def register(function: TrainFunction) -> TrainFunction:
        standing = REGISTERED.get(name)
        if standing is not None and standing.__module__ != function.__module__:
            raise ValueError(f"two trainers are called {name}: in {standing.__module__} and in {function.__module__}")
        REGISTERED[name] = function
        return function

    return register


class TrainerFault(Exception):
    """Ends the attempt with an error of Perennial's catalogue; ``details`` fill its message."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details


class Cancelled(Exception):
    """Raised by :meth:`TrainingContext.progress` once the run was cancelled. Let it pass."""


@dataclass(frozen=True)
class Feature:
    name: str
    #: True where the values are codes of a text: 0, 1, 2…; −1 for a text unknown to training, NaN where it is missing.
    categorical: bool = False


@dataclass(frozen=True)
class Rows:
    """The training rows in memory, in the order of their event times."""

    #: float32 rows × features, C-contiguous; NaN where a value is missing.
    features: np.ndarray
    #: float64; 0 or 1, the position of the class, or the value.
    labels: np.ndarray
    #: float64 above 0, or None where all rows count alike.
    weights: np.ndarray | None
    #: Microseconds since 1970, int64.
    event_ts: np.ndarray


class Reporter(Protocol):
    """How a context speaks to the process that supervises it."""

    def progress(self, report: Mapping[str, Any]) -> None: ...

    def checkpoint(self, folder: Path) -> None: ...


@dataclass
class TrainingContext:
    """All that a trainer is given."""

    #: Parquet: one FP32 column for each feature, ``label``, ``event_ts``, and ``:weight`` where rows count differently.
    data: Path
    #: ``trainer.parameters`` of the model, as declared.
    parameters: Mapping[str, Parameter]
    #: Use it for everything that is drawn, so that a run can be repeated.
    seed: int
    #: ``binary``, ``multiclass`` or ``regression``.
    task: str
    #: Names of the classes of a multiclass task, in the order of the labels.
    classes: Sequence[str]
    features: Sequence[Feature]
    #: Yours. What lies here at :meth:`save_checkpoint` lies here again when another attempt starts, on any machine.
    checkpoint_folder: Path
    #: 1 for the first attempt at this run.
    attempt: int
    #: Threads this run may use.
    threads: int
    _reporter: Reporter = field(repr=False)
    _cancelled: Callable[[], bool] = field(repr=False)

    @property
    def cancelled(self) -> bool:
        """True once the run should end; :meth:`progress` raises :class:`Cancelled` then."""
        return self._cancelled()

    def progress(
        self,
        message: str,
        *,
        metrics: Mapping[str, float] | None = None,
        step: int | None = None,
        quiet_seconds: float | None = None,
    ) -> None:
        """Says how far the training is. Call it every few seconds: a silent attempt is taken for hung and ended.

        ``metrics`` are kept with the run under ``step``. A metric that is not a number ends the run as diverged.
        ``quiet_seconds`` announces a longer silence, for a fit that cannot report.
        """
        for name, value in (metrics or {}).items():
            if not math.isfinite(value):
                raise TrainerFault(
                    "PRN_TRAINING_DIVERGED", iteration=step if step is not None else 0, problem=f"{name} is {value}"
                )
        if self.cancelled:
            raise Cancelled
        report: dict[str, Any] = {"message": message}
        if metrics:
            report["metrics"] = {name: float(value) for name, value in metrics.items()}
        if step is not None:
            report["step"] = int(step)
        if quiet_seconds is not None:
            report["quietSeconds"] = float(quiet_seconds)
        self._reporter.progress(report)

    def save_checkpoint(self) -> None:
        """Keeps what lies in :attr:`checkpoint_folder` now for the next attempt, should this one not come to its end."""
        self._reporter.checkpoint(self.checkpoint_folder)

    def load(self) -> Rows:
        """Reads all training rows."""
        import numpy as np
        import pyarrow.parquet as parquet

        names = [feature.name for feature in self.features]
        present = parquet.read_schema(self.data).names
        wanted = [*names, LABEL, EVENT_TIME, *([WEIGHT] if WEIGHT in present else [])]
        table = parquet.read_table(self.data, columns=wanted)
        matrix = np.empty((table.num_rows, len(names)), dtype=np.float32)
        for column, name in enumerate(names):
            matrix[:, column] = table[name].to_numpy()
        weights = table[WEIGHT].to_numpy().astype(np.float64) if WEIGHT in present else None
        return Rows(
            features=matrix,
            labels=table[LABEL].to_numpy().astype(np.float64),
            weights=weights,
            event_ts=table[EVENT_TIME].to_numpy().astype(np.int64),
        )

    def parameter(self, name: str, default: Parameter) -> Any:
        """One parameter in the type of its default. Raises ``PRN_TRAINING_INVALID_PARAMETER`` for another one."""
        value = self.parameters.get(name, default)
        expected = type(default)
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if expected is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if type(value) is expected:
            return value
        raise TrainerFault(
            "PRN_TRAINING_INVALID_PARAMETER", parameter=name, expected=f"a value like {default!r}", got=repr(value)
        )
