// SPDX-License-Identifier: GPL-3.0-or-later
/* paho's client in C against a broker: URI, version (3, 4, 5), a name for its topics and a CA ("":
 * plaintext). Prints each message that comes: its QoS, topic, payload, and in MQTT 5 its
 * properties. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <MQTTClient.h>

enum { WAIT_MS = 10000 };

static bool v5;

static void need(bool good, const char *what, int code)
{
    if (good) return;
    (void)fprintf(stderr, "%s: %d %s\n", what, code, MQTTClient_strerror(code));
    exit(1);
}

static void connect_client(MQTTClient client, int version, const char *ca)
{
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    MQTTClient_connectOptions options5 = MQTTClient_connectOptions_initializer5;
    MQTTClient_SSLOptions ssl = MQTTClient_SSLOptions_initializer;
    if (v5) options = options5;
    ssl.trustStore = ca;
    ssl.verify = 1;
    options.MQTTVersion = version;
    options.keepAliveInterval = 20;
    if (*ca) options.ssl = &ssl;
    if (!v5) {
        int code = MQTTClient_connect(client, &options);
        need(code == MQTTCLIENT_SUCCESS, "connect", code);
        return;
    }
    options.cleanstart = 1;
    MQTTResponse response = MQTTClient_connect5(client, &options, NULL, NULL);
    need(response.reasonCode == MQTTREASONCODE_SUCCESS, "connect", (int)response.reasonCode);
    MQTTResponse_free(response);
}

static void subscribe(MQTTClient client, const char *filter, int qos)
{
    if (!v5) {
        int code = MQTTClient_subscribe(client, filter, qos);
        need(code == MQTTCLIENT_SUCCESS, "subscribe", code);
        return;
    }
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty identifier = {.identifier = MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER,
                               .value.integer4 = 7};
    (void)MQTTProperties_add(&properties, &identifier);
    MQTTResponse response = MQTTClient_subscribe5(client, filter, qos, NULL, &properties);
    need(response.reasonCode == (enum MQTTReasonCodes)qos, "subscribe", (int)response.reasonCode);
    MQTTResponse_free(response);
    MQTTProperties_free(&properties);
}

/* paho's structures are not const, and not written to either. */
static MQTTLenString text(char *value)
{
    return (MQTTLenString){(int)strlen(value), value};
}

static void add_properties(MQTTProperties *properties)
{
    static char *const pairs[][2] = {
        {"b", "1"},
        {"a", "2"},
        {"b", "3"},
    };
    MQTTProperty answer = {.identifier = MQTTPROPERTY_CODE_RESPONSE_TOPIC,
                           .value.data = text("there")};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        MQTTProperty pair = {.identifier = MQTTPROPERTY_CODE_USER_PROPERTY};
        pair.value.data = text(pairs[i][0]);
        pair.value.value = text(pairs[i][1]);
        (void)MQTTProperties_add(properties, &pair);
    }
    (void)MQTTProperties_add(properties, &answer);
}

static void publish(MQTTClient client, const char *topic, char *payload, int qos, bool retain,
                    bool with_properties)
{
    MQTTClient_message message = MQTTClient_message_initializer;
    MQTTClient_deliveryToken token = 0;
    message.payload = payload;
    message.payloadlen = (int)strlen(payload);
    message.qos = qos;
    message.retained = retain;
    if (v5) {
        if (with_properties) add_properties(&message.properties);
        MQTTResponse response = MQTTClient_publishMessage5(client, topic, &message, &token);
        need(response.reasonCode == MQTTREASONCODE_SUCCESS, "publish", (int)response.reasonCode);
        MQTTResponse_free(response);
        MQTTProperties_free(&message.properties);
    } else {
        int code = MQTTClient_publishMessage(client, topic, &message, &token);
        need(code == MQTTCLIENT_SUCCESS, "publish", code);
    }
    int code = qos == 0 ? 0 : MQTTClient_waitForCompletion(client, token, WAIT_MS);
    need(code == MQTTCLIENT_SUCCESS, "completion", code);
}

