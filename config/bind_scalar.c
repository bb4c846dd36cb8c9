// SPDX-License-Identifier: GPL-3.0-or-later
/* One value at a time: text to number, word, path, address and so on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/address.h"
#include "config/bind.h"
#include "config/template.h"
#include "config/units.h"

/* So much text counts as one value more. */
enum { LISTED_BYTES = 700, STEP_BYTES = 256, NAME_BYTES_MAX = 255, TEXT_BYTES_MAX = 65535 };

static void store_number(void *field, size_t size, uint64_t value)
{
    uint8_t as_u8 = (uint8_t)value;
    uint16_t as_u16 = (uint16_t)value;
    uint32_t as_u32 = (uint32_t)value;
    switch (size) {
    case sizeof as_u8:
        memcpy(field, &as_u8, size);
        break;
    case sizeof as_u16:
        memcpy(field, &as_u16, size);
        break;
    case sizeof as_u32:
        memcpy(field, &as_u32, size);
        break;
    default:
        assert(size == sizeof value);
        memcpy(field, &value, size);
    }
}

static bool in_range(const struct schema_key *key, uint64_t value,
                     void (*write)(char *out, uint64_t value), struct err *err)
{
    char least[UNITS_TEXT_ROOM];
    char most[UNITS_TEXT_ROOM];
    char given[UNITS_TEXT_ROOM];
    if (value >= key->min && value <= key->max) return true;
    write(least, key->min);
    write(most, key->max);
    write(given, value);
    return err_set(err, "%s is out of range: it can be from %s to %s", given, least, most);
}

static void write_number(char *out, uint64_t value)
{
    (void)snprintf(out, UNITS_TEXT_ROOM, "%" PRIu64, value);
}

/* "a", "b" or "c" */
static void list_words(char *out, size_t room, const char *const *words, size_t count)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < count && used < room; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        used += (size_t)snprintf(out + used, room - used, "%s%s", between, words[i]);
    }
}

