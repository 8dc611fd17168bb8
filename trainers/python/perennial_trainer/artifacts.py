"""Artefacts by content: from the installation's folder where this machine has it, else over HTTP with the run's token."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .api import TrainerFault

Reference = dict[str, Any]
CHUNK = 1 << 20
TIMEOUT_SECONDS = 120
REPORT_TIMEOUT_SECONDS = 5


class Artifacts(Protocol):
    def fetch(self, reference: Reference, target: Path) -> None:
        """Writes the bytes to a new file and checks their digest."""

    def keep(self, source: Path, media_type: str) -> Reference:
        """Stores a file; the same bytes again give the same reference."""


def reference(sha256: str, size: int, media_type: str) -> Reference:
    return {"uri": f"artifact://sha256/{sha256}", "sha256": sha256, "bytes": size, "mediaType": media_type}


@dataclass(frozen=True)
class SharedFolder:
    """The artefact folder of the installation, on a disk that this machine has as well."""

    root: Path

    def has(self, sha256: str) -> bool:
        return self._path(sha256).exists()

    def fetch(self, reference: Reference, target: Path) -> None:
        _copy(self._path(reference["sha256"]), target, reference)

    def keep(self, source: Path, media_type: str) -> Reference:
        sha256 = _digest(source)
        place = self._path(sha256)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch = self.root / "scratch"
            scratch.mkdir(exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=scratch, delete=False) as beside, source.open("rb") as content:
                shutil.copyfileobj(content, beside, CHUNK)
                beside.flush()
                os.fsync(beside.fileno())
            os.replace(beside.name, place)
        return reference(sha256, source.stat().st_size, media_type)

    def _path(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256


@dataclass(frozen=True)
class RunFiles:
    """The files of one run behind the API. The token opens nothing else and ends with the run."""

    url: str
    token: str
    attempt: int

    def fetch(self, reference: Reference, target: Path) -> None:
        try:
            with self._open(reference["sha256"], None, {}) as answer, target.open("xb") as file:
                shutil.copyfileobj(answer, file, CHUNK)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        _check(target, reference)

    def keep(self, source: Path, media_type: str) -> Reference:
        headers = {"content-type": "application/octet-stream", "content-length": str(source.stat().st_size)}
        try:
            with source.open("rb") as content, self._open(source.name, content, headers) as answer:
                stored = json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        return reference(stored["sha256"], stored["bytes"], media_type)

    def report(self, points: list[dict[str, Any]]) -> None:
        """Metrics for the run while it goes on; what is not heard now comes with the answer."""
        body = json.dumps({"points": points}).encode()
        request = self._request(f"{self.url}/reports", body, "POST", {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=REPORT_TIMEOUT_SECONDS):  # noqa: S310
            pass

    def _open(self, name: str, data: Any, headers: dict[str, str]) -> Any:
        method = "GET" if data is None else "PUT"
        request = self._request(f"{self.url}/files/{name}", data, method, headers)
        return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310

    def _request(self, url: str, data: Any, method: str, headers: dict[str, str]) -> urllib.request.Request:
        own = {"authorization": f"Bearer {self.token}", "x-perennial-attempt": str(self.attempt)}
        return urllib.request.Request(url, data=data, method=method, headers={**own, **headers})  # noqa: S310


def _refusal(error: urllib.error.HTTPError) -> Exception:
    """What the API refuses for good ends the run; the rest may be repeated."""
    try:
        body = json.load(error)
    except ValueError:
        return OSError(f"the API answered {error.code}")
    code = body.get("error", {}).get("code")
    if error.code in (429,) or error.code >= 500 or code is None:
        return OSError(f"the API answered {error.code}: {body}")
    return TrainerFault(code, message=body["error"].get("message", ""))


def _copy(source: Path, target: Path, reference: Reference) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise TrainerFault("PRN_ARTIFACT_MISSING", uri=reference["uri"]) from error
    _check(target, reference)


def _check(path: Path, reference: Reference) -> None:
    actual = _digest(path)
    if actual != reference["sha256"]:
        raise TrainerFault(
            "PRN_ARTIFACT_CORRUPT", uri=reference["uri"], actual=actual, expected=reference["sha256"]
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