static void print_properties(MQTTProperties *properties)
{
    for (int i = 0; i < properties->count; i++) {
        const MQTTProperty *property = &properties->array[i];
        MQTTLenString data = property->value.data;
        MQTTLenString value = property->value.value;
        if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
            (void)printf(" %.*s=%.*s", data.len, data.data, value.len, value.data);
    }
    if (MQTTProperties_hasProperty(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC)) {
        MQTTLenString data =
            MQTTProperties_getProperty(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC)->value.data;
        (void)printf(
            " answer=%.*s id=%d", data.len, data.data,
            MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER));
    }
}

static void print_next(MQTTClient client)
{
    char *topic = NULL;
    int length = 0;
    MQTTClient_message *message = NULL;
    int code = MQTTClient_receive(client, &topic, &length, &message, WAIT_MS);
    need(message != NULL, "nothing came", code);
    (void)printf("%d %s %.*s%s", message->qos, topic, message->payloadlen, (char *)message->payload,
                 message->retained ? " retained" : "");
    print_properties(&message->properties);
    (void)printf("\n");
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
}

static void unsubscribe(MQTTClient client, const char *filter)
{
    if (!v5) {
        int code = MQTTClient_unsubscribe(client, filter);
        need(code == MQTTCLIENT_SUCCESS, "unsubscribe", code);
        return;
    }
    MQTTResponse response = MQTTClient_unsubscribe5(client, filter, NULL);
    need(response.reasonCode == MQTTREASONCODE_SUCCESS, "unsubscribe", (int)response.reasonCode);
    MQTTResponse_free(response);
}

static MQTTClient client_new(const char *uri, const char *id, int version)
{
    MQTTClient client = NULL;
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    MQTTClient_init_options init = MQTTClient_init_options_initializer;
    create.MQTTVersion = version;
    init.do_openssl_init = 1;
    MQTTClient_global_init(&init);
    int code = MQTTClient_createWithOptions(&client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                            &create);
    need(code == MQTTCLIENT_SUCCESS, "create", code);
    return client;
}

static const char *topic_of(const char *before, const char *name, const char *level)
{
    static char topic[256];
    (void)snprintf(topic, sizeof topic, "%s%s/%s", before, name, level);
    return topic;
}

static void every_qos(MQTTClient client, const char *name)
{
    static const char *const levels[] = {"0", "1", "2"};
    subscribe(client, topic_of("", name, "+"), 2);
    for (int qos = 0; qos <= 2; qos++) {
        char payload[32];
        (void)snprintf(payload, sizeof payload, "message %d", qos);
        publish(client, topic_of("", name, levels[qos]), payload, qos, false, true);
        print_next(client);
    }
    unsubscribe(client, topic_of("", name, "+"));
}

static void retained(MQTTClient client, const char *name)
{
    publish(client, topic_of("", name, "kept"), "kept", 1, true, false);
    subscribe(client, topic_of("", name, "kept"), 1);
    print_next(client);
    unsubscribe(client, topic_of("", name, "kept"));
    publish(client, topic_of("", name, "kept"), "", 1, true, false);
}

static void shared(MQTTClient client, const char *name)
{
    subscribe(client, topic_of("$share/c/", name, "shared"), 1);
    publish(client, topic_of("", name, "shared"), "for one of us", 2, false, false);
    print_next(client);
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    int version = atoi(argv[2]); // NOLINT(cert-err34-c): of the test's own making
    const char *name = argv[3];
    v5 = version == MQTTVERSION_5;
    MQTTClient client = client_new(argv[1], name, version);
    connect_client(client, version, argv[4]);
    every_qos(client, name);
    retained(client, name);
    shared(client, name);
    (void)(v5 ? MQTTClient_disconnect5(client, WAIT_MS, MQTTREASONCODE_SUCCESS, NULL)
              : MQTTClient_disconnect(client, WAIT_MS)); /* nothing depends on how it went */
    MQTTClient_destroy(&client);
    return 0;
}
