// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence at the start of `in`, 0 if it is not well-formed. */
static size_t sequence_length(const uint8_t *in, size_t left)
{
    uint8_t first = in[0];
    if (first < 0x80) return 1;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((in[i] & 0xc0) != 0x80) return 0;
    if (first == 0xe0 && in[1] < 0xa0) return 0;
    if (first == 0xed && in[1] > 0x9f) return 0;
    if (first == 0xf0 && in[1] < 0x90) return 0;
    if (first == 0xf4 && in[1] > 0x8f) return 0;
    return length;
}

bool text_is_utf8(struct span in)
{
    for (size_t at = 0; at < in.length;) {
        size_t step = sequence_length(in.data + at, in.length - at);
        if (step == 0) return false;
        at += step;
    }
    return true;
}

/* C1 controls and the bidirectional overrides would let a client redraw an operator's terminal. */
static bool is_harmful(const uint8_t *in, size_t length)
{
    if (length == 1) return in[0] < 0x20 || in[0] == 0x7f;
    if (length == 2) return in[0] == 0xc2 && in[1] < 0xa0;
    if (length == 3 && in[0] == 0xe2)
        return (in[1] == 0x80 &&
                (in[2] == 0x8e || in[2] == 0x8f || (in[2] >= 0xa8 && in[2] <= 0xae))) ||
               (in[1] == 0x81 && in[2] >= 0xa6 && in[2] <= 0xa9);
    return false;
}

static size_t append(char *out, size_t room, size_t used, const char *piece, size_t length)
{
    if (used + length + 1 > room) return 0;
    memcpy(out + used, piece, length);
    return length;
}

/* Writes to `piece` what stands for the character of `length` bytes at `in`, and gives its length;
 * 0: the character may stand for itself. A `length` of 0: one byte that begins none. */
typedef size_t escape_fn(char piece[17], const uint8_t *in, size_t length);

static size_t escape(char *out, size_t room, struct span in, escape_fn *escape_one)
{
    size_t used = 0;
    if (room == 0) return 0;
    for (size_t at = 0; at < in.length;) {
        char piece[17];
        size_t step = sequence_length(in.data + at, in.length - at);
        size_t length = escape_one(piece, in.data + at, step);
        if (length == 0 && (in.data[at] == '\\' || in.data[at] == '"')) {
            piece[0] = '\\';
            piece[1] = (char)in.data[at];
            length = 2;
        } else if (length == 0) {
            memcpy(piece, in.data + at, step);
            length = step;
        }
        size_t added = append(out, room, used, piece, length);
        if (added == 0) break;
        used += added;
        at += step == 0 ? 1 : step;
    }
    out[used] = '\0';
    return used;
}

static size_t escape_as_hex(char piece[17], const uint8_t *in, size_t length)
{
    if (length > 0 && !is_harmful(in, length)) return 0;
    size_t escaped = length == 0 ? 1 : length;
    for (size_t i = 0; i < escaped; i++)
        (void)snprintf(piece + 4 * i, 5, "\\x%02x", in[i]);
    return 4 * escaped;
}

size_t text_escape(char *out, size_t room, struct span in)
{
    return escape(out, room, in, escape_as_hex);
}

static size_t escape_as_json(char piece[17], const uint8_t *in, size_t length)
{
    if (length == 0) {
        memcpy(piece, "\\ufffd", 6);
        return 6;
    }
    if (length > 1 || (in[0] >= 0x20 && in[0] != 0x7f)) return 0;
    return (size_t)snprintf(piece, 17, "\\u%04x", in[0]);
}

size_t text_escape_json(char *out, size_t room, struct span in)
{
    return escape(out, room, in, escape_as_json);
}

size_t text_printable(char *out, size_t room, const char *in)
{
    size_t used = 0;
    while (*in != '\0' && used + 2 < room) {
        size_t run = strcspn(in, "\"\\");
        used += text_escape(out + used, room - used, (struct span){(const uint8_t *)in, run});
        in += run;
        if (*in != '\0' && used + 2 < room) out[used++] = *in++;
    }
    if (used < room) out[used] = '\0';
    return used;
}

bool text_glob(struct span pattern, struct span text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; /* where to come back to when what follows the star does not match */
    size_t star_text = 0;
    while (t < text.length) {
        if (p < pattern.length && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.length &&
                   (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.data[p] == '*')
        p++;
    return p == pattern.length;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool text_equal_nocase(struct span a, struct span b)
{
    if (a.length != b.length) return false;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

enum { LONGEST_WORD = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Two neighbours that changed places are one edit, as the commonest slip of the hand. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t before[LONGEST_WORD + 1] = {0}; /* the row before the last one */
    size_t row[LONGEST_WORD + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        size_t before_last = 0; /* before[j - 2] */
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t change = lower((uint8_t)a[i - 1]) == lower((uint8_t)b[j - 1]) ? 0 : 1;
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + change);
            if (i > 1 && j > 1 && lower((uint8_t)a[i - 1]) == lower((uint8_t)b[j - 2]) &&
                lower((uint8_t)a[i - 2]) == lower((uint8_t)b[j - 1]) && before_last + 1 < row[j])
                row[j] = before_last + 1;
            before_last = before[j - 1];
            before[j - 1] = diagonal;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_WORD) return NULL;
    const char *best = NULL;
    size_t best_distance = length / 3 > 1 ? length / 3 + 1 : 2;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        if (candidate_length > LONGEST_WORD) continue;
        size_t distance = edit_distance(word, length, candidates[i], candidate_length);
        if (distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

void text_hex(char *out, struct span in)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < in.length; i++) {
        out[2 * i] = digits[in.data[i] >> 4];
        out[2 * i + 1] = digits[in.data[i] & 15];
    }
    out[2 * in.length] = '\0';
}

const char *text_duration(char out[static TEXT_DURATION_ROOM], int64_t seconds)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {
        {86400, "day"   },
        {3600,  "hour"  },
        {60,    "minute"},
        {1,     "second"}
    };
    size_t i = 0;
    /* Two of a unit at least: "30 hours" says more than "1 day". */
    while (i + 1 < sizeof units / sizeof units[0] && seconds < 2 * units[i].seconds)
        i++;
    long long count = (long long)(seconds / units[i].seconds);
    (void)snprintf(out, TEXT_DURATION_ROOM, "%lld %s%s", count, units[i].name,
                   count == 1 ? "" : "s");
    return out;
}
