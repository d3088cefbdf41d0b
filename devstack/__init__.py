"""The whole system on one machine: what `make run`, `qmcp serve` and the tests start."""
