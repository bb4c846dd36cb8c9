// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/top_frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "commands/top_past.h"

enum { LINE_ROOM = 1024, MOST_ROWS = 512, RECENT_MINUTES = 5 };

/* The lines so far; nothing is written below the screen. */
struct frame {
    FILE *out;
    const struct top_screen *screen;
    unsigned lines;
};

enum colour { PLAIN, BOLD, SOFT, GOOD, WARN, BAD };

/* Cut to the screen by characters of UTF-8, each of which is taken for one column. */
static size_t cut(const char *text, unsigned width)
{
    size_t at = 0;
    unsigned columns = 0;
    while (text[at] != '\0' && columns < width) {
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
        columns++;
    }
    return at;
}

static void PRINTF(3, 4) put(struct frame *frame, enum colour colour, const char *format, ...)
{
    static const char *const codes[] = {
        [PLAIN] = "",        [BOLD] = "\033[1m",  [SOFT] = "\033[2m",
        [GOOD] = "\033[32m", [WARN] = "\033[33m", [BAD] = "\033[31m"};
    char text[LINE_ROOM];
    char printable[2 * LINE_ROOM];
    va_list args;
    if (frame->lines >= frame->screen->height) return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* a long one is cut */
    va_end(args);
    (void)text_printable(printable, sizeof printable, text);
    for (size_t end = strlen(printable); end > 0 && printable[end - 1] == ' '; end--)
        printable[end - 1] = '\0';
    bool coloured = frame->screen->colours && colour != PLAIN;
    (void)fprintf(frame->out, "%s%.*s%s\n", coloured ? codes[colour] : "",
                  (int)cut(printable, frame->screen->width), printable, coloured ? "\033[0m" : "");
    frame->lines++;
}

/* ---------------------------------------------------------------------------------------- reading
 */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "-" : text;
}

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* ----------------------------------------------------------------------------------------- numbers
 */

static void put_head(struct frame *frame, const json_t *status)
{
    char up[TEXT_DURATION_ROOM];
    bool draining = is_true(status, "draining");
    bool ready = is_true(status, "ready");
    put(frame, BOLD, "Postern %s  %s  %s  %" PRId64 " workers  up for %s  %s",
        text_of(status, "version"), text_of(status, "host"), text_of(status, "config_file"),
        number_of(status, "workers"), text_duration(up, number_of(status, "uptime_seconds")),
        text_of(status, "now"));
    if (draining)
        put(frame, WARN, "draining: clients are being let go");
    else if (!ready)
        put(frame, BAD, "not ready: %s", text_of(status, "not_ready_because"));
    else
        put(frame, GOOD, "ready");
    const json_t *reload = json_object_get(status, "last_reload");
    if (strcmp(text_of(reload, "result"), "failure") == 0)
        put(frame, WARN, "the last reload failed, %s: %s", text_of(reload, "at"),
            text_of(reload, "error"));
}

static double rate(const json_t *now, const json_t *before, const char *name, double seconds)
{
    int64_t grown = number_of(now, name) - number_of(before, name);
    return seconds <= 0 || grown < 0 ? 0 : (double)grown / seconds;
}

struct row {
    const char *title;
    const char *name;   /* in totals */
    const char *sample; /* in samples[] of the history */
    bool bytes;
};

enum { AMOUNT_ROOM = 32, WIDTH_WITH_LINES = 60 + TOP_PAST_COLUMNS };

static const char *amount(char out[static AMOUNT_ROOM], double value, bool bytes, bool whole)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes && value >= 1000 && unit + 1 < ARRAY_LENGTH(units)) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(out, AMOUNT_ROOM, "%.*f%s%s", whole && unit == 0 ? 0 : 1, value,
                   bytes ? " " : "", bytes ? units[unit] : ""); /* fits */
    return out;
}

static void put_row(struct frame *frame, const struct row *row, const struct top_reports *reports,
                    const json_t *then, double seconds)
{
    char line[TOP_PAST_ROOM] = "";
    char all[AMOUNT_ROOM];
    char speed[AMOUNT_ROOM] = "-";
    char recent[AMOUNT_ROOM];
    const json_t *now = json_object_get(reports->status, "totals");
    double per_second = then == NULL ? top_past_rate(reports->history, row->sample)
                                     : rate(now, then, row->name, seconds);
    if (frame->screen->lines && frame->screen->width >= WIDTH_WITH_LINES)
        top_past_line(line, reports->history, row->sample);
    if (strcmp(row->name, "connections") == 0) {
        put(frame, BOLD, "%-22s %11" PRId64 " %11s %12s  %s", row->title, number_of(now, row->name),
            "", "", line);
        return;
    }
    if (per_second >= 0) (void)amount(speed, per_second, row->bytes, false);
    put(frame, PLAIN, "%-22s %11s %11s %12s  %s", row->title,
        amount(all, (double)number_of(now, row->name), row->bytes, true), speed,
        amount(recent, (double)top_past_sum(reports->history, row->sample, RECENT_MINUTES),
               row->bytes, true),
        line);
}

