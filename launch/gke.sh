#!/usr/bin/env bash
# Trains on Kubernetes with JobSet installed, as on GKE: fills in launch/gke_jobset.yaml and applies it.
#   IMAGE=REGISTRY/bigdeep launch/gke.sh [--dry_run] tpu | gpu FLAGS…
#   IMAGE=… HOSTS=4 DEVICES=8 TYPE=nvidia-h100-80gb launch/gke.sh gpu --config=configs/mlp5.py --workdir=/runs/mlp5
# HOSTS pods with DEVICES chips or cards each, of TYPE; for TPUs the TOPOLOGY of the slice, too. CLAIM is the volume
# claim, ReadWriteMany where there are several hosts, on which runs lie. --dry_run prints the JobSet.
set -euo pipefail
dry=
if [ "${1:-}" = --dry_run ]; then dry=yes; shift; fi
kind=${1:-}; shift || true
hosts=${HOSTS:-1} name=${NAME:-bigdeep} claim=${CLAIM:-bigdeep-runs}
case $kind in
    tpu)
        devices=${DEVICES:-8} resource=google.com/tpu
        selector="{cloud.google.com/gke-tpu-accelerator: ${TYPE:-tpu-v5-lite-podslice}, cloud.google.com/gke-tpu-topology: ${TOPOLOGY:-2x4}}"
        ;;
    gpu)
        devices=${DEVICES:-1} resource=nvidia.com/gpu
        selector="{cloud.google.com/gke-accelerator: ${TYPE:-nvidia-l4}}"
        ;;
    *)
        echo "usage: IMAGE=… $0 [--dry_run] tpu | gpu FLAGS…" >&2
        exit 2
        ;;
esac
if [ -z "${IMAGE:-}" ]; then echo "$0: IMAGE has to name the image, built from launch/Containerfile" >&2; exit 2; fi
if [ "$hosts" -gt 1 ]; then
    # Kubernetes puts the pod's number in for $(JOB_COMPLETION_INDEX).
    # shellcheck disable=SC2016
    set -- "$@" "--coordinator=$name-hosts-0-0.$name:12345" "--num_processes=$hosts" '--process_id=$(JOB_COMPLETION_INDEX)'
fi
quoted="\"--platform=$kind\""
for flag in "$@"; do
    flag=${flag//\\/\\\\}
    quoted+=", \"${flag//\"/\\\"}\""
done
text=$(< "$(dirname "$0")/gke_jobset.yaml")
for pair in "NAME=$name" "HOSTS=$hosts" "SELECTOR=$selector" "IMAGE=$IMAGE" "RESOURCE=$resource" "DEVICES=$devices" \
    "CLAIM=$claim" "ARGS=[$quoted]"; do
    text=${text//"@${pair%%=*}@"/"${pair#*=}"}
done
if [ -n "$dry" ]; then echo "$text"; else echo "$text" | kubectl apply --filename=-; fi
