"""The formats of an exported model: each file writes one, and opens it in its own runtime."""
