"""A short torture; results/faults has the record of a long one."""

import json
import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.slow
def test_two_minutes_of_faults_lose_nothing():
    command = [sys.executable, "-m", "tests.torture", "--minutes=2", "--seed=7"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(done.stdout)
    assert record["lost_or_wrong"] == 0
    assert record["faults"] > 0
