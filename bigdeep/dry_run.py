"""What a run would be, without running it: the net's table, one compiled chunk of steps, the time it would take."""

import functools
import time
from collections.abc import Mapping

import jax

from bigdeep import experiment, program, runtime, writer


def run(config: Mapping) -> None:
    """Prints the model table with FLOPs, the time to compile, a step's time, and the estimated time of the run."""
    built = experiment.build(config)
    print(built.model.table())
    state = program.initial_state(built)
    train_steps = program.compiled_steps(built, *jax.device_put(built.train, runtime.replicated(runtime.mesh())))
    length = min(built.log_every, built.epoch_steps)

    def seconds(function, *arguments, **options) -> tuple[float, object]:
        start = time.monotonic()
        return_value = jax.block_until_ready(function(*arguments, **options))
        return time.monotonic() - start, return_value

    first, (state, _) = seconds(train_steps, state, length=length)
    chunk_seconds, (state, _) = seconds(train_steps, state, length=length)
    logits = functools.partial(jax.jit(built.logits), state.params, state.model_state, built.test.images)
    seconds(logits)
    image_seconds = seconds(logits)[0] / len(built.test.labels)
    step_seconds = chunk_seconds / length
    evaluations = -(-built.total_steps // (built.evaluate_every * built.epoch_steps))
    evaluated = evaluations * (len(built.validation.labels) + len(built.test.labels))
    total = first - chunk_seconds + built.total_steps * step_seconds + evaluated * image_seconds
    batch = built.config["batch_size"]
    estimate = f"{built.total_steps} steps and {evaluations} evaluations, about {writer.duration(total)}"
    print(f"data         {built.dataset.name} from {built.dataset.source}, {len(built.train.labels)} training images")
    print(f"compile      {first - chunk_seconds:.1f} s")
    print(f"step         {1e3 * step_seconds:.1f} ms for {batch} images, {batch / step_seconds:,.0f} images/s")
    print(f"whole run    {estimate} on {runtime.device()}")
