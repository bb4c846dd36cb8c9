// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/validate.h"

#include <stdio.h>
#include <time.h>

#include "test/unit/config/findings.h"

#define TLS      "certificate: c, private_key: k"
#define LISTENER "listeners: [ { address: 127.0.0.1:1, tls: { " TLS " } } ]\n"
#define BACKEND  "backends: [ { servers: unix:/s } ]\n"
/* A listener with client certificates and the policy p. */
#define WITH_POLICY                                                                                \
    "listeners: [ { address: 127.0.0.1:1, policy: p, tls: { " TLS                                  \
    ", client_ca: ca, client_certificate: optional } } ]\n" BACKEND

struct rule_case {
    const char *text;
    const char *expected; /* "": nothing is found */
};

static void check(const struct rule_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct findings findings = {0};
        struct config *config = config_parse("t", cases[i].text, strlen(cases[i].text), collect,
                                             &findings);
        bool refused = strstr(cases[i].expected, ": error: ") != NULL;
        if (!config != refused) fail_msg("%s\nfound\n%s", cases[i].text, findings.text);
        assert_found(&findings, cases[i].expected);
        config_free(config);
    }
}

static void compares_the_keys_of_tls(void **state)
{
    (void)state;
#define TLS_CASE(keys) "listeners:\n- address: 127.0.0.1:1\n  tls: { " TLS ", " keys " }\n" BACKEND
    static const struct rule_case cases[] = {
        {TLS_CASE("min_version: 1.3, max_version: 1.2"),                                      "3:55: error: min_version is above"    },
        {TLS_CASE("max_version: 1.2"),                                                        ""                                     },
        {TLS_CASE("client_certificate: optional"),
         "3:62: error: client certificates are verified to CAs"                                                                      },
        {TLS_CASE("client_certificate: required"),
         "3:62: error: client certificates are verified to CAs"                                                                      },
        {TLS_CASE("client_ca: ca"),                                                           "3:53: warning: client_ca is not used" },
        {TLS_CASE("client_crl: [ crl ]"),                                                     "3:54: warning: client_crl is not used"},
        {TLS_CASE("client_ca: ca, client_certificate: optional, crl_policy: allow_outdated"),
         "3:99: warning: crl_policy has no effect without client_crl"                                                                },
        {TLS_CASE("session_tickets: { lifetime: 3h, rotate: 1h }"),
         "3:71: error: a ticket would outlive its key"                                                                               },
        {TLS_CASE("cipher_suites: [ TLS_AES_128_GCM_SHA256 ]"),
         "3:57: error: cipher_suites has none of TLS 1.2"                                                                            },
        {TLS_CASE("cipher_suites: [ TLS_AES_128_GCM_SHA256 ], min_version: 1.3"),             ""                                     },
        {TLS_CASE("cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
         "3:57: error: cipher_suites has none of TLS 1.3"                                                                            },
        {TLS_CASE("cipher_suites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, max_version: 1.2, "
                  "profile: modern"),
         "3:123: error: the profile modern is TLS 1.3 alone\n"
         "3:123: warning: profile has no effect beside cipher_suites\n"                                                              },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void wants_names_to_exist_and_to_be_unique(void **state)
{
    (void)state;
    static const struct rule_case cases[] = {
        {"listeners: [ { address: 127.0.0.1:1, backend: mein, tls: { " TLS " } } ]\n" BACKEND,
         "1:47: error: no backend is named \"mein\": did you mean \"main\"?"                                                                                              },
        {"listeners: [ { address: 127.0.0.1:1, policy: p, tls: { " TLS " } } ]\n" BACKEND,
         "1:46: error: no policy is named \"p\": add it under \"policies\""                                                                                               },
        {"listeners: [ { address: 127.0.0.1:1, policy: none, tls: { " TLS " } } ]\n" BACKEND,     ""                                                                      },
        {LISTENER "backends: [ { name: a, servers: unix:/s }, { name: default, servers: unix:/t } "
                  "]\n",                                                                 ""                                                                      },
        {LISTENER "backends: [ { name: a, servers: unix:/s }, { name: b, servers: unix:/t } ]\n",
         "1:14: error: a listener needs the key \"backend\""                                                                                                              },
        {LISTENER "backends:\n- servers: unix:/s\n- servers: unix:/t\n",
         "1:14: error: a listener needs the key \"backend\"\n"
         "3:3: error: a backend needs the key \"name\"\n"
         "4:3: error: a backend needs the key \"name\"\n"                                                                                                                 },
        {LISTENER "backends:\n- { name: default, servers: unix:/s }\n"
                  "- { name: default, servers: unix:/t }\n",                             "4:11: error: a second backend is named \"default\", as in line 3"      },
        {"listeners:\n- { name: listener-2, address: 127.0.0.1:1, tls: { " TLS " } }\n"
         "- { address: 127.0.0.1:2, tls: { " TLS " } }\n" BACKEND,
         "3:3: error: a second listener is named \"listener-2\", as in line 2"                                                                                            },
        {WITH_POLICY "policies:\n- name: p\n  rules: [ { name: x, match: { username: a } },\n"
                     "    { name: x } ]\n",                                              "6:13: error: a second rule of this policy is named \"x\", as in line 5"},
        {WITH_POLICY "policies: [ { name: p, rules: [ {} ] }, { name: q, rules: [ {} ] } ]\n",
         "3:41: warning: no listener uses the policy \"q\""                                                                                                               },
 /* Rules that all name a backend need none of the listener. */
        {"listeners: [ { address: 127.0.0.1:1, policy: p, tls: { " TLS " } } ]\n"
         "backends: [ { name: a, servers: unix:/s }, { name: b, servers: unix:/t } ]\n"
         "policies: [ { name: p, rules: [ { match: { username: x }, backend: a }, { backend: b } "
         "] } ]\n",                                                                      ""                                                                      },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void guards_plaintext(void **state)
{
    (void)state;
    static const struct rule_case cases[] = {
        {LISTENER "backends:\n- servers: 127.0.0.1:1\n",                                 ""                                                                 },
        {LISTENER "backends:\n- servers: localhost:1\n",                                 ""                                                                 },
        {LISTENER "backends:\n- servers: 192.168.0.1:1\n",                               "3:12: warning: MQTT travels to"                                   },
        {LISTENER "backends:\n- servers: broker:1\n",                                    "3:12: warning: MQTT travels to broker:1"                          },
        {LISTENER "backends:\n- servers: [ \"[2001:db8::1]:1\" ]\n",
         "3:14: error: [2001:db8::1]:1 is a public address"                                                                                                 },
        {LISTENER "backends:\n- { servers: 8.8.8.8:1, allow_public_plaintext: true }\n", ""                                                                 },
        {LISTENER "backends:\n- { servers: unix:/s, builtin_broker: true }\n",
         "3:39: error: a backend has either servers or builtin_broker"                                                                                      },
        {LISTENER "backends:\n- { name: default, builtin_broker: true }\n"
                  "- { name: b, builtin_broker: {} }\n",                        "4:30: error: the backend in line 3 is the included broker already"},
        {LISTENER "backends:\n- { name: a }\n",                                          "3:3: error: a backend needs servers"                              },
        {LISTENER "backends:\n- { servers: [] }\n",                                      "3:14: error: a backend needs servers"                             },
        {LISTENER "backends:\n- { builtin_broker: false }\n",                            "3:3: error: a backend needs"                                      },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void compares_the_keys_of_backends(void **state)
{
    (void)state;
#define BACKEND_CASE(keys) LISTENER "backends:\n- { " keys " }\n"
    static const struct rule_case cases[] = {
        {BACKEND_CASE("servers: [ 127.0.0.1:1, 127.0.0.1:2 ]"),
         "3:14: warning: clients that keep a session"                                                 },
        {BACKEND_CASE("servers: [ 127.0.0.1:1, 127.0.0.1:2 ], balance: round_robin"),
         "3:53: warning: clients that keep a session"                                                 },
        {BACKEND_CASE("servers: [ 127.0.0.1:1, 127.0.0.1:2 ], balance: client_id"),                 ""},
        {BACKEND_CASE("servers: 127.0.0.1:1, balance: round_robin"),                                ""},
        {BACKEND_CASE("servers: [ 127.0.0.1:1, 127.0.0.1:1 ], balance: client_id"),
         "3:29: warning: 127.0.0.1:1 is a server of this backend already"                             },
        {BACKEND_CASE("servers: 127.0.0.1:1, queue: { size: 5 }"),
         "3:42: warning: nobody waits in queue"                                                       },
        {BACKEND_CASE("servers: { address: 127.0.0.1:1, max_connections: 9 }, queue: { size: 5 }"),
         ""                                                                                           },
        {BACKEND_CASE("servers: 127.0.0.1:1, source_addresses: 127.0.0.2:80"),
         "3:45: error: source_addresses: \"127.0.0.2:80\" is no IP address"                           },
        {BACKEND_CASE("servers: 127.0.0.1:1, source_addresses: [ 127.0.0.2, \"::1\" ]"),            ""},
        {BACKEND_CASE("servers: 127.0.0.1:1, source_addresses: [ 127.0.0.2, 127.0.0.2 ]"),
         "3:58: error: source_addresses: 127.0.0.2 is there twice"                                    },
        {BACKEND_CASE("servers: unix:/s, source_addresses: 127.0.0.2"),
         "3:41: warning: source_addresses has no effect"                                              },
        {BACKEND_CASE("servers: 127.0.0.1:1, health_check: off"),                                   ""},
        {BACKEND_CASE("servers: 127.0.0.1:1, health_check: mqtt"),                                  ""},
        {BACKEND_CASE("servers: 127.0.0.1:1, health_check: ping"),
         "3:41: error: health_check: \"ping\" is not known"                                           },
        {BACKEND_CASE("servers: 127.0.0.1:1, health_check: { fall: 0 }"),
         "3:49: error: fall: 0 is out of range"                                                       },
        {"resolver: 127.0.0.1:53\n" LISTENER BACKEND,                                               ""},
        {"resolver: [ 10.0.0.2, \"[fd00::2]:53\" ]\n" LISTENER BACKEND,                             ""},
        {"resolver: dns.example:53\n" LISTENER BACKEND,
         "1:11: error: resolver: \"dns.example:53\" is no IP address"                                 },
    };
#undef BACKEND_CASE
    check(cases, ARRAY_LENGTH(cases));
}

static void counts_the_servers_of_a_backend(void **state)
{
    char text[8000] = LISTENER "backends:\n- { balance: client_id, servers: [ ";
    size_t used = strlen(text);
    (void)state;
    for (unsigned port = 1; port <= CONFIG_MOST_SERVERS; port++)
        used += (size_t)snprintf(text + used, sizeof text - used, "127.0.0.1:%u, ", port);
    (void)snprintf(text + used, sizeof text - used, "] }\n");
    check(&(struct rule_case){text, ""}, 1);
    (void)snprintf(text + used, sizeof text - used, "127.0.0.1:60000 ] }\n");
    check(&(struct rule_case){text, "3:34: error: a backend can have 256 servers at most"}, 1);
}

static void warns_of_a_spread_that_there_is_no_time_for(void **state)
{
    (void)state;
    static const struct rule_case cases[] = {
        {LISTENER BACKEND "drain: { spread: 60s }\n",             ""      },
        {LISTENER BACKEND "drain: { timeout: 1s }\n",             ""      },
        {LISTENER BACKEND "drain: { spread: 3s, timeout: 1s }\n",
         "3:18: warning: whoever is left at the timeout of drain is ended"},
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void keeps_the_admin_address_on_this_machine(void **state)
{
    (void)state;
    static const struct rule_case cases[] = {
        {LISTENER BACKEND "admin: { address: 127.0.0.1:1 }\n",                   ""                            },
        {LISTENER BACKEND "admin: { address: \"[::1]:1\" }\n",                   ""                            },
        {LISTENER BACKEND "admin: { address: localhost:1 }\n",                   ""                            },
        {LISTENER BACKEND "admin: { address: unix:/a }\n",                       ""                            },
        {LISTENER BACKEND "admin: { address: 0.0.0.0:1 }\n",
         "3:19: error: whoever reaches 0.0.0.0:1 learns who connects"                                          },
        {LISTENER BACKEND "admin: { address: \"[::]:1\" }\n",                    "3:19: error: whoever reaches"},
        {LISTENER BACKEND "admin: { address: 10.0.0.1:1 }\n",                    "3:19: error: whoever reaches"},
        {LISTENER BACKEND "admin: { address: a.example:1 }\n",                   "3:19: error: whoever reaches"},
        {LISTENER BACKEND "admin: { address: 0.0.0.0:1, allow_remote: true }\n", ""                            },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void refuses_an_address_that_is_taken(void **state)
{
    (void)state;
#define TWO(a, b)                                                                                  \
    "listeners:\n- { address: \"" a "\", tls: { " TLS " } }\n"                                     \
    "- { address: \"" b "\", tls: { " TLS " } }\n" BACKEND
    static const char taken[] = "3:14: error: ";
    static const struct rule_case cases[] = {
        {TWO("127.0.0.1:1", "127.0.0.1:1"), taken},
        {TWO("[::1]:1",     "[0:0::1]:1"),  taken},
        {TWO("Localhost:1", "localhost:1"), taken},
        {TWO("unix:/a",     "unix:/a"),     taken},
        {TWO("127.0.0.1:1", "127.0.0.1:2"), ""   },
        {TWO("127.0.0.1:1", "127.0.0.2:1"), ""   },
        {TWO("unix:/a",     "unix:/b"),     ""   },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void warns_of_rules_that_never_hold(void **state)
{
    (void)state;
    static const struct rule_case cases[] = {
        {WITH_POLICY "policies:\n- { name: p, rules: [] }\n",                                   "4:3: warning: the policy has no"                                                       },
        {WITH_POLICY "policies:\n- { name: p, otherwise: admit }\n",                            ""                                                                                      },
        {WITH_POLICY "policies:\n- name: p\n  rules:\n  - name: a\n  - name: b\n  - name: c\n",
         "7:5: warning: the rule \"b\" is never reached, because \"a\"\n"
         "8:5: warning: the rule \"c\" is never reached, because \"a\"\n"                                                                                                               },
        {WITH_POLICY "policies:\n- name: p\n  rules:\n  - until: 2999-01-01\n  - name: b\n",    ""                                                                                      },
        {WITH_POLICY "policies:\n- name: p\n  rules:\n  - until: 2020-01-01\n",
         "6:12: warning: the rule \"rule-1\" no longer matches anyone"                                                                                                                  },
        {LISTENER BACKEND "policies: [ { name: p, rules: [ {} ] } ]\n",
         "3:13: warning: no listener uses the policy \"p\""                                                                                                                             },
        {"listeners: [ { address: 127.0.0.1:1, policy: p, tls: { max_version: 1.2, " TLS
         " } } ]\n" BACKEND "policies:\n- name: p\n  rules:\n"
         "  - match: { certificate: present }\n"
         "  - match: { certificate: absent }\n"
         "    require: { certificate: { common_name: x }, tls_version: 1.3 }\n",       "6:27: warning: the rule \"rule-1\" matches nobody on the listener \"listener-1\"\n"
         "8:29: warning: the rule \"rule-2\" refuses everyone on the listener \"listener-1\"\n"
         "8:62: warning: the rule \"rule-2\" refuses everyone on the listener \"listener-1\"\n"},
        {"listeners: [ { address: 127.0.0.1:1, policy: p, tls: { client_ca: ca,\n"
         "  client_certificate: required, " TLS " } } ]\n" BACKEND
         "policies: [ { name: p, rules: [\n"
         "  { match: { certificate: absent } } ] } ]\n",                               "5:27: warning: the rule \"rule-1\" matches nobody"                                     },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void warns_thirty_days_before_a_rule_ends(void **state)
{
    (void)state;
    static const struct {
        int days;
        const char *expected;
    } cases[] = {
        {29, "6:12: warning: the rule \"rule-1\" matches for 28 more days only"},
        {32, ""                                                                }
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[1024];
        char date[32];
        time_t when = time(NULL) + cases[i].days * 24 * 3600 - 60;
        struct tm parts;
        assert_non_null(gmtime_r(&when, &parts));
        assert_true(strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0);
        (void)snprintf(text, sizeof text, "%spolicies:\n- name: p\n  rules:\n  - until: %s\n",
                       WITH_POLICY, date);
        check(&(struct rule_case){text, cases[i].expected}, 1);
    }
}

static void compares_the_keys_of_the_front_door(void **state)
{
    (void)state;
#define DOOR(address, keys) "listeners:\n- address: " address "\n  tls: { " TLS " }\n" keys BACKEND
    static const struct rule_case cases[] = {
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n"),
         "4:19: error: with proxy_protocol alone anybody could claim to be anybody"                      },
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n  trusted_proxies: []\n"),
         "4:19: error: with proxy_protocol alone anybody could claim to be anybody"                      },
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n  trusted_proxies: 10.0.0.0/8\n"),               ""},
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n  trusted_proxies: [ 10.0.0.9/8 ]\n"),
         "5:22: warning: trusted_proxies: 10.0.0.9/8 has bits set"                                       },
        {DOOR("127.0.0.1:1", "  trusted_proxies: [ 10.0.0.0/8, fd00::/8 ]\n"),
         "4:20: warning: trusted_proxies has no effect without proxy_protocol: true"                     },
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n  trusted_proxies: [ 0.0.0.0/0 ]\n"),
         "5:20: warning: trusted_proxies holds every address"                                            },
        {DOOR("127.0.0.1:1", "  proxy_protocol: true\n  trusted_proxies: [ \"::/0\" ]\n"),
         "5:20: warning: trusted_proxies holds every address"                                            },
        {DOOR("fd:one",      "  proxy_protocol: true\n"),
         "4:19: warning: unless fd:one is a unix socket, everybody is refused"                           },
        {DOOR("unix:/s",     "  proxy_protocol: true\n"),                                              ""},
        {DOOR("unix:/s",     "  proxy_protocol: true\n  trusted_proxies: 10.0.0.0/8\n"),
         "5:20: warning: trusted_proxies has no effect on a unix socket"                                 },
        {DOOR("unix:/s",     "  limits: { max_connections_per_source: 5, penalty: true }\n"),
         "4:41: warning: max_connections_per_source has no effect on a unix socket\n"
         "4:53: warning: penalty has no effect on a unix socket\n"                                       },
        {DOOR("unix:/s",     "  proxy_protocol: true\n  limits: { max_connections_per_source: 5 }\n"),
         ""                                                                                              },
        {DOOR("127.0.0.1:1", "  limits: { max_connections: 5, max_connections_per_source: 6 }\n"),
         "4:61: warning: max_connections_per_source is above max_connections"                            },
        {DOOR("127.0.0.1:1", "  limits: { penalty: { failures: 0 } }\n"),
         "4:34: error: failures: 0 is out of range"                                                      },
    };
    check(cases, ARRAY_LENGTH(cases));
}

static void reads_a_penalty(void **state)
{
    (void)state;
    static const char text[] = DOOR("127.0.0.1:1", "  limits: { penalty: { failures: 5 } }\n");
    struct findings findings = {0};
    struct config *config = config_parse("t", text, strlen(text), collect, &findings);
    assert_non_null(config);
    const struct config_limits *limits = &config->listeners[0].limits;
    assert_true(limits->penalised);
    assert_int_equal(limits->penalty.failures, 5);
    assert_int_equal(limits->penalty.window_ms, 60000);
    assert_int_equal(limits->penalty.block_ms, 300000);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_the_keys_of_the_front_door),
        cmocka_unit_test(reads_a_penalty),
        cmocka_unit_test(compares_the_keys_of_tls),
        cmocka_unit_test(wants_names_to_exist_and_to_be_unique),
        cmocka_unit_test(guards_plaintext),
        cmocka_unit_test(compares_the_keys_of_backends),
        cmocka_unit_test(counts_the_servers_of_a_backend),
        cmocka_unit_test(warns_of_a_spread_that_there_is_no_time_for),
        cmocka_unit_test(keeps_the_admin_address_on_this_machine),
        cmocka_unit_test(refuses_an_address_that_is_taken),
        cmocka_unit_test(warns_of_rules_that_never_hold),
        cmocka_unit_test(warns_thirty_days_before_a_rule_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
