#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what deps.lock names: Debian packages where one is missing and we may (root or sudo),
# Arrow (headers and libraries of the pyarrow wheel), DuckDB (npm packages), the tests' Python
# environment, Spark with the Iceberg runtime, the AWS SDK for Java and Trino's parser (with Java
# and Maven) into .deps/. Each step leaves a stamp with the pins it was made from, so that a second
# run does nothing and a changed pin redoes only its own step. --build-only leaves out what only
# tests and benches need: Python packages, Java and its libraries, Spark, a Kinesis server, and
# versitygw if there is Go to build it with.
set -euo pipefail
cd "$(dirname "$0")/.."
deps="${DAYPART_DEPS_DIR:-$PWD/.deps}"
mkdir -p "$deps"
case "${1:-}" in
  "") full=1 ;;
  --build-only) full= ;;
  *) echo "usage: tools/setup.sh [--build-only]" >&2; exit 2 ;;
esac

pins() { awk -v kind="$1" '$1 == kind { for (i = 2; i <= NF; i++) printf "%s ", $i }' deps.lock; }
say() { printf 'setup: %s\n' "$*"; }

# step NAME PINS FUNCTION: runs FUNCTION unless the stamp tells that it was done for the same pins.
step() {
  local stamp="$deps/$1.stamp"
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$2" ]; then return; fi
  say "$1: installing"
  "$3"
  printf '%s' "$2" > "$stamp"
}

install_apt() {
  local missing=() package
  for package in $(pins apt) ${full:+$(pins java)}; do
    # A tool that is there under its name needs no package (npm and cmake often come by hand).
    case "$package" in
      openjdk-*) command -v javac > /dev/null && continue ;;
      maven) command -v mvn > /dev/null && continue ;;
      npm | cmake) command -v "$package" > /dev/null && continue ;;
      ninja-build) command -v ninja > /dev/null && continue ;;
    esac
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
      as_root=(sudo)
    else
      say "these Debian packages are missing and need root: ${missing[*]}" >&2
      say "install them with: sudo apt-get install ${missing[*]}" >&2
      exit 1
    fi
  fi
  say "Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" > "$deps/apt.log" 2>&1 || { tail -20 "$deps/apt.log" >&2; exit 1; }
}

install_arrow() {
  local work="$deps/arrow.work" version
  version=$(awk '$1 == "wheel" && $2 == "pyarrow" { print $3 }' deps.lock)
  rm -rf "$work" "$deps/arrow" && mkdir -p "$work"
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" download -q --no-deps --only-binary :all: -d "$work" "pyarrow==$version"
  python3 -m zipfile -e "$work"/pyarrow-*.whl "$work/wheel"
  mkdir -p "$work/arrow/lib"
  mv "$work/wheel/pyarrow/include" "$work/arrow/include"
  local library path soname
  for library in arrow arrow_compute parquet; do
    path=$(echo "$work"/wheel/pyarrow/lib"$library".so.*)
    soname=$(basename "$path")
    mv "$path" "$work/arrow/lib/"
    ln -s "$soname" "$work/arrow/lib/lib$library.so"
  done
  mv "$work/arrow" "$deps/arrow"
  rm -rf "$work"
}

install_duckdb() {
  local work="$deps/duckdb.work" library header
  library=$(awk '$1 == "npm" && $2 != "duckdb" { print $2 "@" $3 }' deps.lock)
  header=$(awk '$1 == "npm" && $2 == "duckdb" { print $2 "@" $3 }' deps.lock)
  rm -rf "$work" "$deps/duckdb" && mkdir -p "$work/duckdb/include"
  (cd "$work" && npm pack --silent "$library" "$header" > packed.txt 2> npm.log) ||
    { cat "$work/npm.log" >&2; exit 1; }
  tar xzf "$work"/duckdb-node-bindings-*.tgz -C "$work" package/libduckdb.so
  mv "$work/package/libduckdb.so" "$work/duckdb/"
  tar xzf "$work"/duckdb-1*.tgz -C "$work" package/src/duckdb/src/include/duckdb.h
  mv "$work/package/src/duckdb/src/include/duckdb.h" "$work/duckdb/include/"
  mv "$work/duckdb" "$deps/duckdb"
  rm -rf "$work"
}

install_venv() {
  rm -rf "$deps/venv"
  python3 -m venv "$deps/venv"
  # shellcheck disable=SC2046  # one word a pin is meant
  "$deps/venv/bin/pip" install -q --disable-pip-version-check $(pins venv)
}

