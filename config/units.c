// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* From the largest: the text of a value uses the first that divides it. */
static const struct unit time_units[] = {
    {"d",  86400000},
    {"h",  3600000 },
    {"m",  60000   },
    {"s",  1000    },
    {"ms", 1       },
};
static const struct unit size_units[] = {
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"B",   1      },
    {"",    1      },
};

/* Reads the digits at `*text` and moves behind them; false: there is none, or too many. */
static bool read_digits(const char **text, uint64_t *out)
{
    const char *at = *text;
    *out = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out))
            return false;
    }
    bool some = at != *text;
    *text = at;
    return some;
}

bool units_number(const char *text, uint64_t *out, struct err *err)
{
    const char *at = text;
    if (read_digits(&at, out) && *at == 0) return true;
    return err_set(err, "\"%.60s\" is not a whole number", text);
}

bool units_bool(const char *text, bool *out, struct err *err)
{
    static const char *const words[] = {"true", "yes", "on", "false", "no", "off"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (text_equal_nocase(span_of(text), span_of(words[i]))) {
            *out = i < 3;
            return true;
        }
    }
    return err_set(err, "\"%.60s\" is neither true nor false", text);
}

static bool apply_unit(const char *name, const struct unit *units, size_t count, uint64_t *value)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, units[i].name) == 0)
            return !__builtin_mul_overflow(*value, units[i].factor, value);
    return false;
}

static bool knows_unit(const char *name, const struct unit *units, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, units[i].name) == 0) return true;
    return false;
}

bool units_duration(const char *text, uint64_t *out_ms, struct err *err)
{
    const char *at = text;
    bool digits = read_digits(&at, out_ms);
    if (digits && *at == 0 && *out_ms == 0) return true;
    if (digits && *at == 0)
        return err_set(err,
                       "\"%.60s\" has no unit: write %.20sms, %.20ss, %.20sm, %.20sh or %.20sd",
                       text, text, text, text, text, text);
    if (digits && apply_unit(at, time_units, ARRAY_LENGTH(time_units), out_ms)) return true;
    if (digits && knows_unit(at, time_units, ARRAY_LENGTH(time_units)))
        return err_set(err, "\"%.60s\" is too large", text);
    return err_set(err,
                   "\"%.60s\" is not a duration: write a whole number and ms, s, m, h or d, such "
                   "as 10s",
                   text);
}

bool units_size(const char *text, uint64_t *out, struct err *err)
{
    const char *at = text;
    bool digits = read_digits(&at, out);
    if (digits && apply_unit(at, size_units, ARRAY_LENGTH(size_units), out)) return true;
    if (digits && knows_unit(at, size_units, ARRAY_LENGTH(size_units)))
        return err_set(err, "\"%.60s\" is too large", text);
    return err_set(err,
                   "\"%.60s\" is not a size: write a whole number of bytes, or with KiB, MiB or "
                   "GiB, such as 64KiB",
                   text);
}

static bool leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool read_day(const char *text, struct tm *out)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int end = 0;
    if (strspn(text, "0123456789-") < 10 ||
        sscanf(text, "%4u-%2u-%2u%n", &year, &month, &day, &end) != 3 || end != 10)
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1) return false;
    if (day > days[month - 1] + (month == 2 && leap(year) ? 1U : 0U)) return false;
    *out = (struct tm){.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    return true;
}

/* `at` is behind the seconds: a fraction, which is dropped, and Z or +HH:MM. */
static bool read_zone(const char *at, long *east_s)
{
    unsigned hours = 0;
    unsigned minutes = 0;
    int end = 0;
    if (*at == '.') {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits == 0) return false;
        at += 1 + digits;
    }
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0) return true;
    if ((*at != '+' && *at != '-') || strspn(at + 1, "0123456789:") != 5 ||
        sscanf(at + 1, "%2u:%2u%n", &hours, &minutes, &end) != 2 || end != 5 || at[6] != 0 ||
        hours > 23 || minutes > 59)
        return false;
    *east_s = (long)(hours * 3600 + minutes * 60) * (*at == '-' ? -1 : 1);
    return true;
}

static bool read_time(const char *at, struct tm *out, long *east_s)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    int end = 0;
    if ((*at != 'T' && *at != 't' && *at != ' ') || strspn(at + 1, "0123456789:") != 8 ||
        sscanf(at + 1, "%2u:%2u:%2u%n", &hour, &minute, &second, &end) != 3 || end != 8 ||
        hour > 23 || minute > 59 || second > 60)
        return false;
    out->tm_hour = (int)hour;
    out->tm_min = (int)minute;
    out->tm_sec = (int)second;
    return read_zone(at + 9, east_s);
}

bool units_date(const char *text, time_t *out, struct err *err)
{
    struct tm parts;
    long east_s = 0;
    if (!read_day(text, &parts) || (text[10] != 0 && !read_time(text + 10, &parts, &east_s)))
        return err_set(err,
                       "\"%.60s\" is not a date: write YYYY-MM-DD (from midnight UTC on) or a time "
                       "such as 2027-06-30T12:00:00Z",
                       text);
    *out = timegm(&parts) - east_s;
    return true;
}

static void write_text(char *out, uint64_t value, const struct unit *units, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && value % units[i].factor != 0)
        i++;
    (void)snprintf(out, UNITS_TEXT_ROOM, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
}

void units_duration_text(char *out, uint64_t ms)
{
    if (ms == 0)
        (void)snprintf(out, UNITS_TEXT_ROOM, "0");
    else
        write_text(out, ms, time_units, ARRAY_LENGTH(time_units));
}

void units_size_text(char *out, uint64_t bytes)
{
    if (bytes == 0)
        (void)snprintf(out, UNITS_TEXT_ROOM, "0");
    else
        write_text(out, bytes, size_units, ARRAY_LENGTH(size_units));
}
