// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/page.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/attributes.h"
#include "base/text.h"

enum { NONCE_BYTES = 16 };

static const char mark[] = "@NONCE@";

static size_t count_marks(void)
{
    size_t count = 0;
    for (const char *at = strstr(page_html, mark); at != NULL; at = strstr(at + 1, mark))
        count++;
    return count;
}

char *page_make(char nonce[static PAGE_NONCE_ROOM], size_t *length)
{
    uint8_t random[NONCE_BYTES];
    static_assert(PAGE_NONCE_ROOM == 2 * NONCE_BYTES + 1, "a nonce is hexadecimal");
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return NULL;
    text_hex(nonce, (struct span){random, sizeof random});
    char *page = malloc(page_html_length + count_marks() * PAGE_NONCE_ROOM + 1);
    char *out = page;
    const char *from = page_html;
    if (page == NULL) return NULL;
    for (const char *at = strstr(from, mark); at != NULL; at = strstr(from, mark)) {
        out = mempcpy(out, from, (size_t)(at - from));
        out = mempcpy(out, nonce, PAGE_NONCE_ROOM - 1);
        from = at + sizeof mark - 1;
    }
    out = mempcpy(out, from, (size_t)(page_html + page_html_length - from));
    *length = (size_t)(out - page);
    return page;
}
