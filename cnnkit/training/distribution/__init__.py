"""One training on several devices or processes, which share each batch; by Keras' and JAX's own means."""
