"""What a trainer process reads from its environment, once, at its start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class ConfigError(Exception):
    """One line for whoever started the process."""


@dataclass(frozen=True)
class Config:
    temporal_address: str
    temporal_namespace: str
    #: Data folder of the installation, where this machine shares its disk; its artefacts are then read in place.
    data: Path | None
    #: Python files and modules with trainers of the user's, separated by `:`.
    sources: tuple[str, ...]
    #: Runs at the same time, and threads of each.
    slots: int
    threads: int
    stalled_seconds: float
    memory_mb: int | None
    health_port: int
    timing: str


def read_config(environment: Mapping[str, str] = os.environ) -> Config:
    cores = os.cpu_count() or 1
    memory = environment.get("PERENNIAL_TRAINER_MEMORY_MB", "")
    data = environment.get("PERENNIAL_DATA", "")
    timing = environment.get("PERENNIAL_TIMING", "production")
    return Config(
        temporal_address=_required(environment, "TEMPORAL_ADDRESS"),
        temporal_namespace=environment.get("TEMPORAL_NAMESPACE", "default"),
        data=Path(data) if data else None,
        sources=tuple(each for each in environment.get("PERENNIAL_TRAINERS", "").split(":") if each),
        slots=_number(environment, "PERENNIAL_TRAINER_SLOTS", 1),
        threads=_number(environment, "PERENNIAL_TRAINER_THREADS", cores),
        stalled_seconds=float(_number(environment, "PERENNIAL_TRAINER_STALLED_SECONDS", 120)),
        memory_mb=int(memory) if memory else None,
        health_port=_number(environment, "PERENNIAL_TRAINER_HEALTH_PORT", 0, least=0),
        timing=timing,
    )


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"Configuration: {name} must be set")
    return value


def _number(environment: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < least:
        raise ConfigError(f"Configuration: {name} must be a whole number of at least {least}, got {text}")
    return int(text)
