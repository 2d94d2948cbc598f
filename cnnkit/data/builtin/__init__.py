"""Datasets that are generated, shipped with scikit-learn, or downloaded by Keras."""
