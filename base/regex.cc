// SPDX-License-Identifier: GPL-3.0-or-later
// The one file that is C++: RE2 has no interface in C.
#include "base/regex.h"

#include <re2/re2.h>

#include <cstdio>
#include <new>

enum { MOST_MEMORY_BYTES = 1 << 20 };

struct regex {
    RE2 compiled;
    regex(const char *pattern, const RE2::Options &options) : compiled(pattern, options) {}
};

struct regex *regex_new(const char *pattern, char *why, size_t room)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(MOST_MEMORY_BYTES);
    auto *regex = new (std::nothrow) struct regex(pattern, options);
    if (regex != nullptr && regex->compiled.ok()) return regex;
    (void)std::snprintf(why, room, "%s",
                        regex == nullptr ? "out of memory" : regex->compiled.error().c_str());
    delete regex;
    return nullptr;
}

bool regex_matches(const struct regex *regex, const char *text, size_t length)
{
    return RE2::FullMatch(re2::StringPiece(text, length), regex->compiled);
}

void regex_free(struct regex *regex)
{
    delete regex;
}
