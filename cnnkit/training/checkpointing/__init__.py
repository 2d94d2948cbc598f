"""What a run saves in order to resume to the same bits."""
