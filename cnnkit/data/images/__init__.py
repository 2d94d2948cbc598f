"""Image files: decoding, resizing, loading on demand and caching pixels."""
