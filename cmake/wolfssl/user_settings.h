/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How Postern's wolfSSL is built, and how everything that includes its headers sees it. What each
 * choice costs or saves is in docs/decisions/0001-wolfssl-build.md. The native API only: without
 * OPENSSL_EXTRA, SESSION_CERTS and KEEP_PEER_CERT, an idle connection keeps 3.2 KB. */
#ifndef POSTERN_WOLFSSL_USER_SETTINGS_H
#define POSTERN_WOLFSSL_USER_SETTINGS_H

/* The platform: 64-bit Linux, C11. */
#define HAVE_C___ATOMIC 1
#define WOLFSSL_HAVE_ATOMIC_H
#define WOLFSSL_HAVE_ASSERT_H
#define HAVE_LIMITS_H 1
#define HAVE_STDINT_H 1
#define HAVE_THREAD_LS
#define HAVE_PTHREAD 1
#define HAVE_GETRANDOM 1
#define HAVE___UINT128_T 1
#define SIZEOF_LONG 8
#define SIZEOF_LONG_LONG 8
#define NO_DO178
#define ERROR_QUEUE_PER_THREAD
#define WOLFSSL_USE_ALIGN
#define WC_NO_ASYNC_THREADING
#define WOLFSSL_IGNORE_FILE_WARN

/* No socket inside the library: bytes come and go through our callbacks only, and a blocking
 * HTTP client for OCSP or CRLs cannot exist. */
#define WOLFSSL_USER_IO
#define WOLFSSL_NO_SOCK

/* TLS 1.2 and 1.3. */
#define WOLFSSL_TLS13
#define NO_OLD_TLS
#define HAVE_TLS_EXTENSIONS
#define HAVE_SNI
#define HAVE_ALPN
#define HAVE_MAX_FRAGMENT
#define HAVE_SUPPORTED_CURVES
#define HAVE_EXTENDED_MASTER
#define HAVE_ENCRYPT_THEN_MAC
#define HAVE_SERVER_RENEGOTIATION_INFO
#define HAVE_SESSION_TICKET
/* Room in a ticket for who the client is: docs/decisions/0003. */
#define WOLFSSL_TICKET_EXTRA_PADDING_SZ 512
#define HAVE_OCSP
#define HAVE_CERTIFICATE_STATUS_REQUEST
#define WOLFSSL_TLS_OCSP_MULTI
#define HAVE_CRL
#define WOLFSSL_ALWAYS_VERIFY_CB
#define WOLFSSL_ALT_CERT_CHAINS
#define WOLFSSL_IP_ALT_NAME
#define WOLFSSL_CERT_SETUP_CB
#define SMALL_SESSION_CACHE
#define NO_PSK

/* Ciphers and hashes. */
#define HAVE_AEAD
#define HAVE_AESGCM
#ifndef POSTERN_GCM_TABLE /* a table of 512 bytes per key: only of use without AES instructions */
#define GCM_SMALL
#endif
#define HAVE_AESCCM /* for the profile "iot" */
#define HAVE_CHACHA
#define HAVE_POLY1305
#define HAVE_ONE_TIME_AUTH
#define HAVE_HKDF
#define WOLFSSL_SHA224
#define WOLFSSL_SHA384
#define WOLFSSL_SHA512
#define WOLFSSL_SHA3
#define WOLFSSL_SHAKE128
#define WOLFSSL_SHAKE256
#define NO_RC4
#define NO_MD4
#define NO_MD5
#define NO_DSA
#define NO_DES3
#define NO_DES3_TLS_SUITES

/* Random bytes from the kernel through a pool a thread, in place of a generator a connection, which
 * costs 7 us and 176 bytes: docs/decisions/0009. */
#define WC_NO_HASHDRBG
#define CUSTOM_RAND_GENERATE_BLOCK postern_random_block
#ifndef __ASSEMBLER__
int postern_random_block(unsigned char *out, unsigned length); /* 0: done */
#endif

/* A record's buffers are lent by the thread: record_buffers.c. */
#define XMALLOC_OVERRIDE
#ifndef __ASSEMBLER__
#include <stddef.h>
void *postern_tls_malloc(size_t size, int type); /* `type`: wolfSSL's DYNAMIC_TYPE_... */
void postern_tls_free(void *memory);
void *postern_tls_realloc(void *memory, size_t size);
#endif
#define XMALLOC(size, heap, type) ((void)(heap), postern_tls_malloc((size), (type)))
#define XFREE(memory, heap, type) ((void)(heap), (void)(type), postern_tls_free(memory))
#define XREALLOC(memory, size, heap, type) \
    ((void)(heap), (void)(type), postern_tls_realloc((memory), (size)))

/* Keys and groups. */
#define HAVE_ECC
#define HAVE_ECC384
#define HAVE_ECC521
#define ECC_SHAMIR
#define ECC_TIMING_RESISTANT
#define ECC_MIN_KEY_SZ 224
#define HAVE_CURVE25519
#define WOLFSSL_ECDHX_SHARED_NOT_ZERO /* 5.7.2 has to be told; 5.9.2 refuses such secrets anyway */
#define HAVE_ED25519
#define WC_RSA_PSS
#define WC_RSA_BLINDING
#define WOLFSSL_PSS_LONG_SALT
#define TFM_TIMING_RESISTANT
#define HAVE_DH_DEFAULT_PARAMS
#define HAVE_FFDHE_2048
#define WOLFSSL_HAVE_MLKEM
#define WOLFSSL_PQC_HYBRIDS
#define WOLFSSL_TLS_NO_MLKEM_STANDALONE

/* Arithmetic. */
#define WOLFSSL_SP_MATH_ALL
#define WOLFSSL_HAVE_SP_RSA
#define WOLFSSL_HAVE_SP_DH
#define WOLFSSL_HAVE_SP_ECC
#define WOLFSSL_SP_4096
#define WOLFSSL_SP_384
#define WOLFSSL_SP_521
#define WOLFSSL_SP_LARGE_CODE
#if defined(__x86_64__)
#ifndef WOLFSSL_X86_64_BUILD /* 5.7.2's assembly wants it on the command line too */
#define WOLFSSL_X86_64_BUILD
#endif
#define USE_INTEL_SPEEDUP
#define WOLFSSL_AESNI
#define WOLFSSL_SP_ASM
#define WOLFSSL_SP_X86_64
#define WOLFSSL_SP_X86_64_ASM
#elif defined(__aarch64__)
#define WOLFSSL_AARCH64_BUILD
#define WOLFSSL_ARMASM
#define WOLFSSL_SP_ASM
#define WOLFSSL_SP_ARM64
#define WOLFSSL_SP_ARM64_ASM
#endif

/* Certificates as data. They are made by certs/issue.c; wolfSSL makes the keys only. */
#define WOLFSSL_ASN_TEMPLATE
#define NO_PKCS12
#define WOLFSSL_BASE64_ENCODE
#define WOLFSSL_PEM_TO_DER
#define WOLFSSL_KEY_GEN

#endif
