#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# selftest.sh PREFIX [TARBALL]: builds wolfSSL's own wolfcrypt/test/test.c against the library that
# build.sh made in PREFIX, and runs it: the proof that the corrected assembly still computes right.
set -eu

prefix=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
version=$(cat "$prefix/version")
which=$(sed -n "s/^\(.*\)version=$version\$/\1sha256/p" "$here/build.sh")
source=$("$here/fetch.sh" "$version" "$(sed -n "s/^$which=//p" "$here/build.sh")" "${2:-}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$source" -C "$work" --strip-components=1 --wildcards --no-wildcards-match-slash \
    '*/wolfcrypt' '*/certs'
cd "$work"
${CC:-cc} -O1 -w -DWOLFSSL_USER_SETTINGS -DUSE_CERT_BUFFERS_2048 -DUSE_CERT_BUFFERS_256 \
    -I"$prefix/include" -I. wolfcrypt/test/test.c -o testwolfcrypt \
    "$prefix/lib/libwolfssl.a" -lm -lpthread
./testwolfcrypt
