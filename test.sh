#!/bin/sh
# Installs what is missing, builds everything and runs every test. Arguments go to ctest (for example: -L unit).
set -eu
cd "$(dirname "$0")"

sh packaging/linux/install-packages.sh --tests
cmake --preset release -DFACET_BUILD_TESTS=ON >/dev/null
cmake --build --preset release
exec ctest --preset release -j "$(nproc)" "$@"
