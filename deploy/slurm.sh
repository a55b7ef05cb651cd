#!/bin/bash
# Trains on four machines of a cluster: sbatch deploy/slurm.sh, in a folder that all of them see, with elbow (built with
# -tags mpi) and deploy/train.sh in PATH. A job that Slurm starts again goes on with its training.
#SBATCH --job-name=elbow
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=elbow-%j.log
set -euo pipefail

# Of its own allocation mpirun knows the hosts, and how many ranks each of them gets.
train.sh "run-$SLURM_JOB_ID" -data waves.csv -threads "$SLURM_CPUS_PER_TASK" -- -shards 8
