"""A served model's answers are those that NumPy computes, and each refusal is a sentence."""

import re
import socket

import keras
import numpy as np
import pytest
from linear_server import NAMES, SIDE, checked, form, pictures, png, serving
from prometheus_client.parser import text_string_to_metric_families

from cnnkit.deploy import open_trained_model
from cnnkit.deploy.serve.limits import Limits
from cnnkit.deploy.serve.server import bind
from cnnkit.deploy.serve.service import Service
from cnnkit.errors import SettingError


def test_a_body_of_one_picture_gets_the_probabilities_of_its_classes(client):
    for pixels, content in pictures(5):
        answer = client.predict(content)
        assert answer.status == 200
        (prediction,) = answer.json["predictions"]
        assert prediction["file"] is None
        checked(prediction, pixels)


def test_a_form_of_several_gets_their_answers_in_their_order(client):
    several = pictures(11)
    body, headers = form(*((f"{n}.png", content) for n, (_, content) in enumerate(several)))
    predictions = client.predict(body, headers).json["predictions"]
    assert [each["file"] for each in predictions] == [f"{n}.png" for n in range(11)]
    for prediction, (pixels, _) in zip(predictions, several, strict=True):
        checked(prediction, pixels)


def test_top_says_how_many_classes_are_named(client):
    content = pictures(1)[0][1]
    for top, named in ((1, 1), (3, 3), (4, 4), (10**30, 4)):
        (prediction,) = client.predict(content, top=top).json["predictions"]
        assert len(prediction["top"]) == named


def test_a_chunked_body_is_read(client):
    pixels, content = pictures(1)[0]
    answer = client.predict(iter([content[:10], content[10:]]))
    checked(answer.json["predictions"][0], pixels)


def test_answers_are_sent_at_once():
    with bind(0) as taken, socket.create_connection(_listening(taken)):
        accepted = taken.accept()[0]
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP  # where asyncio sets TCP_NODELAY


def _listening(taken):
    taken.listen()
    return taken.getsockname()


def test_a_name_of_any_letters_comes_back(client):
    body, headers = form(("näïve 猫 (1).png", pictures(1)[0][1]))
    assert client.predict(body, headers).json["predictions"][0]["file"] == "näïve 猫 (1).png"


def test_says_what_the_model_is(client):
    found = client.ask("GET", "/model").json
    assert found["class_names"] == list(NAMES)
    assert found["input_shape"] == [SIDE, SIDE, 3]
    assert found["parameters"] == SIDE * SIDE * 3 * 4 + 4
    assert found["backend"] == keras.backend.backend()
    assert client.ask("GET", "/health").json == {"status": "ok", "waiting": 0}


