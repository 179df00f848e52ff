"""What surrounds a training run: its folder, checkpoints, journal and progress; the machine and its signals."""
