"""`python -m perennial_trainer`: serves the task queue `train-python` until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from .api import TrainerFault
from .artifacts import SharedFolder
from .attempt import Limits
from .config import Config, ConfigError, read_config
from .loading import known_trainers, load_trainers, trainer_digest
from .run import Trainers
from .worker import TrainingActivities

TASK_QUEUE = "train-python"
log = logging.getLogger("perennial_trainer")


async def serve(config: Config) -> None:
    digest = trainer_digest(config.sources)
    test = config.timing == "test"
    activities = TrainingActivities(
        Trainers(
            sources=config.sources,
            digest=digest,
            shared=None if config.data is None else SharedFolder(config.data / "artifacts"),
            threads=config.threads,
            limits=Limits(config.stalled_seconds, 1.0 if test else 10.0, config.memory_mb),
        )
    )
    client = await Client.connect(config.temporal_address, namespace=config.temporal_namespace)
    worker = Worker(
        client,
        task_queue=TASK_QUEUE,
        activities=[activities.train_external],
        identity=f"perennial-train-python@{socket.gethostname()}:{os.getpid()}",
        max_concurrent_activities=config.slots,
        max_heartbeat_throttle_interval=timedelta(seconds=2),
        # A run that a stopping worker gives up goes on from its checkpoint on the next one.
        graceful_shutdown_timeout=timedelta(seconds=0 if test else 5),
    )
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    health = await asyncio.start_server(_answer_health, "127.0.0.1", config.health_port)
    async with health, worker:
        log.info("serving %s with trainers %s (digest %s)", TASK_QUEUE, ", ".join(known_trainers()), digest[:12])
        await stopping.wait()
    log.info("stopped")


async def _answer_health(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\nconnection: close\r\n\r\n{\"healthy\":true}")
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        config = read_config()
        # Loaded here too, so that a broken file is told at the start and not by the first run.
        load_trainers(config.sources)
        asyncio.run(serve(config))
    except (ConfigError, TrainerFault) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
