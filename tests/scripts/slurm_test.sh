#!/bin/bash
# A real Slurm on this machine, on ports of its own: submits the templates with small searches, which
# are stopped by the signal of the time limit, as one process, as two, and as one task of an array,
# or lose one of two processes. Each must return to the queue and finish with the result of an
# uninterrupted run.
#   tests/scripts/slurm_test.sh PROGRAM
# Needs root and Debian's slurmctld, slurmd, slurm-client and munge; exits 77, "skipped", without.
set -euo pipefail
program=$(realpath "$1")
source=$(realpath "$(dirname "$0")/../..")
skip() {
  echo "skipped: $1"
  [ -z "${HSCONAS_SKIPS:-}" ] || echo "skipped: a real Slurm stops and requeues searches: $1" >> "$HSCONAS_SKIPS"
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
  if [ "${SLURM_CONF:-}" = "$work/slurm.conf" ]; then  # Never the jobs of another Slurm.
    timeout 10 scancel --quiet --full --signal=KILL --user=root || true
    timeout 10 scancel --quiet --user=root || true
    timeout 10 bash -c 'while squeue -h | grep -q .; do sleep 0.3; done' || true
  fi
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
SlurmdParameters=config_overrides
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
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

# Some seconds of training, so that there is time to stop it. The latencies are modelled, so that
# results can be compared to the bit.
config=$source/configs/quickstart.json
settings=(data.holdout_images=200 data.train_images=1000 data.test_images=200 data.workers=1
  latency.accelerator="$source/configs/accelerators/kc-p.json"
  supernet.groups=4 supernet.epochs="${EPOCHS:-4}" checkpoint_steps=10
  score.calibration_images=64 score.validation_images=100 score.batch=50 shrink.samples=2
  'shrink.stages=[{"layers": 1, "tune_epochs": 0.5}]'
  search.population=4 search.generations=1 search.parents=2 search.baseline_samples=4
  device.threads=1)
"$program" --quiet search -c "$config" -w "$work/whole" "${settings[@]}" > /dev/null
cd "$work/out"

submit() {  # RUN TEMPLATE OPTION...; prints the number of the job.
  HSCONAS=$program RUN=$work/$1 sbatch --parsable --output="$1.log" --cpus-per-task=1 "${@:3}" \
    "$source/scripts/slurm/$2" "$config" "${settings[@]}"
}
log_of() { echo "$work/out/${1%/*}.log"; }  # RUN
job_has() { scontrol -o show job "$1" | grep -qE "$2"; }  # JOB PATTERN
trains() { grep -qs 'supernet: [0-9]* steps of' "$work/$1/log.txt"; }
reach_limit() {  # JOB RUN; the job must stop and return to the queue.
  scancel --batch --signal=USR1 "$1"
  wait_until 60 "job $1 to be queued again" job_has "$1" 'Restarts=1 '
  grep -q 'stopped on request after step' "$(log_of "$2")" || fail "no orderly stop of $2"
  [ ! -e "$work/$2/result.json" ] || fail "$2 had finished before the signal came"
}
# Slurm lets a requeued job wait for two minutes; that is not what is tested. But a job that starts
# again in the second of its end is refused ("Job credential revoked").
start() {
  scontrol update JobId="$1" StartTime=now > /dev/null 2>&1 || true
  job_has "$1" 'JobState=(RUNNING|COMPLETING|COMPLETED)'
}
check_equal() {  # RUN
  local file
  for file in result.json candidates.csv model.safetensors checkpoints/supernet.safetensors; do
    cmp "$work/$1/$file" "$work/whole/$file" || fail "$1 has another $file than without the stop"
  done
}
finish() {  # JOB RUN; the job must continue and end like an uninterrupted run.
  sleep 2
  wait_until 240 "job $1 to start again" start "$1"
  wait_until 120 "job $1 to end" job_has "$1" 'JobState=COMPLETED'
  grep -q 'continues at step' "$work/$2/log.txt" || fail "$2 did not continue"
  check_equal "$2"
}
say_stop() {  # WHAT RUN
  echo "$1: stopped $(grep -m 1 -o 'after step [0-9]* of [0-9]*' "$(log_of "$2")"), queued again, same result"
}

job=$(submit alone search.sbatch)
wait_until 120 "training to begin" trains alone
reach_limit "$job" alone
finish "$job" alone
say_stop "one process" alone

job=$(submit two cluster.sbatch --ntasks=2)
wait_until 120 "two processes to train" trains two
reach_limit "$job" two
finish "$job" two
grep -q 'this run has 2 processes' "$work/two/log.txt" || fail "srun did not start two processes of one run"
say_stop "two processes" two

job=$(submit killed cluster.sbatch --ntasks=2)
wait_until 120 "a checkpoint" test -e "$work/killed/checkpoints/supernet.safetensors"
kill -KILL "$(scontrol listpids "$job.0" | awk '$5 == 1 { print $1 }')"  # Rank 1.
wait_until 60 "the job to be queued again" job_has "$job" 'Restarts=1 '
[ ! -e "$work/killed/result.json" ] || fail "it had finished before the process was killed"
finish "$job" killed
[ ! -e "$work/killed.losses" ] || fail "the finished job still counts lost processes"
echo "one of two processes killed: queued again, same result"

# In an array, the number of the last task is also that of the whole array.
job=$(submit array search.sbatch --array=0-1)
wait_until 120 "task 0 to train" trains array/0
wait_until 120 "task 1 to train" trains array/1
reach_limit "${job}_1" array/1
wait_until 120 "task 0 to end" job_has "${job}_0" 'Restarts=1 |JobState=COMPLETED'
job_has "${job}_0" 'Restarts=0 ' || fail "task 0 of the array was requeued with task 1"
check_equal array/0
say_stop "the last task of an array" array/1
