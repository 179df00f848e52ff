#!/usr/bin/env bash
# Trains on a Google Cloud TPU VM or a slice of several: one process on each of its hosts.
#   launch/tpu_vm.sh create | copy | run FLAGS… | fetch | delete | babysit FLAGS…
#   NAME=mine ZONE=us-central1-a TYPE=v5litepod-8 launch/tpu_vm.sh babysit --config=configs/mlp5.py
# create: makes the VM. copy: sends this checkout and installs it. run: trains on all hosts; the run folder is
# gs://BUCKET/NAME or, on one host, the VM's own runs/. fetch: copies it to runs/ here. delete: ends the VM, and what it
# costs. babysit: create, copy, run; when the VM was preempted, makes it anew and goes on where the last checkpoint is,
# which needs BUCKET; fetches at the end and deletes.
# With --dry_run first, it prints the commands and does nothing. Needs gcloud, set up with a project and a quota.
set -euo pipefail
dry=
if [ "${1:-}" = --dry_run ]; then dry=yes; shift; fi
what=${1:-}; shift || true
name=${NAME:-bigdeep} zone=${ZONE:-us-central1-a} type=${TYPE:-v5litepod-8} version=${VERSION:-v2-alpha-tpuv5-lite}
bucket=${BUCKET:-} again=${AGAIN:-60}
here=$(cd "$(dirname "$0")/.." && pwd)

call() { if [ -n "$dry" ]; then echo "$*"; else "$@"; fi; }
tpu() { call gcloud compute tpus tpu-vm "$1" "$name" --zone="$zone" "${@:2}"; }
everywhere() { tpu ssh --worker=all --command="$1"; }

create() {
    local spot=()
    if [ -n "${SPOT:-}" ]; then spot=(--spot); fi
    tpu create --accelerator-type="$type" --version="$version" "${spot[@]}"
}

# The checkout's files; not its folders, which tar would find changed where a test leaves its caches meanwhile.
files() { (cd "$here" && find . \( -path ./runs -o -name '.?*' -o -name __pycache__ \) -prune -o -type f -print0); }

copy() {
    local packed=${TMPDIR:-/tmp}/bigdeep.tar.gz
    call tar --create --gzip --file="$packed" --directory="$here" --null --files-from=<(files)
    call gcloud compute tpus tpu-vm scp "$packed" "$name:" --zone="$zone" --worker=all
    everywhere "mkdir -p bigdeep && tar xzf bigdeep.tar.gz -C bigdeep && cd bigdeep && make .venv/.ready EXTRAS=tpu,gcs"
}

train() {
    local flags where=()
    if [ -n "$bucket" ]; then where=("--workdir=gs://$bucket/$name"); fi
    printf -v flags ' %q' "${where[@]}" "$@"
    everywhere "cd bigdeep && .venv/bin/python -m bigdeep.main --coordinator=auto --platform=tpu$flags"
}

fetch() {
    if [ -n "$bucket" ]; then
        call gcloud storage cp --recursive "gs://$bucket/$name" runs/
    else
        call gcloud compute tpus tpu-vm scp --recurse "$name:bigdeep/runs" . --zone="$zone" --worker=0
    fi
}

delete() { tpu delete --quiet; }
state() { gcloud compute tpus tpu-vm describe "$name" --zone="$zone" --format='value(state)' 2> /dev/null || echo GONE; }

babysit() {
    if [ -z "$bucket" ]; then echo "$0: babysit needs BUCKET, where checkpoints outlive the VM" >&2; exit 2; fi
    while true; do
        create && copy
        local code=0
        train "$@" || code=$?
        if [ "$code" = 0 ]; then break; fi
        if [ "$code" = 2 ]; then exit 2; fi # bad input stays bad; the VM is left to look at
        if [ -n "$dry" ]; then break; fi
        echo "ended with $code, the VM is $(state): making it anew in $again s" >&2
        delete || true
        sleep "$again"
    done
    fetch
    delete
}

case $what in
    create | copy | fetch | delete) "$what" ;;
    run) train "$@" ;;
    babysit) babysit "$@" ;;
    *) echo "usage: $0 [--dry_run] create | copy | run FLAGS… | fetch | delete | babysit FLAGS…" >&2; exit 2 ;;
esac
