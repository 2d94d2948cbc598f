"""Whatever is sent, the server refuses it with status 4xx and a sentence, and lives."""

import random
import socket

import numpy as np
import pytest
import schemathesis
import zoo
from hypothesis import given, settings, strategies as st
from linear_server import checked, form, pictures
from schemathesis import GenerationMode, checks

pytestmark = pytest.mark.once

REFUSED = [content for content, reason in zoo.zoo().values() if reason]
READ = [content for content, reason in zoo.zoo().values() if reason is None]


def malformed(number):
    """A request that cannot be answered: method, path, body, headers."""
    chance = random.Random(number)
    noise = chance.randbytes(chance.randrange(0, 2000))
    whole = chance.choice(READ[:20])
    file = chance.choice([noise, chance.choice(REFUSED), whole[: chance.randrange(40)]])
    good = pictures(1)[0][1]
    body, headers = form(("a.png", good))
    kind = number % 10
    if kind < 4:
        return "POST", "/predict", file, {"Content-Type": chance.choice(["image/png", "x", ""])}
    if kind < 6:
        return "POST", "/predict", *form(("good.png", good), ("bad.png", file))
    if kind == 6:  # ends anywhere before the last boundary does
        return "POST", "/predict", body[: chance.randrange(len(body) - 4)], headers
    if kind == 7:
        top = chance.choice(["0", "-1", "x", "1e3", "", "1,2", "%00", "9" * 5000])
        return "POST", f"/predict?top={top}", good, {}
    if kind == 8:
        method = chance.choice(["GET", "PUT", "DELETE", "PATCH", "CAT"])
        return method, "/predict", None, {}
    path = "".join(chance.choices("abc/.%20&;=~", k=chance.randrange(1, 30)))
    return "GET", f"/x{path}", None, {}


def test_a_thousand_malformed_requests_get_a_thousand_4xx_and_the_server_lives(server):
    client = server.client()
    for number in range(1000):
        method, path, body, headers = malformed(number)
        answer = client.ask(method, path, body, headers)
        assert 400 <= answer.status < 500, (number, answer)
        if method != "CAT":  # which the HTTP parser refuses, in plain text
            assert answer.json["detail"].endswith("."), (number, answer)
    ((pixels, content),) = pictures(1)
    checked(client.predict(content).json["predictions"][0], pixels)


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\0\x01\xfc",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_and_the_server_lives(server, client, sent):
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        received = b""
        while more := raw.recv(4096):
            received += more
    assert received == b"" or received.startswith(b"HTTP/1.1 4")
    assert client.ask("GET", "/health").status == 200


@st.composite
def nearly_pictures(draw):
    """A picture some of whose bytes are others, or which ends early."""
    content = bytearray(draw(st.sampled_from(READ)))
    places = st.integers(0, len(content) - 1)
    for place in draw(st.lists(places, max_size=5)):
        content[place] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.none() | places)])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(content=st.binary(max_size=500) | nearly_pictures())
def test_any_bytes_are_a_picture_or_are_refused(server, content):
    client = server.client()
    answer = client.predict(content)
    client.connection.close()
    if answer.status == 200:
        (prediction,) = answer.json["predictions"]
        shares = [each["probability"] for each in prediction["top"]]
        assert np.isclose(sum(shares), 1, atol=1e-5)
        assert shares == sorted(shares, reverse=True)
    else:
        assert answer.status == 422
        assert answer.json["detail"].startswith("The file ")


@pytest.mark.parametrize(
    ("mode", "path", "operations"),
    [
        (GenerationMode.POSITIVE, "^/", ["GET /health", "GET /metrics", "GET /model", "POST /predict"]),
        (GenerationMode.NEGATIVE, "^/predict", ["POST /predict"]),  # the others take nothing
    ],
)  # fmt: skip
def test_answers_are_as_the_openapi_document_says(server, mode, path, operations):
    document = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    seen = set()
    for found in document.include(path_regex=path).get_all_operations():
        operation = found.ok()

        @settings(max_examples=8, deadline=None, derandomize=True)
        @given(operation.as_strategy(generation_mode=mode))
        def answers(case):
            # Bytes that fit the document may be no picture.
            case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])
            seen.add(case.operation.label)

        answers()
    assert sorted(seen) == operations
