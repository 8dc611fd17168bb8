"""Brings trainers in: those that come with the package, and the user's own files and modules."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from .api import REGISTERED, TrainerFault, TrainFunction

PACKAGE = Path(__file__).parent
SHIPPED = {"sklearn": "perennial_trainer.shipped.sklearn", "lightgbm": "perennial_trainer.shipped.lightgbm"}


def find_trainer(name: str) -> TrainFunction:
    """A loaded trainer, else one of those shipped, which are imported only when asked for: that takes a second."""
    if name not in REGISTERED and name in SHIPPED:
        importlib.import_module(SHIPPED[name])
    function = REGISTERED.get(name)
    if function is None:
        raise TrainerFault("PRN_TRAINER_UNKNOWN", trainer=name, known=", ".join(known_trainers()))
    return function


def known_trainers() -> list[str]:
    return sorted({*REGISTERED, *SHIPPED})


def load_trainers(sources: Iterable[str]) -> None:
    """Imports every source: a path to a Python file, or the name of a module."""
    for source in sources:
        try:
            _load(source)
        except Exception as error:
            raise TrainerFault(
                "PRN_TRAINER_FAILED", reason=f"{source} cannot be loaded: {type(error).__name__}: {error}"
            ) from error


def _load(source: str) -> None:
    if not source.endswith(".py"):
        importlib.import_module(source)
        return
    path = Path(source).resolve()
    name = f"perennial_user_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def trainer_digest(sources: Iterable[str]) -> str:
    """SHA-256 over all Python files of this package and of the sources, by name and content: the code of a run."""
    digest = hashlib.sha256()
    for label, path in sorted(_files(sources)):
        digest.update(label.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(sources: Iterable[str]) -> Iterable[tuple[str, Path]]:
    for path in PACKAGE.rglob("*.py"):
        yield f"perennial_trainer/{path.relative_to(PACKAGE).as_posix()}", path
    for source in sources:
        if source.endswith(".py"):
            yield f"user/{Path(source).name}", Path(source)
            continue
        spec = importlib.util.find_spec(source)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        files = origin.parent.rglob("*.py") if origin.name == "__init__.py" else [origin]
        for path in files:
            yield f"user/{source}/{path.name}", path