static void put_totals(struct frame *frame, const struct top_reports *reports, const json_t *before,
                       double seconds)
{
    static const struct row rows[] = {
        {"connections now",      "connections",        "connections",        false},
        {"connections accepted", "connections_total",  "accepted",           false},
        {"handshakes finished",  "handshakes",         "handshakes",         false},
        {"handshakes failed",    "handshake_failures", "handshake_failures", false},
        {"clients admitted",     "admissions",         "admissions",         false},
        {"clients refused",      "refusals",           "refusals",           false},
        {"bytes from clients",   "bytes_in",           "bytes_in",           true },
        {"bytes to clients",     "bytes_out",          "bytes_out",          true },
    };
    bool lines = frame->screen->lines && frame->screen->width >= WIDTH_WITH_LINES;
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-22s %11s %11s %12s  %s", "", "so far", "a second", "last 5 min",
        lines ? "the last hour" : "");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        put_row(frame, &rows[i], reports, json_object_get(before, "totals"), seconds);
}

/* ------------------------------------------------------------------------------------------ counts
 */

struct count {
    const char *name;
    int64_t count;
    int64_t recent;
};

static int most_of_now_first(const void *a, const void *b)
{
    const struct count *left = a;
    const struct count *right = b;
    if (left->recent != right->recent) return left->recent < right->recent ? 1 : -1;
    return (left->count < right->count) - (left->count > right->count);
}

/* `recent` (NULL: it is not known) are the counts of the last minutes. */
static void put_counts(struct frame *frame, const char *title, const json_t *counts,
                       const json_t *recent)
{
    char line[LINE_ROOM];
    struct count all[MOST_ROWS];
    size_t count = 0;
    const char *name = NULL;
    json_t *value = NULL;
    /* jansson's macro writes through its argument. */
    json_object_foreach((json_t *)(uintptr_t)counts, name, value)
    {
        if (count < MOST_ROWS && json_integer_value(value) > 0)
            all[count++] = (struct count){name, json_integer_value(value), number_of(recent, name)};
    }
    if (count == 0) return;
    qsort(all, count, sizeof *all, most_of_now_first);
    size_t used = (size_t)snprintf(line, sizeof line, "%-22s", title);
    for (size_t i = 0; i < count && used < sizeof line; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "%s %s %" PRId64,
                                 i == 0 ? "" : ",", all[i].name, all[i].count);
        if (all[i].recent > 0 && used < sizeof line)
            used += (size_t)snprintf(line + used, sizeof line - used, " (+%" PRId64 ")",
                                     all[i].recent);
    }
    put(frame, PLAIN, "%s", line);
}

static void put_reasons(struct frame *frame, const struct top_reports *reports)
{
    static const struct {
        const char *title;
        const char *name;
    } rows[] = {
        {"refused for", "refusals_by_reason"          },
        {"failed for",  "handshake_failures_by_reason"},
        {"ended for",   "sessions_ended_by_reason"    },
    };
    const json_t *totals = json_object_get(reports->status, "totals");
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-22s so far, and (+) in the last 5 min", "");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        json_t *recent = top_past_reasons(reports->history, rows[i].name, RECENT_MINUTES);
        put_counts(frame, rows[i].title, json_object_get(totals, rows[i].name), recent);
        json_decref(recent);
    }
}

static void put_kinds(struct frame *frame, const json_t *status)
{
    static const struct {
        const char *title;
        const char *name;
    } rows[] = {
        {"TLS",    "tls_versions" },
        {"groups", "groups"       },
        {"MQTT",   "mqtt_versions"},
    };
    const json_t *totals = json_object_get(status, "totals");
    put(frame, PLAIN, "%s", "");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        put_counts(frame, rows[i].title, json_object_get(totals, rows[i].name), NULL);
}

/* ------------------------------------------------------------------------------------------- lists
 */

/* How long it has been so, or "-": since the start. */
static const char *since(char out[static TEXT_DURATION_ROOM], const json_t *server,
                         const json_t *status)
{
    struct tm at = {0};
    struct tm now = {0};
    const char *format = "%Y-%m-%dT%H:%M:%SZ";
    if (strptime(text_of(server, "since"), format, &at) == NULL ||
        strptime(text_of(status, "now"), format, &now) == NULL)
        return "-";
    return text_duration(out, (int64_t)(timegm(&now) - timegm(&at)));
}

