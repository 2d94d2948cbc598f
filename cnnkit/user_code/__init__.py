"""The user's own files: where an experiment's code comes from, and how it is imported again."""
