// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/backend/findings.h"

#include "base/log.h"
#include "proxy/backend/slots.h"

static void tell_all(struct pool *pool, int server, bool down, uint64_t now_ms)
{
    char words[SERVER_WORDS];
    struct log_line line;
    server_state_words(pool->servers[server].state, words);
    log_begin(&line, down ? LOG_ERROR : LOG_INFO, down ? "server down" : "server up");
    log_text(&line, "backend", pool->config->name);
    log_text(&line, "server", pool_server_name(pool, server));
    log_text(&line, "because", words);
    log_end(&line);
    slots_reconsider_all(pool, now_ms);
}

void findings_of_dial(struct pool *pool, int server, const char *why, uint64_t now_ms)
{
    struct vitals_rule rule = pool_rule(pool);
    if (server_state_dialled(pool->servers[server].state, &rule, why, now_ms))
        tell_all(pool, server, why != NULL, now_ms);
}

void findings_of_check(struct pool *pool, int server, const char *why, uint64_t now_ms)
{
    struct vitals_rule rule = pool_rule(pool);
    if (server_state_checked(pool->servers[server].state, &rule, why))
        tell_all(pool, server, why != NULL, now_ms);
}
