"""The shipped trainers with real scikit-learn and LightGBM."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

from perennial_trainer.api import TrainerFault

from .support import Prepared, labels_of, prepare, rows


class ShippedTrainers(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def agrees(self, prepared: Prepared) -> np.ndarray:
        """The exported model gives what the estimator gave on the sample; returns its predictions of all rows."""
        predictions = prepared.onnx_predictions()
        np.testing.assert_allclose(predictions[prepared.sample], prepared.sample_predictions(), rtol=1e-5, atol=1e-6)
        return predictions

    def test_each_estimator_of_each_task_is_exported_faithfully(self) -> None:
        for estimator in ("hist_gradient_boosting", "random_forest", "extra_trees", "linear"):
            for task in ("binary", "multiclass", "regression"):
                with self.subTest(estimator=estimator, task=task):
                    # A fresh folder each, so that no output of the one before is taken for this one's.
                    folder = self.folder / f"{estimator}-{task}"
                    folder.mkdir()
                    size = {"n_estimators": 20} if "forest" in estimator or "trees" in estimator else {}
                    prepared = prepare(folder, "sklearn", {"estimator": estimator, **size}, task=task, weighted=True)
                    prepared.run_here()
                    self.assertEqual(self.agrees(prepared).shape[1], 3 if task == "multiclass" else 1)

    def test_lightgbm_learns_with_a_categorical_and_says_how_each_iteration_went(self) -> None:
        for task in ("binary", "multiclass", "regression"):
            with self.subTest(task=task):
                folder = self.folder / task
                folder.mkdir()
                prepared = prepare(folder, "lightgbm", {"num_iterations": 40, "num_leaves": 7}, task=task)
                prepared.run_here()
                predictions = self.agrees(prepared)
                labels = labels_of(task, rows()[1])
                if task != "regression":
                    decided = predictions.argmax(axis=1) if task == "multiclass" else predictions[:, 0] > 0.5
                    self.assertGreater((decided == labels).mean(), 0.85)
                steps = [report["step"] for report in prepared.reports if "step" in report]
                self.assertEqual(steps, list(range(1, 41)))
                losses = [list(report["metrics"].values())[0] for report in prepared.reports if "step" in report]
                self.assertLess(losses[-1], losses[0])

    def test_lightgbm_takes_its_parameters_under_any_of_their_names_and_under_one_only(self) -> None:
        models = {}
        for name, parameters in {
            "first": {"num_iterations": 30, "seed": 3, "bagging_fraction": 0.5, "bagging_freq": 1},
            "alias": {"n_estimators": 30, "random_state": 3, "bagging_fraction": 0.5, "bagging_freq": 1},
        }.items():
            folder = self.folder / name
            folder.mkdir()
            prepared = prepare(folder, "lightgbm", parameters)
            prepared.run_here()
            self.assertEqual([r["step"] for r in prepared.reports if "step" in r], list(range(1, 31)))
            self.assertEqual(len(prepared.checkpoints), 1)
            models[name] = (folder / "output" / "model.onnx").read_bytes()
        self.assertEqual(models["alias"], models["first"])
        twice = prepare(self.folder, "lightgbm", {"num_iterations": 30, "max_iter": 40})
        with self.assertRaises(TrainerFault) as caught:
            twice.run_here()
        self.assertEqual(caught.exception.code, "PRN_TRAINING_INVALID_PARAMETER")
        self.assertEqual(caught.exception.details["parameter"], "max_iter")

    def test_lightgbm_goes_on_from_its_checkpoint(self) -> None:
        prepared = prepare(self.folder, "lightgbm", {"num_iterations": 60})
        prepared.run_here()
        self.assertEqual(len(prepared.checkpoints), 2)
        whole = prepared.onnx_predictions()
        prepared.reports.clear()
        prepared.resume_from(prepared.checkpoints[1])
        prepared.run_here()
        self.assertEqual([r["step"] for r in prepared.reports if "step" in r], list(range(51, 61)))
        # The kept trees are the same; those grown after them start from scores that were rounded on the way.
        np.testing.assert_allclose(prepared.onnx_predictions(), whole, atol=0.02)

    def test_boosting_of_sklearn_goes_on_from_its_checkpoint_to_the_same_model(self) -> None:
        prepared = prepare(self.folder, "sklearn", {"max_iter": 60})
        prepared.run_here()
        self.assertEqual(len(prepared.checkpoints), 2)
        whole = (self.folder / "output" / "model.onnx").read_bytes()
        prepared.resume_from(prepared.checkpoints[0])
        prepared.run_here()
        self.assertEqual((self.folder / "output" / "model.onnx").read_bytes(), whole)

    def test_a_checkpoint_that_does_not_fit_the_run_is_not_resumed_from(self) -> None:
        prepared = prepare(self.folder, "lightgbm", {"num_iterations": 30})
        prepared.run_here()
        [kept] = prepared.checkpoints
        foreign = self.folder / "foreign"
        foreign.mkdir()
        (foreign / "booster.txt").write_text("of an older form, without a mark")
        older = Path(shutil.make_archive(str(self.folder / "older"), "tar", foreign)).read_bytes()
        cases = [
            ("cannot be read", {}, older),
            ("cannot be read", {}, b"no archive at all"),
            ("of another run", {"num_iterations": 31}, kept),
            ("of another format", {}, kept.replace(b'"format": 1', b'"format": 0')),
            ("of another environment", {}, kept.replace(b'"lightgbm": "4', b'"lightgbm": "3')),
        ]
        for reason, changes, checkpoint in cases:
            with self.subTest(reason=reason):
                folder = self.folder / f"again-{len(list(self.folder.iterdir()))}"
                folder.mkdir()
                again = prepare(folder, "lightgbm", {"num_iterations": 30, **changes})
                again.resume_from(checkpoint)
                heard = io.StringIO()
                with contextlib.redirect_stderr(heard):
                    again.run_here()
                self.assertIn(f"starting anew: the checkpoint {'is ' if 'another' in reason else ''}{reason}", heard.getvalue())
                self.assertEqual(next(r["step"] for r in again.reports if "step" in r), 1)

    def test_the_same_request_gives_the_same_bytes(self) -> None:
        for name in ("sklearn", "lightgbm"):
            with self.subTest(trainer=name):
                models = []
                for attempt in ("one", "two"):
                    folder = self.folder / f"{name}-{attempt}"
                    folder.mkdir()
                    prepared = prepare(folder, name)
                    prepared.run_here()
                    models.append((folder / "output" / "model.onnx").read_bytes())
                self.assertEqual(models[0], models[1])

    def test_the_environment_is_told(self) -> None:
        prepared = prepare(self.folder, "lightgbm", {"num_iterations": 2})
        prepared.run_here()
        answer = json.loads((self.folder / "output" / "answer.json").read_text())
        self.assertEqual(answer["environment"]["packages"]["lightgbm"], "4.7.0")
        self.assertEqual(answer["predictedBy"], "estimator")

    def test_a_parameter_that_the_estimator_does_not_have_is_refused_by_name(self) -> None:
        prepared = prepare(self.folder, "sklearn", {"max_itr": 10})
        with self.assertRaises(TrainerFault) as caught:
            prepared.run_here()
        self.assertEqual(caught.exception.code, "PRN_TRAINING_INVALID_PARAMETER")
        self.assertEqual(caught.exception.details["parameter"], "max_itr")


if __name__ == "__main__":
    unittest.main()
