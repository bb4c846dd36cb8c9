// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/explain_answer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "certs/pem.h"
#include "mqtt/packet.h"
#include "mqtt/version.h"
#include "proxy/guard/topics.h"
#include "proxy/policy/fill.h"
#include "proxy/policy/match.h"
#include "proxy/policy/policy.h"
#include "proxy/policy/words.h"
#include "proxy/refusal.h"
#include "proxy/tls/names.h"
#include "proxy/tls/trust.h"

enum { FILLED_ROOM = 4096 };

static void set(json_t *object, const char *key, json_t *value)
{
    CHECK(json_object_set_new(object, key, value) == 0);
}

/* JSON is UTF-8: what is not, is shown escaped. */
static json_t *text_of(struct span text)
{
    char escaped[FILLED_ROOM];
    if (text_is_utf8(text)) return json_stringn((const char *)text.data, text.length);
    (void)text_escape(escaped, sizeof escaped, text); /* a long one is cut */
    return json_string(escaped);
}

/* ----------------------------------------------------------------------------------- the client */

static json_t *source_of(const struct in6_addr *source)
{
    char text[INET6_ADDRSTRLEN];
    bool mapped = IN6_IS_ADDR_V4MAPPED(source);
    const void *address = mapped ? (const void *)&source->s6_addr[12] : source;
    if (inet_ntop(mapped ? AF_INET : AF_INET6, address, text, sizeof text) == NULL)
        return json_null();
    return json_string(text);
}

static json_t *client_of(const struct facts *facts)
{
    json_t *client = json_object();
    set(client, "client_id", text_of(facts->client_id));
    set(client, "username", facts->has_username ? text_of(facts->username) : json_null());
    set(client, "mqtt", json_string(mqtt_version_name(facts->mqtt_version)));
    set(client, "tls", json_string(facts->tls_version == IDENTITY_TLS_1_3 ? "1.3" : "1.2"));
    set(client, "source", source_of(&facts->source));
    set(client, "server_name",
        facts->server_name.length > 0 ? text_of(facts->server_name) : json_null());
    set(client, "certificate",
        facts->certificate == NULL ? json_null() : json_string(facts->certificate->subject));
    return client;
}

/* --------------------------------------------------------------------------------- the refusals */

/* The code of the CONNACK in that version, or null for a close. */
static json_t *code_in(enum refusal refusal, enum mqtt_version version)
{
    uint8_t packet[REFUSAL_LARGEST_PACKET];
    struct bytes_writer out = bytes_writer_of(packet, sizeof packet);
    refusal_encode(&out, refusal, version, "", false);
    return out.length < 4 ? json_null() : json_integer(packet[3]);
}

static json_t *refused(enum refusal refusal, const char *detail)
{
    json_t *told = json_object();
    set(told, "reason", json_string(refusal_word(refusal)));
    set(told, "detail", text_of(span_of(detail)));
    set(told, "where", json_string("connack"));
    set(told, "mqtt_3_code", code_in(refusal, MQTT_3_1_1));
    set(told, "mqtt_5_code", code_in(refusal, MQTT_5));
    return told;
}

static json_t *refused_in_handshake(const char *reason, const char *detail)
{
    json_t *told = json_object();
    set(told, "reason", json_string(reason));
    set(told, "detail", json_string(detail));
    set(told, "where", json_string("handshake"));
    return told;
}

enum { MOST_SENT = 16 };

static json_t *refuse_unreadable(const char *text)
{
    return refused_in_handshake("files", text);
}

/* The chain of the client's file against the CAs and CRLs of the listener. */
static json_t *verification_refusal(const struct explain_question *question)
{
    struct pem pem;
    struct err err;
    struct span chain[MOST_SENT];
    size_t count = 0;
    const struct config_tls *tls = &question->listener->tls;
    if (question->certificate == NULL) return NULL;
    struct tls_trust *trust = tls_trust_new(tls, &err);
    if (trust == NULL) return refuse_unreadable(err.text);
    if (!pem_load(&pem, question->certificate, &err)) {
        tls_trust_unref(trust);
        return refuse_unreadable(err.text);
    }
    for (; count < MOST_SENT && count < pem_count(&pem, PEM_CERTIFICATE); count++)
        chain[count] = pem_find(&pem, PEM_CERTIFICATE, count)->der;
    struct diagnosis found = tls_trust_diagnose(trust, chain, count, tls->max_chain_depth,
                                                question->now);
    pem_clear(&pem);
    tls_trust_unref(trust);
    return found.cause == DIAGNOSIS_GOOD
               ? NULL
               : refused_in_handshake("client_certificate", found.sentence);
}

