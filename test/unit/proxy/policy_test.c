// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/policy/policy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1800000000 };

#define GLOBS(...)                                                                                 \
    {                                                                                              \
        (struct config_pattern[]){__VA_ARGS__},                                                    \
            sizeof((struct config_pattern[]){__VA_ARGS__}) / sizeof(struct config_pattern)         \
    }
#define SPAN(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static const struct identity_certificate meter = {.common_name = "meter-7"};

static struct in6_addr address(const char *text)
{
    struct in6_addr parsed = {0};
    char mapped[64];
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    assert_int_equal(inet_pton(AF_INET6, mapped, &parsed), 1);
    return parsed;
}

/* A client without a fault. */
static struct facts client(void)
{
    return (struct facts){.source = address("10.1.2.3"),
                          .tls_version = IDENTITY_TLS_1_3,
                          .server_name = SPAN("broker.example"),
                          .certificate = &meter,
                          .mqtt_version = 5,
                          .client_id = SPAN("meter-7"),
                          .username = SPAN("ann"),
                          .has_username = true};
}

static struct decision decide_by(const struct config_policy *config, const struct facts *facts)
{
    struct policy *policy = policy_new(config);
    assert_non_null(policy);
    struct decision decision = policy_decide(policy, facts, NOW);
    policy_free(policy);
    return decision;
}

static struct decision decide(const struct config_rule *rules, size_t count,
                              const struct facts *facts)
{
    struct config_rule copies[4];
    memcpy(copies, rules, count * sizeof *rules);
    const struct config_policy policy = {
        .name = (char[]){"fleet"}, .rules = copies, .rules_count = count};
    struct decision decision = decide_by(&policy, facts);
    if (decision.rule != NULL) decision.rule = &rules[decision.rule - copies];
    return decision;
}

static bool holds(const struct config_rule *rule, const struct facts *facts)
{
    return decide(rule, 1, facts).rule != NULL;
}

static enum refusal refusal_by(const struct config_rule *rule, const struct facts *facts)
{
    struct decision decision = decide(rule, 1, facts);
    assert_non_null(decision.rule);
    assert_int_equal(decision.admitted, decision.refusal == REFUSAL_NONE);
    assert_int_equal(decision.admitted, decision.detail[0] == '\0');
    return decision.refusal;
}

static enum refusal refusal_of_name(char *template, const struct facts *facts)
{
    const struct config_rule rule = {
        .require.certificate = true,
        .require.certificate_is.common_name = GLOBS({.glob = template})};
    return refusal_by(&rule, facts);
}

/* ------------------------------------------------------------------------------------ the frame */

static void admits_everybody_without_a_policy(void **state)
{
    const struct facts facts = {0};
    struct decision decision = policy_decide(NULL, &facts, NOW);
    (void)state;
    assert_true(decision.admitted);
    assert_null(decision.rule);
    assert_true(decision.backend == SIZE_MAX);
}

static void lets_the_first_rule_that_matches_decide(void **state)
{
    // clang-format off
    const struct config_rule rules[] = {
        {.match.client_id = GLOBS({.glob = "other-*"}), .backend = 1},
        {.match.client_id = GLOBS({.glob = "meter-*"}), .require.tls_version = CONFIG_TLS_1_3,
         .backend = 2},
        {.backend = 3},
    };
    // clang-format on
    struct facts facts = client();
    (void)state;
    struct decision decision = decide(rules, 3, &facts);
    assert_true(decision.admitted);
    assert_ptr_equal(decision.rule, &rules[1]);
    assert_int_equal(decision.backend, 2);
    facts.tls_version = IDENTITY_TLS_1_2; /* refused, although the next rule would admit it */
    decision = decide(rules, 3, &facts);
    assert_false(decision.admitted);
    assert_ptr_equal(decision.rule, &rules[1]);
}

static void otherwise_refuses_or_admits(void **state)
{
    struct config_rule rule = {.match.client_id = GLOBS({.glob = "other"})};
    struct config_policy policy = {.name = (char[]){"fleet"}, .rules = &rule, .rules_count = 1};
    struct facts facts = client();
    (void)state;
    struct decision decision = decide_by(&policy, &facts);
    assert_int_equal(decision.refusal, REFUSAL_NO_RULE);
    assert_string_equal(decision.detail, "policy \"fleet\" has no rule for this client");
    policy.otherwise_admit = true;
    decision = decide_by(&policy, &facts);
    assert_true(decision.admitted);
    assert_null(decision.rule);
}

