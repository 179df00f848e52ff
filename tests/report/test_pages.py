"""The pages on runs: their arithmetic against brute force, what they hold, what they escape, how they are served."""

import html
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from bigdeep import configfile, training
from bigdeep.errors import BadInput
from bigdeep.report import comparison, images, mistakes, page, serve
from bigdeep.report.run import Run, curves, runs_below
from bigdeep.sections import plain
from conftest import ROOT, run_bigdeep

NASTY = '</script><script>alert("x")</script><b>&'


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of two finished runs, "one" and "two"."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("one", "two")):
        config = plain(configfile.load("mlp2:smoke")) | {"epochs": 3, "seed": seed}
        training.run(config, str(folder / name))
    return folder


def scores_and_labels(rng, count=400, classes=10):
    scores = rng.dirichlet(np.full(classes, 0.3), count)
    labels = np.where(rng.random(count) < 0.8, scores.argmax(axis=1), rng.integers(0, classes, count))
    return scores, labels


def test_confusion_calibration_and_refusal_against_brute_force(rng):
    scores, labels = scores_and_labels(rng)
    guesses, sure = scores.argmax(axis=1), scores.max(axis=1)
    table = mistakes.confusion(scores, labels)
    assert all(table[i, j] == np.sum((labels == i) & (guesses == j)) for i in range(10) for j in range(10))
    bins = mistakes.calibration(scores, labels)
    for each in bins:
        inside = [i for i in range(len(labels)) if abs(sure[i] - each["probability"]) < 0.1]
        assert each["count"] <= len(inside)
    assert sum(each["count"] for each in bins) == len(labels)
    gap = sum(abs(sum(sure[own]) - sum((guesses == labels)[own])) for own in _bins(sure)) / len(labels)
    assert mistakes.calibration_error(bins) == pytest.approx(gap)
    found = mistakes.refusal(scores, labels, target=5.0)
    wrong = guesses != labels
    best = max(n for n in range(1, len(labels) + 1) if 100 * wrong[np.argsort(-sure, kind="stable")[:n]].mean() <= 5.0)
    assert found["refused"] == pytest.approx(100 * (1 - best / len(labels)))
    assert found["curve"][0] == [0.0, pytest.approx(100 * wrong.mean())]


def _bins(sure):
    places = np.minimum((sure * 10).astype(int), 9)
    return [np.flatnonzero(places == b) for b in range(10) if (places == b).any()]


def test_temperature_is_that_of_the_logits(rng):
    logits = rng.normal(0, 2, (50, 10))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    hotter = np.exp(logits / 0.7) / np.exp(logits / 0.7).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mistakes.at_temperature(softmax, 0.7), hotter, atol=1e-5)


@pytest.mark.slow
def test_mistakes_are_those_of_the_probabilities(runs):
    run = Run(runs / "one")
    arrays = run.predictions
    scores, labels = arrays["probabilities"].astype(np.float64), arrays["labels"]
    found = mistakes.mistakes(arrays, run.names)
    assert len(found) == run.result["test_errors_at_best_validation"] == len(arrays["images"])
    assert [each["loss"] for each in found] == sorted((each["loss"] for each in found), reverse=True)
    for each in found:
        row = scores[each["index"]]
        assert (each["p"], each["q"]) == tuple(sorted(row, reverse=True)[:2])
        assert each["label"] == str(labels[each["index"]]) != each["first"]
        assert each["loss"] == pytest.approx(-np.log(max(row[labels[each["index"]]], 2**-25)))


