"""Trainers that go wrong in one way each."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from typing import Any

from perennial_trainer import Cancelled, TrainingContext, trainer


@trainer("raises")
def raises(context: TrainingContext) -> Any:
    raise KeyError("no such column")


@trainer("dies")
def dies(context: TrainingContext) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


@trainer("dies_with_a_worker")
def dies_with_a_worker(context: TrainingContext) -> Any:
    """As multiprocessing leaves it when memory runs out: the forked process has the pipe, and is still there."""
    if os.fork() == 0:
        if context.parameter("own_session", False):
            os.setsid()
        (context.checkpoint_folder / "pid").write_text(str(os.getpid()))
        time.sleep(600)
    while not (context.checkpoint_folder / "pid").exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)


@trainer("segfaults")
def segfaults(context: TrainingContext) -> Any:
    ctypes.string_at(0)


@trainer("hangs")
def hangs(context: TrainingContext) -> Any:
    sleeper = subprocess.Popen(["sleep", "600"])
    (context.checkpoint_folder / "pid").write_text(str(sleeper.pid))
    time.sleep(600)


@trainer("announces_silence")
def announces_silence(context: TrainingContext) -> Any:
    context.progress("quiet now", quiet_seconds=30)
    time.sleep(2.5)
    raise RuntimeError("it was waited for")


@trainer("hoards")
def hoards(context: TrainingContext) -> Any:
    held = []
    while True:
        held.append(bytearray(64 << 20))


@trainer("diverges")
def diverges(context: TrainingContext) -> Any:
    for step, loss in enumerate([0.7, 0.6, 0.9, float("nan")]):
        context.progress("an epoch", metrics={"loss": loss}, step=step)


@trainer("returns_garbage")
def returns_garbage(context: TrainingContext) -> Any:
    return b"certainly not a model"


@trainer("counts")
def counts(context: TrainingContext) -> Any:
    try:
        for step in range(6_000):
            context.progress("counting", step=step)
            time.sleep(0.05)
    except Cancelled:
        (context.checkpoint_folder / "left").write_text("in order")
        raise


@trainer("prints")
def prints(context: TrainingContext) -> Any:
    print('{"checkpoint": "printed"}', flush=True)
    raise RuntimeError("after printing")


@trainer("checkpoints")
def checkpoints(context: TrainingContext) -> Any:
    context.save_checkpoint()
    time.sleep(600)