/* ---------------------------------------------------------------------------------------- match */

static void matches_any_glob_of_a_list(void **state)
{
    const struct config_rule rule = {
        .match.client_id = GLOBS({.glob = "a-*"}, {.glob = "meter-?"})};
    struct facts facts = client();
    (void)state;
    assert_true(holds(&rule, &facts));
    facts.client_id = SPAN("a-1");
    assert_true(holds(&rule, &facts));
    facts.client_id = SPAN("meter-77");
    assert_false(holds(&rule, &facts));
    facts.client_id = SPAN("METER-7");
    assert_false(holds(&rule, &facts));
}

static void matches_a_username_only_where_there_is_one(void **state)
{
    const struct config_rule rule = {.match.username = GLOBS({.glob = "*"})};
    struct facts facts = client();
    (void)state;
    assert_true(holds(&rule, &facts));
    facts.has_username = false;
    assert_false(holds(&rule, &facts));
}

static void matches_server_names_without_regard_to_case(void **state)
{
    const struct config_rule rule = {
        .match.server_name = GLOBS({.glob = "*.Legacy.example"}, {.glob = "BROKER.*"})};
    struct facts facts = client();
    (void)state;
    assert_true(holds(&rule, &facts));
    facts.server_name = SPAN("A.LEGACY.EXAMPLE");
    assert_true(holds(&rule, &facts));
    facts.server_name = SPAN("legacy.example");
    assert_false(holds(&rule, &facts));
    const struct config_rule any = {.match.server_name = GLOBS({.glob = "*"})};
    facts.server_name = SPAN("");
    assert_false(holds(&any, &facts));
}

static void matches_sources_by_their_first_bits(void **state)
{
    static const struct {
        const char *range;
        unsigned prefix;
        const char *source;
        bool holds;
    } cases[] = {
        {"10.0.0.0",        96 + 8,  "10.255.0.1",    true },
        {"10.0.0.0",        96 + 8,  "11.0.0.1",      false},
        {"10.1.2.0",        96 + 23, "10.1.3.9",      true },
        {"10.1.2.0",        96 + 23, "10.1.4.9",      false},
        {"10.1.2.3",        128,     "10.1.2.3",      true },
        {"10.1.2.3",        128,     "10.1.2.2",      false},
        {"0.0.0.0",         96,      "203.0.113.9",   true },
        {"0.0.0.0",         96,      "2001:db8::1",   false},
        {"fd00::",          8,       "fd12::1",       true },
        {"fd00::",          8,       "fe80::1",       false},
        {"::",              0,       "2001:db8::1",   true },
        {"::",              0,       "10.0.0.1",      true },
        {"2001:db8:8000::", 33,      "2001:db8:9::1", false},
        {"::",              0,       "::",            false}, /* unix socket */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct config_cidr range = {address(cases[i].range), cases[i].prefix};
        const struct config_rule rule = {
            .match.source = {&range, 1}
        };
        struct facts facts = client();
        facts.source = address(cases[i].source);
        if (holds(&rule, &facts) != cases[i].holds) print_error("%s\n", cases[i].source);
        assert_int_equal(holds(&rule, &facts), cases[i].holds);
    }
}

static void matches_versions_and_presence_of_a_certificate(void **state)
{
    const struct config_rule old = {.match.mqtt_versions = CONFIG_MQTT_3_1 | CONFIG_MQTT_3_1_1};
    const struct config_rule present = {.match.certificate = CONFIG_PRESENT};
    const struct config_rule absent = {.match.certificate = CONFIG_ABSENT};
    struct facts facts = client();
    (void)state;
    assert_false(holds(&old, &facts));
    facts.mqtt_version = 4;
    assert_true(holds(&old, &facts));
    facts.mqtt_version = 3;
    assert_true(holds(&old, &facts));
    assert_true(holds(&present, &facts));
    assert_false(holds(&absent, &facts));
    facts.certificate = NULL;
    assert_false(holds(&present, &facts));
    assert_true(holds(&absent, &facts));
}

static void matches_until_that_instant_only(void **state)
{
    struct config_rule rule = {.until = NOW + 1};
    struct facts facts = client();
    (void)state;
    assert_true(holds(&rule, &facts));
    rule.until = NOW;
    assert_false(holds(&rule, &facts));
}

