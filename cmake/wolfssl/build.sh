#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# build.sh PREFIX CC PROCESSOR [TARBALL]: makes PREFIX/lib/libwolfssl.a and PREFIX/include from the
# pinned source. Several configurations may run it at once: one builds, the others wait for it.
set -eu

prefix=$1
cc=$2
processor=$3
tarball=${4:-}
here=$(cd "$(dirname "$0")" && pwd)

# The release that is wanted, and the one that will do when its source cannot be had.
version=5.9.2
sha256=2f4ef3d4fd387a9b3191d36a6316d69116c46ff69bb9583b6c82b36d7b8ca114
old_version=5.7.2
old_sha256=0f2ed82e345b833242705bbc4b08a2a2037a33f7bf9c610efae6464f6b10e305

say() { printf 'wolfssl: %s\n' "$*" >&2; }

mkdir -p "$(dirname "$prefix")"
exec 9>"$prefix.lock"
flock 9
[ -f "$prefix/lib/libwolfssl.a" ] && exit 0

if ! source=$("$here/fetch.sh" "$version" "$sha256" "$tarball"); then
    source=$("$here/fetch.sh" "$old_version" "$old_sha256" "$tarball") || {
        say "no source: name a tarball of $version with -DPOSTERN_WOLFSSL_TARBALL=PATH,"
        say "or use the system's library with -DPOSTERN_SYSTEM_WOLFSSL=ON"
        exit 1
    }
    say "WARNING: $old_version is used in place of $version. It lacks two years of corrections of"
    say "WARNING: vulnerabilities (CVE-2026-5194 among them) and the group X25519MLKEM768."
    version=$old_version
fi

work=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/source" "$work/prefix/lib" "$work/prefix/include"
tar -xzf "$source" -C "$work/source" --strip-components=1 --wildcards \
    --no-wildcards-match-slash '*/src' '*/wolfcrypt/src' '*/wolfssl'

# The settings travel with the headers, so that no one can see the library differently from how
# it was compiled. options.h is what an installed wolfSSL has in their place.
cp "$here/user_settings.h" "$work/prefix/include/"
if [ "$version" = "$old_version" ]; then
    sed -i '/MLKEM/d; /PQC_HYBRIDS/d' "$work/prefix/include/user_settings.h"
fi
cp -R "$work/source/wolfssl" "$work/prefix/include/"
echo '/* The settings are in user_settings.h. */' >"$work/prefix/include/wolfssl/options.h"

for ours in "$here"/*.c; do
    cp "$ours" "$work/source/src/postern_$(basename "$ours")"
done
for ours in "$here"/*.h; do # settings are those of the prefix
    [ "$(basename "$ours")" = user_settings.h ] || cp "$ours" "$work/source/"
done
# The function gets another name, for signatures.c to stand in its place; in the old release nobody
# outside of the file can call it.
if [ "$version" = "$old_version" ]; then
    rm "$work/source/src/postern_signatures.c"
else
    sed -i 's/^int ConfirmSignature(Sig/int postern_compute_signature(Sig/' \
        "$work/source/wolfcrypt/src/asn.c"
fi
# TLS 1.3 reads the transcript by the hash of its suite alone; once a server knows that, the other
# hashes of the same bytes are left out.
known='ssl->options.side == WOLFSSL_SERVER_END \&\& IsAtLeastTLSv1_3(ssl->version) \&\&'
mac='ssl->specs.mac_algorithm =='
sed -i "s/^ *ret = wc_Sha384Update(&ssl->hsHashes->/if (!($known $mac sha256_mac)) &/
    s/^ *ret = wc_Sha512Update(&ssl->hsHashes->/if (!($known ($mac sha256_mac || $mac sha384_mac))) &/" \
    "$work/source/src/internal.c"
. "$here/sources.sh"
if [ "$processor" = x86_64 ]; then
    # Their callers get ours; the functions stay.
    arguments='(sp_digit*, const sp_digit*, sp_digit*);'
    for name in inv inv_order; do
        sed -i "s/^  *sp_256_mont_${name}_avx2_4(/postern_p256_$name(/
            s/^static void sp_256_mont_${name}_avx2_4(/void postern_p256_$name$arguments &/" \
            "$work/source/wolfcrypt/src/sp_x86_64.c"
    done
    for file in $sources; do
        case $file in *.S) [ -f "$work/source/$file" ] || continue ;; *) continue ;; esac
        awk -f "$here/vzeroupper.awk" "$work/source/$file" \
            >"$work/corrected.S" 2>>"$work/prefix/corrected"
        mv "$work/corrected.S" "$work/source/$file"
    done
fi

say "compiling $version with $cc"
cd "$work/source"
for file in $sources; do
    [ -f "$file" ] || continue
    echo "$file"
done | xargs -P "$(nproc)" -I FILE sh -c '
    object=$(echo "$2" | tr / _).o
    case $2 in
    src/postern_*) more="-O3 -Wall -Wextra -Werror" ;; # -O2 would not keep vectors in registers
    wolfcrypt/src/rsa.c) more="-w -Dsp_RsaPrivate_2048=postern_rsa_private_2048" ;;
    wolfcrypt/src/curve25519.c)
        more="-w -Dcurve25519=postern_curve25519 -Dfe_invert=postern_fe_invert"
        more="$more -Dge_scalarmult_base=postern_base_multiple" ;;
    *) more=-w ;;
    esac
    exec $0 -O2 -g1 -fPIC -fvisibility=hidden -fno-common $more $1 -DWOLFSSL_USER_SETTINGS \
        -DBUILDING_WOLFSSL -D_GNU_SOURCE -ffile-prefix-map="$PWD=wolfssl" -I../prefix/include -I. -c "$2" -o "$object"' "$cc" "$flags" FILE
ar rcs ../prefix/lib/libwolfssl.a ./*.o
echo "$version" >../prefix/version
rm -rf "$prefix"
mv "$work/prefix" "$prefix"
