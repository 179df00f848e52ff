#!/usr/bin/env bash
# Several processes on this machine train one net, over loopback: a rehearsal of a cluster.
#   launch/local_multiprocess.sh [--dry_run] N --config=configs/mlp5.py …
# Ends with the worst exit code of all processes: 75 where a signal stopped them with everything saved.
set -euo pipefail
dry=
if [ "${1:-}" = --dry_run ]; then dry=yes; shift; fi
if ! [[ "${1:-}" =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 [--dry_run] N FLAGS…  (N: how many processes)" >&2
    exit 2
fi
count=$1; shift
port=${PORT:-$((20000 + RANDOM % 20000))}
pids=()
trap 'kill -TERM "${pids[@]}" 2> /dev/null || true' TERM INT HUP
for ((i = 0; i < count; i++)); do
    command=(python -m bigdeep.main "$@" "--coordinator=127.0.0.1:$port" "--num_processes=$count" "--process_id=$i")
    if [ -n "$dry" ]; then echo "${command[*]}"; else "${command[@]}" & pids+=($!); fi
done
worst=0
for pid in "${pids[@]}"; do
    code=0; wait "$pid" || code=$?
    while kill -0 "$pid" 2>/dev/null; do code=0; wait "$pid" || code=$?; done  # a trapped signal ends wait early
    if [ "$code" -gt "$worst" ]; then worst=$code; fi
done
exit "$worst"
