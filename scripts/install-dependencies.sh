#!/bin/sh
# Installs the native packages that Hillock is built with, and XLA's plugin for the CPU that tests use, where they are missing; silent and instant
# where they are not.
set -eu

if ! command -v swift >/dev/null 2>&1; then
    echo "Swift is missing: install version 6.3 or later from https://www.swift.org/install, so that \`swift\` can be found, then try again." >&2
    exit 1
fi

# Looks for the files that the build needs rather than for packages, so that libraries from elsewhere count too.
# Headers are found as the compiler finds them: in its own folders, or where CPATH points.
has_header() {
    IFS=:
    for folder in /usr/include /usr/local/include ${CPATH:-}; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

# The packages that are missing, by Debian's names.
missing_packages() {
    has_header dnnl.h || has_header oneapi/dnnl/dnnl.h || echo libdnnl-dev
    has_header png.h || echo libpng-dev
    has_header zlib.h || echo zlib1g-dev
    command -v pkg-config >/dev/null 2>&1 || echo pkg-config
}

missing=$(missing_packages | tr '\n' ' ')
missing=${missing% }

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Hillock needs oneDNN (2.6 or later), libpng, zlib and pkg-config with their headers." >&2
        echo "Missing here, by Debian's names: $missing. Install them with your system's package manager, then try again:" >&2
        echo "  Fedora       sudo dnf install onednn-devel libpng-devel zlib-devel pkgconf" >&2
        echo "  Arch         sudo pacman -S onednn libpng zlib pkgconf" >&2
        exit 1
    fi
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "Hillock needs these packages: $missing. As root, run: apt-get install $missing" >&2
            exit 1
        fi
        sudo=sudo
    fi
    echo "Installing $missing"
    # The lists may be old or absent, as in fresh containers: they are brought up to date only when an install fails.
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
        $sudo apt-get update
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
    }
fi

# A second engine to test with: XLA's plugin for the CPU, in the folder that `hillock devices install xla-cpu` puts it into. Tests that need it are left
# out without it, so that it is no fault if it cannot be had.
plugin=${XDG_DATA_HOME:-${HOME:-/nonexistent}/.local/share}/hillock/plugins/xla-cpu
failed=$plugin/.unavailable
if [ -z "${HILLOCK_PJRT_PLUGIN:-}" ] && [ ! -e "$plugin/lammps_jax_pjrt_cpu" ] && [ ! -e "$failed" ]; then
    echo "Installing XLA's plugin for the CPU into $plugin"
    # Into a folder of its own, so that pip leaves the system's Python alone.
    python3 -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --target "$plugin" lammps-jax-pjrt-cpu==0.11.2 \
        >/dev/null 2>&1 || {
        echo "It could not be installed: tests on XLA are left out. hillock devices install xla-cpu says why." >&2
        # Not tried again and again where there is no network: remove this file to do so.
        mkdir -p "$plugin" 2>/dev/null && touch "$failed" 2>/dev/null || :
    }
fi
