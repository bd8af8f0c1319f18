# The front door. `make` lists the targets; each works by itself on a fresh Debian 12 machine (as
# root where packages are missing). Meson does the building: build/<kind> is an ordinary build folder.

MESON := meson
NINJA := ninja
SETUP := scripts/setup.sh
JOBS  ?= $(shell nproc)

.DEFAULT_GOAL := help
.PHONY: help build run stop test bench fuzz lint format docs coverage tsan asan clang clean install

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# A build folder per kind: configured once, then kept by ninja.
# -O2 like every other build: -O3 buys nothing here and warns about other things.
build/release/build.ninja:
	@$(SETUP) build
	$(MESON) setup build/release --buildtype=release -Doptimization=2 -Dtests=false
build/asan/build.ninja:
	@$(SETUP) build test
	$(MESON) setup build/asan -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=undefined
build/tsan/build.ninja:
	@$(SETUP) build test
	$(MESON) setup build/tsan -Db_sanitize=thread -Db_lundef=false
build/clang/build.ninja:
	@$(SETUP) build test fuzz
	CC=clang-14 $(MESON) setup build/clang
build/coverage/build.ninja:
	@$(SETUP) build test
	$(MESON) setup build/coverage -Db_coverage=true
build/fuzz/build.ninja:
	@$(SETUP) build fuzz
	CC=clang-14 $(MESON) setup build/fuzz -Dfuzz=true -Dtests=false -Db_sanitize=address,undefined \
	    -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link,address,undefined

build: build/release/build.ninja ## Build the release binary, build/whaley.
	@$(NINJA) -C build/release -j$(JOBS)
	@ln -sf release/whaley build/whaley

run: build ## Start Whaley on http://127.0.0.1:8000 with the bundled challenges (PORT=... for another port).
	@$(SETUP) engine
	@scripts/run.sh

stop: ## End the private engine that a killed `make run` left, and what runs on it.
	@scripts/engine.sh stop build/engine

test: ## Run every test (ONLY=unit|integration|lint|fuzz|build, K=word in the test's name).
	@$(SETUP) build test fuzz lint engine
	@$(SETUP) --optional browser
	@python3 tests/run.py $(if $(ONLY),--only $(ONLY)) $(if $(K),-k '$(K)')

bench: build ## Measure, and print the figures.
	@$(SETUP) bench engine
	@if [ -x bench/run ]; then exec bench/run; else echo "there is no bench/run yet"; exit 1; fi

fuzz: build/fuzz/build.ninja ## Fuzz T=name for S=seconds (60); without T, list the targets.
	@scripts/fuzz.sh $(if $(T),'$(T)' '$(or $(S),60)')

lint: ## Check layers, sizes, banned calls, formats, shell scripts; then cppcheck and clang-tidy.
	@$(SETUP) build test lint fuzz
	@python3 tests/run.py --only lint --thorough $(if $(K),-k '$(K)')

format: ## Format every C file.
	@$(SETUP) lint
	@find src tests bench -name '*.[ch]' 2>/dev/null | xargs clang-format-14 -i

docs: build ## Print the documents that are made from tables anew.
	@tools/check-docs --write

coverage: build/coverage/build.ninja ## Run the unit tests and print line coverage per folder.
	@$(NINJA) -C build/coverage -j$(JOBS)
	@find build/coverage -name '*.gcda' -delete
	@python3 tests/run.py --only unit --build build/coverage $(if $(K),-k '$(K)')
	@tools/coverage build/coverage

asan: build/asan/build.ninja ## Run the unit tests under AddressSanitizer and UBSan.
	@python3 tests/run.py --only unit --build build/asan $(if $(K),-k '$(K)')

tsan: build/tsan/build.ninja ## Run the unit tests of concurrent code under ThreadSanitizer.
	@python3 tests/run.py --only unit --build build/tsan $(if $(K),-k '$(K)')

clang: build/clang/build.ninja ## Build with clang, whose warnings differ.
	@$(NINJA) -C build/clang -j$(JOBS)

install: build ## Install into DESTDIR (prefix /usr/local).
	@$(MESON) install -C build/release --no-rebuild $(if $(DESTDIR),--destdir '$(abspath $(DESTDIR))')

clean: ## Remove build/ (the private engine's data with it).
	@scripts/engine.sh stop build/engine
	@rm -rf build
