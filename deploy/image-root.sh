#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# image-root.sh BINARY ROOT: makes ROOT, the whole file system of the image: the binary, the shared
# libraries that it loads and no others, and the user. What scanners for known vulnerabilities look
# for is there too: the package of each library, in dpkg's words, and its licence.
set -eu

binary=$1
root=$2
mkdir -p "$root/etc/postern" "$root/usr/bin" "$root/usr/lib" "$root/var/lib/dpkg/status.d"
ln -s usr/lib "$root/lib"
install -m 755 "$binary" "$root/usr/bin/postern"

ldd "$binary" | grep -o '/[^ ]*' | while read -r library; do
    folder=$root/usr/${library#/usr/}
    folder=${folder%/*}
    [ "${library#/lib64/}" = "$library" ] || ln -sfn usr/lib64 "$root/lib64"
    mkdir -p "$folder"
    cp -L "$library" "$folder/"
    package=$({ dpkg -S "$library" || dpkg -S "/usr$library"; } 2>/dev/null | cut -d: -f1)
    dpkg -s "$package" >"$root/var/lib/dpkg/status.d/$package"
    mkdir -p "$root/usr/share/doc/$package"
    cp -L "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done

echo "postern:x:10001:10001::/nonexistent:/usr/sbin/nologin" >"$root/etc/passwd"
echo "postern:x:10001:" >"$root/etc/group"
cp -L /etc/os-release "$root/etc/"
