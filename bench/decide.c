// SPDX-License-Identifier: GPL-3.0-or-later
/* bench/decide [RULES]: how long a decision takes among many rules of globs, for a client whom the
 * last one is for, by kind of glob. The policy comes through the configuration, as it does for run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attributes.h"
#include "config/config.h"
#include "proxy/policy/policy.h"

enum { ROUNDS = 2000 };

static void on_finding(void *arg, const char *path, struct config_mark mark,
                       enum config_severity severity, const char *text)
{
    (void)arg;
    (void)path;
    if (severity == CONFIG_ERROR) (void)fprintf(stderr, "%u: %s\n", mark.line, text);
}

/* A number between two texts. */
struct form {
    const char *before;
    const char *behind;
};

static struct config *make(struct form glob, unsigned rules)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    (void)fputs(
        "listeners:\n- {address: 127.0.0.1:1, policy: p, tls: {certificate: c, private_key: "
        "k}}\nbackends:\n- servers: [127.0.0.1:2]\npolicies:\n- name: p\n  rules:\n",
        out);
    for (unsigned i = 0; i < rules; i++)
        (void)fprintf(out, "  - match: {client_id: \"%s%05u%s\"}\n", glob.before, i, glob.behind);
    CHECK(fclose(out) == 0);
    struct config *config = config_parse("bench.yaml", text, length, on_finding, NULL);
    free(text);
    CHECK(config != NULL);
    return config;
}

static double microseconds(const struct policy *policy, const char *client_id)
{
    struct timespec begun;
    struct timespec ended;
    struct facts facts = {
        .tls_version = IDENTITY_TLS_1_3, .mqtt_version = 4, .client_id = span_of(client_id)};
    time_t now = time(NULL);
    size_t admitted = 0;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    for (unsigned i = 0; i < ROUNDS; i++)
        admitted += policy_decide(policy, &facts, now).admitted;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    CHECK(admitted == ROUNDS);
    return ((double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec)) /
           1e3 / ROUNDS;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *what;
        struct form glob;
        struct form client;
    } kinds[] = {
        {"prefix", {"fleet-", "-*"},    {"fleet-", "-meter-7"}   },
        {"suffix", {"*-of-fleet-", ""}, {"meter-7-of-fleet-", ""}},
        {"middle", {"*-", "-*"},        {"meter-", "-7"}         },
        {"whole",  {"meter-", ""},      {"meter-", ""}           },
    };
    unsigned rules = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        char client[64];
        struct config *config = make(kinds[i].glob, rules);
        struct policy *policy = policy_new(&config->policies[0]);
        CHECK(policy != NULL);
        (void)snprintf(client, sizeof client, "%s%05u%s", kinds[i].client.before, rules - 1,
                       kinds[i].client.behind);
        (void)printf("%-6s globs, the last of %u rules decides: %6.1f us a decision\n",
                     kinds[i].what, rules, microseconds(policy, client));
        policy_free(policy);
        config_free(config);
    }
    return 0;
}
