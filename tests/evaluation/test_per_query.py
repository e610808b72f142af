"""What each query scored, written and read back."""

import numpy as np
import pandas as pd
import pytest

from aml.evaluation.per_query import COLUMNS, read_average_precisions, write_per_query
from aml.evaluation.ranking import labelled_rows, summarise
from tests.evaluation.naive import counts_by_sorting

LABELS = [
    {"easy": [0, 3], "hard": [5], "junk": [1]},
    {"easy": [2], "hard": [], "junk": []},
    {"easy": [], "hard": [], "junk": [4]},
]
NAMES = ["a", 'b, "c"', "d"]
QUERIES = list(zip(NAMES, (0, 1, 0), strict=True))


@pytest.fixture
def results():
    """Random scores of three queries, the last without positives, against 40 rows, 34 of them distractors."""
    scores, rows = np.random.default_rng(0).random((3, 40)), labelled_rows(LABELS)
    return {
        flag: summarise(counts_by_sorting(scores[:, : 40 if flag else 6], rows)[0], LABELS) for flag in (False, True)
    }


def test_means_are_the_summary_s(results, tmp_path):
    path = tmp_path / "queries" / "x.csv"
    by_set = {"test": results[False], "test+crowd": results[True]}
    write_per_query(path, {"symmetric": by_set}, dict.fromkeys(by_set, QUERIES))
    lines = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == 2 * 3 * 3 and [line["query"] for line in lines[:3]] == NAMES
    found = read_average_precisions(path)
    for name, levels in by_set.items():
        for level, summary in levels.items():
            of_level = [line for line in lines if (line["set"], line["level"]) == (name, level)]
            for measure in COLUMNS[5:]:
                values = [float(line[measure]) for line in of_level if line[measure]]
                assert len(values) == summary["num_queries"]
                assert np.mean(values) == pytest.approx(100 * summary[f"m{measure}"], abs=1e-6)
            of_queries = found["symmetric", name, level]
            assert list(of_queries) == [line["query"] for line in of_level if line["AP"]]
            assert np.mean(list(of_queries.values())) == pytest.approx(100 * summary["mAP"], abs=1e-6)
    assert list(found["symmetric", "test", "hard"]) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "starts with columns ; accepted: protocol, set"),
        ("query,AP\n", "starts with columns query, AP; accepted: protocol"),
        (",".join(COLUMNS) + "\nsymmetric,test,easy,a,0,x,,,\n", r"line 2: 'x'; accepted: a percentage from 0 to 100"),
        (",".join(COLUMNS) + "\nsymmetric,test,easy,a,0,1,,,100.1\n", "line 2: '100.1'; accepted"),
        (",".join(COLUMNS) + "\nsymmetric,test,eas\n", r"x\.csv, line 2: 3 values; 9 are expected"),
    ],
)
def test_another_file_is_refused(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_average_precisions(tmp_path / "x.csv")
