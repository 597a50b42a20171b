#!/bin/sh
# Sets everything up and starts Facet with the built-in demo model: packages, release build, window.
# Without a display it gives the terminal tour instead. Arguments go to the program.
set -eu
cd "$(dirname "$0")"

sh packaging/linux/install-packages.sh
[ -f build/release/build.ninja ] || cmake --preset release -DFACET_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release --target facet facet-cli

if [ -n "${DISPLAY:-}" ] || [ -n "${WAYLAND_DISPLAY:-}" ]; then
    exec build/release/bin/facet "$@"
fi
echo "No display found: here is the tour in the terminal (build/release/bin/facet-cli --help shows what else there is)."
exec build/release/bin/facet-cli tour "$@"
