"""Runs small real trainings, harms them in every way that a long run meets, and sees whether anything is lost.

  python -m tests.torture --minutes=30 --seed=1 --output=runs/torture.json

A story is one run folder, on a disk of its own: fault after fault, each followed by the same command again, until the
run is done. Then the sha256 of its weights has to be that of an undisturbed run, and so do its rows of metrics where no
fault has touched them. Faults that need a mount (a full disk, a read-only one), libfaketime or two processes are left
out, and said to be, where these cannot be had. Ends with 1 if a run was lost, wrong, hung, or ended in a traceback.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing.util
import os
import pathlib
import pty
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

ROOT = pathlib.Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import warm  # noqa: E402
from bigdeep.run import files, machine  # noqa: E402
from bigdeep.run.journal import read_rows  # noqa: E402

# Saves and evaluates often; in order, so that two processes end with the bits of one.
OPTIONS = ["--config=mlp2:smoke", "--config.epochs=16", "--config.log_steps=11", "--config.evaluate_epochs=4"]
OPTIONS += [
    "--json",
    "--config.checkpoint_seconds=0.2",
    "--config.fixed_order_shards=8",
    "--config.data.validation=last:500",
]
DISK = 24  # MiB of a story's disk
HANG = 150  # seconds after which a process counts as hung
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Wrong(Exception):
    """A run that was lost, wrong, hung or unclean: what happened."""


class Command:
    """bigdeep.main on a folder, begun: forked from a warm process, or a real one where it has to be."""

    def __init__(
        self, folder: pathlib.Path, *flags: str, terminal: int | None = None, real: bool = False, **environment
    ):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="torture-"))
        arguments = [*OPTIONS, f"--workdir={folder}", *flags]
        self.forked = None
        if terminal is None and not real:
            self.forked = warm.start("bigdeep.main", arguments, str(self.scratch))
            self.pid = self.forked.pid
            return
        command = [sys.executable, "-m", "bigdeep.main", *arguments]
        env = {**os.environ, **environment}
        if terminal is None:
            out, err = (self.scratch / name for name in ("out", "err"))
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out.open("w"), stderr=err.open("w"))
        else:
            command = ["setsid", "--ctty", *command]
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, **pipes)
        self.pid = self.process.pid

    def code(self) -> int | None:
        return self.forked.exitcode if self.forked else self.process.poll()

    def kill(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within this time."""
        until = time.monotonic() + seconds
        while self.code() is None and time.monotonic() < until:
            time.sleep(0.02)
        return self.code() is not None

    def end(self, seconds: float = HANG) -> tuple[int, str]:
        """(exit code, what it said); Wrong where it hangs, or where it said a traceback."""
        if not self.wait(seconds):
            self.kill(signal.SIGKILL)
            self.wait(10)
            raise Wrong(f"hung for {seconds} s: {self.said('err')[-500:]}")
        if "Traceback" in self.said("err"):
            raise Wrong(f"traceback: {self.said('err')[-1500:]}")
        return self.code(), self.said("err")

    def said(self, name: str) -> str:
        path = self.scratch / name
        return path.read_text(errors="replace") if path.exists() else ""


class Story:
    """A run folder on its disk, what was done to it, and what may be expected of it."""

    def __init__(self, root: pathlib.Path, mounted: bool, dice: random.Random):
        self.disk, self.dice, self.mounted = root, dice, mounted
        root.mkdir()
        if mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(root)], check=True)
        self.folder = root / "run"
        self.faults: list[str] = []
        self.harmed: set[str] = set()  # checkpoints that were touched
        self.rows_touched = False
        self.flags: list[str] = []

    def start(self, **options) -> Command:
        return Command(self.folder, *self.flags, **options)

    def moment(self) -> float:
        """Seconds to let a run go on before something happens to it."""
        return self.dice.uniform(0.3, 7.0)

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)


def killed(story: Story) -> bool:
    return _struck(story, signal.SIGKILL, (-signal.SIGKILL,))


def terminated(story: Story) -> bool:
    return _struck(story, signal.SIGTERM, (75, -signal.SIGTERM))


def hung_up(story: Story) -> bool:
    return _struck(story, signal.SIGHUP, (75, -signal.SIGHUP))


def _struck(story: Story, number: int, expected: tuple[int, ...]) -> bool:
    """A signal at a random moment; before the handler stands it kills, and nothing is lost."""
    command = story.start()
    if command.wait(story.moment()):
        return _finished(story, command)
    command.kill(number)
    code, said = command.end()
    if code not in (*expected, 0):
        raise Wrong(f"ended with {code} after signal {number}: {said[-500:]}")
    return code != 0


def killed_while_saving(story: Story) -> bool:
    """kill -9 as soon as a checkpoint that is being written can be seen."""
    command, until = story.start(), time.monotonic() + story.moment()
    while command.code() is None:
        writing = list((story.folder / "checkpoints").glob("*tmp*"))
        if writing and time.monotonic() > until:
            break
    else:
        return _finished(story, command)
    command.kill(signal.SIGKILL)
    return command.end()[0] != 0


