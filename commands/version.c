// SPDX-License-Identifier: GPL-3.0-or-later
/* postern version: what this build is made of. */
#include "commands/version.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "commands/commands.h"
#include "commands/options.h"
#include "proxy/tls/wolfssl.h"

#ifndef POSTERN_SYSTEM_WOLFSSL
#include <wolfssl/wolfcrypt/cpuid.h>
#endif

#ifdef HAVE_CPUID
static void add(char *out, size_t room, const char *feature)
{
    size_t used = strlen(out);
    (void)snprintf(out + used, room - used, "%s%s", used == 0 ? "" : ", ", feature);
}
#endif

void version_crypto(char *out, size_t room)
{
    out[0] = '\0';
#ifdef POSTERN_SYSTEM_WOLFSSL
    (void)snprintf(out, room, "not accelerated (system wolfSSL)");
#else
#ifdef HAVE_CPUID_INTEL
    const unsigned flags = (unsigned)cpuid_get_flags(); /* its type has changed with releases */
#ifdef WOLFSSL_AESNI
    if (IS_INTEL_AESNI(flags)) add(out, room, "AES-NI");
#endif
    if (IS_INTEL_SHA(flags)) add(out, room, "SHA-NI");
    if (IS_INTEL_AVX2(flags))
        add(out, room, "AVX2");
    else if (IS_INTEL_AVX1(flags))
        add(out, room, "AVX");
    if (IS_INTEL_BMI2(flags) && IS_INTEL_ADX(flags)) add(out, room, "BMI2 and ADX");
#elif defined(HAVE_CPUID_AARCH64)
    const unsigned flags = (unsigned)cpuid_get_flags(); /* its type has changed with releases */
    if (IS_AARCH64_AES(flags)) add(out, room, "AES");
    if (IS_AARCH64_PMULL(flags)) add(out, room, "PMULL");
    if (IS_AARCH64_SHA256(flags)) add(out, room, "SHA-256");
#endif
#if defined(HAVE_CPUID) && defined(WOLFSSL_SP_ASM)
    add(out, room, "SP assembly");
#endif
    if (out[0] == '\0')
        (void)snprintf(out, room, "not accelerated (no assembly for this processor)");
#endif
}

int version_main(int argc, char **argv)
{
    char crypto[VERSION_CRYPTO_ROOM];
    int code = OPTIONS_OK;
    const struct options_command command = {
        .name = "version",
        .summary = "Prints the versions of Postern and its libraries, and which acceleration of "
                   "cryptography is in use.",
    };
    if (!options_read(&command, argc, argv, &code)) return code;
    version_crypto(crypto, sizeof crypto);
    printf("postern %s\nwolfSSL %s\nlibuv %s\ncrypto: %s\n", POSTERN_VERSION, wolfSSL_lib_version(),
           uv_version_string(), crypto);
    return fflush(stdout) == 0 ? 0 : 1;
}
