"""Random changes of training images, by name."""
