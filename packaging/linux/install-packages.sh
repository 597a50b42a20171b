#!/bin/sh
# Installs the Debian/Ubuntu packages that building (and with --tests, testing) Facet needs. Shows the list first, uses
# sudo when not root, does nothing when everything is there. Where distributions differ, "a|b" takes the first that exists.
set -eu

build="g++ cmake ninja-build pkg-config nlohmann-json3-dev libcli11-dev libcpp-httplib-dev libmd4c-dev libssl-dev
libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev
qt6-base-dev qt6-svg-dev|libqt6svg6-dev qt6-multimedia-dev libqt6sql6-sqlite qt6-image-formats-plugins|libqt6svg6
libgl-dev fonts-dejavu-core"
tests="doctest-dev xvfb xauth python3 python3-numpy"

wanted="$build"
[ "${1:-}" = "--tests" ] && wanted="$build $tests"

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "install ok installed"; }

missing=""
for entry in $wanted; do
    found=""
    for name in $(printf '%s' "$entry" | tr '|' ' '); do
        if installed "$name"; then found=yes; break; fi
    done
    [ -n "$found" ] || missing="$missing $entry"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "These packages are missing and this system has no apt-get; install their equivalents:$missing" >&2
    exit 1
fi
asRoot=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "These packages are missing; please install them as root:$missing" >&2
        exit 1
    fi
    asRoot="sudo"
fi
echo "Installing the packages that are missing:$missing"
$asRoot apt-get update -qq
names=""
for entry in $missing; do
    chosen=""
    for name in $(printf '%s' "$entry" | tr '|' ' '); do
        if apt-cache show "$name" >/dev/null 2>&1; then chosen="$name"; break; fi
    done
    if [ -z "$chosen" ]; then
        echo "No package found for $entry in this distribution's lists." >&2
        exit 1
    fi
    names="$names $chosen"
done
# shellcheck disable=SC2086
$asRoot env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >/dev/null
