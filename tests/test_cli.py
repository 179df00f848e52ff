"""The command line: whatever is wrong ends in one line and exit code 2, never in a traceback."""

import json
import re
import signal
import time

import pytest

from conftest import run_bigdeep, start_bigdeep

SMOKE = "--config=configs/mlp2.py:smoke"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config: found 'nothing', expected a file"),
        (["--config=configs/mlp22.py"], "--config: found no file 'configs/mlp22.py', .*mean 'configs/mlp2.py'"),
        (["--config=no/such.py"], "--config: found no file 'no/such.py', expected an existing file"),
        (["--config=configs/mlp2.py:smok"], "--config: found the variant 'smok', expected none or one of smoke "),
        (["--config=configs/augmentations.py:cpap"], "found the variant 'cpap', expected none or .*mean 'cpab'"),
        ([SMOKE, "--config.strength=((0,-1),)"], r"config.strength: found -1, expected a number >= 0"),
        (["--config=LICENSE"], "--config: found IndentationError in LICENSE"),
        ([SMOKE, "--config.batchsize=3"], "--config: found .*unknown key 'batchsize'.*did you mean 'batch_size'"),
        ([SMOKE, "--config.model.width=3"], "--config.model: found .*'width'.*did you mean 'widths'"),
        ([SMOKE, "--config.augment[1].sgma=3"], r"--config.augment\[1\]: found .*'sgma'.*did you mean 'sigma'"),
        ([SMOKE, "--config.augment[5].sigma=3"], r"--config.augment: found .*expected one of 0, 1"),
        ([SMOKE, "--config.1x=3"], "--config.1x: found no key, expected one like --config.seed"),
        ([SMOKE, "--config.seed.x=3"], "--config.seed: found .*expected a value, not a key below it"),
        ([SMOKE, "--config.batch_size=many"], "--config.batch_size=many: .*'many'"),
        ([SMOKE, "--config.batch_size=4001"], "config.batch_size: found 4001, expected an integer >= 1 and <= 4000"),
        ([SMOKE, "--config.schedule.rate=-1."], "config.schedule.rate: found -1.0, expected a number > 0"),
        ([SMOKE, "--config.model.activation=rellu"], "config.model.activation: found 'rellu'.*did you mean 'relu'"),
        ([SMOKE, "--config.augment[1].sigma=-2."], r"config.augment\[1\].sigma: found -2.0, expected a number > 0"),
        ([SMOKE, "--config.data.name=mnits"], "config.data.name: found 'mnits'.*did you mean 'mnist'"),
        ([SMOKE, "--config.data.source=idx", "--config.data.dir=/no/where"], "config.data.dir: found '/no/where'"),
        ([SMOKE, "--wrkdir=x"], "Unknown command line flag 'wrkdir'. Did you mean: workdir"),
        ([SMOKE, "rest"], "command line: found 'rest', expected flags only"),
        (["bigdeep.evaluate"], "workdir"),
        (["bigdeep.evaluate", "--workdir=/no/where"], "--workdir /no/where: found 'no config.json'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, tmp_path):
    if arguments[:1] == [SMOKE]:
        arguments = [*arguments, f"--workdir={tmp_path}"]
    done = run_bigdeep(*arguments)
    told = [line for line in done.stderr.splitlines() if not line.startswith("!!")]
    assert done.returncode == 2, done.stderr
    assert len(told) == 1, done.stderr
    assert re.search(message, told[0]), told[0]


def test_help_shows_examples_and_flags():
    done = run_bigdeep("--help")
    assert done.returncode == 0
    for text in ("--config=configs/mlp5.py", "dry_run", "print_config", "force_resume", "--workdir"):
        assert text in done.stdout


def test_print_config_shows_the_resolved_config():
    done = run_bigdeep(SMOKE, "--config.seed=5", "--config.augment[1].alpha=30.", "--print_config")
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["seed"], shown["augment"][1]["alpha"]) == ("mlp2:smoke", 5, 30.0)


def test_dry_run_trains_nothing_and_says_what_it_would_take(tmp_path):
    done = run_bigdeep(SMOKE, "--dry_run", f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 0, done.stderr
    for text in ("output", "flops", "Total Parameters", "whole run", "images/s", "mnist-5k"):
        assert text in done.stdout
    assert not (tmp_path / "run").exists()


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
