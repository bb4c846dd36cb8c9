// SPDX-License-Identifier: GPL-3.0-or-later
/* Everything that a configuration file can be. */
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, const char *path, struct config_mark mark,
                   enum config_severity severity, const char *text)
{
    (void)arg, (void)path, (void)mark, (void)severity, (void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    config_free(config_parse("fuzz.yaml", (const char *)data, size, ignore, NULL));
    return 0;
}
