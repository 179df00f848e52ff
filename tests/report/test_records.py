"""Published records, and the pages that are made of them."""

import json
import pathlib

import pytest
from PIL import Image

from bigdeep import training
from bigdeep.errors import BadInput
from bigdeep.report import figures, markdown, pages, records
from bigdeep.report.tables import committees, mistakes, nets, search
from bigdeep.tools import publish
from conftest import ROOT

RESULTS = ROOT / "results"
RUNS = records.read(RESULTS, "run", "speedrun")


def test_the_pages_are_made_of_the_records():
    for path, text in pages.pages(ROOT).items():
        assert path.read_text() == text, path


def test_every_record_says_its_kind_and_lies_in_its_place():
    """And is read back by somebody: nothing lies there that no table knows."""
    for path in RESULTS.rglob("*.json"):
        record = json.loads(path.read_text())
        assert record["kind"] in records.FOLDERS, path
        assert path.parent == (RESULTS / records.place(record, "x")).parent, path


def test_the_search_knows_nothing_of_the_test_set():
    for name, record in records.read(RESULTS, "search").items():
        assert record["values"]["data"]["validation"], name
        assert "test_" not in json.dumps(record), name
        assert "+changes" not in record["git_commit"], name


@pytest.mark.parametrize("name", RUNS)
def test_records_are_whole_and_of_whole_data_sets(name):
    record = RUNS[name]
    records.check(record, name)
    best = min(record["evaluations"], key=lambda row: (row["validation_errors"], -row["step"]))
    assert record["test_errors_at_best_validation"] == best["test_errors"] == sum(record["test_errors_halves"])
    assert record["test_errors_final"] == record["evaluations"][-1]["test_errors"]
    assert record["values"]["seed"] == record["seed"]


