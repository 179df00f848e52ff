"""metrics.jsonl as a journal, atomic JSON files, progress."""

import contextlib
import json
import os

import pytest

from bigdeep.errors import BadInput
from bigdeep.run import files, journal, progress


def row(step: int) -> dict:
    return {"step": step, "seconds": 1.5, "epoch": step / 10, "train_loss": 0.5, "images_per_second": 100.0}


def test_reopening_cuts_off_what_came_after_the_checkpoint_and_torn_lines(tmp_path):
    path = tmp_path / "metrics.jsonl"
    opened = journal.Journal(path, 0)
    for step in (10, 20, 30):
        opened.write(row(step))
    with path.open("a") as file:
        file.write('{"step": 40, "epo')
    opened = journal.Journal(path, 20)
    assert [r["step"] for r in opened.rows] == [10, 20]
    opened.write(row(25))
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 25]


@pytest.mark.parametrize(
    ("harm", "left", "said"),
    [
        (lambda text: text[:100], [10], "it ends at step 10"),
        (lambda text: "", [], "it ends at step 0"),
        (lambda text: text.replace('"step": 20', '"stfp": 20'), [10, 30], 'line 2: found \'{"stfp": 20'),
        (lambda text: text.replace('"step": 20', '"step": 60'), [10], "line 3"),
        (lambda text: "rubbish\n" + text, [10, 20, 30], "line 1: found 'rubbish"),
        (lambda text: text.replace("0.5", "0\udcff5", 1), [20, 30], "line 1: found "),
    ],
    ids=["cut short", "empty", "a key", "a step", "a line more", "no text"],
)
def test_a_damaged_journal_is_kept_and_the_run_goes_on_with_what_is_whole(tmp_path, capsys, harm, left, said):
    path = tmp_path / "metrics.jsonl"
    opened = journal.Journal(path, 0)
    for step in (10, 20, 30):
        opened.write(row(step))
    harmed = harm(path.read_text()).encode("utf-8", "surrogateescape")
    path.write_bytes(harmed)
    opened = journal.Journal(path, 30)
    assert [r["step"] for r in opened.rows] == left
    assert said in capsys.readouterr().err
    assert (tmp_path / "metrics.damaged.jsonl").read_bytes() == harmed
    opened.amend(30, {"test_errors": 3})
    opened.write(row(40))
    assert [r["step"] for r in journal.read_rows(path)] == [*(step for step in left if step < 30), 30, 40]


def test_readers_of_a_damaged_journal_are_told_the_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps(row(10)) + "\nrubbish\n")
    with pytest.raises(BadInput, match="metrics.jsonl, line 2: found 'rubbish"):
        journal.read_rows(path)


def test_json_files_are_replaced_as_a_whole(tmp_path):
    path = tmp_path / "result.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_progress_off_a_terminal_is_a_line_an_epoch(capsys):
    shown = progress.Progress(0, 40, 10)
    for step in (5, 10, 15, 20):
        shown.show(row(step) | ({"validation_errors": 7, "validation_total": 90} if step == 10 else {}))
    shown.close()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["step 5", "step 10", "step 20"]
    assert "epoch 1.0/4, loss 0.5000, 7/90 validation errors, 100 images/s" in lines[1]


@pytest.mark.parametrize("width", [0, 40, 60, 80, 200])
def test_progress_on_a_terminal_fits_its_width(capsys, monkeypatch, width):
    """Also where the terminal says that it has no columns, as some do."""
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress.shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    shown = progress.Progress(0, 40, 10)
    for step in (10, 20):
        shown.show(row(step) | {"validation_errors": 7, "validation_total": 90})
    shown.close()
    drawn = [line.removeprefix("\x1b[2K") for line in capsys.readouterr().err.rstrip("\n").split("\r")[1:]]
    assert "compiling" in drawn[0]
    assert drawn[-1].startswith(" 50%")
    assert "left" in drawn[-1]
    assert "epoch 2.0/4" in drawn[-1]
    assert max(map(len, drawn)) < (width or 80)


def test_the_time_left_leaves_out_what_came_before_the_first_row(capsys, monkeypatch):
    now = iter([100.0, 110.0])  # 100 s of compiling, then ten steps in ten seconds
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    shown = progress.Progress(0, 40, 10)
    for step in (10, 20):
        shown.show(row(step))
    lines = capsys.readouterr().err.splitlines()
    assert "left" not in lines[0]
    assert lines[1].endswith("20 s left")


@pytest.mark.parametrize("closed", ["none", "pipe"])
def test_progress_is_never_a_reason_to_die(monkeypatch, closed):
    broken = None
    if closed == "pipe":
        read, write = os.pipe()
        os.close(read)
        broken = os.fdopen(write, "w")
    monkeypatch.setattr(progress.sys, "stderr", broken)
    shown = progress.Progress(0, 40, 10)
    shown.show(row(10))
    shown.show(row(20))
    shown.close()
    if broken:
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            broken.close()


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (93, "93 s"), (700, "12 min"), (11_100, "3 h 05 min")])
def test_durations_read_as_people_say_them(seconds, text):
    assert progress.duration(seconds) == text
