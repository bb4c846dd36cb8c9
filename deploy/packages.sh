# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by ./quickstart and ./test/run: installs Debian's packages that are missing, and only then
# needs the network or root.

BUILD_PACKAGES="gcc g++ libc6-dev cmake ninja-build pkg-config curl ca-certificates xz-utils
  libuv1-dev libyaml-dev libjansson-dev libre2-dev libcurl4-gnutls-dev libmicrohttpd-dev libargon2-dev
  libc-ares-dev libseccomp-dev uthash-dev"

packages_missing() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s ' "$package"
    done
}

# Like `nodejs:node`: the package is wanted only when there is no such command.
packages_unless_command() {
    local entry
    for entry in "$@"; do
        command -v "${entry#*:}" >/dev/null 2>&1 || printf '%s ' "${entry%%:*}"
    done
}

packages_install() {
    local missing as_root=""
    missing=$(packages_missing "$@")
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "Missing packages: $missing" >&2
            echo "Install them as root (apt-get install $missing), or install sudo." >&2
            return 1
        }
        as_root=sudo
    fi
    echo "Installing from Debian: $missing"
    $as_root apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
            $missing >/dev/null
}
