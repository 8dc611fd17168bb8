"""The folder of a trainer's checkpoint: kept as an archive, and restored only where it fits this very run."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

#: In the archive: the trainer's own files, and whose they are.
FILES, MARK = "files", "mark.json"
FORMAT = 1
#: What an attempt may see differently from the one before it.
OF_THE_ATTEMPT = frozenset({"attempt", "threads", "files", "limits"})
#: Estimators are kept in forms that only the same version is sure to read.
LIBRARIES = ("lightgbm", "numpy", "scikit-learn", "xgboost", "xgboost-cpu")


def restore_checkpoint(folder: Path, request: Mapping[str, Any]) -> Path:
    """The folder that the trainer may go on from. One of another form, run or library starts it anew, with a line in the log."""
    kept = folder / "kept"
    mark = mark_of(request)
    archive = request["files"].get("checkpoint")
    if archive is not None:
        problem = _unpack(folder / archive, kept, mark)
        if problem is not None:
            print(f"starting anew: the checkpoint {problem}", file=sys.stderr, flush=True)
            shutil.rmtree(kept, ignore_errors=True)
    (kept / FILES).mkdir(parents=True, exist_ok=True)
    (kept / MARK).write_text(json.dumps(mark))
    return kept / FILES


def archive_checkpoint(files: Path, beside: Path) -> Path:
    """The folder that :func:`restore_checkpoint` gave, as an archive of this name, to which `.tar` is added."""
    return Path(shutil.make_archive(str(beside), "tar", files.parent))


def mark_of(request: Mapping[str, Any]) -> dict[str, Any]:
    asked = {key: value for key, value in request.items() if key not in OF_THE_ATTEMPT}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return {"format": FORMAT, "run": digest, "environment": {name: _version(name) for name in LIBRARIES}}


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _unpack(archive: Path, kept: Path, mark: Mapping[str, Any]) -> str | None:
    """Why it cannot be used, if so."""
    # Older patch releases of 3.11 have no filters yet.
    safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    try:
        shutil.unpack_archive(str(archive), kept, "tar", **safely)
        found = json.loads((kept / MARK).read_text())
        wrong = [part for part, value in mark.items() if found.get(part) != value]
    except (OSError, ValueError, AttributeError, shutil.ReadError, tarfile.TarError) as error:
        return f"cannot be read ({type(error).__name__})"
    return f"is of another {wrong[0]}" if wrong else None
