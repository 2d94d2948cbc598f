"""cnnkit.fit(resume=...): what was interrupted, or has ended, goes on to the same bits."""

import pytest
from little import Batches, Interrupt, arrays, compiled, expect_same_weights

import cnnkit
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.training.checkpointing.signals import Interrupted


@pytest.mark.parametrize(
    "step", [3, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 7))]
)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, step):
    x, y = arrays()
    options = {"epochs": 3, "batch_size": 16, "validation_split": 0.1, "verbose": 0}
    whole = compiled()
    unbroken = cnnkit.fit(whole, x, y, runs_dir=tmp_path, **options)
    stopped = compiled()
    with pytest.raises(Interrupted) as caught:
        cnnkit.fit(
            stopped, x, y, runs_dir=tmp_path, name="b", callbacks=[Interrupt(step)], **options
        )
    assert any("resume=" in note for note in caught.value.__notes__)
    run = cnnkit.Run(tmp_path / "little" / "b")
    assert run.status["state"] == "interrupted"
    again = compiled()
    assert (
        cnnkit.fit(again, x, y, resume=run, callbacks=[Interrupt(0)], **options).folder
        == run.folder
    )
    expect_same_weights(again, whole)
    for name in unbroken.history:
        if name != "seconds":
            assert run.history[name] == unbroken.history[name], name


def test_the_same_model_object_goes_on_after_ctrl_c(tmp_path):
    x, y = arrays()
    whole, model = compiled(), compiled()
    cnnkit.fit(whole, x, y, epochs=2, verbose=0, runs_dir=tmp_path)
    callbacks = [Interrupt(4)]
    with pytest.raises(Interrupted):
        cnnkit.fit(
            model, x, y, epochs=2, verbose=0, runs_dir=tmp_path, name="b", callbacks=callbacks
        )
    run = tmp_path / "little" / "b"
    cnnkit.fit(model, x, y, epochs=2, verbose=0, resume=run, callbacks=callbacks)
    expect_same_weights(model, whole)


def test_a_finished_run_goes_on_with_more_epochs_alone(tmp_path):
    x, y = arrays()
    whole, model = compiled(), compiled()
    cnnkit.fit(whole, x, y, epochs=2, verbose=0, runs_dir=tmp_path)
    run = cnnkit.fit(model, x, y, epochs=1, verbose=0, runs_dir=tmp_path, name="b")
    with pytest.raises(RunFolderError, match="finished after 1 epochs"):
        cnnkit.fit(compiled(), x, y, epochs=1, verbose=0, resume=run)
    again = compiled()
    cnnkit.fit(again, x, y, epochs=2, verbose=0, resume=run)
    expect_same_weights(again, whole)


def test_other_data_are_refused_on_resume(tmp_path):
    x, y = arrays()
    run = cnnkit.fit(compiled(), x, y, verbose=0, runs_dir=tmp_path)
    with pytest.raises(SettingError, match="the data's content"):
        cnnkit.fit(compiled(), *arrays(seed=1), epochs=2, verbose=0, resume=run)


def test_a_pydataset_resumes_to_the_same_bits(tmp_path):
    whole, again = compiled(), compiled()
    cnnkit.fit(whole, Batches(), epochs=2, verbose=0, runs_dir=tmp_path)
    options = {"epochs": 2, "verbose": 0}
    with pytest.raises(Interrupted):
        cnnkit.fit(
            compiled(), Batches(), runs_dir=tmp_path, name="b", callbacks=[Interrupt(7)], **options
        )
    run = tmp_path / "little" / "b"
    cnnkit.fit(again, Batches(), resume=run, callbacks=[Interrupt(0)], **options)
    expect_same_weights(again, whole)
