# SPDX-License-Identifier: Apache-2.0
# Daypart's targets. Each installs what it needs first; all can be run again.
.PHONY: help setup setup-all build program install demo test bench test-asan test-tsan clean
.NOTPARALLEL:
BUILD ?= build
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local

help:
	@echo "make program    set-up and build/daypart"
	@echo "make build      that, and the tests' programs"
	@echo "make install    make program, then daypart to PREFIX/bin (/usr/local)"
	@echo "make demo       make program, then the main job on made-up data, in ./demo"
	@echo "make test       set-up, build, every test"
	@echo "make bench      Daypart beside Polars and DuckDB on 10 M events (needs 8 GB of disk)"
	@echo "make test-asan  unit tests under AddressSanitizer and UBSan"
	@echo "make test-tsan  unit tests under ThreadSanitizer"
	@echo "make clean      remove the build folders (.deps stays)"

# What building needs; setup-all also what tests and benches compare with: Python packages, Java, Spark.
setup:
	@tools/setup.sh --build-only

setup-all:
	@tools/setup.sh

$(BUILD)/build.ninja: CMakeLists.txt | setup
	@cmake -G Ninja -S . -B $(BUILD) > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS)

program: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) daypart

install: program
	@cmake --install $(BUILD) --prefix $(DESTDIR)$(PREFIX) > /dev/null
	@echo "installed $(DESTDIR)$(PREFIX)/bin/daypart"

demo: program
	@tools/demo.sh

bench: setup-all build
	@.deps/venv/bin/python bench/run.py

test: setup-all build
	@ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS) || { tools/failures.sh $(BUILD); exit 1; }

test-asan: setup
	@cmake -G Ninja -S . -B build-asan -DDAYPART_SANITIZE=address,undefined > /dev/null
	@ninja -C build-asan -j $(JOBS)
	@ctest --test-dir build-asan --output-on-failure -j $(JOBS) -L 'unit|sim'

test-tsan: setup
	@cmake -G Ninja -S . -B build-tsan -DDAYPART_SANITIZE=thread > /dev/null
	@ninja -C build-tsan -j $(JOBS)
	@TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" ctest --test-dir build-tsan --output-on-failure -j $(JOBS) -L 'unit|sim'

clean:
	@rm -rf build build-asan build-tsan
