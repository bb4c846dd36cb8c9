// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/bind.h"

#include <stdlib.h>
#include <unistd.h>

#include "test/unit/config/findings.h"

#define LISTENERS                                                                                  \
    "listeners:\n"                                                                                 \
    "  - address: 127.0.0.1:8883\n"                                                                \
    "    tls: { certificate: c.pem, private_key: k.pem }\n"
#define BACKENDS "backends: [ servers: [ unix:/s ] ]\n"

static struct config *parse(const char *text)
{
    struct findings findings = {0};
    struct config *config = config_parse("/etc/postern/p.yaml", text, strlen(text), collect,
                                         &findings);
    if (!config || findings.count) fail_msg("%s", findings.text);
    return config;
}

static void fills_in_every_default(void **state)
{
    (void)state;
    struct config *config = parse(LISTENERS BACKENDS);
    const struct config_listener *listener = &config->listeners[0];
    const struct config_tls *tls = &listener->tls;
    assert_int_equal(config->workers, 0);
    assert_null(config->user);
    assert_int_equal(config->log.level, LOG_INFO);
    assert_true(config->log.access);
    assert_true(config->drain.timeout_ms == 60000 && config->drain.spread_ms == 10000);
    assert_string_equal(listener->name, "listener-1");
    assert_true(listener->backend == 0);
    assert_true(listener->policy == SIZE_MAX);
    assert_int_equal(tls->min_version, CONFIG_TLS_1_2);
    assert_int_equal(tls->max_version, CONFIG_TLS_1_3);
    assert_true(tls->session_tickets.enabled);
    assert_true(tls->session_tickets.lifetime_ms == 6 * 3600000);
    assert_true(tls->session_tickets.rotate_ms == 12 * 3600000);
    assert_int_equal(tls->max_chain_depth, 4);
    assert_false(tls->crl_allow_outdated);
    assert_true(listener->limits.max_connections == 100000);
    assert_true(listener->limits.handshake_timeout_ms == 15000);
    assert_true(listener->limits.connect_timeout_ms == 10000);
    assert_true(listener->limits.max_connect_size == 65536);
    assert_int_equal(listener->limits.idle, CONFIG_IDLE_KEEP_ALIVE);
    assert_string_equal(config->backends[0].name, "main");
    assert_true(config->backends[0].connect_timeout_ms == 5000);
    assert_int_equal(config->backends[0].servers[0].weight, 1);
    assert_int_equal(config->backends[0].broker.receive_maximum, 100);
    config_free(config);
}

static void makes_paths_absolute_from_the_directory_of_the_file(void **state)
{
    (void)state;
    struct config *config = parse(
        "log: { file: /var/log/p.log }\n"
        "listeners:\n"
        "  - address: unix:./p.sock\n"
        "    tls: { certificate: c.pem, private_key: ../k.pem, client_ca: /ca.pem,\n"
        "           client_certificate: optional, client_crl: [ 1.crl, /2.crl ] }\n" BACKENDS);
    const struct config_tls *tls = &config->listeners[0].tls;
    assert_string_equal(config->log.file, "/var/log/p.log");
    assert_string_equal(config->listeners[0].address.unix_path, "/etc/postern/p.sock");
    assert_string_equal(tls->certificates[0].certificate, "/etc/postern/c.pem");
    assert_string_equal(tls->certificates[0].private_key, "/etc/postern/../k.pem");
    assert_string_equal(tls->client_ca, "/ca.pem");
    assert_string_equal(tls->client_crl.items[0], "/etc/postern/1.crl");
    assert_string_equal(tls->client_crl.items[1], "/2.crl");
    config_free(config);
}

static void puts_the_own_certificate_before_the_others(void **state)
{
    (void)state;
    struct config *config = parse(
        "listeners:\n"
        "  - address: 127.0.0.1:8883\n"
        "    tls:\n"
        "      certificates:\n"
        "        - { certificate: a, private_key: ak, server_names: \"*.a\" }\n"
        "        - { certificate: b, private_key: bk }\n"
        "      certificate: own\n"
        "      private_key: key\n" BACKENDS);
    const struct config_tls *tls = &config->listeners[0].tls;
    assert_int_equal(tls->certificates_count, 3);
    assert_string_equal(tls->certificates[0].certificate, "/etc/postern/own");
    assert_string_equal(tls->certificates[1].server_names.items[0], "*.a");
    assert_string_equal(tls->certificates[2].private_key, "/etc/postern/bk");
    assert_int_equal(config_mark_of(config, &tls->certificates[0].private_key).line, 8);
    assert_int_equal(config_mark_of(config, &tls->certificates[2].certificate).line, 6);
    assert_int_equal(config_mark_of(config, &tls->certificates[2].certificate).column, 26);
    assert_int_equal(config_mark_of(config, &tls->client_ca).line, 0);
    config_free(config);
}

