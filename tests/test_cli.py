"""The command line: whatever is wrong ends in one line and exit code 2, never in a traceback."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from bigdeep import cli, configfile
from bigdeep.sections import plain
from conftest import ROOT, run_bigdeep, start_bigdeep

SMOKE = "--config=configs/mlp2.py:smoke"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config: found 'nothing', expected a file"),
        (["--config=configs/mlp22.py"], "--config: found no file 'configs/mlp22.py', .*mean 'configs/mlp2.py'"),
        (["--config=mlp22"], "--config: found no file 'mlp22', expected one of augmentations, .*mean 'mlp2'"),
        (["--config=no/such.py"], "--config: found no file 'no/such.py', expected a config file"),
        (["--config=configs/mlp2.py:smok"], "the variant: found 'smok', expected none or .*mean 'smoke'"),
        (["--config=augmentations:cpap"], "the variant: found 'cpap', expected none or .*mean 'cpab'"),
        (["--config={tmp}/key.py"], "--config: found KeyError in .*key.py"),
        (["--config={tmp}/hole.py"], "config.seed: found a placeholder, expected --config.seed=VALUE"),
        ([SMOKE, "--config.strength=((0,-1),)"], r"config.strength: found -1, expected a number in \[0, inf\)"),
        (["--config=LICENSE"], "--config: found IndentationError in LICENSE"),
        ([SMOKE, "--config.batchsize=3"], "--config: found .*unknown key 'batchsize'.*did you mean 'batch_size'"),
        ([SMOKE, "--config.model.width=3"], "--config.model: found .*'width'.*did you mean 'widths'"),
        ([SMOKE, "--config.augment[1].sgma=3"], r"--config.augment\[1\]: found .*'sgma'.*did you mean 'sigma'"),
        ([SMOKE, "--config.augment[5].sigma=3"], r"--config.augment: found .*expected one of 0, 1"),
        ([SMOKE, "--config.1x=3"], "--config.1x: found 'no key', expected one like --config.seed"),
        ([SMOKE, "--config.seed.x=3"], "--config.seed: found .*expected a value, not a key below it"),
        ([SMOKE, "--config.batch_size=many"], "--config.batch_size=many: found 'many', expected an integer"),
        ([SMOKE, "--config.batch_size=4001"], r"config.batch_size: found 4001, expected an integer in \[1, 4000\]"),
        ([SMOKE, "--config.regularisers=[clip]"], r"--config.regularisers=\[clip\]: found .*expected a Python literal"),
        ([SMOKE, "--config.regularisers=[dict(name='clip_nrm')]"], r"regularisers\[0\].name: .*mean 'clip_norm'"),
        ([SMOKE, "--config.schedule.rate=-1."], r"config.schedule.rate: found -1.0, expected a number in \(0, inf\)"),
        ([SMOKE, "--config.model.activation=rellu"], "config.model.activation: found 'rellu'.*did you mean 'relu'"),
        ([SMOKE, "--config.data.name=mnits"], "config.data.name: found 'mnits'.*did you mean 'mnist'"),
        ([SMOKE, "--config.data.source=idx", "--config.data.dir=/no/where"], "config.data.dir: found '/no/where'"),
        ([SMOKE, "--json=7"], "--json: found '7', expected print result.json"),
        ([SMOKE, "--num_processes=x"], "--num_processes: found 'x', expected a"),
        ([SMOKE, "--wrkdir=x"], "did you mean 'workdir'"),
        ([SMOKE, "rest"], "command line: found 'rest', expected flags only"),
        (["bigdeep.evaluate"], "workdir"),
        (["bigdeep.evaluate", "--workdir=/no/where"], "--workdir /no/where: found 'no config.json'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, tmp_path):
    (tmp_path / "key.py").write_text("def get_config(): return {}['full']")
    hole = "from ml_collections import ConfigDict, config_dict as c\ndef get_config(): "
    (tmp_path / "hole.py").write_text(hole + "return ConfigDict({'seed': c.required_placeholder(int)})")
    arguments = [argument.replace("{tmp}", str(tmp_path)) for argument in arguments]
    if arguments[:1] == [SMOKE]:
        arguments = [*arguments, f"--workdir={tmp_path}"]
    done = run_bigdeep(*arguments)
    assert done.returncode == 2, done.stderr
    (told,) = done.stderr.splitlines()
    assert re.search(message, told), told


def test_help_shows_examples_and_flags():
    done = run_bigdeep("--help")
    assert done.returncode == 0
    for text in ("--config=configs/mlp5.py", "dry_run", "print_config", "force_resume", "--workdir"):
        assert text in done.stdout


def test_print_config_shows_the_resolved_config():
    done = run_bigdeep(SMOKE, "--config.seed=5", "--config.augment[1].alpha=30.", "--print_config")
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["seed"], shown["augment"][1]["alpha"]) == ("mlp2:smoke", 5, 30.0)


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("--config.augment=()", "augment", []),
        ("--config.augment=[]", "augment", []),
        (
            "--config.regularisers=[dict(name='clip_norm', limit=1.0)]",
            "regularisers",
            [{"name": "clip_norm", "limit": 1.0}],
        ),
        (
            "--config.loss=dict(name='squared_error', low=-1, high=1)",
            "loss",
            {"name": "squared_error", "low": -1, "high": 1},
        ),
        ("--config.seed=7", "seed", 7),
        ("--config.mixup=0", "mixup", 0.0),
        ("--config.strength=((0, 1), (1, 1/2))", "strength", [[0, 1], [1, 0.5]]),
    ],
)
def test_every_key_can_be_set(override, key, value):
    config = configfile.load("mlp2:smoke")
    path, _, text = override.removeprefix("--").partition("=")
    configfile.override(config, path, text)
    assert plain(config)[key] == value


def test_a_place_in_a_list_can_be_set_and_takes_what_its_constructor_takes():
    config = configfile.load("mlp2:smoke")
    configfile.override(config, "config.augment[0].rotation", "10")
    configfile.override(config, "config.augment[1].alpha", "30")
    augment = plain(config)["augment"]
    assert (augment[0]["rotation"], augment[1]["alpha"]) == (10, 30.0)


def test_configs_are_found_by_name_with_odd_folders_and_as_plain_dicts(tmp_path):
    assert configfile.load("mlp5").name == "mlp5"
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "mine.py").write_text("VARIANTS = ('one', 'two')\ndef get_config(variant='one'): return {'v': variant}")
    assert plain(configfile.load(str(folder / "mine.py"))) == {"name": "mine", "v": "one"}
    assert plain(configfile.load(f"{folder / 'mine.py'}:two")) == {"name": "mine:two", "v": "two"}


def test_a_config_file_is_executed_once(tmp_path):
    (tmp_path / "count.py").write_text(f"open({str(tmp_path / 'log')!r}, 'a').write('x')\n"
                                       "def get_config(): return {'seed': 0}")  # fmt: skip
    run_bigdeep(f"--config={tmp_path / 'count.py'}", "--config.seed=1", "--print_config")
    assert (tmp_path / "log").read_text() == "x"


def test_folders_are_told_apart_by_commas_even_with_commas_in_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b,c", "d"):
        pathlib.Path(name).mkdir()
    assert [str(path) for path in cli.folders("a,b,c,d")] == ["a", "b,c", "d"]
    assert [str(path) for path in cli.folders("x,a")] == ["x", "a"]


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "latin-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
@pytest.mark.slow
def test_any_encoding_of_the_terminal_will_do(environment):
    done = run_bigdeep("--config=mlp2:smoke", "--print_config", **environment)
    assert done.returncode == 0, done.stderr
    assert run_bigdeep("--help", **environment).returncode == 0


def shell(command: str, **environment: str) -> subprocess.CompletedProcess:
    text = command.replace("BIGDEEP", f"{sys.executable} -W error -m bigdeep.main --config=configs/mlp2.py:smoke")
    options = {"cwd": ROOT, "env": {**os.environ, **environment}, "capture_output": True, "text": True, "timeout": 120}
    return subprocess.run(["bash", "-c", text], check=False, **options)


@pytest.mark.parametrize(
    "command",
    [
        "BIGDEEP --print_config | head -1 >/dev/null; exit ${PIPESTATUS[0]}",
        "BIGDEEP --workdir=TMP/a 2> >(head -1 >/dev/null)",
        "BIGDEEP --workdir=TMP/b 2>&-",
        "env -u HOME BIGDEEP --workdir=TMP/c",
    ],
)
@pytest.mark.slow
def test_an_output_that_nobody_reads_ends_no_run(tmp_path, command):
    done = shell(command.replace("TMP", str(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for folder in tmp_path.iterdir():
        assert (folder / "result.json").exists()


@pytest.mark.slow
def test_a_terminal_that_is_gone_ends_no_run(tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bigdeep.main", SMOKE, "--config.epochs=1", f"--workdir={tmp_path}"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.close(ours)
        assert process.wait(120) == 0
    assert (tmp_path / "result.json").exists()


def test_a_backend_that_is_not_there_is_one_line(tmp_path):
    done = run_bigdeep(SMOKE, f"--workdir={tmp_path}", JAX_PLATFORMS="cuda")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("bigdeep: JAX_PLATFORMS: found 'cuda'")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_help_without_docstrings_and_the_list_of_commands():
    done = subprocess.run(
        [sys.executable, "-OO", "-m", "bigdeep.main", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([sys.executable, "-m", "bigdeep"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in ("bigdeep.main", "bigdeep.evaluate", "bigdeep.tools.gradcheck", "bigdeep.tools.publish"):
        assert name in listed.stdout
    variants = run_bigdeep("--help", "--config=lenet5")
    assert "codes, softmax, distorted, tiny_dnn, smoke" in variants.stdout


@pytest.mark.slow
def test_dry_run_trains_nothing_and_says_what_it_would_take(tmp_path):
    done = run_bigdeep(SMOKE, "--dry_run", f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 0, done.stderr
    for text in ("dense1", "MFLOP", "89,910", "whole run", "images/s", "mnist-5k"):
        assert text in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_signal_ends_with_75_and_the_same_command_goes_on(tmp_path):
    options = [SMOKE, "--config.epochs=2000", f"--workdir={tmp_path}"]
    with start_bigdeep(*options) as process:
        while process.poll() is None and not (tmp_path / "metrics.jsonl").exists():
            time.sleep(0.05)
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 75, err
    assert "SIGTERM at step" in err.splitlines()[-1]