/* -------------------------------------------------------------------------------------- require */

static void requires_a_tls_version_at_least(void **state)
{
    const struct config_rule rule = {.name = (char[]){"meters"},
                                     .require.tls_version = CONFIG_TLS_1_3};
    struct facts facts = client();
    (void)state;
    assert_int_equal(refusal_by(&rule, &facts), REFUSAL_NONE);
    facts.tls_version = IDENTITY_TLS_1_2;
    assert_int_equal(refusal_by(&rule, &facts), REFUSAL_TLS_VERSION);
    assert_string_equal(decide(&rule, 1, &facts).detail,
                        "rule \"meters\" requires TLS 1.3, the client speaks TLS 1.2");
}

static void requires_a_certificate_also_where_only_its_name_is_asked_for(void **state)
{
    const struct config_rule any = {.require.certificate = true};
    const struct config_rule named = {.require.certificate = true,
                                      .require.certificate_is.common_name = GLOBS({.glob = "*"})};
    struct facts facts = client();
    (void)state;
    assert_int_equal(refusal_by(&any, &facts), REFUSAL_NONE);
    facts.certificate = NULL;
    assert_int_equal(refusal_by(&any, &facts), REFUSAL_CERTIFICATE_MISSING);
    assert_int_equal(refusal_by(&named, &facts), REFUSAL_CERTIFICATE_MISSING);
}

static void binds_the_client_id_to_the_common_name(void **state)
{
    struct facts facts = client();
    (void)state;
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_NONE);
    facts.client_id = SPAN("meter-8");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    const struct config_rule rule = {
        .name = (char[]){"all"},
        .require.certificate = true,
        .require.certificate_is.common_name = GLOBS({.glob = (char[]){"${client_id}"}})};
    assert_string_equal(decide(&rule, 1, &facts).detail,
                        "rule \"all\" does not allow the client id \"meter-8\" with a certificate "
                        "whose common name is \"meter-7\"");
}

