"""Studies: the rule, what is run and what is not, what fails; and that every one of them can be run."""

import json
import math
import statistics

import pytest

from bigdeep import configfile, experiment, spread, study
from bigdeep.errors import BadInput, Failed
from bigdeep.report import figures, pages
from bigdeep.report.tables import studies
from bigdeep.run import journal
from conftest import ROOT, run_bigdeep

NAMES = sorted(path.stem for path in (ROOT / "configs" / "studies").glob("*.py"))


def record(**errors):
    """A study of variations, each with the validation errors of its seeds among 1,000; None for one that diverged."""
    runs = [
        {"variation": name, "seed": seed, "validation_errors_final": e, "validation_total": 1000, "seconds": 10.0}
        if e is not None
        else {"variation": name, "seed": seed, "failed": "NaN", "epoch": 1.0}
        for name, values in errors.items()
        for seed, e in enumerate(values)
    ]
    about = {"study": "x", "question": "Which?", "dataset": "mnist", "measure": "validation_errors_final"}
    return about | {"variations": {n: {} for n in errors}, "baseline": next(iter(errors)), "runs": runs, "figure": {}}


def test_differences_are_paired_and_count_beyond_two_standard_errors():
    found = record(base=[50, 60, 70], same=[51, 59, 71], worse=[55, 66, 74], short=[40, None, None])
    worse = studies.difference(found, "worse")
    pairs = [0.5, 0.6, 0.4]
    assert worse.mean == pytest.approx(statistics.mean(pairs))
    assert worse.error == pytest.approx(statistics.stdev(pairs) / math.sqrt(3))
    assert worse.counts
    assert not studies.difference(found, "same").counts
    assert studies.verdict(found, "worse") == "+0.50 ± 0.06: worse"
    assert studies.verdict(found, "same") == "+0.03 ± 0.07: no difference that counts"
    assert studies.verdict(found, "short") == "too few runs"
    assert studies.verdict(found, "base") == "the baseline"


def test_tables_and_figures_say_how_many_runs_there_are_and_what_diverged(tmp_path):
    found = record(base=[50, 60, 70], half=[40, 45, None], all=[None, None, None])
    rows = studies.table(found).splitlines()
    assert rows[2] == "| base | 6.00 ± 1.00 | 3 | the baseline | 10 s |"
    assert rows[3].startswith("| half | 4.25 ± 0.35 | 2, 1 diverged | -1.25 ± 0.25: better |")
    assert rows[4] == "| all | – | 0, 3 diverged | too few runs |  |"
    for scale in ("linear", "log"):
        figures.study(tmp_path / "figure.png", found | {"figure": {"scale": scale}})
        assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.parametrize("name", NAMES)
def test_every_study_and_its_miniature_can_be_run(name, tmp_path, monkeypatch):
    """Every config of every variation is bound, its data aside."""
    for variant in ("", ":smoke"):
        where, found = study.load(name + variant)
        runs = study.planned(where, found, tmp_path)
        assert len(runs) == found["seeds"] * len(found["variations"])
        assert len({each.workdir for each in runs}) == len(runs)
        if variant:
            for each in runs[: len(found["variations"])]:
                experiment.build(each.config)
        else:
            assert found["seeds"] >= 3 or name == "collapse"  # whose runs take half an hour


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A study file of two variations, one of which diverges."""
    file = tmp_path / "tiny.py"
    file.write_text("""
def get_study(smoke):
    rates = {"good": 4e-3, "too large": 1e9}
    return dict(
        question="Does it diverge?", base="mlp2:smoke", overrides={"epochs": 1, "log_steps": 1, "model.norm": "none"},
        variations={name: dict(optimizer=dict(name="sgd"), schedule=dict(name="constant", rate=rate))
                    for name, rate in rates.items()},
        seeds=2, measure="validation_errors_final", baseline="good", figure={"signal": ["good"]})
