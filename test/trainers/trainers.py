"""Trainers for the tests of the Python worker: one that resumes, and some that go wrong for good."""

import os
import signal
import time

from perennial_trainer import TrainingContext, trainer

EPOCHS = 8


@trainer("epochs")
def epochs(context: TrainingContext):
    """Counts epochs in its checkpoint; where the parameters say so, the first attempt ends itself after the fifth."""
    kept = context.checkpoint_folder / "epoch"
    done = int(kept.read_text()) if kept.exists() else 0
    for epoch in range(done + 1, EPOCHS + 1):
        time.sleep(context.parameter("epoch_seconds", 0.0))
        context.progress(f"epoch {epoch}", metrics={"loss": 1 / epoch, "begun_at": done}, step=epoch)
        kept.write_text(str(epoch))
        context.save_checkpoint()
        if context.attempt == 1 and epoch == 5 and context.parameter("dies", False):
            # A beat carries the checkpoint first.
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)
    # Not at the top: the other trainers of this file need none of it, and it takes seconds to import.
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = context.load()
    model = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())
    return model.fit(rows.features, rows.labels.astype(int))


@trainer("hangs")
def hangs(context: TrainingContext):
    context.progress("going to sleep")
    time.sleep(600)


@trainer("diverges")
def diverges(context: TrainingContext):
    for step, loss in enumerate([0.7, 0.4, float("nan")]):
        context.progress("a step", metrics={"loss": loss}, step=step)
