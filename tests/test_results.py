"""Published records, and the README that quotes them."""

import json

import pytest

from bigdeep import results, train
from bigdeep.errors import BadInput
from conftest import ROOT

RECORDS = results.read(ROOT / "results")


def test_the_readmes_tables_are_made_of_the_records():
    readme = (ROOT / "README.md").read_text()
    assert results.with_tables(readme, RECORDS, results.read(ROOT / "results" / "benchmarks")) == readme


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


def test_an_unfinished_run_has_no_record(tmp_path):
    with pytest.raises(BadInput, match="no result.json"):
        results.record(tmp_path)


def test_a_readme_without_marks_is_refused():
    with pytest.raises(BadInput, match="no marks of the table of results"):
        results.with_tables("# bigdeep", {}, {})
