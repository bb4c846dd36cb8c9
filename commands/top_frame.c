// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/top_frame.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { LINE_ROOM = 1024, MOST_ROWS = 512 };

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
    put(frame, BOLD, "Postern %s  %s  %" PRId64 " workers  up for %s  %s",
        text_of(status, "version"), text_of(status, "config_file"), number_of(status, "workers"),
        text_duration(up, number_of(status, "uptime_seconds")), text_of(status, "now"));
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
    return before == NULL || seconds <= 0 || grown < 0 ? 0 : (double)grown / seconds;
}

static void put_totals(struct frame *frame, const json_t *status, const json_t *before,
                       double seconds)
{
    static const struct {
        const char *title;
        const char *name;
    } rows[] = {
        {"connections accepted", "connections_total" },
        {"handshakes finished",  "handshakes"        },
        {"handshakes failed",    "handshake_failures"},
        {"clients admitted",     "admissions"        },
        {"clients refused",      "refusals"          },
        {"bytes from clients",   "bytes_in"          },
        {"bytes to clients",     "bytes_out"         },
    };
    const json_t *now = json_object_get(status, "totals");
    const json_t *then = json_object_get(before, "totals");
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-22s %14s %12s", "", "so far", "a second");
    put(frame, BOLD, "%-22s %14" PRId64, "connections now", number_of(now, "connections"));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        double per_second = rate(now, then, rows[i].name, seconds);
        if (then == NULL)
            put(frame, PLAIN, "%-22s %14" PRId64 " %12s", rows[i].title,
                number_of(now, rows[i].name), "-");
        else
            put(frame, PLAIN, "%-22s %14" PRId64 " %12.1f", rows[i].title,
                number_of(now, rows[i].name), per_second);
    }
}

/* ------------------------------------------------------------------------------------------ counts
 */

struct count {
    const char *name;
    int64_t count;
};

static int largest_first(const void *a, const void *b)
{
    const struct count *left = a;
    const struct count *right = b;
    return (left->count < right->count) - (left->count > right->count);
}

static void put_counts(struct frame *frame, const char *title, const json_t *counts)
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
            all[count++] = (struct count){name, json_integer_value(value)};
    }
    if (count == 0) return;
    qsort(all, count, sizeof *all, largest_first);
    size_t used = (size_t)snprintf(line, sizeof line, "%-22s", title);
    for (size_t i = 0; i < count && used < sizeof line; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, " %s %" PRId64 "%s", all[i].name,
                                 all[i].count, i + 1 < count ? "," : "");
    put(frame, PLAIN, "%s", line);
}

static void put_kinds(struct frame *frame, const json_t *status)
{
    static const struct {
        const char *title;
        const char *name;
    } rows[] = {
        {"TLS",         "tls_versions"                },
        {"groups",      "groups"                      },
        {"MQTT",        "mqtt_versions"               },
        {"refused for", "refusals_by_reason"          },
        {"failed for",  "handshake_failures_by_reason"},
        {"ended for",   "sessions_ended_by_reason"    },
    };
    const json_t *totals = json_object_get(status, "totals");
    put(frame, PLAIN, "%s", "");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        put_counts(frame, rows[i].title, json_object_get(totals, rows[i].name));
}

/* ------------------------------------------------------------------------------------------- lists
 */

static void put_backends(struct frame *frame, const json_t *report)
{
    size_t i = 0;
    size_t j = 0;
    json_t *backend = NULL;
    json_t *server = NULL;
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%-16s %-28s %-5s %9s  %s", "backend", "server", "state", "clients", "why");
    json_array_foreach(json_object_get(report, "backends"), i, backend)
    {
        json_array_foreach(json_object_get(backend, "servers"), j, server)
        {
            bool up = is_true(server, "up");
            put(frame, up ? PLAIN : BAD, "%-16s %-28s %-5s %9" PRId64 "  %s",
                text_of(backend, "backend"), text_of(server, "server"), up ? "up" : "down",
                number_of(server, "connections"), text_of(server, "why"));
        }
    }
}

/* The certificate of a listener that ends first. */
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

static void put_incidents(struct frame *frame, const json_t *status)
{
    size_t i = 0;
    json_t *incident = NULL;
    const json_t *incidents = json_object_get(status, "incidents");
    put(frame, PLAIN, "%s", "");
    put(frame, SOFT, "%s",
        json_array_size(incidents) == 0 ? "everybody has been served so far"
                                        : "the latest who were not served, and why");
    json_array_foreach(incidents, i, incident)
    {
        put(frame, PLAIN, "%.8s %s %s %s: %s", text_of(incident, "at") + strlen("2026-11-25T"),
            text_of(incident, "source"), text_of(incident, "client_id"),
            text_of(incident, "reason"), text_of(incident, "explanation"));
    }
}

void top_frame(FILE *out, const struct top_reports *reports, const json_t *before, double seconds,
               const struct top_screen *screen)
{
    struct frame frame = {out, screen, 0};
    put_head(&frame, reports->status);
    put_totals(&frame, reports->status, before, seconds);
    put_kinds(&frame, reports->status);
    put_backends(&frame, reports->backends);
    put_certificates(&frame, reports->certificates);
    put_incidents(&frame, reports->status);
}