def disk_full(story: Story) -> bool:
    command = story.start()
    if command.wait(story.moment()):
        return _finished(story, command)
    filler = story.disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    code, said = command.end()
    filler.unlink()
    if code not in (0, 1, 2):
        raise Wrong(f"ended with {code} on a full disk: {said[-500:]}")
    return code != 0


def read_only(story: Story) -> bool:
    subprocess.run(["mount", "-o", "remount,ro", str(story.disk)], check=True)
    try:
        code, said = story.start().end()
    finally:
        subprocess.run(["mount", "-o", f"remount,rw,size={DISK}m", str(story.disk)], check=True)
    if code not in (1, 2):
        raise Wrong(f"ended with {code} on a read-only disk: {said[-500:]}")
    return True


def bit_flipped(story: Story) -> bool:
    path = _victim(story)
    if path is None:
        return False
    data = bytearray(path.read_bytes())
    data[story.dice.randrange(len(data))] ^= 1 << story.dice.randrange(8)
    path.write_bytes(data)
    return True


def truncated(story: Story) -> bool:
    path = _victim(story)
    if path is None:
        return False
    os.truncate(path, story.dice.randrange(path.stat().st_size))
    return True


def _victim(story: Story) -> pathlib.Path | None:
    """A random file of a run folder: as often one of the small ones as one of a checkpoint.

    Of checkpoints all but one may be harmed: where all copies of something are lost, nothing can bring it back.
    """
    places = story.folder / "checkpoints"
    steps = {path.name for path in places.glob("*") if path.name.isdigit()}
    story.harmed &= steps
    chosen = sorted(steps, key=int)
    free = [step for step in chosen if len(steps - story.harmed - {step}) > 0]
    small = [path for name in ("config.json", "metrics.jsonl", "result.json") if (path := story.folder / name).exists()]
    large = [path for step in free for path in sorted((places / step).rglob("*")) if path.is_file()]
    pools = [[path for path in pool if path.stat().st_size] for pool in (small, large)]
    pools = [pool for pool in pools if pool]
    if not pools:
        return None
    path = story.dice.choice(story.dice.choice(pools))
    if path.is_relative_to(places):
        story.harmed.add(path.relative_to(places).parts[0])
    story.rows_touched |= path.name == "metrics.jsonl"
    return path