# A stamp tells what was installed, not what is still there: without a pinned package it goes.
check_venv() {
  [ -f "$deps/venv.stamp" ] || return 0
  # shellcheck disable=SC2046
  "$deps/venv/bin/python" - $(pins venv) <<'EOF' || rm -f "$deps/venv.stamp"
import importlib.metadata, re, sys
for pin in sys.argv[1:] + ["numpy"]:  # datasketches loads it
    importlib.metadata.version(re.split(r"[\[=]", pin)[0])
EOF
}

# Spark comes with its jars as one Python package; the Iceberg runtime and the SQLite driver, with
# which Spark opens a lake's catalog, come through Maven by name.
install_spark() {
  local jar plugin
  rm -rf "$deps/spark" && mkdir -p "$deps/spark/jars"
  python3 -m venv "$deps/spark/venv"
  # shellcheck disable=SC2046  # one word a pin is meant
  "$deps/spark/venv/bin/pip" install -q --disable-pip-version-check $(pins spark) 2>&1 |
    { grep -v -i 'deprecat' || true; }
  plugin=$(pins plugin)
  for jar in $(pins jar); do
    mvn -q -B "${plugin% }:copy" "-Dartifact=$jar" "-DoutputDirectory=$deps/spark/jars" \
      > "$deps/maven.log" 2>&1 || { tail -20 "$deps/maven.log" >&2; exit 1; }
  done
}

# install_jars ARTIFACT FOLDER: a Java library with all it needs.
install_jars() {
  local work="$deps/$2.work" group artifact version plugin
  IFS=: read -r group artifact version <<< "$(echo "$1" | tr -d ' ')"
  plugin=$(pins plugin)
  rm -rf "$work" "${deps:?}/$2" && mkdir -p "$work"
  cat > "$work/pom.xml" <<EOF
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>daypart</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version>
  </dependency></dependencies>
</project>
EOF
  mvn -q -B -f "$work/pom.xml" "${plugin% }:copy-dependencies" "-DoutputDirectory=$work/jars" \
    > "$deps/maven-$2.log" 2>&1 || { tail -20 "$deps/maven-$2.log" >&2; exit 1; }
  mv "$work/jars" "$deps/$2"
  rm -rf "$work"
}

# The AWS SDK for Java, by which a test speaks to the Kinesis API as Spark's and Flink's connectors
# do.
install_sdk() { install_jars "$(pins sdk)" aws-sdk-java; }

# Trino's parser, whose SQL is Athena's.
install_trino() { install_jars "$(pins trino)" trino; }

# A server of AWS's APIs whose Glue refuses a stale version; apart, as it pins another botocore.
install_ministack() {
  rm -rf "$deps/ministack"
  # shellcheck disable=SC2046
  "$deps/venv/bin/python" -m pip install -q --target "$deps/ministack" $(pins ministack) \
    > "$deps/ministack.log" 2>&1 || { tail -20 "$deps/ministack.log" >&2; exit 1; }
}

# An S3 server that checks signatures, for the tests. Without Go they make do with moto.
install_go() {
  rm -rf "$deps/go"
  GOBIN="$deps/go" GOFLAGS=-modcacherw go install $(pins go) > "$deps/go.log" 2>&1 ||
    { tail -20 "$deps/go.log" >&2; exit 1; }
}

# A Kinesis server that nobody here wrote, for the tests: one JavaScript file, run by node.
install_server() {
  local work="$deps/kinesis-local.work" package
  package=$(pins server)
  rm -rf "$work" "$deps/kinesis-local" && mkdir -p "$work"
  (cd "$work" && npm pack --silent "${package% }" > packed.txt 2> npm.log) ||
    { cat "$work/npm.log" >&2; exit 1; }
  tar xzf "$work"/kinesis-local-*.tgz -C "$work"
  mv "$work/package" "$deps/kinesis-local"
  rm -rf "$work"
}

install_apt
# Spark is the largest download: it comes while the others do.
spark=
go=
if [ -n "$full" ]; then
  step spark "$(pins spark)$(pins jar)" install_spark &
  spark=$!
  if command -v go > /dev/null; then
    step go "$(pins go)" install_go &
    go=$!
  fi
fi
step arrow "$(pins wheel)" install_arrow
step duckdb "$(pins npm)" install_duckdb
if [ -n "$full" ]; then
  check_venv 2> /dev/null
  step venv "$(pins venv)" install_venv
  step ministack "$(pins ministack)" install_ministack
  step sdk "$(pins sdk)" install_sdk
  step trino "$(pins trino)" install_trino
  step server "$(pins server)" install_server
  wait "$spark" || { say "Spark could not be installed; see above" >&2; exit 1; }
  if [ -n "$go" ]; then
    wait "$go" || say "versitygw could not be built; tests use moto alone" >&2
  fi
fi
say "ready"
