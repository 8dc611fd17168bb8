"""Write trainers in Python for Perennial: a function that gets rows and gives a model.

    from perennial_trainer import TrainingContext, trainer

    @trainer("mine")
    def train(context: TrainingContext):
        rows = context.load()
        ...
        return fitted_estimator          # or the bytes of an ONNX model
"""

from .api import Cancelled, Feature, Rows, TrainerFault, TrainingContext, trainer

__all__ = ["Cancelled", "Feature", "Rows", "TrainerFault", "TrainingContext", "trainer"]
