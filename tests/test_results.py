"""Published records, and the README that quotes them."""

import json

import pytest

from bigdeep import results, train
from bigdeep.errors import BadInput
from conftest import ROOT

RECORDS = results.read(ROOT / "results") | results.read(ROOT / "results" / "augmentations")


def test_the_readmes_tables_are_made_of_the_records():
    readme = (ROOT / "README.md").read_text()
    assert results.made(readme, ROOT / "results") == readme


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_whole_and_of_whole_data_sets(name):
    record = RECORDS[name]
    assert record["dataset"]["name"] != "mnist-5k"
    assert record["git_commit"]
    assert "+changes" not in record["git_commit"]
    best = min(record["evaluations"], key=lambda row: (row["validation_errors"], -row["step"]))
    assert record["test_errors_at_best_validation"] == best["test_errors"] == sum(record["test_errors_halves"])
    assert record["test_errors_final"] == record["evaluations"][-1]["test_errors"]
    assert record["values"]["seed"] == record["seed"]


def test_a_record_and_its_row(smoke, tmp_path):
    result = train.run(smoke("mlp2"), str(tmp_path))
    record = results.record(tmp_path)
    assert {key: record[key] for key in result} == result
    assert record["evaluations"][-1]["test_errors"] == result["test_errors_final"]
    row = results.table({"x.json": json.loads(json.dumps(record))}).splitlines()[2]
    assert f"**{result['test_errors_at_best_validation'] / 10:.2f}**" in row
    assert "results/x.json" in row


def test_variants_are_compared_over_their_seeds():
    def run(config, wrong, train_error):
        halves = [wrong - 10, 10]
        return {
            "config": config,
            "test_errors_at_best_validation": wrong,
            "test_errors_halves": halves,
            "test_total": 10_000,
            "evaluations": [{"train_error": 0.5}, {"train_error": train_error}],
            "seconds": 60.0,
        }

    records = {
        "a-0.json": run("augmentations:a", 100, 0.02),
        "a-1.json": run("augmentations:a", 120, 0.04),
        "b-0.json": run("augmentations:b", 90, 0.0),
    }
    rows = results.comparison(records).splitlines()[2:]
    assert rows[0].startswith("| `b` | **0.90** | 0.90 | 1.60 / 0.20 | 100.00 |")
    assert rows[1].startswith("| `a` | **1.10** ± 0.14 | 1.00, 1.20 | 2.00 / 0.20 | 97.00 |")


def test_an_unfinished_run_has_no_record(tmp_path):
    with pytest.raises(BadInput, match="no result.json"):
        results.record(tmp_path)


def test_a_readme_without_marks_is_refused():
    with pytest.raises(BadInput, match="no marks of the table of results"):
        results.with_tables("# bigdeep", {}, {}, {})
