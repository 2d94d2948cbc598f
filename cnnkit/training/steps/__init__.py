"""What happens within training steps: inputs, several steps a call, precision, frozen features."""
