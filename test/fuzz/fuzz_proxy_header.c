// SPDX-License-Identifier: GPL-3.0-or-later
/* The PROXY header reader: it reads no further than it may, wants more only while more may help,
 * and gives the same for a header with something behind it. */
#include <string.h>

#include "base/attributes.h"
#include "proxy/proxy_protocol/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct proxy_route route;
    struct proxy_route again;
    size_t taken = 0;
    size_t taken_again = 0;
    enum proxy_status status = proxy_header_decode(&route, data, length, &taken);
    CHECK(status != PROXY_OK || (taken > 0 && taken <= length && taken <= PROXY_HEADER_MOST));
    CHECK(status != PROXY_NEED_MORE || length < PROXY_HEADER_MOST);
    CHECK(status == PROXY_OK || !route.known);
    if (status != PROXY_OK) return 0;
    for (size_t i = 1; i < taken; i += 1 + taken / 64)
        CHECK(proxy_header_decode(&again, data, i, &taken_again) == PROXY_NEED_MORE);
    CHECK(proxy_header_decode(&again, data, taken, &taken_again) == PROXY_OK);
    CHECK(taken == taken_again && again.known == route.known);
    return 0;
}
