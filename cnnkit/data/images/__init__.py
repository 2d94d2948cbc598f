"""Image files: decode, resize, load on demand and cache pixels."""
