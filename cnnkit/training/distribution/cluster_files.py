"""What starts a run on several machines: a SLURM script, or a Kubernetes Job."""

import re
import shlex
from collections.abc import Sequence

PORT = 12321
LONGEST_NAME = 50  # Kubernetes adds to it, and allows 63 characters

SLURM = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={workers}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-task=1
#SBATCH --time=12:00:00
# SIGTERM comes two minutes before the time is over: cnnkit saves a checkpoint, and ends.
#SBATCH --signal=TERM@120
# A job that is requeued goes on with its run.
#SBATCH --requeue
#SBATCH --open-mode=append

export KERAS_BACKEND=jax
# A task that fails ends the others.
srun --kill-on-bad-exit=1 cnnkit run {arguments} \\
    --processes auto --name "{name}-$SLURM_JOB_ID" --or-resume
"""

KUBERNETES = """\
# The pods find each other by the names that this service gives them.
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    job-name: {name}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  completionMode: Indexed
  completions: {workers}
  parallelism: {workers}
  # A pod that ends is replaced; all go on with the run from its last checkpoint.
  backoffLimit: {retries}
  template:
    spec:
      subdomain: {name}
      restartPolicy: Never
      # SIGTERM comes so long before the end: time for a checkpoint.
      terminationGracePeriodSeconds: 120
      containers:
        - name: worker
          image: {image}
          workingDir: /shared
          env:
            - name: KERAS_BACKEND
              value: jax
          command:
            - cnnkit
            - run
{arguments}
            - --processes
            - {name}-0.{name}:{port},{workers},$(JOB_COMPLETION_INDEX)
            - --name
            - {name}
            - --or-resume
          ports:
            - containerPort: {port}
          resources:
            limits:
              nvidia.com/gpu: 1
          volumeMounts:
            - name: shared
              mountPath: /shared
      volumes:
        # Experiments, data and runs, for all pods: an access mode of ReadWriteMany.
        - name: shared
          persistentVolumeClaim:
            claimName: {name}
"""


def slurm_script(arguments: Sequence[str], workers: int) -> str:
    """Return a script for `sbatch` that trains on several machines, and goes on where it was stopped.

    Args:
        arguments: Those of `cnnkit run`.
        workers: How many machines, each with one process.
    """
    return SLURM.format(name=_name(arguments), workers=workers, arguments=shlex.join(arguments))


def kubernetes_job(arguments: Sequence[str], workers: int, image: str = "IMAGE") -> str:
    """Return a service and an indexed Job for `kubectl apply -f -`.

    Args:
        arguments: Those of `cnnkit run`.
        workers: How many pods, each with one process.
        image: The container's image, with cnnkit and JAX in it.
    """
    listed = "\n".join(f"            - {_yaml(word)}" for word in arguments)
    return KUBERNETES.format(
        name=_name(arguments), workers=workers, retries=10 * workers, image=image, port=PORT,
        arguments=listed,
    )  # fmt: skip


def _name(arguments: Sequence[str]) -> str:
    """Return a name that SLURM, Kubernetes and DNS allow: the experiment's, if there is one."""
    word = arguments[0] if arguments and not arguments[0].startswith("-") else "cnnkit"
    word = re.sub(r"\.py$", "", word.rpartition("/")[2]).lower()
    return re.sub(r"[^a-z0-9]+", "-", word)[:LONGEST_NAME].strip("-") or "cnnkit"


def _yaml(word: str) -> str:
    """Return a word as YAML reads a text: plain where it can only be one."""
    plain = re.fullmatch(r"(?=.*[A-Za-z_])[\w./=-]+", word) and not _has_meaning(word)
    # In double quotes, YAML reads what JSON writes; Kubernetes replaces $(NAME).
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$(", "$$(")
    return word if plain else f'"{escaped}"'


def _has_meaning(word: str) -> bool:
    return word.lower() in ("yes", "no", "on", "off", "true", "false", "null", "y", "n") or bool(
        re.fullmatch(r"[-+.\d].*", word) and not word.startswith("--")
    )
