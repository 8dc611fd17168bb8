"""What happens to an attempt whose trainer misbehaves: real processes, ended in every way they can end."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
import unittest
from pathlib import Path

from perennial_trainer.api import TrainerFault

from .support import Prepared, prepare

FAULTY = str(Path(__file__).parent / "faulty_trainers.py")


class Attempts(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def fault_of(self, prepared: Prepared, **limits: float | int) -> TrainerFault:
        with self.assertRaises(TrainerFault) as caught:
            prepared.run([FAULTY], **limits)  # type: ignore[arg-type]
        return caught.exception

    def assert_gone(self, pid: int) -> None:
        deadline = time.monotonic() + 5
        while not is_gone(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(is_gone(pid))

    def test_an_exception_ends_the_run_and_its_trace_is_in_the_log(self) -> None:
        prepared = prepare(self.folder, "raises")
        fault = self.fault_of(prepared)
        self.assertEqual((fault.code, fault.details["reason"]), ("PRN_TRAINER_FAILED", "KeyError: 'no such column'"))
        self.assertIn("in raises", (self.folder / "stderr.log").read_text())

    def test_a_process_that_is_gone_is_told_by_its_signal(self) -> None:
        fault = self.fault_of(prepare(self.folder, "dies"))
        self.assertEqual(fault.code, "PRN_TRAINER_CRASHED")
        self.assertEqual(fault.details["how"], "by SIGKILL, as the system does when memory runs out")

    def test_a_segmentation_fault_takes_nobody_else_along(self) -> None:
        fault = self.fault_of(prepare(self.folder, "segfaults"))
        self.assertEqual((fault.code, fault.details["how"]), ("PRN_TRAINER_CRASHED", "by SIGSEGV"))

    def test_a_process_that_is_gone_is_noticed_although_it_had_forked(self) -> None:
        fault = self.fault_of(prepare(self.folder, "dies_with_a_worker"), stalled=10.0)
        self.assertEqual(fault.code, "PRN_TRAINER_CRASHED")
        self.assert_gone(int((self.folder / "kept" / "files" / "pid").read_text()))

    def test_a_process_of_another_session_that_has_the_pipe_is_not_waited_for(self) -> None:
        fault = self.fault_of(prepare(self.folder, "dies_with_a_worker", {"own_session": True}), stalled=10.0)
        os.kill(int((self.folder / "kept" / "files" / "pid").read_text()), signal.SIGKILL)
        self.assertEqual(fault.code, "PRN_TRAINER_CRASHED")

    def test_silence_is_ended_with_all_processes_that_the_trainer_started(self) -> None:
        prepared = prepare(self.folder, "hangs")
        fault = self.fault_of(prepared, stalled=1.0)
        self.assertEqual(fault.code, "PRN_TRAINER_STALLED")
        self.assert_gone(int((self.folder / "kept" / "files" / "pid").read_text()))

    def test_an_announced_silence_is_waited_for(self) -> None:
        prepared = prepare(self.folder, "announces_silence")
        self.assertEqual(self.fault_of(prepared, stalled=1.0).details["reason"], "RuntimeError: it was waited for")

    def test_memory_beyond_the_bound_ends_the_attempt_and_is_told(self) -> None:
        fault = self.fault_of(prepare(self.folder, "hoards"), memory_mb=600)
        self.assertEqual(fault.code, "PRN_TRAINER_MEMORY")

    def test_a_loss_that_is_not_a_number_ends_the_run_as_diverged(self) -> None:
        fault = self.fault_of(prepare(self.folder, "diverges"))
        self.assertEqual(fault.code, "PRN_TRAINING_DIVERGED")
        self.assertEqual((fault.details["iteration"], fault.details["problem"]), (3, "loss is nan"))

    def test_what_is_neither_onnx_nor_an_estimator_is_refused(self) -> None:
        self.assertEqual(self.fault_of(prepare(self.folder, "returns_garbage")).code, "PRN_TRAINER_NOT_ONNX")

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        fault = self.fault_of(prepare(self.folder, "hanks"))
        self.assertEqual(fault.code, "PRN_TRAINER_UNKNOWN")
        self.assertIn("hangs", fault.details["known"])
        self.assertIn("lightgbm", fault.details["known"])

    def test_an_attempt_whose_checkpoint_is_refused_ends_with_the_reason(self) -> None:
        prepared = prepare(self.folder, "checkpoints")

        def refuse(archive: Path) -> None:
            raise TrainerFault("PRN_RUN_STALE_WRITER", runId="r1", holder="attempt 2", epoch=1)

        attempt = prepared.attempt([FAULTY])
        attempt.on_checkpoint = refuse
        with self.assertRaises(TrainerFault) as caught:
            asyncio.run(attempt.run())
        self.assertEqual(caught.exception.code, "PRN_RUN_STALE_WRITER")

    def test_cancelling_lets_the_trainer_end_by_itself(self) -> None:
        prepared = prepare(self.folder, "counts")

        async def cancel_in_the_middle() -> None:
            running = asyncio.create_task(prepared.attempt([FAULTY]).run())
            while len(prepared.reports) < 3:
                await asyncio.sleep(0.05)
            running.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await running

        asyncio.run(cancel_in_the_middle())
        self.assertEqual((self.folder / "kept" / "files" / "left").read_text(), "in order")

    def test_what_a_trainer_prints_is_log_and_not_protocol(self) -> None:
        prepared = prepare(self.folder, "prints")
        self.fault_of(prepared)
        self.assertIn('{"checkpoint": "printed"}', (self.folder / "stderr.log").read_text())
        self.assertEqual(prepared.checkpoints, [])

    def test_an_attempt_ends_with_its_supervisor(self) -> None:
        prepare(self.folder, "hangs")
        reading, writing = os.pipe()
        supervisor = os.fork()
        if supervisor == 0:
            os.close(reading)
            from perennial_trainer.attempt import Attempt, Limits

            asyncio.run(Attempt(self.folder, [FAULTY], Limits(60, 1, None), lambda _r: os.write(writing, b"."), print).run())
            os._exit(0)
        os.close(writing)
        while not (self.folder / "kept" / "files" / "pid").exists():
            time.sleep(0.05)
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)
        self.assert_gone(int((self.folder / "kept" / "files" / "pid").read_text()))


def is_gone(pid: int) -> bool:
    """True for a process that has ended, also where nobody has asked how yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except FileNotFoundError:
        return True


if __name__ == "__main__":
    unittest.main()