def test_a_record_and_its_row(smoke, tmp_path):
    result = training.run(smoke("mlp2"), str(tmp_path))
    record = publish.run_record(tmp_path)
    assert {key: record[key] for key in result} == result
    assert record["evaluations"][-1]["test_errors"] == result["test_errors_final"]
    record["config"] = "mlp2"
    row = nets.paper({"x.json": json.loads(json.dumps(record))}).splitlines()[2]
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
    lines = nets.nets({"runs/lenet5/a.json": row, "runs/two_layer/b.json": other}).splitlines()[2:]
    assert lines[0].startswith("| `two_layer:fast` | 60,850 | 10 to 15, the 2017 framework |")
    assert lines[1] == (
        "| `lenet5:distorted` | 60,850 | 0.8, LeCun 1998 | **0.60** (0.55, 0.61) | 40 + 20 of 10,000 | 5, 60 s | "
        "[a.json](results/runs/lenet5/a.json) |"
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
    rows = nets.comparison(records).splitlines()[2:]
    assert rows[0].startswith("| `b` | **0.90** | 0.90 | 1.60 / 0.20 | 100.00 |")
    assert rows[1].startswith("| `a` | **1.10 ± 0.14** | 1.00, 1.20 | 2.00 / 0.20 | 97.00 |")


def test_a_run_that_was_stopped_has_a_record_too(smoke, tmp_path):
    result = training.run(smoke("mlp2"), str(tmp_path / "x"))
    (tmp_path / "x" / "result.json").unlink()
    record = publish.run_record(tmp_path / "x")
    assert records.place(record, "x") == pathlib.Path("runs/test/x.json")
    assert record["kind"] == "unfinished"
    assert record["evaluations"][-1]["test_errors"] == result["test_errors_final"]
    assert (record["versions"], record["git_commit"]) == (result["versions"], result["git_commit"])
    row = nets.unfinished({"runs/test/x.json": record}).splitlines()[2]
    assert row.startswith("| [test](results/runs/test/x.json) | 2 of 2 |")
    assert row.endswith(f"| **{result['test_errors_final'] / 10:.2f}** |")


def test_a_folder_without_a_run_has_no_record(tmp_path):
    with pytest.raises(BadInput, match=r"no config\.json"):
        publish.run_record(tmp_path)


def test_a_readme_without_marks_is_refused():
    with pytest.raises(BadInput, match="no marks of the table of results"):
        markdown.filled("# bigdeep", {"results": ""}, "README.md")


def test_a_run_that_held_out_images_goes_to_the_search_without_test_figures(smoke, tmp_path):
    config = smoke("mlp2")
    config["data"]["validation"] = "last:500"
    training.run(config, str(tmp_path / "x1-tiny-0"))
    record = publish.run_record(tmp_path / "x1-tiny-0")
    assert records.place(record, "x1-tiny-0") == pathlib.Path("search/x1-tiny-0.json")
    assert "test_" not in json.dumps(record)
    assert record["evaluations"][-1]["validation_errors"] >= record["validation_errors"]
    other = json.loads(json.dumps(record))
    other["values"]["schedule"]["rate"] = 0.5
    rows = search.search({"search/x1-tiny-0.json": record, "search/x1-fast-0.json": other}).splitlines()[2:]
    assert rows[0].startswith("| [x1-tiny-0](../results/search/x1-tiny-0.json) |  | **")
    assert rows[1].startswith("| [x1-fast-0](../results/search/x1-fast-0.json) | schedule.rate: 0.008 -> 0.5 | **")


REFUSED = [
    ({"git_commit": "abc+changes"}, "found \"a record of commit 'abc"),
    ({"git_commit": "unknown (git: dubious)"}, "found \"a record of commit 'unknown "),
    ({"dataset": {"name": "mnist-5k"}}, "found 'a record of mnist-5k', expected one of a whole data set"),
    ({"kind": "rumour"}, "found \"the kind 'rumour'\""),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_cannot_be_published_is_refused(tmp_path, change, message):
    record = {"kind": "committee", "git_commit": "abc", "dataset": "mnist", "members": [{"config": "mlp2"}], **change}
    (tmp_path / "x.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match=message):
        publish.add(tmp_path / "x.json", "x", tmp_path)


def test_no_record_takes_the_place_of_another(tmp_path):
    record = {"kind": "committee", "git_commit": "abc", "dataset": "mnist", "members": [{"state_sha256": "1"}]}
    source = tmp_path / "x.json"
    source.write_text(json.dumps(record))
    assert publish.add(source, "pair", tmp_path / "results") == tmp_path / "results/committees/pair.json"
    publish.add(source, "pair", tmp_path / "results")
    source.write_text(json.dumps({**record, "members": [{"state_sha256": "2"}]}))
    with pytest.raises(BadInput, match="found 'the record of another run in"):
        publish.add(source, "pair", tmp_path / "results")


def speedrun(config: str, seed: int, errors: int, wall: float) -> dict:
    evaluations = [
        {"seconds": 10.0, "validation_errors": 9, "test_errors": 200},
        {"seconds": 20.0, "validation_errors": 12, "test_errors": 5},
        {"seconds": 30.0, "validation_errors": 3, "test_errors": errors},
    ]
    record = {"config": config, "seed": seed, "test_errors_at_best_validation": errors, "wall_seconds": wall}
    record |= {
        "test_total": 10_000,
        "values": {"model": {"name": "mlp", "widths": [30, 20]}},
        "epochs": 3,
        "device": "abacus",
    }
    return {**record, "git_commit": "c0ffee", "seconds": wall - 5, "evaluations": evaluations}


def test_speedruns_in_a_row_and_in_a_figure(tmp_path):
    runs = [speedrun("fast", 1, 60, 40.0), speedrun("fast", 0, 50, 44.0), speedrun("slow", 0, 40, 600.0)]
    records = {f"{i}.json": r for i, r in enumerate(runs)}
    lines = nets.speedruns(records).splitlines()[2:]
    assert lines[0] == "| `fast` | 30-20 | **0.55 ± 0.07** | 0.50, 0.60 | 40 s to 44 s | 3 | abacus |"
    assert lines[1].startswith("| `slow` | 30-20 | **0.40** | 0.40 | 10 min |")
    records["3.json"] = {**speedrun("fast", 0, 40, 93.0), "epochs": 7}  # a later recipe
    records["4.json"] = {**speedrun("fast", 0, 40, 121.0), "epochs": 7, "git_commit": "decaf"}  # timed once more
    later = nets.speedruns(records).splitlines()[3:5]
    assert [row.split(" | ")[4] for row in later] == ["93 s", "2 min"]
    assert all(row.startswith("| `fast` | 30-20 | **0.40** | 0.40 | ") and "| 7 |" in row for row in later)
    assert figures.best_so_far(runs[0], 5.0) == ([15.0, 25.0, 35.0], [2.0, 2.0, 0.6])
    figures.error_against_time(tmp_path / "figure.png", records, {"mlp2.json": {**runs[0], "config": "mlp2"}})
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size == (880, 495)


def test_shared_mistakes_are_those_of_all_nets():
    def record(net, *wrong):
        found = [{"index": i, "label": 8, "guesses": [[guess, p], [8, 0.1]]} for i, guess, p in wrong]
        return {"members": [{"config": net}], "mistakes": found}

    made = {"a.json": record("mlp2", (7, 3, 0.9), (5, 0, 0.6)), "b.json": record("mlp5", (9, 1, 0.5), (7, 2, 0.754))}
    rows = mistakes.shared(made).splitlines()
    assert rows[0] == "| image | label | [`mlp2`](results/a.json) | [`mlp5`](results/b.json) |"
    assert rows[2:] == ["| #7 | 8 | 3 (90 %) | 2 (75 %) |"]


def test_a_committee_in_a_row():
    members = [{"config": "mlp5", "seed": seed, "test_errors": errors} for seed, errors in ((0, 40), (1, 35))]
    record = {"members": members, "test_errors": 30, "test_errors_halves": [20, 10], "test_total": 10_000}
    assert committees.committees({"committees/two.json": record}).splitlines()[2] == (
        "| [two](results/committees/two.json) | 2 `mlp5` | 0.40, 0.35 | **0.30** | 20 + 10 |  |"
    )


def test_what_was_judged_on_held_out_images_stands_in_no_table():
    one = {"members": [{"config": "mlp5", "seed": 0}], "validation_errors": 9, "validation_total": 1000}
    column = {**one, "members": [{"config": "fractalnet", "model": {"column": 1}}]}
    judged = {"committees/a.json": one, "committees/b.json": column, "committees/c.json": one | {"by_writer": []}}
    for made in (committees.committees(judged), committees.columns(judged), committees.hands(judged)):
        assert len(made.splitlines()) == 2


def test_members_of_a_committee_that_one_run_trained_stand_beside_it():
    run = {**speedrun("both", 1, 33, 2500.0), "state_sha256": "1"}
    judged = {
        f"committees/{k}.json": {
            "members": [{"config": "both", "seed": 1, "state_sha256": "1", "model": {"member": k}}],
            "test_errors": errors,
            "test_total": 10_000,
        }
        for k, errors in ((2, 41), (1, 38))
    }
    first = judged["committees/1.json"]
    whole, two = {**first["members"][0], "model": {"member": 0}}, first["members"] * 2
    others = {
        "committees/0.json": {**first, "members": [whole]},
        "committees/two.json": {**first, "members": two, "test_errors": 35},
    }
    held_out = {key: value for key, value in first.items() if key != "test_errors"}
    judged = {**judged, **others, "committees/held-out.json": held_out}
    lines = committees.members(judged, {"a.json": run, "b.json": {**run, "state_sha256": "2"}}).splitlines()
    assert lines[2:] == ["| `both`, seed 1 | 0.38, 0.41 | **0.33** |"]
    assert len(committees.committees(judged).splitlines()) == 2
    dense = [{"name": "dense", "width": 8}, {"name": "dense", "width": 7}, {"name": "dense", "width": 10}]
    members = [{"name": "mlp", "widths": [30, 20]}, {"name": "mlp", "widths": [9, 9]}]
    members.append({"name": "stack", "layers": [{"name": "directions"}, {"name": "flatten"}, *dense]})
    run["values"] = {"model": {"name": "committee", "members": members, "member": 0}}
    row = nets.speedruns({"a.json": run}).splitlines()[2]
    assert row.startswith("| `both` | 30-20, 2 × 9, 8-7 on directions | **0.33** |")