/* Whether one of the listener's certificates is for the name; true where files cannot tell. */
static bool is_served(const struct config_certificate *certificate, struct span name)
{
    struct pem pem;
    struct config_strings names = {NULL, 0};
    char lower[256];
    bool rsa = false;
    bool served = false;
    if (name.length >= sizeof lower) return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = (char)name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    lower[name.length] = '\0';
    if (!pem_load(&pem, certificate->certificate, NULL)) return true;
    if (names_load(&names, &rsa, certificate, pem.content, NULL)) {
        for (size_t i = 0; i < names.count && !served; i++)
            served = names_match(names.items[i], lower);
        names_clear(&names);
    }
    pem_clear(&pem);
    return served;
}

static json_t *name_refusal(const struct explain_question *question)
{
    const struct config_tls *tls = &question->listener->tls;
    struct span name = question->facts.server_name;
    if (!tls->refuse_unknown_server_name || name.length == 0) return NULL;
    for (size_t i = 0; i < tls->certificates_count; i++)
        if (is_served(&tls->certificates[i], name)) return NULL;
    return refused_in_handshake("unknown_server_name",
                                "no certificate of the listener is for the server name, and "
                                "unknown_server_name is refuse");
}

/* What ends before there is a CONNECT; NULL: nothing does. */
static json_t *handshake_refusal(const struct explain_question *question)
{
    const struct config_tls *tls = &question->listener->tls;
    unsigned version = question->facts.tls_version;
    bool modern = tls->profile == CONFIG_PROFILE_MODERN && tls->cipher_suites.count == 0;
    if (version < (unsigned)tls->min_version ||
        (version == IDENTITY_TLS_1_2 && modern && tls->max_version == CONFIG_TLS_1_3))
        return refused_in_handshake("protocol_version",
                                    "the listener speaks no TLS version as old as the client's");
    if (version > (unsigned)tls->max_version)
        return refused_in_handshake("protocol_version",
                                    "the listener speaks no TLS version as new as the client's");
    if (tls->client_certificate == CONFIG_CLIENT_CERTIFICATE_REQUIRED &&
        question->certificate == NULL)
        return refused_in_handshake("no_certificate",
                                    "the listener requires a client certificate, and this client "
                                    "has none");
    json_t *refusal = name_refusal(question);
    return refusal == NULL ? verification_refusal(question) : refusal;
}

/* ------------------------------------------------------------------------------------ the rules */

static json_t *rule_of(const struct config_rule *rule, const char *verdict, const char *because)
{
    json_t *said = json_object();
    set(said, "name", json_string(rule->name));
    set(said, "line", json_integer(rule->mark.line));
    set(said, "verdict", json_string(verdict));
    set(said, "because", json_string(because));
    return said;
}

static json_t *rules_of(const struct explain_question *question, const struct config_policy *policy,
                        const struct decision *decision)
{
    char because[POLICY_WORDS_ROOM];
    json_t *rules = json_array();
    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct config_rule *rule = &policy->rules[i];
        bool decides = rule == decision->rule;
        enum mismatch mismatch = match_rule(rule, &question->facts, question->now);
        words_of_mismatch(because, rule, &question->facts, mismatch);
        CHECK(json_array_append_new(
                  rules, rule_of(rule, decides ? "decides" : "does not match", because)) == 0);
        if (decides) break;
    }
    return rules;
}

/* ----------------------------------------------------------------------------- what is admitted */

static json_t *filled(const char *template, const struct facts *facts)
{
    uint8_t room[FILLED_ROOM];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    if (!fill_template(&out, template, facts)) return NULL;
    return text_of((struct span){room, out.length});
}

static json_t *filled_or_null(const char *template, const struct facts *facts)
{
    json_t *text = filled(template, facts);
    return text == NULL ? json_null() : text;
}

static json_t *connect_of(const struct config_connect *connect, const struct facts *facts)
{
    json_t *told = json_object();
    json_t *properties = json_object();
    if (connect->client_id != NULL)
        set(told, "client_id", filled_or_null(connect->client_id, facts));
    if (connect->username != NULL) set(told, "username", filled_or_null(connect->username, facts));
    if (connect->password_file != NULL)
        set(told, "password_from", json_string(connect->password_file));
    for (size_t i = 0; facts->mqtt_version == MQTT_5 && i < connect->user_properties.count; i++) {
        const struct config_pair *pair = &connect->user_properties.items[i];
        set(properties, pair->name, filled_or_null(pair->value, facts));
    }
    if (json_object_size(properties) > 0)
        set(told, "user_properties", properties);
    else
        json_decref(properties);
    return told;
}

static json_t *filters_of(const struct topics *topics, bool denies)
{
    const struct span *filters = NULL;
    json_t *list = json_array();
    size_t count = topics_filters(topics, denies, &filters);
    for (size_t i = 0; i < count; i++)
        CHECK(json_array_append_new(list, text_of(filters[i])) == 0);
    return list;
}

