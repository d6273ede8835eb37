# One command each. Everything they need is set up by tools/setup.sh first.
.PHONY: help demo test bench soak fuzz lint format clean

PYTHON_IN_VENV := .venv/bin/python

help:
	@echo "make demo    a cluster of five routers on this machine, until Ctrl-C (ARGS='--nodes 3 --once')"
	@echo "make test    lint, types, shell scripts, every test (ARGS='-k name' goes to pytest)"
	@echo "make bench   figures beside their limits and yardsticks, as a table (ARGS='P1 P3' chooses rows)"
	@echo "make soak    the long runs: a hundred kills, 20,000 simulated clusters; goes on where it was (SEEDS=n)"
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
	@DUSK_EFFORT=soak $(PYTHON_IN_VENV) -m pytest -q -n 2 --dist loadgroup --timeout 0 -m soak \
	    --ignore tests/sim/test_sim_seeds.py $(ARGS)
	@exec $(PYTHON_IN_VENV) -m tests.soak_seeds $(SEEDS)

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
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
