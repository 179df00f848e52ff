"""What all benchmarks end with: a line of JSON, and the record in the file that --output names."""

import json

from absl import flags

from bigdeep import cli
from bigdeep.run import files, machine


def define_output() -> None:
    """Defines --output. Records become part of results/ by `python -m bigdeep.tools.publish --add=FILE` alone."""
    flags.DEFINE_string("output", "", "file to keep the record in, such as runs/NAME.json")


def keep(record: dict) -> None:
    """Prints the record with its origin, and writes it where --output says so."""
    whole = {"kind": "benchmark", **record, **machine.origin()}
    print(json.dumps(whole))
    if path := cli.optional_output("output", ".json"):
        files.write_json(path, whole)
