# One command each. Everything they need is set up by tools/setup.sh first.
.PHONY: help demo test test-oldest coverage bench soak fuzz lint format clean

PYTHON_IN_VENV := .venv/bin/python

help:
	@echo "make demo    a cluster of five routers on this machine, until Ctrl-C (ARGS='--nodes 3 --once')"
	@echo "make test    lint, types, shell scripts, every test (ARGS='-k name' goes to pytest)"
	@echo "make bench   figures beside their limits and yardsticks, as a table (ARGS='P1 P3' chooses rows)"
	@echo "make soak    the long runs, each going on where it was, then a table of where they are:"
	@echo "             coverage, mutants, kills, power, network, fuzz, seeds (ARGS=mutants for one;"
	@echo "             SEEDS=n, INPUTS=n; ARGS=--table)"
	@echo "make coverage     the branches of the pure rooms that unit tests take; fails below all of them"
	@echo "make test-oldest  the daemon and real networks with the oldest packages that are allowed"
	@echo "make fuzz    a million inputs for each parser of outside bytes; goes on where it was (INPUTS=n)"
	@echo "make lint    ruff and mypy alone;  make format  lets ruff lay out the code"
	@echo "make clean   removes what these commands made"

demo:
	@tools/setup.sh demo
	@exec .venv/bin/dusk demo $(ARGS)

test:
	@tools/setup.sh test
	@exec tools/test.sh $(ARGS)

bench:
	@tools/setup.sh bench
	@exec $(PYTHON_IN_VENV) -m benchmarks $(ARGS)

soak:
	@tools/setup.sh test
	@exec $(PYTHON_IN_VENV) -m tests.soak $(ARGS) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(INPUTS),--inputs $(INPUTS))

coverage:
	@tools/setup.sh test
	@exec $(PYTHON_IN_VENV) -m tests.measured

test-oldest:
	@tools/setup.sh test
	@exec tools/oldest.sh $(ARGS)

fuzz:
	@tools/setup.sh test
	@exec $(PYTHON_IN_VENV) -m tests.soak_fuzz $(INPUTS)

lint:
	@tools/setup.sh test
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

format:
	@tools/setup.sh test
	@.venv/bin/ruff check --quiet --select I --fix . && .venv/bin/ruff format --quiet .

clean:
	rm -rf .venv .venv-oldest build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
