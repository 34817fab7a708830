# Every verb is one script, which says what is missing and how to get it.

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint fmt viewer clean py312 py313 py314 py315
MAKEFLAGS += --no-print-directory

help: ## List the verbs
	@printf 'usage: make VERB [PYTHON=python3.13]\n\n'
	@awk -F ':.*## ' '/^[a-z0-9 ]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build execmap and map examples/shop with it
	@scripts/demo

test: ## Run all tests, on every supported Python found
	@scripts/test

py312: ## Run all tests on one Python only (also py313, py314, py315)
	@scripts/test 3.12

py313 py314 py315:
	@scripts/test 3.$(subst py3,,$@)

bench: ## Measure what recording costs; BENCH=--quick for a look
	@scripts/bench $(BENCH)

lint: ## Run all linters
	@scripts/lint

fmt: ## Format everything
	@scripts/lint --fix

viewer: ## Rebuild the page's committed bundle
	@scripts/need node
	npm --prefix viewer ci --no-audit --no-fund
	npm --prefix viewer run build

clean: ## Remove everything that was built
	rm -rf target viewer/node_modules
	find . -name __pycache__ -prune -exec rm -rf {} +
