"""Records what scikit-learn does on its own data sets, for test/reference/*.test.ts.

Run: python test/reference/record.py   (scikit-learn 1.9.1, numpy)

Writes data/NAME.csv (features as float32, then the label) and recorded.json: the folds of repeated 5 x 5 cross-validation,
the score of HistGradientBoosting with its default settings on each, and coefficients of linear models on whole data sets.
"""
import json
import pathlib
import numpy as np
import sklearn
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
NAMES = {"breast_cancer": "binary", "wine": "multiclass", "digits": "multiclass", "iris": "multiclass", "diabetes": "regression"}


def load(name):
    data = getattr(datasets, f"load_{name}")()
    return data.data.astype(np.float32), data.target.astype(np.float64)


def text(value):
    return np.format_float_positional(value, trim="-", unique=True)


def folds_of(x, y, task):
    splitter = RepeatedKFold if task == "regression" else RepeatedStratifiedKFold
    folds = splitter(n_splits=5, n_repeats=5, random_state=20261125).split(x, y)
    repeats = []
    for index, (_, test) in enumerate(folds):
        if index % 5 == 0:
            repeats.append(np.zeros(len(y), dtype=int))
        repeats[-1][test] = index % 5
    return repeats


def boosting(name, task):
    x, y = load(name)
    with open(HERE / "data" / f"{name}.csv", "w") as file:
        for row, label in zip(x, y):
            file.write(",".join([*(text(v) for v in row), text(label)]) + "\n")
    make = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    repeats = folds_of(x, y, task)
    scores = [
        [make(random_state=0).fit(x[f != k], y[f != k]).score(x[f == k], y[f == k]) for k in range(5)] for f in repeats
    ]
    return {
        "task": task,
        "metric": "r2" if task == "regression" else "accuracy",
        "folds": ["".join(map(str, f)) for f in repeats],
        "scores": scores,
    }


def with_intercept(z):
    return np.hstack([np.ones((len(z), 1)), z])


def ridge_errors(information, l2):
    """Square roots of the diagonal of A^-1 I A^-1, A the information and the ridge on all but the intercept."""
    penalty = np.eye(len(information)) * l2
    penalty[0, 0] = 0
    inverse = np.linalg.inv(information + penalty)
    return np.sqrt(np.diag(inverse @ information @ inverse))


def logistic():
    x, y = load("breast_cancer")
    z = StandardScaler().fit_transform(x.astype(np.float64))
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(z, y)
    p = model.predict_proba(z)[:, 1]
    design = with_intercept(z)
    information = design.T @ (design * (p * (1 - p))[:, None])
    return {"coefficients": model.coef_[0].tolist(), "intercept": model.intercept_[0], "errors": ridge_errors(information, 1.0)[1:].tolist()}


def multinomial():
    x, y = load("iris")
    z = StandardScaler().fit_transform(x.astype(np.float64))
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(z, y)
    return {"coefficients": model.coef_.tolist(), "probabilities": model.predict_proba(z)[::10].tolist()}


def ridge():
    x, y = load("diabetes")
    z = StandardScaler().fit_transform(x.astype(np.float64))
    model = Ridge(alpha=1.0).fit(z, y)
    design = with_intercept(z)
    residuals = y - model.predict(z)
    sigma = np.sqrt(residuals @ residuals / (len(y) - design.shape[1]))
    return {
        "coefficients": model.coef_.tolist(),
        "intercept": model.intercept_,
        "errors": (sigma * ridge_errors(design.T @ design, 1.0))[1:].tolist(),
    }


def main():
    (HERE / "data").mkdir(exist_ok=True)
    recorded = {
        "origin": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}, test/reference/record.py",
        "boosting": {name: boosting(name, task) for name, task in NAMES.items()},
        "linear": {"logistic": logistic(), "multinomial": multinomial(), "ridge": ridge()},
    }
    (HERE / "recorded.json").write_text(json.dumps(recorded) + "\n")


main()
