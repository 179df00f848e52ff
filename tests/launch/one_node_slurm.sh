#!/usr/bin/env bash
# A Slurm of one machine in a folder of its own, with its own munge, ports on loopback only, and two partitions: a job
# in "high" preempts those in "low", which get SIGTERM and 20 seconds, and are requeued.
#   one_node_slurm.sh up DIR, then SLURM_CONF=DIR/slurm.conf sbatch …;  one_node_slurm.sh down DIR
# Needs root, since slurmd starts jobs as their users, and Debian's slurm-wlm and munge.
set -euo pipefail
what=$1 dir=$2
export SLURM_CONF=$dir/slurm.conf
if [ "$what" = down ]; then
    for daemon in slurmctld slurmd munged; do
        if [ -s "$dir/$daemon.pid" ]; then kill "$(cat "$dir/$daemon.pid")" 2> /dev/null || true; fi
    done
    exit
fi
mkdir -p "$dir/state" "$dir/spool"
chmod 755 "$dir"
port=$((20000 + RANDOM % 10000))
head -c 1024 /dev/urandom > "$dir/munge.key"
chmod 400 "$dir/munge.key"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --seed-file="$dir/munge.seed" --log-file="$dir/munged.log"
cat > "$SLURM_CONF" << CONF
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
JobRequeue=1
KillWait=20
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n0 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N n0
for _ in $(seq 50); do
    if sinfo --noheader --format=%T 2> /dev/null | grep -q '^idle'; then exit; fi
    sleep 0.2
done
sinfo >&2
exit 1
