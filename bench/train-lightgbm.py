"""One training of the `train` benchmark by LightGBM: FILE TREES THREADS."""
import json
import re
import sys
import time

import lightgbm
import numpy
import pyarrow.parquet


def auc(scores, labels):
    """Share of correctly ordered pairs, ties counting half."""
    order = numpy.argsort(scores, kind="stable")
    values, first, counts = numpy.unique(scores[order], return_index=True, return_counts=True)
    ranks = numpy.repeat(first + (counts + 1) / 2, counts)
    positive = labels[order] == 1
    positives = positive.sum()
    return (ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


def main():
    file, trees, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    table = pyarrow.parquet.read_table(file)
    names = [f.name for f in table.schema if f.name != "label" and str(f.type) != "string"]
    columns = [table[name].to_numpy(zero_copy_only=False).astype(numpy.float32) for name in names]
    matrix = numpy.ascontiguousarray(numpy.column_stack(columns))
    labels = table["label"].to_numpy().astype(numpy.float32)
    del table, columns
    rows = len(labels) * 4 // 5
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    started = time.perf_counter()
    parameters = {
        "objective": "binary",
        "num_leaves": 31,
        "max_depth": 6,
        "learning_rate": 0.1,
        "lambda_l2": 1,
        "min_data_in_leaf": 20,
        "num_threads": threads,
        "verbose": -1,
    }
    model = lightgbm.train(parameters, lightgbm.Dataset(matrix[:rows], labels[:rows]), trees)
    seconds = time.perf_counter() - started
    with open("/proc/self/status") as status:
        peak = int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024
    print(json.dumps({"seconds": seconds, "auc": auc(model.predict(matrix[rows:]), labels[rows:]), "peakMb": peak}))


main()
