// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/subscribe.h"

#include <stdlib.h>
#include <string.h>

#include "broker/client.h"
#include "broker/deliver.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "broker/receive.h"
#include "broker/send.h"
#include "mqtt/reason.h"
#include "mqtt/subscribe.h"
#include "mqtt/topic.h"

enum {
    REFUSED_BEFORE_5 = 0x80,
    /* One SUBSCRIBE can hold 200,000 filters that each match everything: what a packet may look at
     * is bounded, to some ten milliseconds. */
    RETAINED_STEPS = 1000 * 1000
};

static struct subscription_options options_of(const struct mqtt_subscribe *subscribe,
                                              const struct mqtt_subscribe_filter *filter)
{
    return (struct subscription_options){.qos = filter->qos,
                                         .no_local = filter->no_local,
                                         .retain_as_published = filter->retain_as_published,
                                         .retain_handling = filter->retain_handling,
                                         .identifier = subscribe->identifier};
}

/* The reason code for one filter, which is subscribed to if it is a QoS. */
static uint8_t subscribe(struct client *client, const struct mqtt_subscribe *packet,
                         const struct mqtt_subscribe_filter *filter, bool *existed)
{
    struct broker *broker = client->broker;
    struct subscriber *subscriber = &client->session->subscriber;
    const struct subscription_options options = options_of(packet, filter);
    uint8_t reason = filter->qos;
    /* Before MQTT 5 $share/ without name or filter is well-formed; it is granted to nobody. */
    if (!mqtt_topic_filter_is_valid(filter->filter) ||
        topic_levels_count(filter->filter) > TOPIC_LEVELS_MAX)
        reason = MQTT_REASON_TOPIC_FILTER_INVALID;
    else if (denied_filter(&broker->denied, filter->filter))
        reason = MQTT_REASON_NOT_AUTHORIZED;
    else if (subscriber->count >= BROKER_MAX_SUBSCRIPTIONS)
        reason = MQTT_REASON_QUOTA_EXCEEDED;
    else if (!subscriptions_add(&broker->subscriptions, subscriber, filter->filter, &options,
                                existed))
        reason = MQTT_REASON_UNSPECIFIED_ERROR;
    return reason > 2 && client->version != MQTT_5 ? REFUSED_BEFORE_5 : reason;
}

struct retained_visit {
    struct client *client;
    const struct subscription_options *options;
    size_t *budget;
};

static void on_retained(void *arg, struct message *message)
{
    const struct retained_visit *visit = arg;
    const struct subscription_options *options = visit->options;
    struct session *session = visit->client->session;
    if (options->no_local && message->publisher == session->number) return;
    if (denied_topic(&visit->client->broker->denied, message_topic(message))) return;
    uint8_t qos = options->qos < message->qos ? options->qos : message->qos;
    const struct deliver_copy copy = {.message = message,
                                      .qos = qos,
                                      .retain = true,
                                      .identifiers = &options->identifier,
                                      .identifiers_count = options->identifier != 0 ? 1 : 0};
    if (!deliver_retained(visit->client->broker, session, &copy)) *visit->budget = 0;
}

static void send_retained(struct client *client, const struct subscription_options *options,
                          struct span filter, size_t *budget)
{
    struct retained_visit visit = {client, options, budget};
    struct broker *broker = client->broker;
    struct span name;
    struct span plain;
    if (subscriptions_split(filter, &name, &plain)) return; /* MQTT 5, 4.8.2 */
    bool own = sys_topics_owns(filter) || span_is(filter, "$SYS");
    struct retained *store = own ? &broker->sys.retained : &broker->retained;
    if (own && broker->sys.interval_ms == 0) return;
    retained_match(store, filter, broker_now(broker), budget, on_retained, &visit);
}

/* What became of one filter, kept until SUBACK is on its way: retained messages follow it. */
struct outcome {
    bool existed;
    uint8_t code;
};

static void send_all_retained(struct client *client, struct mqtt_subscribe packet,
                              const struct outcome *outcomes)
{
    struct mqtt_subscribe_filter filter;
    size_t budget = RETAINED_STEPS + 2 * client->broker->retained.topics.count;
    for (size_t i = 0; mqtt_subscribe_next(&packet, &filter); i++) {
        const struct subscription_options options = options_of(&packet, &filter);
        if (outcomes[i].code > 2 || options.retain_handling == 2) continue;
        if (options.retain_handling == 1 && outcomes[i].existed) continue;
        send_retained(client, &options, filter.filter, &budget);
    }
}

void subscribe_receive(struct client *client, const uint8_t *packet, size_t length)
{
    struct mqtt_subscribe decoded;
    struct mqtt_subscribe_filter filter;
    enum mqtt_status status = mqtt_subscribe_decode(&decoded, client->version, packet, length);
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return;
    }
    struct outcome *outcomes = calloc(decoded.count, sizeof outcomes[0]);
    uint8_t *codes = calloc(decoded.count, sizeof codes[0]);
    if (outcomes == NULL || codes == NULL) {
        free(outcomes);
        free(codes);
        leave_told(client, MQTT_REASON_UNSPECIFIED_ERROR);
        return;
    }
    struct mqtt_subscribe walk = decoded;
    for (size_t i = 0; mqtt_subscribe_next(&walk, &filter); i++)
        codes[i] = outcomes[i].code = subscribe(client, &decoded, &filter, &outcomes[i].existed);
    send_codes(client, MQTT_SUBACK, decoded.packet_id, codes, decoded.count);
    send_all_retained(client, decoded, outcomes);
    free(outcomes);
    free(codes);
}

void subscribe_receive_end(struct client *client, const uint8_t *packet, size_t length)
{
    struct mqtt_unsubscribe decoded;
    struct span filter;
    enum mqtt_status status = mqtt_unsubscribe_decode(&decoded, client->version, packet, length);
    if (status != MQTT_OK) {
        receive_refuse(client, status);
        return;
    }
    uint8_t *codes = calloc(decoded.count, sizeof codes[0]);
    if (codes == NULL) {
        leave_told(client, MQTT_REASON_UNSPECIFIED_ERROR);
        return;
    }
    struct subscriber *subscriber = &client->session->subscriber;
    for (size_t i = 0; mqtt_unsubscribe_next(&decoded, &filter); i++)
        if (!subscriptions_remove(&client->broker->subscriptions, subscriber, filter))
            codes[i] = MQTT_REASON_NO_SUBSCRIPTION_EXISTED;
    send_codes(client, MQTT_UNSUBACK, decoded.packet_id, codes, decoded.count);
    free(codes);
}