static void put_backends(struct frame *frame, const struct top_reports *reports)
{
    size_t i = 0;
    size_t j = 0;
    json_t *backend = NULL;
    json_t *server = NULL;
    char how_long[TEXT_DURATION_ROOM];
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-16s %-24s %-5s %-11s %9s  %s", "backend", "server", "state", "for",
        "clients", "why");
    json_array_foreach(json_object_get(reports->backends, "backends"), i, backend)
    {
        json_array_foreach(json_object_get(backend, "servers"), j, server)
        {
            bool up = is_true(server, "up");
            put(frame, up ? PLAIN : BAD, "%-16s %-24s %-5s %-11s %9" PRId64 "  %s",
                text_of(backend, "backend"), text_of(server, "server"), up ? "up" : "down",
                since(how_long, server, reports->status), number_of(server, "connections"),
                text_of(server, "why"));
        }
        if (number_of(backend, "waiting") > 0)
            put(frame, WARN, "%-16s %" PRId64 " clients wait for a server with room",
                text_of(backend, "backend"), number_of(backend, "waiting"));
    }
}

static void put_listeners(struct frame *frame, const json_t *status)
{
    size_t i = 0;
    json_t *listener = NULL;
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-16s %-24s %9s %9s", "listener", "address", "clients", "at most");
    json_array_foreach(json_object_get(status, "listeners"), i, listener)
    {
        int64_t now = number_of(listener, "connections");
        int64_t most = number_of(listener, "max_connections");
        put(frame,
            now >= most            ? BAD
            : now * 10 >= most * 9 ? WARN
                                   : PLAIN,
            "%-16s %-24s %9" PRId64 " %9" PRId64, text_of(listener, "listener"),
            text_of(listener, "address"), now, most);
    }
}

static void put_certificates(struct frame *frame, const json_t *report)
{
    enum { SOON_DAYS = 30, VERY_SOON_DAYS = 7 };
    size_t i = 0;
    size_t j = 0;
    json_t *listener = NULL;
    json_t *certificate = NULL;
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-16s %9s  %s", "listener", "days left", "certificate");
    json_array_foreach(json_object_get(report, "listeners"), i, listener)
    {
        json_array_foreach(json_object_get(listener, "certificates"), j, certificate)
        {
            int64_t days = number_of(certificate, "days_left");
            put(frame,
                days < VERY_SOON_DAYS ? BAD
                : days < SOON_DAYS    ? WARN
                                      : PLAIN,
                "%-16s %9" PRId64 "  %s", text_of(listener, "listener"), days,
                text_of(certificate, "subject"));
        }
    }
}

static bool same_text(const json_t *a, const json_t *b, const char *name)
{
    return strcmp(text_of(a, name), text_of(b, name)) == 0;
}

static bool alike(const json_t *a, const json_t *b)
{
    return same_text(a, b, "listener") && same_text(a, b, "reason") &&
           same_text(a, b, "explanation");
}

/* Those from `from` on that are like it; 0: one before it is, and it has been told. */
static size_t count_alike(const json_t *incidents, size_t from)
{
    const json_t *incident = json_array_get(incidents, from);
    size_t count = 0;
    for (size_t i = 0; i < from; i++)
        if (alike(json_array_get(incidents, i), incident)) return 0;
    for (size_t i = from; i < json_array_size(incidents); i++)
        if (alike(json_array_get(incidents, i), incident)) count++;
    return count;
}

/* Alike ones together, or the one who tries again and again would hide everybody else. */
static void put_incidents(struct frame *frame, const json_t *status)
{
    const json_t *incidents = json_object_get(status, "incidents");
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%s",
        json_array_size(incidents) == 0 ? "everybody has been served so far"
                                        : "the latest who were not served, and why");
    for (size_t i = 0; i < json_array_size(incidents); i++) {
        char times[2 * AMOUNT_ROOM] = "";
        const json_t *incident = json_array_get(incidents, i);
        size_t count = count_alike(incidents, i);
        if (count == 0) continue;
        if (count > 1) (void)snprintf(times, sizeof times, "and %zu like it, ", count - 1);
        put(frame, PLAIN, "%.8s %s %s %s%s: %s", text_of(incident, "at") + strlen("2026-11-25T"),
            text_of(incident, "source"), text_of(incident, "client_id"), times,
            text_of(incident, "reason"), text_of(incident, "explanation"));
    }
}

void top_frame(FILE *out, const struct top_reports *reports, const json_t *before, double seconds,
               const struct top_screen *screen)
{
    struct frame frame = {out, screen, 0};
    put_head(&frame, reports->status);
    put_totals(&frame, reports, before, seconds);
    put_reasons(&frame, reports);
    put_backends(&frame, reports);
    put_incidents(&frame, reports->status);
    put_listeners(&frame, reports->status);
    put_certificates(&frame, reports->certificates);
    put_kinds(&frame, reports->status);
}
