"""Where a step's time goes."""

import pytest

from bigdeep import training
from bigdeep.run import profile

PROGRAM = """
%fused_computation.1 (param: f32[2]) -> f32[2] {
  %multiply.3 = f32[2] multiply(%a, %b), metadata={op_name="jit(chunk)/deform/mul"}
  %add.4 = f32[2] add(%a, %b), metadata={op_name="jit(chunk)/deform/add"}
  ROOT %negate.5 = f32[2] negate(%c), metadata={op_name="jit(chunk)/jvp(forward)/neg"}
}

ENTRY %main (x: f32[2]) -> f32[2] {
  %fusion.7 = f32[2] fusion(%x), calls=%fused_computation.1, metadata={op_name="jit(chunk)/jvp(forward)/neg"}
  %dot.8 = f32[2] dot(%x, %x), metadata={op_name="jit(chunk)/transpose(jvp(forward))/dense1/dot_general"}
  %dot.9 = f32[2] dot(%x, %x), metadata={op_name="jit(chunk)/jvp(forward)/dense1/dot_general"}
  %add.2 = f32[2] add(%x, %x), metadata={op_name="jit(chunk)/update/add"}
  ROOT %copy.1 = f32[2] copy(%x)
}
"""


def test_operations_belong_to_the_scopes_in_their_names_and_fusions_to_most_of_theirs():
    owners = profile._owners(PROGRAM)
    wanted = {"fusion.7": "deformation", "dot.8": "backward", "dot.9": "forward", "add.2": "update"}
    assert {name: owners[name] for name in wanted} == wanted
    assert owners["copy.1"] == profile.REST


def test_each_instant_counts_once_for_all_that_runs_in_it():
    """a from 0 to 4; b from 2 to 8, twice from 3 to 5 on two threads; nothing is seen until c runs from 10 to 11."""
    events = [(0, 4, "a"), (2, 8, "b"), (3, 5, "b"), (10, 11, "c")]
    a, b = 2 + 1 / 2 + 1 / 3, 1 / 2 + 2 / 3 + 1 + 3
    assert profile._spent(events) == pytest.approx({"a": a, "b": b + 2, "c": 1})


@pytest.mark.parametrize("deformed", [True, False])
@pytest.mark.slow
def test_a_run_says_where_its_time_goes(smoke, tmp_path, capsys, deformed):
    config = smoke("mlp2") | {"profile": True, "epochs": 1}
    training.run(config if deformed else config | {"augment": []}, str(tmp_path))
    told = capsys.readouterr().err.splitlines()
    start = next(i for i, line in enumerate(told) if "a step takes" in line)
    shares = {line.split()[0]: float(line.split("%")[0].split()[-1]) for line in told[start + 1 : start + 7]}
    assert set(shares) == {"deformation", "mixing", "backward", "forward", "update", "the"}
    assert sum(shares.values()) == pytest.approx(100, abs=0.4)
    assert (shares["deformation"] > 10) == deformed
    assert shares["backward"] > 1
