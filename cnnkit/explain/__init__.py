"""How a Keras model sees an input: functions that return arrays; cnnkit.plots draws them."""
