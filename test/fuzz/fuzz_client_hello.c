// SPDX-License-Identifier: GPL-3.0-or-later
/* The first bytes of a connection. */
#include "proxy/client_hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_hello hello;
    switch (client_hello_read(&hello, data, size)) {
    case CLIENT_HELLO_OK:
        if (memchr(hello.server_name, '\0', sizeof hello.server_name) == NULL) abort();
        break;
    case CLIENT_HELLO_NEED_MORE:
        if (size >= 32768) abort();
        break;
    default:
        if (strlen(client_hello_looks_like(data, size)) == 0) abort();
    }
    return 0;
}