static void takes_values_quoted_or_not(void **state)
{
    (void)state;
    struct config *config = parse(
        "workers: \"4\"\n"
        "log: { access: \"no\", level: 'debug' }\n"
        "listeners:\n"
        "  - address: 127.0.0.1:8883\n"
        "    tls: { certificate: c, private_key: k, min_version: 1.2, max_version: \"1.2\",\n"
        "           alpn: mqtt, session_tickets: { enabled: off } }\n"
        "    limits: { idle_timeout: off, max_connect_size: 1024 }\n" BACKENDS);
    const struct config_listener *listener = &config->listeners[0];
    assert_int_equal(config->workers, 4);
    assert_false(config->log.access);
    assert_int_equal(config->log.level, LOG_DEBUG);
    assert_int_equal(listener->tls.max_version, CONFIG_TLS_1_2);
    assert_int_equal(listener->tls.alpn.count, 1);
    assert_false(listener->tls.session_tickets.enabled);
    assert_int_equal(listener->limits.idle, CONFIG_IDLE_OFF);
    assert_true(listener->limits.max_connect_size == 1024);
    config_free(config);
}

static void reads_backends_in_every_form(void **state)
{
    (void)state;
    struct config *config = parse(
        LISTENERS
        "    backend: b\n"
        "backends:\n"
        "  - { name: a, balance: client_id, servers: [ 127.0.0.1:1, { address: localhost:2, "
        "weight: 7 } ] }\n"
        "  - { name: b, servers: unix:/b, builtin_broker: false }\n"
        "  - { name: c, builtin_broker: { max_keep_alive: 60s, retain: false } }\n"
        "  - { name: d, servers: unix:s }\n");
    assert_true(config->listeners[0].backend == 1);
    assert_int_equal(config->backends[0].balance, CONFIG_CLIENT_ID);
    assert_int_equal(config->backends[0].servers_count, 2);
    assert_int_equal(config->backends[0].servers[1].weight, 7);
    assert_string_equal(config->backends[0].servers[1].address.host, "localhost");
    assert_false(config->backends[1].builtin_broker);
    assert_true(config->backends[1].broker.max_queued_bytes == 4 << 20);
    assert_true(config->backends[2].builtin_broker);
    assert_int_equal(config->backends[2].broker.max_keep_alive_s, 60);
    assert_false(config->backends[2].broker.retain);
    assert_true(config->backends[2].broker.max_session_expiry_ms == 604800000);
    assert_string_equal(config->backends[3].servers[0].address.text, "unix:/etc/postern/s");
    config_free(config);
}

static void takes_true_for_the_included_broker(void **state)
{
    (void)state;
    struct config *config = parse(LISTENERS "backends: [ builtin_broker: true ]\n");
    assert_true(config->backends[0].builtin_broker);
    assert_int_equal(config->backends[0].servers_count, 0);
    assert_true(config->backends[0].broker.retain);
    config_free(config);
}

static void reads_policies(void **state)
{
    (void)state;
    struct config *config = parse(
        "listeners:\n"
        "  - { address: 127.0.0.1:1, policy: p, tls: { certificate: c, private_key: k,\n"
        "      client_certificate: optional, client_ca: ca } }\n" BACKENDS "policies:\n"
        "  - name: p\n"
        "    otherwise: admit\n"
        "    rules:\n"
        "      - match: { client_id: [ \"a*\", \"\" ], username: u, source: 10.0.0.0/8,\n"
        "                 mqtt_version: [ 3.1, \"5\" ], certificate: absent }\n"
        "        require: { tls_version: 1.3 }\n"
        "        until: 2999-01-01\n"
        "        backend: main\n"
        "      - name: second\n"
        "        require: { certificate: { common_name: [ \"${client_id}$$\", b ] } }\n");
    const struct config_policy *policy = &config->policies[0];
    const struct config_rule *first = &policy->rules[0];
    const struct config_rule *second = &policy->rules[1];
    assert_true(config->listeners[0].policy == 0);
    assert_true(policy->otherwise_admit);
    assert_string_equal(first->name, "rule-1");
    assert_int_equal(first->match.client_id.count, 2);
    assert_string_equal(first->match.client_id.items[1].glob, "");
    assert_int_equal(first->match.source.items[0].prefix, 104);
    assert_int_equal(first->match.mqtt_versions, CONFIG_MQTT_3_1 | CONFIG_MQTT_5);
    assert_int_equal(first->match.certificate, CONFIG_ABSENT);
    assert_int_equal(first->require.tls_version, CONFIG_TLS_1_3);
    assert_false(first->require.certificate);
    assert_true(first->until == 32472144000);
    assert_true(first->backend == 0);
    assert_string_equal(second->name, "second");
    assert_true(second->require.certificate);
    assert_string_equal(second->require.certificate_is.common_name.items[0].glob, "${client_id}$$");
    assert_true(second->backend == SIZE_MAX);
    config_free(config);
}

