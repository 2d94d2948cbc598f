"""Answer HTTP requests with a trained model: batches, limits, counts and a page to drop files on."""
