"""The part of Perennial's error catalogue that a trainer can meet, so that messages read the same on both sides.

``errors.json`` is generated from ``domain/errors.ts`` by ``npm run docs:errors``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from temporalio.exceptions import ApplicationError

CATALOGUE: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "errors.json").read_text())


def failure(code: str, details: dict[str, Any]) -> ApplicationError:
    """What an activity raises: the code as type, retried only where the catalogue says that this can help."""
    entry = CATALOGUE.get(code, {"template": f"{code}: {{reason}}", "retryable": False})
    return ApplicationError(
        render(entry["template"], details), details, type=code, non_retryable=not entry["retryable"]
    )


def render(template: str, details: dict[str, Any]) -> str:
    def fill(match: re.Match[str]) -> str:
        value = details.get(match[1], "")
        return value if isinstance(value, str) else json.dumps(value)

    return re.sub(r"\{(\w+)\}", fill, template)
