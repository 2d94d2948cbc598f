"""Training: still `model.fit`, with a record of everything."""
