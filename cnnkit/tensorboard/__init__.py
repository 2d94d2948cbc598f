"""What a run writes for TensorBoard: curves, pictures, the graph, the projector."""
