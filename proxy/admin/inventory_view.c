// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/admin/inventory_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { TEXT_ROOM = 2048, TIME_ROOM = 32, WORD_ROOM = 300 };

struct view {
    FILE *out;
    const struct inventory_filter *filter;
    size_t matched;
};

static bool has_word(const struct inventory_item *item, const char *word)
{
    const char *const texts[] = {item->listener,     item->client_id,
                                 item->common_name,  item->tls,
                                 item->cipher,       item->group,
                                 item->key,          item->mqtt,
                                 item->last_refusal, item->connected > 0 ? "connected" : ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcasestr(texts[i], word) != NULL) return true;
    return false;
}

static bool matches(const struct inventory_item *item, const char *words)
{
    char word[WORD_ROOM];
    while (words != NULL && *(words += strspn(words, " ")) != '\0') {
        size_t length = strcspn(words, " ");
        (void)snprintf(word, sizeof word, "%.*s", (int)length, words); /* a long one is cut */
        if (!has_word(item, word)) return false;
        words += length;
    }
    return true;
}

/* Counts those that match; true for those that are shown. */
static bool is_shown(struct view *view, const struct inventory_item *item)
{
    if (!matches(item, view->filter->words)) return false;
    view->matched++;
    return view->matched <= view->filter->most;
}

/* "" for 0. */
static const char *time_text(char out[TIME_ROOM], time_t when)
{
    struct tm tm;
    out[0] = '\0';
    if (when != 0 && gmtime_r(&when, &tm) != NULL)
        (void)strftime(out, TIME_ROOM, "%Y-%m-%dT%H:%M:%SZ", &tm); /* "" stays otherwise */
    return out;
}

/* `*text` is set by closing. */
static char *finish(FILE *out, char **text)
{
    bool failed = ferror(out) != 0;
    failed = fclose(out) != 0 || failed;
    if (!failed) return *text;
    free(*text);
    return NULL;
}

/* ------------------------------------------------------------------------------------------- JSON
 */

static void put_json(FILE *out, const char *name, const char *text, bool comma)
{
    char escaped[TEXT_ROOM];
    (void)text_escape_json(escaped, sizeof escaped, span_of(text)); /* names are short enough */
    (void)fprintf(out, "%s\"%s\": \"%s\"", comma ? ", " : "", name, escaped);
}

static void put_json_time(FILE *out, const char *name, time_t when)
{
    char text[TIME_ROOM];
    if (when == 0)
        (void)fprintf(out, ", \"%s\": null", name);
    else
        (void)fprintf(out, ", \"%s\": \"%s\"", name, time_text(text, when));
}

static void put_json_item(void *arg, const struct inventory_item *item)
{
    struct view *view = arg;
    if (!is_shown(view, item)) return;
    (void)fputs(view->matched > 1 ? ",\n    {" : "\n    {", view->out);
    put_json(view->out, "listener", item->listener, false);
    put_json(view->out, "client_id", item->client_id, true);
    put_json(view->out, "common_name", item->common_name, true);
    put_json(view->out, "tls", item->tls, true);
    put_json(view->out, "cipher", item->cipher, true);
    put_json(view->out, "group", item->group, true);
    put_json(view->out, "key", item->key, true);
    (void)fprintf(view->out, ", \"key_bits\": %u", item->key_bits);
    put_json_time(view->out, "certificate_not_after", item->certificate_not_after);
    put_json(view->out, "mqtt", item->mqtt, true);
    put_json_time(view->out, "first_seen", item->first_seen);
    put_json_time(view->out, "last_seen", item->last_seen);
    (void)fprintf(view->out, ", \"connected\": %u, \"visits\": %llu, \"refusals\": %llu",
                  item->connected, (unsigned long long)item->visits,
                  (unsigned long long)item->refusals);
    put_json(view->out, "last_refusal", item->last_refusal, true);
    (void)fputc('}', view->out);
}

char *inventory_view_json(struct inventory *inventory, const struct inventory_filter *filter,
                          size_t *length)
{
    char *text = NULL;
    struct view view = {open_memstream(&text, length), filter, 0};
    if (view.out == NULL) return NULL;
    (void)fputs("{\n  \"identities\": [", view.out);
    inventory_walk(inventory, put_json_item, &view);
    (void)fprintf(view.out, "\n  ],\n  \"matched\": %zu\n}\n", view.matched);
    return finish(view.out, &text);
}

/* -------------------------------------------------------------------------------------------- CSV
 */

/* Quotes are doubled, control characters are escaped, and what a spreadsheet would take for a
 * formula gets an apostrophe in front. */
static void put_csv(FILE *out, const char *text, bool comma)
{
    char printable[TEXT_ROOM];
    (void)text_printable(printable, sizeof printable, text); /* names are short enough */
    (void)fputs(comma ? ",\"" : "\"", out);
    if (printable[0] != '\0' && strchr("=+-@", printable[0]) != NULL) (void)fputc('\'', out);
    for (const char *at = printable; *at != '\0'; at++) {
        if (*at == '"') (void)fputc('"', out);
        (void)fputc(*at, out);
    }
    (void)fputc('"', out);
}

static void put_csv_item(void *arg, const struct inventory_item *item)
{
    char not_after[TIME_ROOM];
    char first[TIME_ROOM];
    char last[TIME_ROOM];
    struct view *view = arg;
    FILE *out = view->out;
    if (!is_shown(view, item)) return;
    const char *const texts[] = {item->listener, item->client_id, item->common_name, item->tls,
                                 item->cipher,   item->group,     item->key};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        put_csv(out, texts[i], i > 0);
    (void)fprintf(out, ",%u,%s,%s,%s,%s,%u,%llu,%llu", item->key_bits,
                  time_text(not_after, item->certificate_not_after), item->mqtt,
                  time_text(first, item->first_seen), time_text(last, item->last_seen),
                  item->connected, (unsigned long long)item->visits,
                  (unsigned long long)item->refusals);
    put_csv(out, item->last_refusal, true);
    (void)fputs("\r\n", out);
}

char *inventory_view_csv(struct inventory *inventory, const struct inventory_filter *filter,
                         size_t *length)
{
    char *text = NULL;
    struct view view = {open_memstream(&text, length), filter, 0};
    if (view.out == NULL) return NULL;
    (void)fputs(
        "listener,client_id,common_name,tls,cipher,group,key,key_bits,certificate_not_after,"
        "mqtt,first_seen,last_seen,connected,visits,refusals,last_refusal\r\n",
        view.out);
    inventory_walk(inventory, put_csv_item, &view);
    return finish(view.out, &text);
}
