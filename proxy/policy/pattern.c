// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/pattern.h"

#include <string.h>

#include "base/regex.h"
#include "base/text.h"

enum { LONGEST_NAME = 256, LONGEST_NAME_GLOB = 512 };

/* ---------------------------------------------------------------------------------------- plain */

static const char *text_of(struct span text)
{
    return text.length == 0 ? "" : (const char *)text.data;
}

static bool matches(const struct config_pattern *pattern, struct span text)
{
    if (pattern->compiled != NULL)
        return regex_matches(pattern->compiled, text_of(text), text.length);
    return pattern->glob != NULL && text_glob(span_of(pattern->glob), text);
}

bool pattern_any(const struct config_patterns *patterns, struct span text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (matches(&patterns->items[i], text)) return true;
    return patterns->count == 0;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static struct span lowered(struct span text, uint8_t *room)
{
    for (size_t i = 0; i < text.length; i++)
        room[i] = lower(text.data[i]);
    return (struct span){room, text.length};
}

/* DNS names are at most 255 bytes long; a glob that is longer has wildcards to spare or matches
 * none of them. */
static bool matches_name(const struct config_pattern *pattern, struct span name)
{
    uint8_t small_glob[LONGEST_NAME_GLOB];
    if (pattern->compiled != NULL) return matches(pattern, name);
    struct span glob = span_of(pattern->glob == NULL ? "" : pattern->glob);
    return glob.length <= sizeof small_glob && text_glob(lowered(glob, small_glob), name);
}

bool pattern_any_name(const struct config_patterns *patterns, struct span name)
{
    uint8_t small_name[LONGEST_NAME];
    if (patterns->count == 0) return true;
    if (name.length == 0 || name.length > sizeof small_name) return false;
    name = lowered(name, small_name);
    for (size_t i = 0; i < patterns->count; i++)
        if (matches_name(&patterns->items[i], name)) return true;
    return false;
}

/* --------------------------------------------------------------------------------------- filled */

/* A template is read piece by piece, and never built. */
struct place {
    struct span text;
    size_t at;
    struct span value; /* what is left of the name that is being filled in */
};

enum piece { PIECE_END, PIECE_BYTE, PIECE_ANY_BYTE, PIECE_ANY_RUN, PIECE_WRONG };

/* The name of `${name}` at the place; empty: none begins here. */
static struct span name_at(const struct place *place)
{
    const uint8_t *from = place->text.data + place->at;
    size_t left = place->text.length - place->at;
    if (left < 3 || from[0] != '$' || from[1] != '{') return (struct span){NULL, 0};
    const uint8_t *end = memchr(from, '}', left);
    if (end == NULL) return (struct span){NULL, 0};
    return (struct span){from + 2, (size_t)(end - from) - 2};
}

static struct span value_of(struct span name, const struct facts *facts)
{
    if (span_is(name, "client_id")) return facts->client_id;
    if (span_is(name, "server_name")) return facts->server_name;
    if (span_is(name, "username") && facts->has_username) return facts->username;
    return (struct span){NULL, 0};
}

/* Steps over one piece. A value that is not there is wrong, so that "${username}*" does not match
 * everything for a client without one. */
static enum piece next_piece(struct place *place, const struct facts *facts, uint8_t *byte)
{
    struct span name = name_at(place);
    if (place->value.length == 0 && name.length > 0) {
        place->at += name.length + 3;
        place->value = value_of(name, facts);
        if (place->value.length == 0) return PIECE_WRONG;
    }
    if (place->value.length > 0) {
        *byte = *place->value.data++;
        place->value.length--;
        return PIECE_BYTE;
    }
    if (place->at == place->text.length) return PIECE_END;
    *byte = place->text.data[place->at++];
    if (*byte == '*') return PIECE_ANY_RUN;
    if (*byte == '?') return PIECE_ANY_BYTE;
    if (*byte == '$' && place->at < place->text.length && place->text.data[place->at] == '$')
        place->at++;
    return PIECE_BYTE;
}

static bool matches_filled(const char *template, const struct facts *facts, struct span text)
{
    struct place place = {.text = span_of(template)};
    struct place after_star = place;
    bool star = false;
    size_t at = 0;
    size_t star_at = 0;
    for (;;) {
        uint8_t byte = 0;
        enum piece piece = next_piece(&place, facts, &byte);
        if (piece == PIECE_WRONG) return false;
        if (piece == PIECE_END && at == text.length) return true;
        if (piece == PIECE_ANY_RUN) {
            star = true;
            after_star = place;
            star_at = at;
        } else if (at < text.length &&
                   (piece == PIECE_ANY_BYTE || (piece == PIECE_BYTE && byte == text.data[at]))) {
            at++;
        } else if (star && star_at < text.length) {
            place = after_star;
            at = ++star_at;
        } else {
            return false;
        }
    }
}

bool pattern_any_filled(const struct config_patterns *patterns, const struct facts *facts,
                        struct span text)
{
    for (size_t i = 0; i < patterns->count; i++) {
        const struct config_pattern *pattern = &patterns->items[i];
        if (pattern->compiled != NULL
                ? matches(pattern, text)
                : pattern->glob != NULL && matches_filled(pattern->glob, facts, text))
            return true;
    }
    return patterns->count == 0;
}

static bool glob_names(const char *glob, const char *wanted)
{
    for (struct place place = {.text = span_of(glob)}; place.at < place.text.length;) {
        struct span name = name_at(&place);
        if (name.length > 0 && span_is(name, wanted)) return true;
        if (name.length > 0)
            place.at += name.length + 3;
        else
            place.at += strncmp(glob + place.at, "$$", 2) == 0 ? 2 : 1;
    }
    return false;
}

bool pattern_names(const struct config_patterns *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (patterns->items[i].glob != NULL && glob_names(patterns->items[i].glob, name))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------- pairs */

static uint64_t pair(uint8_t first, uint8_t second)
{
    unsigned mixed = (first * 31U + second) * 2654435761U;
    return 1ULL << (mixed >> 26);
}

static bool is_wild(uint8_t byte)
{
    return byte == '*' || byte == '?';
}

uint64_t pattern_pairs(struct span text)
{
    uint64_t pairs = 0;
    for (size_t i = 1; i < text.length; i++)
        pairs |= pair(text.data[i - 1], text.data[i]);
    return pairs;
}

static uint64_t glob_pairs(const char *glob, bool any_case)
{
    struct span text = span_of(glob);
    uint64_t pairs = 0;
    for (size_t i = 1; i < text.length; i++) {
        uint8_t first = text.data[i - 1];
        uint8_t second = text.data[i];
        if (is_wild(first) || is_wild(second)) continue;
        pairs |= any_case ? pair(lower(first), lower(second)) : pair(first, second);
    }
    return pairs;
}

uint64_t pattern_needs(const struct config_patterns *patterns, bool any_case)
{
    uint64_t needs = patterns->count == 0 ? 0 : UINT64_MAX;
    for (size_t i = 0; i < patterns->count; i++)
        needs &= patterns->items[i].glob == NULL ? 0
                                                 : glob_pairs(patterns->items[i].glob, any_case);
    return needs;
}