def test_prometheus_reads_the_counts(serve):
    with serve() as server:
        client = server.client()
        for _, content in pictures(3):
            client.predict(content)
        client.predict(b"no picture")
        answer = client.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }
    assert samples["cnnkit_requests_total", "/predict", "200"] == 3
    assert samples["cnnkit_requests_total", "/predict", "422"] == 1
    assert samples["cnnkit_batch_size_sum",] == 3
    assert samples["cnnkit_batch_seconds_count",] == samples["cnnkit_batch_size_count",] <= 3
    assert samples["cnnkit_waiting",] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "words"),
    [
        ("POST", "/predict", b"", {}, 422, "The file is empty."),
        ("POST", "/predict", b"text", {}, 422, "no image of a kind read here, but text."),
        ("POST", "/predict", *form(("a.png", png(np.zeros((8, 8), "u1"))[:40])), 422, "'a.png'"),
        ("POST", "/predict", b"", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
        ("POST", "/predict", *form(), 400, "The form has no file."),
        (
            "POST", "/predict",
            b'--x\r\nContent-Disposition: form-data; name="cat"\r\n\r\nmeow\r\n--x--\r\n',
            {"Content-Type": "multipart/form-data; boundary=x"}, 400, "field 'cat' is no file",
        ),
        ("POST", "/predict", *form(*[("a", b"")] * 65), 400, "Maximum number of files is 64"),
        ("POST", "/predict?top=0", b"", {}, 422, "top: .* greater than or equal to 1, not '0'"),
        ("POST", "/predict?top=all", b"", {}, 422, "top: .* valid integer.*, not 'all'"),
        ("GET", "/predict", None, {}, 405, "/predict does not take GET"),
        ("GET", "/cats", None, {}, 404, "There is nothing at /cats; /docs"),
        ("GET", "/model", None, {"Host": "evil.example"}, 400, "Invalid host"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_sentence(client, method, path, body, headers, status, words):
    answer = client.ask(method, path, body, headers)
    assert answer.status == status
    sentence = answer.content.decode() if "Host" in headers else answer.json["detail"]
    assert re.search(words, sentence)


def test_too_large_a_body_is_refused_before_it_is_sent(serve):
    with serve(max_bytes=1000) as server:
        client = server.client()
        client.begin(1001)
        answer = client.answer()
        assert answer.status == 413
        assert "more than 1,000 bytes" in answer.json["detail"]
        for body in (iter([b"x" * 600] * 2), form(("a", b"x" * 1000))[0]):
            assert server.client().predict(body).status == 413
        assert server.client().predict(pictures(1)[0][1]).status == 200


def test_a_picture_of_too_many_pixels_is_refused(serve):
    with serve(max_pixels=63) as server:
        answer = server.client().predict(pictures(1)[0][1])
        assert answer.status == 422
        assert "8 x 8 pixels, more than 63" in answer.json["detail"]


def test_a_body_that_does_not_arrive_ends_with_408(serve):
    with serve(timeout=0.2) as server:
        client = server.client()
        client.begin(1000, b"x")
        answer = client.answer()
        assert answer.status == 408
        assert "0.2 s" in answer.json["detail"]


def test_a_client_that_leaves_in_mid_body_leaves_nothing_behind(serve):
    with serve(max_queue=1, max_files=1) as server:
        for _ in range(3):
            leaving = server.client()
            leaving.begin(9, b"x")
            leaving.connection.close()
        client = server.client()
        while (answer := client.predict(pictures(1)[0][1])).status == 503:
            assert "1 requests are being answered" in answer.json["detail"]
        assert answer.status == 200


def test_a_model_that_fails_is_status_500_and_the_next_request_is_answered(linear_model):
    trained = open_trained_model(linear_model, class_names=NAMES)
    service = Service(trained, Limits())
    with serving(service) as server:
        client = server.client()
        layer = linear_model.layers[-1]
        kept = layer.get_weights()
        try:
            layer.set_weights([np.full_like(kept[0], np.nan), kept[1]])
            answer = client.predict(pictures(1)[0][1])
        finally:
            layer.set_weights(kept)
        assert answer.status == 500
        assert "not finite" in answer.json["detail"]
        assert client.predict(pictures(1)[0][1]).status == 200


@pytest.mark.once
def test_sounds_and_texts_are_served_too(runs_dir):
    for kind, content in (("sentences", b"a good film"), ("sounds", None)):
        trained = open_trained_model(runs_dir / kind / "one")
        if content is None:
            content = _wav(trained.inputs.length, trained.inputs.sampling_rate)
        expected = trained.model.predict_on_batch(
            trained.inputs.batch([trained.inputs.decode(content)])
        )[0]
        with serving(Service(trained, Limits())) as server:
            client = server.client()
            (prediction,) = client.predict(content, top=1).json["predictions"]
            assert client.predict(b"\xff\xfe").status == 422
        assert prediction["label"] == trained.class_names[np.argmax(expected)]
        assert prediction["probability"] == pytest.approx(float(np.max(expected)), abs=1e-5)


def _wav(length, rate):
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.random.default_rng(0).bytes(2 * length))
    return file.getvalue()


def test_a_model_of_arrays_is_refused():
    trained = open_trained_model(
        keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, activation="softmax")])
    )
    with pytest.raises(SettingError, match="takes arrays of shape"):
        Service(trained, Limits())


@pytest.mark.parametrize(
    "limits",
    [{"max_batch": 0}, {"timeout": 0}, {"timeout": float("nan")}, {"max_files": 9, "max_queue": 8}],
)
def test_a_limit_out_of_range_names_itself(limits):
    with pytest.raises(SettingError, match=next(iter(limits))):
        Limits(**limits)