/* What will be enforced: a value of the client that would widen a filter leaves it out. */
static void add_topics(json_t *answer, const char *key, const struct config_topics *topics,
                       const struct facts *facts)
{
    if (!topics->has_allow && topics->deny.count == 0) return;
    json_t *said = json_object();
    struct topics *filled_in = topics_new(topics, facts);
    CHECK(filled_in != NULL);
    if (topics->has_allow) set(said, "allow", filters_of(filled_in, false));
    set(said, "deny", filters_of(filled_in, true));
    topics_free(filled_in);
    set(answer, key, said);
}

/* What `connect` of the rule writes and this client cannot fill; NULL: nothing. */
static json_t *connect_refusal(const struct config_rule *rule, const struct facts *facts)
{
    char detail[POLICY_DETAIL_ROOM];
    const char *const templates[] = {rule->connect.client_id, rule->connect.username};
    for (size_t i = 0; i < ARRAY_LENGTH(templates); i++) {
        if (templates[i] == NULL) continue;
        json_t *text = filled(templates[i], facts);
        json_decref(text);
        if (text != NULL) continue;
        (void)snprintf(detail, sizeof detail,
                       "rule \"%.64s\" gives the broker the %s \"%.100s\", and this client has no "
                       "value for it",
                       rule->name, i == 0 ? "client id" : "username", templates[i]);
        return refused(REFUSAL_CONNECT_FIELDS, detail);
    }
    return NULL;
}

static void add_admission(json_t *answer, const struct explain_question *question,
                          const struct decision *decision)
{
    const struct config_rule *rule = decision->rule;
    size_t index = decision->backend == SIZE_MAX ? question->listener->backend : decision->backend;
    json_t *servers = json_array();
    if (index == SIZE_MAX) {
        json_decref(servers);
        set(answer, "admitted", json_false());
        set(answer, "refusal", refused(REFUSAL_NO_BACKEND, "no backend is configured"));
        return;
    }
    const struct config_backend *backend = &question->config->backends[index];
    for (size_t i = 0; i < backend->servers_count; i++)
        CHECK(json_array_append_new(servers, json_string(backend->servers[i].address.text)) == 0);
    if (backend->builtin_broker)
        CHECK(json_array_append_new(servers, json_string("the included broker")) == 0);
    set(answer, "admitted", json_true());
    set(answer, "backend", json_string(backend->name));
    set(answer, "servers", servers);
    if (rule == NULL) return;
    set(answer, "connect", connect_of(&rule->connect, &question->facts));
    add_topics(answer, "publish", &rule->publish, &question->facts);
    add_topics(answer, "subscribe", &rule->subscribe, &question->facts);
}

static void add_decision(json_t *answer, const struct explain_question *question)
{
    struct decision decision = {.admitted = true, .backend = SIZE_MAX};
    size_t index = question->listener->policy;
    if (index != SIZE_MAX) {
        const struct config_policy *config = &question->config->policies[index];
        struct policy *policy = policy_new(config);
        CHECK(policy != NULL);
        decision = policy_decide(policy, &question->facts, question->now);
        policy_free(policy);
        set(answer, "policy", json_string(config->name));
        set(answer, "rules", rules_of(question, config, &decision));
        if (decision.rule == NULL)
            set(answer, "otherwise", json_string(config->otherwise_admit ? "admit" : "refuse"));
    }
    json_t *refusal = NULL;
    if (!decision.admitted)
        refusal = refused(decision.refusal, decision.detail);
    else if (decision.rule != NULL)
        refusal = connect_refusal(decision.rule, &question->facts);
    if (refusal == NULL) {
        add_admission(answer, question, &decision);
        return;
    }
    set(answer, "admitted", json_false());
    set(answer, "refusal", refusal);
}

/* What a CONNECT is refused for before any rule sees it; NULL: for nothing. */
static json_t *connect_packet_refusal(const struct facts *facts)
{
    if (facts->mqtt_version != MQTT_3_1 || facts->client_id.length > 0) return NULL;
    return refused(REFUSAL_CLIENT_ID_INVALID, "MQTT 3.1 knows no client without a client id");
}

json_t *explain_answer(const struct explain_question *question)
{
    json_t *answer = json_object();
    CHECK(answer != NULL);
    set(answer, "listener", json_string(question->listener->name));
    set(answer, "client", client_of(&question->facts));
    json_t *refusal = handshake_refusal(question);
    if (refusal == NULL) refusal = connect_packet_refusal(&question->facts);
    if (refusal == NULL) {
        add_decision(answer, question);
        return answer;
    }
    set(answer, "admitted", json_false());
    set(answer, "refusal", refusal);
    return answer;
}
