"""One module for each check; those here are found by themselves."""
