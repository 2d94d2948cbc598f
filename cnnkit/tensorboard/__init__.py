"""What a run writes for TensorBoard: curves, images, the graph, the embedding projector."""