static void takes_what_a_client_sent_literally(void **state)
{
    struct facts facts = client();
    (void)state;
    facts.client_id = SPAN("*");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    assert_int_equal(refusal_of_name((char[]){"m${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    facts.client_id = SPAN("meter-?");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    facts.client_id = SPAN("${username}");
    facts.username = SPAN("meter-7");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    facts.username = SPAN("meter-*");
    assert_int_equal(refusal_of_name((char[]){"${username}"}, &facts), REFUSAL_USERNAME);
    const struct identity_certificate star = {.common_name = "*"};
    facts = client();
    facts.certificate = &star;
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    facts.client_id = SPAN("*");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_NONE);
}

static void fills_names_into_globs(void **state)
{
    static const struct {
        const char *template;
        const char *common_name;
        enum refusal refusal;
    } cases[] = {
        {"*",                           "meter-7",            REFUSAL_NONE       },
        {"meter-?",                     "meter-7",            REFUSAL_NONE       },
        {"meter-?",                     "meter-77",           REFUSAL_COMMON_NAME},
        {"${client_id}.*",              "meter-7.example",    REFUSAL_NONE       },
        {"${client_id}.*",              "meter-7",            REFUSAL_CLIENT_ID  },
        {"*${client_id}",               "a.meter-meter-7",    REFUSAL_NONE       },
        {"*${client_id}*${client_id}*", "meter-7",            REFUSAL_CLIENT_ID  },
        {"*${client_id}*${client_id}*", "-meter-7-meter-7-",  REFUSAL_NONE       },
        {"${username}@${server_name}",  "ann@broker.example", REFUSAL_NONE       },
        {"${username}@${server_name}",  "bob@broker.example", REFUSAL_USERNAME   },
        {"${server_name}",              "other.example",      REFUSAL_COMMON_NAME},
        {"${client_id}/${username}",    "meter-7/bob",        REFUSAL_CLIENT_ID  },
        {"$$5",                         "$5",                 REFUSAL_NONE       },
        {"$$5",                         "$$5",                REFUSAL_COMMON_NAME},
        {"$${client_id}",               "${client_id}",       REFUSAL_NONE       },
        {"$${client_id}",               "meter-7",            REFUSAL_COMMON_NAME},
        {"$$${client_id}",              "$meter-7",           REFUSAL_NONE       },
        {"${nonsense}",                 "",                   REFUSAL_COMMON_NAME},
        {"*${nonsense}",                "meter-7",            REFUSAL_COMMON_NAME},
        {"",                            "meter-7",            REFUSAL_COMMON_NAME},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char template[64];
        const struct identity_certificate certificate = {.common_name = cases[i].common_name};
        struct facts facts = client();
        facts.certificate = &certificate;
        (void)snprintf(template, sizeof template, "%s", cases[i].template);
        if (refusal_of_name(template, &facts) != cases[i].refusal)
            print_error("%s, %s\n", cases[i].template, cases[i].common_name);
        assert_int_equal(refusal_of_name(template, &facts), cases[i].refusal);
    }
}

static void takes_any_template_of_a_list(void **state)
{
    const struct config_rule rule = {
        .require.certificate = true,
        .require.certificate_is.common_name = GLOBS({.glob = (char[]){"gateway"}},
                                                    {.glob = (char[]){"${client_id}"}})};
    const struct identity_certificate gateway = {.common_name = "gateway"};
    const struct identity_certificate other = {.common_name = "other"};
    struct facts facts = client();
    (void)state;
    assert_int_equal(refusal_by(&rule, &facts), REFUSAL_NONE);
    facts.certificate = &gateway;
    assert_int_equal(refusal_by(&rule, &facts), REFUSAL_NONE);
    facts.certificate = &other;
    assert_int_equal(refusal_by(&rule, &facts), REFUSAL_CLIENT_ID);
}

static void fails_closed_where_a_value_is_missing(void **state)
{
    const struct identity_certificate nameless = {.common_name = ""};
    struct facts facts = client();
    (void)state;
    facts.certificate = &nameless;
    assert_int_equal(refusal_of_name((char[]){"*"}, &facts), REFUSAL_COMMON_NAME);
    facts.client_id = SPAN("");
    assert_int_equal(refusal_of_name((char[]){"${client_id}"}, &facts), REFUSAL_CLIENT_ID);
    facts.certificate = &meter;
    assert_int_equal(refusal_of_name((char[]){"${client_id}*"}, &facts), REFUSAL_CLIENT_ID);
    facts.has_username = false;
    assert_int_equal(refusal_of_name((char[]){"*${username}"}, &facts), REFUSAL_USERNAME);
    facts.has_username = true;
    facts.username = SPAN("");
    assert_int_equal(refusal_of_name((char[]){"*${username}*"}, &facts), REFUSAL_USERNAME);
    facts.server_name = SPAN("");
    assert_int_equal(refusal_of_name((char[]){"*${server_name}"}, &facts), REFUSAL_COMMON_NAME);
}

static void cuts_long_texts_in_its_detail(void **state)
{
    static uint8_t long_id[65535];
    struct facts facts = client();
    char name[200];
    (void)state;
    memset(long_id, 'x', sizeof long_id);
    memset(name, 'r', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    facts.client_id = (struct span){long_id, sizeof long_id};
    const struct config_rule rule = {
        .name = name,
        .require.certificate = true,
        .require.certificate_is.common_name = GLOBS({.glob = (char[]){"*${client_id}*"}})};
    struct decision decision = decide(&rule, 1, &facts);
    assert_int_equal(decision.refusal, REFUSAL_CLIENT_ID);
    assert_non_null(strstr(decision.detail, "common name is \"meter-7\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_everybody_without_a_policy),
        cmocka_unit_test(lets_the_first_rule_that_matches_decide),
        cmocka_unit_test(otherwise_refuses_or_admits),
        cmocka_unit_test(matches_any_glob_of_a_list),
        cmocka_unit_test(matches_a_username_only_where_there_is_one),
        cmocka_unit_test(matches_server_names_without_regard_to_case),
        cmocka_unit_test(matches_sources_by_their_first_bits),
        cmocka_unit_test(matches_versions_and_presence_of_a_certificate),
        cmocka_unit_test(matches_until_that_instant_only),
        cmocka_unit_test(requires_a_tls_version_at_least),
        cmocka_unit_test(requires_a_certificate_also_where_only_its_name_is_asked_for),
        cmocka_unit_test(binds_the_client_id_to_the_common_name),
        cmocka_unit_test(takes_what_a_client_sent_literally),
        cmocka_unit_test(fills_names_into_globs),
        cmocka_unit_test(takes_any_template_of_a_list),
        cmocka_unit_test(fails_closed_where_a_value_is_missing),
        cmocka_unit_test(cuts_long_texts_in_its_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
