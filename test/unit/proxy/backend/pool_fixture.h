// SPDX-License-Identifier: GPL-3.0-or-later
/* A backend of some servers, for the tests of what is in proxy/backend. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "proxy/backend/findings.h"
#include "proxy/backend/pool.h"
#include "proxy/backend/slots.h"

enum { MOST = 4 };

struct fixture {
    char texts[MOST][40];
    struct config_server servers[MOST];
    struct config_backend config;
    struct pool pool;
    bool tried[MOST];
};

/* Its servers are 10.0.0.1, 10.0.0.2, ...; two clients may wait. */
static inline struct fixture *with(struct fixture *fixture, size_t count,
                                   enum config_balance balance, enum config_check check,
                                   const struct pool *before)
{
    *fixture = (struct fixture){
        .config = {.name = "main",
                   .servers = fixture->servers,
                   .servers_count = count,
                   .balance = balance,
                   .health = {.type = check, .fall = 3, .rise = 2},
                   .queue = {.size = 2}}
    };
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(fixture->texts[i], sizeof fixture->texts[i], "10.0.0.%zu:1883", i + 1);
        fixture->servers[i] = (struct config_server){.address.text = fixture->texts[i],
                                                     .weight = 1};
    }
    assert_true(pool_init(&fixture->pool, &fixture->config, NULL, before));
    return fixture;
}

static inline void limit(struct fixture *fixture, int server, unsigned most)
{
    fixture->servers[server].max_connections = most;
    slots_publish(&fixture->pool, 0);
}

static inline int choose_for(struct fixture *fixture, const char *client_id, int *awaited)
{
    const struct pool_client client = {span_of(client_id), fixture->tried};
    return slots_take(&fixture->pool, &client, 0, awaited);
}

static inline int choose(struct fixture *fixture, const char *client_id)
{
    int awaited = 0;
    return choose_for(fixture, client_id, &awaited);
}

static inline void fail_dials(struct fixture *fixture, int server)
{
    for (int i = 0; i < VITALS_DIALS; i++)
        findings_of_dial(&fixture->pool, server, "connection refused", 0);
}
