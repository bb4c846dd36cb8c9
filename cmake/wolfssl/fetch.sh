#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# fetch.sh VERSION SHA256 [TARBALL]: prints the path of wolfSSL's source, verified.
# Tried in order: the tarball that the user names, the cache of an earlier build, the package
# mirror that this machine uses, upstream's release. Nothing unverified is ever left in the cache.
set -eu

version=$1
sha256=$2
named=${3:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/postern
file=$cache/wolfssl-$version.tar.gz

say() { printf 'wolfssl: %s\n' "$*" >&2; }

is_right() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status 2>/dev/null; }

download() { # URL: into the cache if it is the right file
    say "fetching $version from $1"
    if command -v curl >/dev/null; then
        curl --fail --silent --location --retry 2 --connect-timeout 15 --output "$part" "$1"
    else
        wget --quiet --tries 2 --timeout 15 --output-document "$part" "$1"
    fi || { say "not there"; return 1; }
    is_right "$part" || { say "refused: its SHA-256 is not $sha256"; return 1; }
    mv "$part" "$file"
}

mirrors() { # what apt on this machine would ask, without the security archives
    command -v apt-get >/dev/null || return 0
    apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | sort -u
}

if [ -n "$named" ]; then
    is_right "$named" || { say "$named is not wolfSSL $version (SHA-256 $sha256)"; exit 1; }
    echo "$named"
    exit 0
fi
if [ -f "$file" ] && is_right "$file"; then
    echo "$file"
    exit 0
fi

mkdir -p "$cache"
part=$(mktemp "$cache/part.XXXXXX")
trap 'rm -f "$part"' EXIT
for mirror in $(mirrors); do
    case $mirror in http://* | https://*) ;; *) continue ;; esac
    if download "${mirror%/}/pool/main/w/wolfssl/wolfssl_$version.orig.tar.gz"; then
        echo "$file"
        exit 0
    fi
done
if download "https://github.com/wolfSSL/wolfssl/archive/refs/tags/v$version-stable.tar.gz"; then
    echo "$file"
    exit 0
fi
exit 1
