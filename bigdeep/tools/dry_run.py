"""What a run would be, without running it: the net's table, one compiled chunk of steps, the time it would take."""

import functools
import time
from collections.abc import Mapping
from typing import Any

import jax

from bigdeep import experiment as experiments
from bigdeep import programs, step
from bigdeep.run import machine
from bigdeep.run.progress import duration


def run(config: Mapping) -> None:
    """Prints the net's table with FLOPs, the time to compile, a step's time, and the estimated time of the run."""
    experiment = experiments.build(config)
    data, plan = experiment.data, experiment.plan
    print(experiment.model.table())
    state = experiments.initial_state(experiment)
    train_steps = programs.compiled_steps(experiment)
    length = plan.chunk_length(0)

    def seconds(function, *arguments, **options) -> tuple[float, Any]:
        start = time.monotonic()
        value = jax.block_until_ready(function(*arguments, **options))
        return time.monotonic() - start, value

    first, (state, _) = seconds(train_steps, state, length=length)
    chunk_seconds, (state, _) = seconds(train_steps, state, length=length)
    predict = functools.partial(jax.jit(step.predict(experiment.model.apply)), state.params, state.model_state)
    seconds(predict, data.test.images)
    image_seconds = seconds(predict, data.test.images)[0] / len(data.test.labels)
    compile_seconds, step_seconds = max(0.0, first - chunk_seconds), chunk_seconds / length
    evaluations = -(-plan.total_steps // plan.evaluate_steps)
    evaluated = evaluations * (len(data.validation.labels) + len(data.test.labels))
    total = compile_seconds + plan.total_steps * step_seconds + evaluated * image_seconds
    batch = experiment.config["batch_size"]
    print(f"data         {data.dataset.name} from {data.dataset.source}, {len(data.train.labels)} training images")
    print(f"compile      {compile_seconds:.1f} s")
    print(f"step         {1e3 * step_seconds:.1f} ms for {batch} images, {batch / step_seconds:,.0f} images/s")
    print(f"whole run    {plan.total_steps} steps and {evaluations} evaluations, about {duration(total)}")
    print(f"             on {machine.device()}")
