"""metrics.jsonl as a journal, atomic JSON files, progress."""

import json

import pytest

from bigdeep import writer
from bigdeep.errors import BadInput


def row(step: int) -> dict:
    return {"step": step, "epoch": step / 10, "train_loss": 0.5, "images_per_second": 100.0}


def test_reopening_cuts_off_what_came_after_the_checkpoint_and_torn_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    journal = writer.Journal(path, 0)
    for step in (10, 20, 30):
        journal.write(row(step))
    with path.open("a") as file:
        file.write('{"step": 40, "epo')
    journal = writer.Journal(path, 20)
    assert [r["step"] for r in journal.rows] == [10, 20]
    journal.write(row(25))
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 25]


def test_a_journal_that_does_not_reach_the_checkpoint_is_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer.Journal(path, 0).write(row(10))
    with pytest.raises(BadInput, match="found 'rows up to step 10', expected one of the checkpoint's step 20"):
        writer.Journal(path, 20)


def test_a_damaged_line_is_named_and_nothing_is_thrown_away(tmp_path):
    path = tmp_path / "metrics.jsonl"
    text = json.dumps(row(10)) + "\nrubbish\n" + json.dumps(row(20)) + "\n"
    path.write_text(text)
    with pytest.raises(BadInput, match="metrics.jsonl, line 2: found 'rubbish"):
        writer.Journal(path, 20)
    assert path.read_text() == text


def test_json_files_are_replaced_as_a_whole(tmp_path):
    path = tmp_path / "result.json"
    writer.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        writer.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_progress_off_a_terminal_is_a_line_an_epoch(capsys):
    progress = writer.Progress(0, 40, 10)
    for step in (5, 10, 15, 20):
        progress.show(row(step) | ({"validation_errors": 7, "validation_total": 90} if step == 10 else {}))
    progress.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["step 5", "step 10", "step 20"]
    assert "epoch 1.0/4, loss 0.5000, 7/90 validation errors, 100 images/s" in lines[1]


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(writer.sys.stderr, "isatty", lambda: True)
    progress = writer.Progress(0, 40, 10)
    progress.show(row(20))
    progress.close()
    assert "50%" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (700, "12 min"), (11_100, "3 h 05 min")])
def test_durations_read_as_people_say_them(seconds, text):
    assert writer.duration(seconds) == text