static bool refuse_word(const char *text, const char *const *words, size_t count, struct err *err)
{
    char listed[LISTED_BYTES];
    const char *nearest = strlen(text) > 3 ? text_nearest(text, words, count) : NULL;
    list_words(listed, sizeof listed, words, count);
    return err_set(err, "\"%.60s\" is not known: it can be %s%s%s%s", text, listed,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* YAML tools write the word off as false. */
static const char *word_meant(const struct schema_key *key, const char *text)
{
    uint64_t value = 0;
    bool on = true;
    if (schema_word(key, "off", &value) && units_bool(text, &on, NULL) && !on) return "off";
    return text;
}

static bool read_word(const struct schema_key *key, const char *text, void *field, struct err *err)
{
    const char *names[SCHEMA_KEYS_MAX];
    uint64_t value = 0;
    if (schema_word(key, word_meant(key, text), &value)) {
        uint32_t set = 0;
        if (key->list) memcpy(&set, field, sizeof set);
        store_number(field, key->size, set | value);
        return true;
    }
    assert(key->words_count <= SCHEMA_KEYS_MAX);
    for (size_t i = 0; i < key->words_count; i++)
        names[i] = key->words[i].name;
    return refuse_word(text, names, key->words_count, err);
}

static bool read_number(const struct schema_key *key, const char *text, void *field,
                        struct err *err)
{
    uint64_t value = 0;
    if (!schema_word(key, text, &value)) {
        if (!units_number(text, &value, err)) {
            if (key->words_count)
                return err_set(err, "\"%.60s\" is neither a whole number nor %s", text,
                               key->words[0].name);
            return false;
        }
        if (!in_range(key, value, write_number, err)) return false;
    }
    store_number(field, key->size, value);
    return true;
}

static bool read_duration(const struct schema_key *key, const char *text, void *field,
                          struct err *err)
{
    uint64_t ms = 0;
    if (!units_duration(text, &ms, err) || !in_range(key, ms, units_duration_text, err))
        return false;
    if (key->kind == SCHEMA_SECONDS && ms % 1000 != 0)
        return err_set(err, "\"%.60s\" is no whole number of seconds", text);
    store_number(field, key->size, key->kind == SCHEMA_SECONDS ? ms / 1000 : ms);
    return true;
}

static bool read_size(const struct schema_key *key, const char *text, void *field, struct err *err)
{
    uint64_t bytes = 0;
    if (!units_size(text, &bytes, err) || !in_range(key, bytes, units_size_text, err)) return false;
    store_number(field, key->size, bytes);
    return true;
}

static bool read_idle(const struct schema_key *key, const char *text, void *field, struct err *err)
{
    struct config_limits *limits = field;
    uint64_t word = 0;
    if (schema_word(key, word_meant(key, text), &word)) {
        limits->idle = (enum config_idle)word;
        return true;
    }
    if (!units_duration(text, &limits->idle_timeout_ms, NULL))
        return err_set(err, "\"%.60s\" is neither keepalive, nor off, nor a duration such as 5m",
                       text);
    limits->idle = CONFIG_IDLE_FIXED;
    return in_range(key, limits->idle_timeout_ms, units_duration_text, err);
}

static bool read_bool(const char *text, void *field, struct err *err)
{
    bool value = false;
    if (!units_bool(text, &value, err)) return false;
    memcpy(field, &value, sizeof value);
    return true;
}

static bool read_date(const char *text, void *field, struct err *err)
{
    time_t when = 0;
    if (!units_date(text, &when, err)) return false;
    if (when < 1) when = 1; /* 0 means for ever */
    memcpy(field, &when, sizeof when);
    return true;
}

static bool read_text(struct bind *bind, const struct schema_key *key, const char *text,
                      void *field, struct err *err)
{
    uint64_t max = key->max ? key->max : TEXT_BYTES_MAX;
    if (strlen(text) > max) return err_set(err, "longer than %" PRIu64 " bytes", max);
    if (key->known) {
        bool known = false;
        for (size_t i = 0; i < key->known->count && !known; i++)
            known = strcmp(key->known->items[i], text) == 0;
        if (!known) return refuse_word(text, key->known->items, key->known->count, err);
    }
    uint64_t word = 0;
    const char *meant = word_meant(key, text);
    bool is_word = key->words_count > 0 && schema_word(key, meant, &word);
    if (is_word) text = meant;
    char *copy = key->kind == SCHEMA_PATH && !is_word
                     ? address_absolute(text, bind->directory, bind->arena)
                     : arena_text(bind->arena, text, strlen(text));
    memcpy(field, &copy, sizeof copy);
    return true;
}

static bool read_cidr(struct bind *bind, const struct schema_key *key, const char *text,
                      struct config_mark mark, void *field, struct err *err)
{
    bool host_bits = false;
    if (!address_read_cidr(text, field, &host_bits, err)) return false;
    if (host_bits)
        diagnostics_warning(bind->found, mark,
                            "%s: %.80s has bits set behind its prefix, which are ignored: write "
                            "the first address of the range",
                            key->name, text);
    return true;
}

static bool read_reference(struct bind *bind, const struct schema_key *key, const char *text,
                           struct config_mark mark, size_t *index, struct err *err)
{
    if (strlen(text) > NAME_BYTES_MAX) return err_set(err, "longer than %d bytes", NAME_BYTES_MAX);
    bind_note_reference(bind, key->kind, mark, arena_text(bind->arena, text, strlen(text)), index);
    return true;
}

static bool read_value(struct bind *bind, const struct schema_key *key, const char *text,
                       struct config_mark mark, void *field, struct err *err)
{
    switch (key->kind) {
    case SCHEMA_SWITCHED_MAP:
        return key->words_count ? read_word(key, text, field, err) : read_bool(text, field, err);
    case SCHEMA_BOOL:
        return read_bool(text, field, err);
    case SCHEMA_NUMBER:
        return read_number(key, text, field, err);
    case SCHEMA_DURATION:
    case SCHEMA_SECONDS:
        return read_duration(key, text, field, err);
    case SCHEMA_SIZE:
        return read_size(key, text, field, err);
    case SCHEMA_TEXT:
    case SCHEMA_PATH:
        return read_text(bind, key, text, field, err);
    case SCHEMA_WORD:
        return read_word(key, text, field, err);
    case SCHEMA_DATE:
        return read_date(text, field, err);
    case SCHEMA_ADDRESS:
        ((struct config_address *)field)->mark = mark;
        return address_read(text, bind->directory, bind->arena, field, err);
    case SCHEMA_CIDR:
        return read_cidr(bind, key, text, mark, field, err);
    case SCHEMA_IDLE:
        return read_idle(key, text, field, err);
    case SCHEMA_BACKEND:
    case SCHEMA_POLICY:
        return read_reference(bind, key, text, mark, field, err);
    case SCHEMA_PAIRS: /* one of its values */
        return read_text(bind, key, text, field, err);
    case SCHEMA_MAP:
        break;
    }
    CHECK(false);
}

static bool foreign_tag(const yaml_node_t *node)
{
    static const char standard[] = "tag:yaml.org,2002:";
    const char *tag = (const char *)node->tag;
    return tag && strncmp(tag, standard, sizeof standard - 1) != 0 && strcmp(tag, "!") != 0;
}

/* What can be said before the type of the value matters; NULL: told why. */
static const char *plain_text(struct bind *bind, const struct schema_key *key,
                              const yaml_node_t *node)
{
    struct config_mark mark = document_mark(node);
    struct err err;
    if (!document_is_scalar(node)) {
        diagnostics_error(bind->found, mark, "%s: one value is expected, and this is %s", key->name,
                          document_kind(node));
        return NULL;
    }
    if (foreign_tag(node)) {
        diagnostics_error(bind->found, mark, "%s: the tag %.60s means nothing here: leave it out",
                          key->name, (const char *)node->tag);
        return NULL;
    }
    if (document_is_null(node)) {
        diagnostics_error(bind->found, mark, "%s has no value: give it one, or remove the key",
                          key->name);
        return NULL;
    }
    if (strlen(document_text(node)) != document_length(node)) {
        diagnostics_error(bind->found, mark, "%s: the value contains a NUL character", key->name);
        return NULL;
    }
    const char *text = template_expand(bind->arena, document_text(node),
                                       key->templates ? key->templates->items : NULL,
                                       key->templates ? key->templates->count : 0, &err);
    if (!text) {
        diagnostics_error(bind->found, mark, "%s: %s", key->name, err.text);
        return NULL;
    }
    if (*text == 0 && !key->empty) {
        diagnostics_error(bind->found, mark, "%s is empty: give it a value, or remove the key",
                          key->name);
        return NULL;
    }
    return text;
}

void bind_scalar(struct bind *bind, const struct schema_key *key, const yaml_node_t *node,
                 void *field)
{
    struct err err;
    if (!bind_step(bind, document_mark(node), document_length(node) / STEP_BYTES)) return;
    const char *text = plain_text(bind, key, node);
    if (text && !bind_step(bind, document_mark(node), strlen(text) / STEP_BYTES)) return;
    if (text && !read_value(bind, key, text, document_mark(node), field, &err))
        diagnostics_error(bind->found, document_mark(node), "%s: %s", key->name, err.text);
}

void bind_initial(struct bind *bind, const struct schema_key *key, void *field)
{
    struct err err;
    CHECK(read_value(bind, key, key->initial, (struct config_mark){0}, field, &err));
}
