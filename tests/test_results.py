"""Published records, and the README that quotes them."""

import json
import pathlib

import pytest
from PIL import Image

from bigdeep import figures, results, tables, train
from bigdeep.errors import BadInput
from conftest import ROOT

NOT_RUNS = ("benchmarks", "committees", "fits", "mistakes", "search", "unfinished")
FOLDERS = [ROOT / "results", *(p for p in (ROOT / "results").iterdir() if p.is_dir() and p.name not in NOT_RUNS)]
RECORDS = {f"{folder.name}/{name}": r for folder in sorted(FOLDERS) for name, r in results.read(folder).items()}


def test_the_readmes_tables_are_made_of_the_records():
    readme = (ROOT / "README.md").read_text()
    assert results.readme(readme, ROOT / "results") == readme


def test_the_lab_notebooks_tables_are_made_of_the_records():
    notebook = (ROOT / results.NOTEBOOK).read_text()
    assert results.notebook(notebook, ROOT / "results") == notebook


def test_the_search_knows_nothing_of_the_test_set():
    for name, record in results.read(ROOT / "results" / "search").items():
        assert record["values"]["data"]["validation"] > 0, name
        assert "test_" not in json.dumps(record), name
        assert "+changes" not in record["git_commit"], name


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
    row = tables.paper({"x.json": json.loads(json.dumps(record))}).splitlines()[2]
    assert f"**{result['test_errors_at_best_validation'] / 10:.2f}**" in row
    assert "results/x.json" in row


def test_a_net_stands_beside_its_source():
    row = {"config": "lenet5:distorted", "parameters": 60_850, "test_total": 10_000, "test_errors_halves": [40, 20]}
    row |= {
        "test_errors_at_best_validation": 60,
        "test_errors_best": 55,
        "test_errors_final": 61,
        "epochs": 5,
        "seconds": 60.0,
    }
    other = {**row, "config": "two_layer:fast"}
    lines = tables.nets({"lenet5/a.json": row, "two_layer/b.json": other}).splitlines()[2:]
    assert lines[0].startswith("| `two_layer:fast` | 60,850 | 10 to 15, the 2017 framework |")
    assert lines[1] == (
        "| `lenet5:distorted` | 60,850 | 0.8, LeCun 1998 | **0.60** (0.55, 0.61) | 40 + 20 of 10,000 | 5, 60 s | "
        "[a.json](results/lenet5/a.json) |"
    )


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
    rows = tables.comparison(records).splitlines()[2:]
    assert rows[0].startswith("| `b` | **0.90** | 0.90 | 1.60 / 0.20 | 100.00 |")
    assert rows[1].startswith("| `a` | **1.10 ± 0.14** | 1.00, 1.20 | 2.00 / 0.20 | 97.00 |")


def test_a_run_that_was_stopped_has_a_record_too(smoke, tmp_path):
    result = train.run(smoke("mlp2"), str(tmp_path / "x"))
    (tmp_path / "x" / "result.json").unlink()
    record = results.record(tmp_path / "x")
    assert results.place(tmp_path / "x", record) == pathlib.Path("unfinished/x.json")
    assert record["evaluations"][-1]["test_errors"] == result["test_errors_final"]
    assert (record["versions"], record["git_commit"]) == (result["versions"], result["git_commit"])
    row = tables.unfinished({"x.json": record}).splitlines()[2]
    assert row.startswith("| [x](results/unfinished/x.json) | 2 of 2 |")
    assert row.endswith(f"| **{result['test_errors_final'] / 10:.2f}** |")


def test_a_folder_without_a_run_has_no_record(tmp_path):
    with pytest.raises(BadInput, match=r"no config\.json"):
        results.record(tmp_path)


def test_a_readme_without_marks_is_refused():
    with pytest.raises(BadInput, match="no marks of the table of results"):
        results.filled("# bigdeep", {"results": ""}, "README.md")


def test_a_run_that_held_out_images_goes_to_the_search_without_test_figures(smoke, tmp_path):
    config = smoke("mlp2")
    config["data"]["validation"] = 500
    train.run(config, str(tmp_path / "x1-tiny-0"))
    record = results.record(tmp_path / "x1-tiny-0")
    assert results.place(tmp_path / "x1-tiny-0", record) == pathlib.Path("search/x1-tiny-0.json")
    assert "test_" not in json.dumps(record)
    assert record["evaluations"][-1]["validation_errors"] >= record["validation_errors"]
    row = tables.search({"x1-tiny-0.json": record}).splitlines()[2]
    assert row.startswith("| [x1-tiny-0](../results/search/x1-tiny-0.json) | **")


def speedrun(config: str, seed: int, errors: int, wall: float) -> dict:
    evaluations = [
        {"seconds": 10.0, "validation_errors": 9, "test_errors": 200},
        {"seconds": 20.0, "validation_errors": 12, "test_errors": 5},
        {"seconds": 30.0, "validation_errors": 3, "test_errors": errors},
    ]
    record = {"config": config, "seed": seed, "test_errors_at_best_validation": errors, "wall_seconds": wall}
    record |= {"test_total": 10_000, "values": {"model": {"widths": [30, 20]}}, "epochs": 3, "device": "abacus"}
    return {**record, "seconds": wall - 5, "evaluations": evaluations}


def test_speedruns_in_a_row_and_in_a_figure(tmp_path):
    runs = [speedrun("fast", 1, 60, 40.0), speedrun("fast", 0, 50, 44.0), speedrun("slow", 0, 40, 600.0)]
    records = {f"{i}.json": r for i, r in enumerate(runs)}
    lines = tables.speedruns(records).splitlines()[2:]
    assert lines[0] == "| `fast` | 30-20 | **0.55 ± 0.07** | 0.50, 0.60 | 40 s to 44 s | 3 | abacus |"
    assert lines[1].startswith("| `slow` | 30-20 | **0.40** | 0.40 | 10 min |")
    assert figures.best_so_far(runs[0], 5.0) == ([15.0, 25.0, 35.0], [2.0, 2.0, 0.6])
    figures.error_against_time(tmp_path / "figure.png", records, {"mlp2.json": {**runs[0], "config": "mlp2"}})
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size == (880, 495)


def test_a_committee_in_a_row():
    members = [{"config": "mlp5", "seed": seed, "test_errors": errors} for seed, errors in ((0, 40), (1, 35))]
    record = {"members": members, "test_errors": 30, "test_errors_halves": [20, 10], "test_total": 10_000}
    assert tables.committees({"two.json": record}).splitlines()[2] == (
        "| [two](results/committees/two.json) | 2 `mlp5` | 0.40, 0.35 | **0.30** | 20 + 10 |  |"
    )
