"""Keras' insides: walks the graph of a model, cuts it, replaces calls, compiles gradients."""
