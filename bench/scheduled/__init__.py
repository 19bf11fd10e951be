"""What a load costs when a scheduler runs it: time beside the direct run, memory of each task, size of what is passed on."""