static void follows_aliases(void **state)
{
    (void)state;
    struct config *config = parse("listeners:\n"
                                  "  - address: 127.0.0.1:1\n"
                                  "    tls: &tls { certificate: c, private_key: k }\n"
                                  "  - address: 127.0.0.1:2\n"
                                  "    tls: *tls\n" BACKENDS);
    assert_string_equal(config->listeners[1].tls.certificates[0].private_key, "/etc/postern/k");
    assert_int_equal(config->listeners[1].tls.mark.line, 3);
    config_free(config);
}

static void fills_in_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("T_PORT", "1884", 1), 0);
    struct config *config = parse(LISTENERS "backends:\n"
                                            "  - servers: 127.0.0.1:${env.T_PORT}\n"
                                            "    connect_timeout: ${env.T_NONE:-3s}\n");
    assert_int_equal(config->backends[0].servers[0].address.port, 1884);
    assert_true(config->backends[0].connect_timeout_ms == 3000);
    config_free(config);
}

/* The rest of a file that is otherwise right, so that each case is about one thing. */
static void refuses_values_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"worker: 2\n",
         "4:1: error: unknown key \"worker\" in the file: did you mean \"workers\"?"                                                           },
        {"adminn: {}\n",                                              "4:1: error: unknown key \"adminn\" in the file: did you mean \"admin\"?"},
        {"level: info\n",
         "4:1: error: unknown key \"level\" in the file: it belongs under \"log\""                                                             },
        {"workers: [2]\n",                                            "4:10: error: workers: one value is expected, and this is a list"        },
        {"workers: two\n",                                            "4:10: error: workers: \"two\" is neither a whole number nor auto"       },
        {"workers: 1025\n",                                           "4:10: error: workers: 1025 is out of range: it can be from 1 to 1024"   },
        {"workers: -1\n",                                             "4:10: error: workers: \"-1\""                                           },
        {"workers: 18446744073709551617\n",                           "4:10: error: workers: "                                                 },
        {"workers: 1\nworkers: 1\n",                                  "5:1: error: duplicate key \"workers\" in the file"                      },
        {"workers:\n",                                                "4:9: error: workers has no value"                                       },
        {"user: \"\"\n",                                              "4:7: error: user is empty"                                              },
        {"user: \"a\\0b\"\n",                                         "4:7: error: user: the value contains a NUL character"                   },
        {"user: !secret x\n",                                         "4:7: error: user: the tag !secret means nothing here"                   },
        {"user: ${env.T_NONE}\n",                                     "4:7: error: user: the environment variable T_NONE is not set"           },
        {"user: ${client_id}\n",                                      "4:7: error: user: ${client_id} has no meaning here"                     },
        {"log: info\n",                                               "4:6: error: log: a map of keys is expected, and this is a value"        },
        {"log:\n",                                                    "4:5: error: log: a map of keys is expected, and this is nothing"        },
        {"? [a]\n: b\n",                                              "4:3: error: a key of the file is expected, and this is a list"          },
        {"<<: {}\n",                                                  "4:1: error: merge keys (<<) are not supported"                          },
        {"\"workers\\0\": 2\n",                                       "4:1: error: unknown key \"workers\" in the file"                        },
        {"policies: { name: p }\n",                                   "4:11: error: policies: a list is expected"                              },
        {"policies: [ { otherwise: admit } ]\n",                      "4:13: error: a policy needs the key \"name\"\n"                         },
        {"drain: { timeout: 10 }\n",                                  "4:19: error: timeout: \"10\" has no unit"                               },
        {"drain: { timeout: 8d }\n",                                  "4:19: error: timeout: 8d is out of range"                               },
        {"log: { access: 2 }\n",                                      "4:16: error: access: \"2\" is neither true nor false"                   },
        {"log: { format: jsn }\n",
         "4:16: error: format: \"jsn\" is not known: it can be text or json"                                                                   },
        {"log: { file: \"\\e[31m\\u009b\" }\nworkers: \"\\e[31m\"\n",
         "5:10: error: workers: \"?[31m\" is neither"                                                                                          },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[1024];
        struct findings findings = {0};
        (void)snprintf(text, sizeof text,
                       "listeners: [ { address: 127.0.0.1:1, tls: { certificate: c, "
                       "private_key: k } } ]\n" BACKENDS "\n%s",
                       cases[i].text);
        struct config *config = config_parse("t", text, strlen(text), collect, &findings);
        if (config) fail_msg("accepted: %s", cases[i].text);
        char first[256];
        (void)snprintf(first, sizeof first, "%.*s", (int)strcspn(cases[i].expected, "\n"),
                       cases[i].expected);
        assert_found(&findings, first);
    }
}