def test_a_page_holds_everything_and_asks_for_nothing(runs):
    text = (runs / "one" / "report.html").read_text()
    run = Run(runs / "one")
    assert f"{run.error():.2f}<small>" in text
    assert text.count('<li data-loss="') == run.result["test_errors_at_best_validation"]
    for word in ("sha256", run.dataset["sha256"], "dense1", "Learning rate", "git", "python -m bigdeep", "841×100"):
        assert word in text, word
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, never asked for
    assert all(each.startswith("data:") for each in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert len(text) < 2e6


def test_curves_are_the_rows(runs):
    run = Run(runs / "one")
    data = curves(run)
    assert data["epoch"] == [1.0, 2.0, 3.0]
    errors = [100 * row["test_errors"] / row["test_total"] for row in run.rows]
    assert data["series"]["test"] == pytest.approx(errors, rel=1e-4)
    assert set(data["layers"]) == {"dense1", "dense1/norm", "dense2", "dense2/norm", "output"}


def test_long_runs_are_thinned_and_keep_every_evaluation(runs):
    run = Run(runs / "one")
    rows = [{**run.rows[0], "step": i + 1, "epoch": i / 10} for i in range(5000)]
    run.rows = [
        row if i % 997 == 0 else {k: v for k, v in row.items() if "errors" not in k} for i, row in enumerate(rows)
    ]
    data = curves(run)
    assert len(data["epoch"]) < 520
    assert sum(value is not None for value in data["series"]["test"]) == 6


def test_names_of_strangers_are_escaped(runs, tmp_path):
    """In a config's string, a class, the command, and the folder."""
    folder = tmp_path / "<script>alert(1)<"
    shutil.copytree(runs / "one", folder)
    about = json.loads((folder / "config.json").read_text())
    about["config"]["name"] = about["command"] = NASTY
    about["dataset"]["name"] = NASTY
    about["dataset"]["names"] = [NASTY] * 10
    about["config"]["data"]["dir"] = NASTY
    (folder / "config.json").write_text(json.dumps(about))
    made = [page.of_run(Run(folder)), comparison.of_several([Run(folder), Run(runs / "two")], tmp_path)]
    made.append(comparison.of_several([Run(folder)], tmp_path, index=True))
    for text in made:
        assert "<script>alert" not in text
        assert "<b>&" not in text
        assert html.escape(NASTY)[:20] in text.replace("&#34;", "&quot;")


def test_several_runs_are_compared_and_vote(runs):
    text = comparison.of_several([Run(runs / "one"), Run(runs / "two")], runs)
    members = [Run(runs / name).predictions for name in ("one", "two")]
    mean = np.mean([each["probabilities"].astype(np.float64) for each in members], axis=0)
    errors = int((mean.argmax(axis=1) != members[0]["labels"]).sum())
    assert f"<b>{errors} of 1,000</b>" in text
    assert "config.seed" in text
    assert 'href="./one/report.html"' in text


def test_commands_write_pages_and_indexes(runs):
    (runs / "three").mkdir(exist_ok=True)
    for value, expected in ((runs / "one", runs / "one" / "report.html"), (runs, runs / "index.html")):
        done = run_bigdeep("bigdeep.report", f"--workdir={value}")
        assert done.stdout.strip() == str(expected), done.stderr
        assert expected.exists()
    done = run_bigdeep("bigdeep.report", f"--workdir={runs / 'three'}")
    assert done.returncode == 2
    assert "no run in it" in done.stderr


def test_a_page_of_a_run_that_has_not_finished(runs, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(runs / "one", folder)
    for name in ("result.json", "predictions.npz", "pictures.npz"):
        (folder / name).unlink()
    rows = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text(rows[0])
    assert "epoch 1 of 3" in page.of_run(Run(folder))
    (folder / "metrics.jsonl").write_text("")
    assert "appear here once the run has finished" in page.of_run(Run(folder), live=True)
    whole = (runs / "one" / "predictions.npz").read_bytes()
    for damaged in (b"broken", whole[:-200], whole[:300] + bytes(40) + whole[340:]):
        (folder / "predictions.npz").write_bytes(damaged)
        assert page.of_run(Run(folder))
    np.savez(folder / "predictions.npz", labels=np.zeros(3))
    assert "appear here" in page.of_run(Run(folder))
    (folder / "config.json").write_text('{"config": {}, "dataset": {}}')
    with pytest.raises(BadInput, match="expected those of a run"):
        Run(folder)
    assert [run.workdir for run in runs_below(tmp_path)] == []


def test_links_are_quoted(runs, tmp_path):
    for name in ("javascript:alert(1)", "odd <b>#1?%41"):
        shutil.copytree(runs / "one", tmp_path / name)
    text = comparison.of_several(runs_below(tmp_path), tmp_path, index=True)
    assert 'href="./javascript%3Aalert%281%29/report.html"' in text
    assert 'href="./odd%20%3Cb%3E%231%3F%2541/report.html"' in text


def test_making_a_page_needs_no_jax(runs):
    code = "import sys; from bigdeep.report import page; import pathlib; "
    code += f"page.write([pathlib.Path({str(runs / 'one')!r})], pathlib.Path({str(runs / 'again.html')!r})); "
    code += "assert not {'jax', 'matplotlib', 'flax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=ROOT)


def test_the_server_answers_for_its_page_alone(runs):
    server = serve.server(lambda: "<p>here</p>", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def ask(method, path="/", host=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    try:
        status, text, headers = ask("GET")
        assert (status, text) == (200, "<p>here</p>")
        head = ask("HEAD")
        assert (head[0], head[1], head[2]["ETag"]) == (200, "", headers["ETag"])
        assert ask("GET", "/../setup.cfg")[0] == ask("GET", "/config.json")[0] == 404
        assert ask("POST")[0] == ask("DELETE")[0] == 501
        assert ask("GET", host="evil.example")[0] == ask("GET", host="evil.example:80")[0] == 403
        assert ask("GET", host=f"localhost:{server.server_port}")[0] == ask("GET", host="[::1]:80")[0] == 200
    finally:
        server.shutdown()
        server.server_close()


def test_a_running_run_is_followed_until_sigint(runs, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(runs / "one", folder)
    rows = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text(rows[0])
    (folder / "result.json").unlink()
    command = [sys.executable, "-m", "bigdeep.report", f"--workdir={folder}", "--serve"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        port = int(re.search(r"127\.0\.0\.1:(\d+)", process.stderr.readline())[1])

        def look():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/")
            return connection.getresponse().read().decode()

        assert "epoch 1 of 3" in look()
        (folder / "metrics.jsonl").write_text("".join(rows[:2]))
        assert "epoch 2 of 3" in look()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_pictures_are_what_they_show(rng):
    cells = rng.integers(0, 255, (5, 4, 3, 1), np.uint8)
    whole = images.grid(cells, 3, gap=1, paper=9)
    assert whole.shape == (2 * 5 - 1, 3 * 4 - 1, 1)
    assert np.array_equal(whole[5:9, 4:7], cells[4])
    assert (whole[4] == 9).all()
    weights = np.zeros((1, 2, 2, 1), np.float16)
    weights[0, 0, 0], weights[0, 1, 1] = 2, -1
    colours = images.signed(weights)[0]
    assert tuple(colours[0, 0]) == (33, 102, 172)
    assert tuple(colours[0, 1]) == (255, 255, 255)
    assert colours[1, 1, 0] > colours[1, 1, 2]


def test_the_report_at_the_end_of_a_run_stands_beside_its_result(runs):
    names = {path.name for path in pathlib.Path(runs / "one").iterdir()}
    assert {"report.html", "predictions.npz", "pictures.npz", "result.json", "config.json", "metrics.jsonl"} <= names
