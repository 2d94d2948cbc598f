"""What the benchmark of time to accuracy makes of what it measured."""

import importlib

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    """The module, which asks TensorFlow for oneDNN unless the environment says otherwise."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    return importlib.import_module("benchmarks.time_to_accuracy")


def trained(*tests, seconds=1.0):
    """A training by the test accuracy of each epoch, None where there was no test."""
    rows = []
    for number, test in enumerate(tests, start=1):
        spent = {"seconds": seconds * number, "processor": 2 * seconds * number}
        rows.append(spent | {"validation": 0.5})
        if test is not None:
            rows[-1] |= {"test": test} | {f"test_{name}": value for name, value in spent.items()}
    return rows


def test_an_accuracy_is_reached_at_the_first_tested_epoch_whose_median_has_it(benchmark):
    trainings = [trained(0.1, 0.9, 0.6), trained(0.2, 0.4, 0.9), trained(0.9, 0.6, 0.7)]
    assert benchmark.reached(trainings, 0.2) == (0, 0.2)
    assert benchmark.reached(trainings, 0.6) == (1, 0.6)
    assert benchmark.reached(trainings, 0.8) is None
    assert benchmark.reached([trained(None, None, 0.7)], 0.5) == (2, 0.7)


def test_ratios_are_of_the_seeds_that_both_sides_have(benchmark, capsys):
    found = {
        "theirs": {0: trained(0.98, 0.99, seconds=10), 1: trained(0.98, 0.99, seconds=30)},
        "ours": {1: trained(None, 0.994, seconds=5), 2: trained(None, 0.995, seconds=1)},
    }
    benchmark.report(benchmark.TASKS["mnist"], found)
    printed = capsys.readouterr().out
    assert "ratio of processor: 6.00 (6.00 to 6.00, 1 seeds)" in printed
    assert "99.00% after 2 epochs, 40.0 s, 80.0 s of the processor" in printed
    found["ours"] = {1: trained(None, 0.99, seconds=5)}
    benchmark.report(benchmark.TASKS["mnist"], found)
    printed = capsys.readouterr().out
    assert "does not reach 99.40%" in printed
    assert "ratio of seconds: 6.00" in printed


def test_the_figure_has_a_line_a_seed_and_a_dot_a_test(benchmark):
    found = {"theirs": {0: trained(0.98, 0.99)}, "ours": {0: trained(None, 0.994)}}
    (axes,) = benchmark.figure("mnist", found).axes
    drawn = [list(line.get_ydata()) for line in axes.lines]
    assert drawn == [[0.5, 0.5], [0.98, 0.99], [], [0.5, 0.5], [0.994], []]


def test_the_clock_leaves_tests_out_and_ends_with_what_the_last_one_gave(monkeypatch, benchmark):
    from benchmarks import accuracy_clock

    times = iter([0.0, 10.0, 13.0, 24.0, 30.0, 40.0])
    monkeypatch.setattr(accuracy_clock, "_now", lambda: (now := next(times), 2 * now))
    clock = accuracy_clock.Clock(test=lambda: 0.5)
    clock.on_epoch_begin(0)
    clock.on_epoch_end(0, {"val_accuracy": 0.25})  # ends at 10, tested until 13
    clock.on_epoch_end(1, {"val_accuracy": 0.75})  # ends at 24, tested until 30
    assert [row["seconds"] for row in clock.epochs] == [10, 21]
    assert [row["test_seconds"] for row in clock.epochs] == [13, 27]
    rows = clock.tested(0.9, 0.8, clock.since())
    assert rows[-1]["test"] == 0.9
    assert (rows[-1]["test_seconds"], rows[-1]["test_processor"]) == (31, 62)
