#!/bin/bash
# A real Slurm on this machine, on ports of its own: submits the template with a small search, sends
# the signal of the time limit, and sees the job stop with exit code 75, return to the queue and
# finish with the result of an uninterrupted run.
#   tests/scripts/slurm_test.sh PROGRAM
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge; exits 77, "skipped", without.
set -euo pipefail
program=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
skip() {
  echo "skipped: $1"
  [ -z "${HSCONAS_SKIPS:-}" ] || echo "skipped: a real Slurm runs, stops and requeues a search: $1" >> "$HSCONAS_SKIPS"
  exit 77
}
for needed in slurmctld slurmd munged mungekey sbatch scontrol; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$needed" > /dev/null ||
    skip "no $needed"
done
[ "$(id -u)" = 0 ] || skip "its daemons need root"
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d)
daemons=()
cleanup() {
  local pid
  for pid in "${daemons[@]}"; do kill "$pid" 2> /dev/null || true; done
  sleep 1
  for pid in "${daemons[@]}"; do kill -KILL "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
fail() {
  echo "FAILED: $1"
  tail -n 20 "$work"/*.log "$work"/out/* 2> /dev/null || true
  exit 1
}
wait_until() {  # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "waited in vain for $what"
    sleep 0.3
  done
}

# Daemons, all files below $work. munged wants its folder closed to others.
chmod 755 "$work"
mkdir -p "$work/munge" "$work/state" "$work/spool" "$work/out"
chmod 700 "$work/munge"
mungekey --create --keyfile="$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge.socket" \
  --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" \
  > "$work/munged.log" 2>&1 &
daemons+=($!)
host=$(hostname -s)
port=$((20000 + $$ % 20000))
cat > "$work/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
wait_until 20 "munged" test -S "$work/munge.socket"
slurmctld -D -f "$SLURM_CONF" > "$work/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D -f "$SLURM_CONF" > "$work/slurmd.out" 2>&1 &
daemons+=($!)
node_is_idle() { sinfo -h -o %T 2> /dev/null | grep -q '^idle'; }
wait_until 60 "the node" node_is_idle

# Some seconds of training, so that there is time to stop it.
settings=(data.holdout_images=200 data.train_images=1000 data.test_images=200 data.workers=1
  latency.rounds=3 latency.budget_minutes=0 latency.sample_ms=0 latency.bias_networks=4
  latency.test_networks=3 supernet.epochs="${EPOCHS:-4}" score.calibration_images=64
  score.validation_images=100 score.batch=50 shrink.samples=2
  'shrink.stages=[{"layers": 1, "tune_epochs": 0.5}]'
  search.population=4 search.generations=1 search.parents=2 search.baseline_samples=4
  device.threads=1)
config=$source/configs/quickstart.json
"$program" --quiet profile -c "$config" -w "$work/profile" "${settings[@]}" > /dev/null
settings+=(latency.table="$work/profile/latency.json")
"$program" --quiet search -c "$config" -w "$work/whole" "${settings[@]}" > /dev/null

cd "$work/out"
job=$(HSCONAS=$program RUN=$work/run sbatch --parsable --cpus-per-task=1 \
  "$source/scripts/slurm/search.sbatch" "$config" "${settings[@]}")
trains() { grep -qs 'supernet: [0-9]* steps of' "$work/run/log.txt"; }
wait_until 120 "training to begin" trains
scancel --batch --signal=USR1 "$job"
is_queued() { scontrol -o show job "$job" | grep -q 'Restarts=1 '; }
wait_until 60 "the job to be queued again" is_queued
grep -q 'stopped on request after step' "$work/out/hsconas-$job.log" || fail "no orderly stop"
[ ! -e "$work/run/result.json" ] || fail "it had finished before the signal came"
# Slurm lets a requeued job wait for two minutes; that is not what is tested.
start() {
  scontrol update JobId="$job" StartTime=now > /dev/null 2>&1 || true
  scontrol -o show job "$job" | grep -qE 'JobState=(RUNNING|COMPLETING|COMPLETED)'
}
wait_until 240 "the job to start again" start
is_complete() { scontrol -o show job "$job" | grep -q 'JobState=COMPLETED'; }
wait_until 120 "the job to end" is_complete
grep -q 'continues at step' "$work/run/log.txt" || fail "it did not continue"
for run in run whole; do grep -vE '"(measured_ms|crc32)":' "$work/$run/result.json" > "$work/$run.txt"; done
cmp "$work/run.txt" "$work/whole.txt" || fail "another result than without the stop"
echo "stopped with exit code 75 at $(grep -o 'after step [0-9]* of [0-9]*' "$work/out/hsconas-$job.log"), queued again, finished with the same result"
