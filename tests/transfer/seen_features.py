"""What happens to cached features, as tests see it."""

import keras


def kept(folder):
    return sorted(folder.glob("*-features-*/*"))


def asked_of(monkeypatch):
    """Return a list that each model asked for a batch is written into, with the samples of it."""
    asked, predict = [], keras.Model.predict_on_batch
    monkeypatch.setattr(
        keras.Model,
        "predict_on_batch",
        lambda model, batch: asked.append((model, len(batch))) or predict(model, batch),
    )
    return asked
