"""`cnnkit serve`: answers until SIGTERM, then what was asked before, and ends with status 0."""

import http.client
import importlib.util
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit.cli import main

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A model that says whether a grey picture is darker than half."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([np.array([[-1.0, 1.0]]), np.array([127.5, -127.5])])
    path = tmp_path_factory.mktemp("models") / "shade.keras"
    model.save(path)
    return path


def picture(shade):
    file = io.BytesIO()
    Image.new("L", (4, 4), shade).save(file, "PNG")
    return file.getvalue()


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_ends_it_after_the_last_answer_with_status_0(model_file, number):
    code = "from cnnkit.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(model_file), "--max-wait", "1500"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        port = int(re.search(r"^shade answers at http://127\.0\.0\.1:(\d+) ", line)[1])
        with ThreadPoolExecutor(3) as clients:
            # They wait for others to join the batch while the signal comes.
            asked = [
                clients.submit(ask, port, "POST", "/predict", picture(shade))
                for shade in (0, 255, 100)
            ]
            while ask(port, "GET", "/health")[1]["waiting"] < 3:
                assert not any(each.done() for each in asked)
            process.send_signal(number)
            answers = [each.result() for each in asked]
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert [status for status, _ in answers] == [200, 200, 200]
    assert [answer["predictions"][0]["label"] for _, answer in answers] == ["0", "1", "0"]
    assert process.returncode == 0
    assert "Traceback" not in errors
    with pytest.raises(ConnectionRefusedError):
        ask(port, "GET", "/health")


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_port_that_is_taken_is_one_sentence(model_file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cnnkit("serve", model_file, "--port", port)
    assert result.exit_code == 2
    assert f"Port {port} of 127.0.0.1 cannot be used" in result.output


def test_a_missing_extra_is_named_with_what_brings_it(model_file, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    result = cnnkit("serve", model_file)
    assert result.exit_code == 2
    assert 'Serving needs uvicorn: pip install "cnnkit[serve]".' in result.output


def test_an_unknown_name_and_a_bad_limit_are_one_sentence(model_file, tmp_path):
    result = cnnkit("serve", "mobilenet_v3", "--runs-dir", tmp_path)
    assert result.exit_code == 2
    assert "'mobilenet_v2'" in result.output
    result = cnnkit("serve", model_file, "--max-batch", 0)
    assert result.exit_code == 2
    assert "max_batch is 1 to 4096, not 0." in result.output