def clock_jumped(story: Story) -> bool:
    """A run under another date, which jumps once more while it goes on."""
    now = story.disk.with_suffix(".clock")
    days = story.dice.choice([-9000, -400, -1, 1, 400, 9000])
    now.write_text(f"{days:+d}d")
    fake = {"LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = story.start(real=True, FAKETIME_CACHE_DURATION="1", **fake)
    if command.wait(4 + story.moment()):
        return _finished(story, command)
    now.write_text(f"{-days:+d}d")
    if command.wait(1.5):
        return _finished(story, command)
    command.kill(signal.SIGTERM)
    code, said = command.end()
    waited = code == 1 and "timed out" in said  # orbax waits for a save by this clock, ten minutes at most
    if not waited and code not in (0, 75, -signal.SIGTERM):
        raise Wrong(f"ended with {code} under another clock: {said[-500:]}")
    return True


def second_run(story: Story) -> bool:
    """The same command again, while it runs: refused, and the first goes on."""
    command = story.start()
    if command.wait(story.moment()):
        return _finished(story, command)
    code, said = story.start().end()
    if code != 2 or "in use by another run" not in said:
        if command.code() is not None:  # the first was done meanwhile
            return False
        raise Wrong(f"a second run ended with {code}: {said[-500:]}")
    command.kill(signal.SIGKILL)
    return command.end()[0] != 0


def terminal_closed(story: Story) -> bool:
    ours, theirs = pty.openpty()
    command, seen = story.start(terminal=theirs), b""
    os.close(theirs)
    until = time.monotonic() + 3 + story.moment()
    os.set_blocking(ours, False)
    while command.code() is None and time.monotonic() < until:  # a terminal that nobody reads would stop it
        with contextlib.suppress(BlockingIOError, OSError):
            seen += os.read(ours, 65536)
        time.sleep(0.02)
    os.close(ours)
    code, _ = command.end()
    if code not in (0, 75, -signal.SIGHUP):
        raise Wrong(f"ended with {code} when its terminal was closed: {seen[-500:]!r}")
    return True


def peer_died(story: Story) -> bool:
    """Two processes train; one is killed, the other has to end by itself."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    shared = [f"--coordinator=127.0.0.1:{port}", "--num_processes=2"]
    peers = [Command(story.folder, *story.flags, *shared, f"--process_id={i}", real=True) for i in range(2)]
    while "images/s" not in peers[0].said("err") and all(peer.code() is None for peer in peers):
        time.sleep(0.05)  # before they train, the other learns of it by JAX's heartbeat alone, after 100 s
    time.sleep(story.moment())
    victim = story.dice.randrange(2)
    running = peers[victim].code() is None
    peers[victim].kill(signal.SIGKILL)
    code, said = peers[1 - victim].end()
    if code not in (0, 1, 2, -signal.SIGABRT):
        raise Wrong(f"ended with {code} when its peer died: {said[-500:]}")
    return running


FAULTS: dict[str, Callable[[Story], bool]] = {
    "kill -9": killed,
    "kill -9 while saving": killed_while_saving,
    "SIGTERM": terminated,
    "SIGHUP": hung_up,
    "full disk": disk_full,
    "read-only disk": read_only,
    "bit flip": bit_flipped,
    "truncation": truncated,
    "clock jump": clock_jumped,
    "two runs in a folder": second_run,
    "closed terminal": terminal_closed,
    "dying peer": peer_died,
}


def _finished(story: Story, command: Command) -> bool:
    """False: it ended by itself before the fault. Where it refused, as it may after an earlier fault, that is heard."""
    _heard(story, *command.end())
    return False


def _heard(story: Story, code: int, said: str) -> None:
    """Does what a command that ended by itself asks for, or raises Wrong."""
    if code == 2 and "--force_resume" in said and not story.flags:
        story.flags = ["--force_resume"]  # a flipped bit of config.json is another config: it asks, and keeps all
    elif code != 0:
        raise Wrong(f"ended with {code}: {said[-800:]}")


def concluded(story: Story, reference: dict) -> None:
    """Runs a story to its end and compares; Wrong where it differs from the undisturbed run."""
    for _ in range(2):
        command = story.start()
        code, said = command.end()
        _heard(story, code, said)
        if code == 0:
            break
    result = json.loads(command.said("out"))
    if result["state_sha256"] != reference["state_sha256"]:
        raise Wrong(f"other weights: {result['state_sha256']}")
    if not story.rows_touched and losses(story.folder) != reference["losses"]:
        raise Wrong("other rows of metrics")


def losses(folder: pathlib.Path) -> list:
    return [[row["step"], row["train_loss"]] for row in read_rows(folder / "metrics.jsonl")]


def stories(minutes: float, dice: random.Random, root: pathlib.Path, reference: dict) -> Iterator[tuple[Story, str]]:
    """One story after the other, (story, what went wrong or ""), until the time is over: the rarest faults first."""
    possible, until, count = available(root), time.monotonic() + 60 * minutes, collections.Counter()
    number = 0
    while time.monotonic() < until:
        number += 1
        story = Story(root / f"story{number}", "full disk" in possible, dice)
        wrong = ""
        try:
            missed = set()
            for _ in range(dice.randint(5, 10)):
                if (story.folder / "result.json").exists() and dice.random() < 0.7:
                    break
                name = min(sorted(set(possible) - missed), key=lambda name: (count[name], dice.random()))
                if FAULTS[name](story):
                    story.faults.append(name)
                    count[name] += 1
                    missed.clear()
                else:  # nothing to harm yet, or the run was over before
                    missed.add(name)
            concluded(story, reference)
        except Wrong as error:
            wrong = str(error)
        finally:
            story.close()
        yield story, wrong


def available(root: pathlib.Path) -> list[str]:
    """The faults that can be tried here; says which cannot."""
    missing = {}
    probe = root / "probe"
    probe.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(probe)], check=False, capture_output=True).returncode:
        missing |= dict.fromkeys(("full disk", "read-only disk"), "needs the right to mount")
    else:
        subprocess.run(["umount", str(probe)], check=True)
    if not pathlib.Path(LIBFAKETIME).exists():
        missing["clock jump"] = "needs libfaketime"
    if not shutil.which("setsid"):
        missing["closed terminal"] = "needs setsid"
    for name, reason in missing.items():
        print(f"not tried: {name}, {reason}", file=sys.stderr)
    return [name for name in FAULTS if name not in missing]


def torture(minutes: float, seed: int, root: pathlib.Path) -> dict:
    """The record: faults by kind, stories, and what went wrong."""
    dice, began = random.Random(seed), time.monotonic()
    undisturbed = Command(root / "reference")
    undisturbed.end()
    reference = json.loads(undisturbed.said("out")) | {"losses": losses(root / "reference")}
    counts, wrongs, told = collections.Counter(), [], 0
    for story, wrong in stories(minutes, dice, root, reference):
        counts.update(story.faults)
        told += 1
        if wrong:
            wrongs.append({"faults": story.faults, "wrong": wrong})
        print(f"story {told}: {', '.join(story.faults)}: {wrong or 'the same bits'}", file=sys.stderr, flush=True)
    return {
        "kind": "faults",
        "seed": seed,
        "faults": sum(counts.values()),
        "by_kind": {name: counts[name] for name in FAULTS},
        "stories": told,
        "lost_or_wrong": len(wrongs),
        "wrong": wrongs,
        "seconds": round(time.monotonic() - began),
        "state_sha256": reference["state_sha256"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    multiprocessing.util.get_temp_dir()  # which lives longer than the scratch folder
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup all runs would be deaf to it
    with tempfile.TemporaryDirectory(prefix="torture-") as scratch:
        tempfile.tempdir = scratch
        record = torture(options.minutes, options.seed, pathlib.Path(scratch))
    print(json.dumps(record, indent=2))
    if options.output:
        files.write_json(options.output, record | machine.origin())
    sys.exit(bool(record["lost_or_wrong"]))


if __name__ == "__main__":
    main()
