"""The robustness bench: clean files polluted along one kind each, the engine and its peers on the very same ones."""