""")
    return file


@pytest.mark.slow
def test_a_study_runs_what_is_missing_and_records_what_diverges(tiny, tmp_path):
    done = run_bigdeep("bigdeep.study", f"--study={tiny}", f"--folder={tmp_path / 'runs'}", "--shard=1/2")
    assert done.returncode == 0, done.stderr
    assert "2 of 4 runs" in done.stdout
    done = run_bigdeep("bigdeep.study", f"--study={tiny}", f"--folder={tmp_path / 'runs'}", "--dry_run")
    assert done.stdout.startswith("2 of 4 runs to do")
    done = run_bigdeep("bigdeep.study", f"--study={tiny}", f"--folder={tmp_path / 'runs'}")
    assert "run 1 of 2: good, seed 0" in done.stderr
    found = json.loads((tmp_path / "runs" / "tiny" / "study.json").read_text())
    assert [(r["variation"], r["seed"], "failed" in r) for r in found["runs"]] == [
        ("good", 0, False),
        ("too large", 0, True),
        ("good", 1, False),
        ("too large", 1, True),
    ]
    assert "first to grow" in found["runs"][1]["failed"]
    assert found["runs"][0]["evaluations"]
    again = run_bigdeep("bigdeep.study", f"--study={tiny}", f"--folder={tmp_path / 'runs'}")
    assert "run 1 of" not in again.stderr
    assert (tmp_path / "runs" / "tiny" / "figure.png").exists()
    assert studies.table(found) == (tmp_path / "runs" / "tiny" / "table.md").read_text()
    rows = journal.read_rows(tmp_path / "runs" / "tiny" / "good" / "seed0" / "metrics.jsonl")  # a row for each step
    for when, row in (("at initialisation", rows[0]), ("after training", rows[-1])):
        norms = [row["layers"][layer]["gradient_norm"] for layer in ("dense1", "dense2", "output")]
        assert found["runs"][0]["gradients"][when] == pytest.approx(norms, rel=6e-3)  # three digits


def test_gradients_stand_in_the_order_of_depth():
    names = ["output", "stage1_block10/unit", "stage1_block2/unit", "stage1_block2/unit/norm", "stage1_entry"]
    names += ["stage1_block2/gate", "stage2_entry", "stage1_block3"]
    norms = [6.0, 4.0, 2.0, 0.0, 1.0, 0.0, 5.0, None]
    layers = {name: {"gradient_norm": norm} for name, norm in zip(names, norms, strict=True)}
    assert study.by_depth(layers) == [1, 2, 4, 5, 6]
    members = {"member2/layer1": 3, "member1/output": 2, "member2/output": 4, "member1/layer1": 1}
    assert study.by_depth({name: {"gradient_norm": norm} for name, norm in members.items()}) == [1, 2, 3, 4]


def test_bad_commands_are_one_line(tiny):
    for flags, message in (
        (["--study=rate_decai"], "did you mean 'rate_decay'"),
        ([f"--study={tiny}", "--only=bad"], "expected one of good, too large"),
        ([f"--study={tiny}", "--shard=²/4"], "expected I/N"),
        ([f"--study={tiny}", "--shard=2/2"], "expected I/N with I from 0 to N - 1"),
        (["--study=rate_decay:full"], "expected none, or smoke"),
        ([], "expected a study, or --list"),
    ):
        done = run_bigdeep("bigdeep.study", *flags)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_list_says_every_question():
    done = run_bigdeep("bigdeep.study", "--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES
    assert done.stdout.count("?") == len(NAMES)


def test_a_run_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    """And is no result: a full disk says nothing of the variation."""

    def fail(*_, **__):
        raise Failed("no space")

    monkeypatch.setattr(spread.training, "run", fail)
    each = spread.Planned("a", 0, {}, tmp_path / "a")
    spread.train(each)
    assert not spread.ended(each)
    assert list(study.outcomes([each])) == []


def test_a_study_file_with_other_keys_is_refused(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text("def get_study(smoke):\n    return dict(question='?', more=1)\n")
    with pytest.raises(BadInput, match="unknown \\['more'\\]"):
        study.load(str(file))
    assert configfile.study(str(file))[0] == file


def test_published_tables_are_those_of_the_records():
    """As for all records: docs/studies.md is what its records make of it."""
    for path, text in pages.pages(ROOT).items():
        assert path.read_text() == text, path


@pytest.mark.slow
def test_runs_are_spread_over_processes(tiny, tmp_path):
    """By submitit, on this machine; a study that is then run without it finds them done."""
    pytest.importorskip("submitit")
    done = run_bigdeep(
        "bigdeep.study", f"--study={tiny}", f"--folder={tmp_path / 'runs'}", "--parallel=2", "--only=good"
    )
    assert done.returncode == 0, done.stderr
    assert "2 of 2 runs started, local" in done.stderr
    assert "2 of 2 ended, good, seed 1\n" in done.stderr
    assert "2 of 4 runs" in done.stdout
    assert len(list((tmp_path / "runs" / "tiny" / "good").glob("seed*/result.json"))) == 2
