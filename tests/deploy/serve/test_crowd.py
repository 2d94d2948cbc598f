"""Many clients at once: no answer is lost or mixed up, and too many are told to come again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from linear_server import checked, form, pictures

CLIENTS, EACH = 32, 12


def test_each_of_32_clients_gets_the_answers_to_its_own_pictures(serve):
    def ask(number):
        client = server.client()
        for pixels, content in pictures(EACH, seed=number):
            answer = client.predict(content)
            assert answer.status == 200
            checked(answer.json["predictions"][0], pixels)
        return EACH

    with serve() as server, ThreadPoolExecutor(CLIENTS) as clients:
        assert sum(clients.map(ask, range(CLIENTS))) == CLIENTS * EACH
        counts = server.client().ask("GET", "/metrics").content.decode()
    values = dict(line.rsplit(" ", 1) for line in counts.splitlines() if line[0] != "#")
    assert float(values["cnnkit_batch_size_sum"]) == CLIENTS * EACH
    assert float(values["cnnkit_batch_size_count"]) < CLIENTS * EACH / 1.5  # batches, not singles


@pytest.mark.once
def test_when_too_many_wait_for_the_model_the_next_is_told_to_come_again(serve):
    three, two, one = (form(*(("a", content) for _, content in pictures(n))) for n in (3, 2, 1))
    with serve(max_queue=4, max_files=4, max_wait=1) as server, ThreadPoolExecutor(1) as thread:
        first, second = server.client(), server.client()
        waits = thread.submit(first.predict, *three)
        while second.ask("GET", "/health").json["waiting"] < 3:
            assert not waits.done()
        refused = second.predict(*two)
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert "4 pictures wait for the model" in refused.json["detail"]
        assert second.predict(*one).status == 200
        assert waits.result().status == 200


@pytest.mark.once
def test_when_too_many_requests_are_read_the_next_is_told_to_come_again(serve):
    ((pixels, content),) = pictures(1)
    with serve(max_queue=1, max_files=1) as server:
        first, second = server.client(), server.client()
        first.begin(len(content), content[:5])
        while (refused := second.predict(content)).status == 200:
            pass
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        first.connection.send(content[5:])
        answer = first.answer()
        assert answer.status == 200
        checked(answer.json["predictions"][0] | {"top": _all(server, content)}, pixels)
        assert second.predict(content).status == 200


def _all(server, content):
    return server.client().predict(content).json["predictions"][0]["top"]


@pytest.mark.once
def test_bodies_that_fill_the_memory_set_aside_are_refused(serve):
    with serve(max_bytes=1000) as server:
        held = [server.client() for _ in range(9)]
        for client in held:
            client.begin(1000, b"x" * 999)  # 9 of them are more than the 8,000 bytes of all
        refused = held[-1].answer()
        assert refused.status == 503
        assert "fill the memory" in refused.json["detail"]
        for client in held[:-1]:
            client.connection.send(b"x")
            assert client.answer().status == 422


@pytest.mark.once
def test_an_answer_that_takes_too_long_is_given_up(serve):
    content = pictures(1)[0][1]
    with serve(timeout=0.1, max_wait=10, max_batch=2) as server:
        client = server.client()
        answer = client.predict(content)
        assert answer.status == 503
        assert "took more than 0.1 s" in answer.json["detail"]
        answer = client.predict(*form(("a", content), ("b", content)))
        assert answer.status == 200
