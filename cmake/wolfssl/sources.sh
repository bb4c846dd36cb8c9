# SPDX-License-Identifier: GPL-3.0-or-later
# What of wolfSSL is compiled, and with which flags, on $processor: sets $sources and $flags.
# $here is the folder of this file.

sources="
$(cd "$here" && for name in *.c; do echo "src/postern_$name"; done)
src/crl.c src/internal.c src/keys.c src/ocsp.c src/ssl.c src/tls.c src/tls13.c src/wolfio.c
$(for name in aes asn chacha chacha20_poly1305 coding cpuid cryptocb curve25519 dh ecc ed25519 \
    error fe_operations ge_operations hash hmac kdf logging memory poly1305 pwdbased random rsa \
    sha sha256 sha3 sha512 signature sp_c64 sp_int wc_encrypt wc_mlkem wc_mlkem_poly wc_port \
    wolfmath; do
    echo "wolfcrypt/src/$name.c"
done)"

case "$processor" in
x86_64)
    flags="-maes -DWOLFSSL_X86_64_BUILD"
    sources="$sources wolfcrypt/src/sp_x86_64.c
$(for name in aes aes_gcm chacha fe_x25519 poly1305 sha256 sha3 sha512 sp_x86_64 wc_mlkem; do
    echo "wolfcrypt/src/${name}_asm.S"
done)" ;;
aarch64)
    # The C forms of the assembly files are empty where the .S forms are in use.
    flags="-march=armv8-a+crypto"
    sources="$sources wolfcrypt/src/sp_arm64.c
$(for name in aes-asm chacha-asm curve25519 mlkem-asm poly1305-asm sha256-asm sha3-asm \
    sha512-asm; do
    echo "wolfcrypt/src/port/arm/armv8-$name.S"
done)" ;;
*)
    flags="" ;;
esac
