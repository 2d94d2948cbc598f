"""What `cnnkit launch --print` prints, and what the docs show of it."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnkit.cli import main

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[3] / "docs/how-to/scale-out.md"
AWKWARD = ("cats and $dogs.py", "--name-of", 'a "b" $(c)', "--flag", "yes", "--epochs", "007")


def printed(*arguments):
    done = CliRunner().invoke(main, ["launch", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def objects(text):
    return list(pytest.importorskip("yaml").safe_load_all(text))


@pytest.mark.parametrize(("form", "fence"), [("slurm", "bash"), ("kubernetes", "yaml")])
def test_the_docs_show_what_the_command_beside_it_prints(form, fence):
    page = PAGE.read_text()
    command = re.search(rf"^\$ cnnkit launch (.*--print {form} .*) > ", page, re.MULTILINE)[1]
    assert printed(*shlex.split(command)) in re.findall(
        rf"^```{fence}\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("arguments", [("digits_lenet5",), AWKWARD])
def test_bash_reads_the_slurm_script_and_passes_the_words_on(arguments, tmp_path):
    script = printed("--workers", "3", "--print", "slurm", *arguments)
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    srun = tmp_path / "srun"  # which prints the words that it is given
    srun.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    words = subprocess.run(
        [shutil.which("bash")], input=script, text=True, check=True, capture_output=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "7"},
    ).stdout.splitlines()  # fmt: skip
    begin = words.index("run") + 1
    assert tuple(words[begin : begin + len(arguments)]) == arguments
    assert words[begin + len(arguments) :][:2] == ["--processes", "auto"]
    assert re.search(r"^#SBATCH --nodes=3$", script, re.MULTILINE)


def test_a_kubernetes_job_has_a_pod_for_each_worker_and_they_find_the_first():
    service, job = objects(printed("--workers", "3", "--print", "kubernetes", "digits_lenet5"))
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    assert service["spec"]["clusterIP"] == "None"  # a text: the service is headless
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert pod["subdomain"] == service["metadata"]["name"]
    # https://kubernetes.io/docs/concepts/workloads/controllers/job: a pod is JOB-INDEX.SUBDOMAIN.
    command = pod["containers"][0]["command"]
    address, count, number = command[command.index("--processes") + 1].split(",")
    host, port = address.split(":")
    assert host == f"{job['metadata']['name']}-0.{pod['subdomain']}"
    assert int(port) == pod["containers"][0]["ports"][0]["containerPort"]
    assert (count, number) == ("3", "$(JOB_COMPLETION_INDEX)")


def test_kubernetes_passes_awkward_words_on():
    _, job = objects(printed("--print", "kubernetes", *AWKWARD))
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    # "$$(" is how Kubernetes writes "$(" that is none of its variables.
    assert command[2 : 2 + len(AWKWARD)] == [word.replace("$(", "$$(") for word in AWKWARD]
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])


@pytest.mark.parametrize("option", ["--processes", "--name", "--resume", "--or-resume"])
def test_what_the_script_writes_itself_is_refused(option):
    done = CliRunner().invoke(main, ["launch", "--print", "slurm", "digits_lenet5", option, "x"])
    assert done.exit_code == 2
    assert done.output.startswith(f"Error: {option} is written by --print slurm itself")
