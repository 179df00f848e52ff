r"""Trains a net: flags -> training.run. All that happens in a run stands in training.py.

  python -m bigdeep.main --config=configs/mlp5.py                            train, or go on where it was stopped
  python -m bigdeep.main --config=configs/mlp5.py:smoke                      its miniature, below a minute
  python -m bigdeep.main --config=configs/mlp2.py --config.epochs=130 --config.schedule.rate=2e-3 --workdir=runs/long
  python -m bigdeep.main --config=configs/mlp2.py --config.augment[1].alpha=30 --print_config
  python -m bigdeep.main --config=configs/mlp5.py --dry_run                  layers, FLOPs, time of a step

Every key that --print_config shows, but the name, can be set by --config.KEY=VALUE; lists and sections are written as
in Python: --config.regularisers="[dict(name='clip_norm', limit=1.0)]". Config files are Python and get executed.
Exit codes: 0 done, 2 bad input, 75 stopped by a signal with everything saved, 1 anything else.
"""

import json

from absl import flags

from bigdeep import cli, training
from bigdeep.errors import require
from bigdeep.place import place
from bigdeep.report import summary
from bigdeep.run import folder, machine, processes
from bigdeep.sections import plain
from bigdeep.tools import dry_run


def main() -> None:
    """Does what the flags say."""
    config, options = cli.config(), flags.FLAGS
    if options.print_config:
        print(json.dumps(plain(config), indent=2))
        return
    machine.select(options.platform, config.get("fixed_order_shards", 0))  # training.run says where it is missing
    processes.start(options.coordinator, options.num_processes, options.process_id)
    machine.prepare(options.platform)
    if options.dry_run:
        dry_run.run(config)
        return
    workdir = options.workdir or f"runs/{config.name.replace(':', '-')}"
    require(not folder.is_pretrained(workdir), "--workdir", workdir, "a folder to train in")
    with processes.watched():
        result = training.run(config, workdir, force_resume=options.force_resume)
    if processes.first():
        print(json.dumps(result, indent=2) if options.json else summary.text(place(workdir)))


if __name__ == "__main__":
    cli.define_config()
    cli.define_processes()
    flags.DEFINE_string("workdir", None, "run folder; runs/<name of the config> if not given")
    flags.DEFINE_bool("force_resume", False, "resume although the config has changed")
    flags.DEFINE_bool("json", False, "print result.json at the end instead of a summary")
    flags.DEFINE_bool("print_config", False, "print the resolved config and end")
    flags.DEFINE_bool("dry_run", False, "print the net, time one chunk of steps, estimate the run and end")
    cli.run(main, __doc__)
