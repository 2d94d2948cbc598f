"""The explorer's server answers its own page, with Keras' numbers, and nobody else."""

import http.client
import json
import struct
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from three_shapes import CLASS_NAMES, SIDE, classifier_like, samples

from cnnkit import explorer
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def served(described):
    model, document = described
    engine = explorer.KerasEngine(classifier_like(model), document)
    server = explorer.Explorer(engine)
    yield server, engine
    server.close()


def ask(server, path, body=None, method=None, **headers):
    """Return status and content of an answer; `path` follows the token."""
    address = urlsplit(server.address)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    method = method or ("GET" if body is None else "POST")
    connection.putrequest(method, address.path + path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def unpacked(content):
    (length,) = struct.unpack("<I", content[:4])
    header = json.loads(content[4 : 4 + length])
    values = np.frombuffer(content[4 + length :], "<f4")
    arrays = {}
    for part in header["maps"]:
        size = int(np.prod(part["shape"]))
        arrays[part["name"]], values = values[:size].reshape(part["shape"]), values[size:]
    return header, arrays, values


def picture():
    return samples()[0].pixels.astype("<f4")


def test_the_address_is_of_this_machine_alone(served):
    assert served[0].address.startswith("http://127.0.0.1:")
    assert len(urlsplit(served[0].address).path) > 20


def test_the_page_allows_no_source_but_its_server(served):
    answer, content = ask(served[0], "")
    assert answer.status == 200
    assert b"<title>small: number by number</title>" in content
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_outputs_are_those_of_keras(served, described):
    expected = described[0].predict(picture()[None], verbose=0)[0]
    _, content = ask(served[0], "forward", picture().tobytes())
    _, arrays, _ = unpacked(content)
    assert set(arrays) == {layer["name"] for layer in described[1].network["layers"]}
    np.testing.assert_allclose(arrays["probabilities"], expected, atol=1e-6)
    names = quote(json.dumps(["S2"]))
    _, content = ask(served[0], f"forward?layers={names}", picture().tobytes())
    assert list(unpacked(content)[1]) == ["S2"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_strangers_are_refused(served, headers, status):
    for body in (None, picture().tobytes()):
        path = "network.json" if body is None else "forward"
        answer, content = ask(served[0], path, body, **headers)
        assert answer.status == status
        assert b"ring" not in content


def test_its_own_origin_is_answered(served):
    port = urlsplit(served[0].address).port
    answer, _ = ask(served[0], "reset", b"", Origin=f"http://127.0.0.1:{port}")
    assert answer.status == 200


@pytest.mark.parametrize("path", ["", "network.json", "../network.json", "%2e%2e/network.json"])
def test_without_the_token_there_is_nothing(served, path):
    address = urlsplit(served[0].address)
    for start in ("/", "/wrong-token/", "//", "/" + address.path[1:-2] + "/"):
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        connection.request("GET", start + path)
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.parametrize("path", ["../../etc/passwd", "assets/page.html", "explorer.js", "x/../"])
def test_no_file_is_served(served, path):
    assert ask(served[0], path)[0].status == 404


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("forward", b"\0" * 8, "A picture has 12 x 12 x 1 finite numbers, not 2."),
        ("forward", np.full(SIDE * SIDE, np.nan, "<f4").tobytes(), "finite"),
        ("forward", b"\0" * 7, "float32"),
        ("backward?label=3", picture().tobytes(), "classes are 0 to 2"),
        ("backward?label=x", picture().tobytes(), "'x'"),
        ("forward?layers=%5B%22no%22%5D", picture().tobytes(), "no layer 'no'"),
        ("weight?layer=C1&index=2", b"", "Layer 'C1' has no weight 2."),
        ("set-weight?layer=C1&index=1", b"\0" * 4, "takes 4 finite numbers, not 1."),
    ],
)
def test_a_bad_question_gets_a_sentence_and_the_next_is_answered(served, path, body, sentence):
    answer, content = ask(served[0], path, body)
    assert answer.status == 400
    assert sentence in content.decode()
    assert ask(served[0], "forward", picture().tobytes())[0].status == 200


def test_a_body_larger_than_any_question_is_not_read(served):
    answer, content = ask(served[0], "forward", None, "POST", **{"Content-Length": "4000000000"})
    assert answer.status == 400
    assert b"up to" in content


def test_a_changed_weight_is_used_until_reset(served, described):
    before = unpacked(ask(served[0], "forward", picture().tobytes())[1])[1]["probabilities"]
    kernel = described[0].get_layer("C1").get_weights()[0]
    ask(served[0], "set-weight?layer=C1&index=0", (-kernel).astype("<f4").tobytes())
    other = classifier_like(described[0])
    other.get_layer("C1").set_weights([-kernel, other.get_layer("C1").get_weights()[1]])
    expected = other.predict(picture()[None], verbose=0)[0]
    after = unpacked(ask(served[0], "forward", picture().tobytes())[1])[1]["probabilities"]
    np.testing.assert_allclose(after, expected, atol=1e-6)
    assert np.abs(after - before).max() > 1e-3
    ask(served[0], "reset", b"")
    again = unpacked(ask(served[0], "forward", picture().tobytes())[1])[1]["probabilities"]
    np.testing.assert_array_equal(again, before)


def test_a_port_that_is_taken_is_told(served):
    port = urlsplit(served[0].address).port
    with pytest.raises(SettingError, match=f"port {port}"):
        explorer.Explorer(served[1], port=port)


def test_two_networks_answer_under_their_own_addresses(described):
    model, document = described
    other = classifier_like(model)
    other.set_weights([-weight for weight in other.get_weights()])
    engines = [explorer.KerasEngine(each, document) for each in (classifier_like(model), other)]
    server = explorer.Explorer(*engines)
    for prefix, network in (("", model), ("against/", other)):
        content = ask(server, f"{prefix}forward", picture().tobytes())[1]
        expected = network.predict(picture()[None], verbose=0)[0]
        np.testing.assert_allclose(unpacked(content)[1]["probabilities"], expected, atol=1e-6)
    server.close()


def test_class_names_are_those_of_the_document(served):
    names = json.loads(ask(served[0], "network.json")[1])["classNames"]
    assert tuple(names) == CLASS_NAMES