static void asks_for_what_is_required(void **state)
{
    (void)state;
    static const char text[] = "log: {}\n"
                               "listeners:\n"
                               "  - tls: { private_key: k }\n"
                               "  - address: 127.0.0.1:1\n"
                               "    tls: {}\n"
                               "  - address: 127.0.0.1:2\n"
                               "backends: []\n";
    struct findings findings = {0};
    assert_null(config_parse("t", text, sizeof text - 1, collect, &findings));
    assert_found(&findings, "3:5: error: a listener needs the key \"address\"\n"
                            "3:25: error: private_key stands without certificate\n"
                            "5:10: error: tls needs a certificate\n"
                            "6:5: error: a listener needs the key \"tls\"\n"
                            "7:11: error: backends: at least one is needed\n");
}

static void says_that_a_file_cannot_be_read(void **state)
{
    (void)state;
    struct findings findings = {0};
    assert_null(config_load("/nonexistent/p.yaml", collect, &findings));
    assert_found(&findings, "1:1: error: cannot read the file: No such file or directory");
    findings = (struct findings){0};
    assert_null(config_load("/", collect, &findings));
    assert_found(&findings, "1:1: error: cannot read the file: it is not a regular file");
}

static void loads_the_limits_of_the_broker_alone(void **state)
{
    (void)state;
    struct findings findings = {0};
    char path[] = "/tmp/postern-broker-XXXXXX";
    struct config_broker *broker = config_broker_load(NULL, collect, &findings);
    assert_non_null(broker);
    assert_true(broker->max_packet_size == 1 << 20);
    assert_null(broker->password_file);
    config_broker_free(broker);
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_true(dprintf(file, "max_packet_size: 2MiB\npassword_file: users\n"
                              "subscribe_deny: [ secret/# ]\n") > 0);
    broker = config_broker_load(path, collect, &findings);
    assert_non_null(broker);
    assert_true(broker->max_packet_size == 2 << 20);
    assert_string_equal(broker->password_file, "/tmp/users");
    assert_int_equal(broker->subscribe_deny.count, 1);
    config_broker_free(broker);
    assert_int_equal(ftruncate(file, 0), 0);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_true(dprintf(file, "subscribe_deny: [ \"a/#/b\" ]\nmax_session: 1\n") > 0);
    assert_null(config_broker_load(path, collect, &findings));
    assert_found(&findings,
                 "1:19: error: \"a/#/b\" is no topic filter: + stands for one whole level, and # "
                 "for all that follow, at the end\n"
                 "2:1: error: unknown key \"max_session\" in builtin_broker: did you mean "
                 "\"max_sessions\"?\n");
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_every_default),
        cmocka_unit_test(makes_paths_absolute_from_the_directory_of_the_file),
        cmocka_unit_test(puts_the_own_certificate_before_the_others),
        cmocka_unit_test(takes_values_quoted_or_not),
        cmocka_unit_test(reads_backends_in_every_form),
        cmocka_unit_test(takes_true_for_the_included_broker),
        cmocka_unit_test(reads_policies),
        cmocka_unit_test(follows_aliases),
        cmocka_unit_test(fills_in_the_environment),
        cmocka_unit_test(refuses_values_with_their_place),
        cmocka_unit_test(asks_for_what_is_required),
        cmocka_unit_test(says_that_a_file_cannot_be_read),
        cmocka_unit_test(loads_the_limits_of_the_broker_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
