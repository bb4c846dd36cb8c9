// SPDX-License-Identifier: GPL-3.0-or-later
/* What the broker is told in the client's place: the CONNECT as `connect` of a rule wants it. */
#include <stdlib.h>
#include <string.h>

#include "mqtt/connect_rewrite.h"
#include "mqtt/utf8.h"
#include "proxy/policy/fill.h"
#include "proxy/policy/passwords.h"
#include "proxy/session_private.h"

enum { LONGEST_FIELD = 65535, MOST_USER_PROPERTIES = 64, LONGEST_VALUE = 4096 };

static bool rewrites(const struct config_connect *config)
{
    return config->client_id != NULL || config->username != NULL || config->password_file != NULL ||
           config->user_properties.count > 0;
}

/* Fills `template` into what is left of `texts`. False: the client lacks something that it names,
 * or it comes to what MQTT does not take as text. */
static bool fill(struct bytes_writer *texts, const char *template, const struct facts *facts,
                 struct span *out)
{
    size_t start = texts->length;
    size_t room = texts->room - start < LONGEST_VALUE ? texts->room - start : LONGEST_VALUE;
    struct bytes_writer value = bytes_writer_of(texts->data + start, room);
    if (!fill_template(&value, template, facts)) return false;
    *out = (struct span){value.data, value.length};
    texts->length += value.length;
    return mqtt_utf8_is_valid(*out);
}

/* A property whose value this client does not have is left out, the client's own as well. */
static void fill_properties(const struct config_pairs *pairs, struct bytes_writer *texts,
                            const struct facts *facts, struct mqtt_user_property *properties)
{
    for (size_t i = 0; i < pairs->count; i++) {
        properties[i] = (struct mqtt_user_property){
            pairs->items[i].name, {NULL, 0}
        };
        if (!fill(texts, pairs->items[i].value, facts, &properties[i].value))
            properties[i].value = (struct span){NULL, 0};
    }
}

/* Puts `packet`, which it takes, in the place of the first `length` bytes that were kept. */
static bool replace_connect(struct session *session, size_t length, uint8_t *packet, size_t packed)
{
    size_t behind = session->early_length - length;
    uint8_t *whole = malloc(packed + behind);
    if (whole != NULL) {
        memcpy(whole, packet, packed);
        memcpy(whole + packed, session->early + length, behind);
    }
    explicit_bzero(packet, packed); /* it holds a password */
    free(packet);
    if (whole == NULL) return false;
    session_drop_early(session);
    session->early = whole;
    session->early_length = packed + behind;
    return true;
}

enum rewriting session_rewrite_connect(struct session *session, const struct config_rule *rule,
                                       const struct mqtt_connect *connect, size_t length)
{
    uint8_t room[LONGEST_FIELD];
    struct mqtt_user_property properties[MOST_USER_PROPERTIES];
    struct bytes_writer texts = bytes_writer_of(room, sizeof room);
    struct mqtt_connect_changes changes = {.user_properties = properties};
    struct span client_id;
    struct span username;
    struct span password;
    size_t packed = 0;
    if (rule == NULL || !rewrites(&rule->connect)) return REWRITTEN;
    const struct config_connect *config = &rule->connect;
    struct facts facts = session_facts(session);
    if (config->client_id != NULL) {
        if (!fill(&texts, config->client_id, &facts, &client_id)) return REWRITING_LACKS_CLIENT_ID;
        changes.client_id = &client_id;
    }
    if (config->username != NULL) {
        if (!fill(&texts, config->username, &facts, &username)) return REWRITING_LACKS_USERNAME;
        changes.username = &username;
    }
    if (config->password_file != NULL) {
        password = passwords_of(session->snapshot->passwords, rule);
        changes.password = &password;
    }
    if (connect->version == MQTT_5) {
        assert(config->user_properties.count <= MOST_USER_PROPERTIES);
        changes.user_properties_count = config->user_properties.count;
        fill_properties(&config->user_properties, &texts, &facts, properties);
    }
    uint8_t *packet = mqtt_connect_rewrite(connect, &changes, &packed);
    return packet != NULL && replace_connect(session, length, packet, packed)
               ? REWRITTEN
               : REWRITING_OUT_OF_MEMORY;
}
