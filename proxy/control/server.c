// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "proxy/admin/http.h"
#include "proxy/control/ask_sessions.h"
#include "proxy/control/drain.h"
#include "proxy/control/fleet.h"
#include "proxy/control/health.h"
#include "proxy/control/log_rotation.h"
#include "proxy/control/notify.h"
#include "proxy/control/ocsp_refresh.h"
#include "proxy/control/privileges.h"
#include "proxy/control/recorder.h"
#include "proxy/control/reload.h"
#include "proxy/control/resolver.h"
#include "proxy/control/sandbox.h"
#include "proxy/control/spawner.h"
#include "proxy/control/upgrade.h"
#include "proxy/control/watchdog.h"
#include "proxy/listener.h"
#include "proxy/tls/wolfssl.h"

enum {
    GRACE_MS = 5000, /* for the end after a drain */
    MOST_SIGNALS = 5,
    MOST_IDENTITIES = 100000,
    ASK_DEADLINE_MS = 2000
};

struct server {
    uv_loop_t loop;
    uv_signal_t signals[MOST_SIGNALS];
    struct drain drain;
    struct log_rotation rotation;
    struct notify notify;
    struct watchdog watchdog;
    struct recorder recorder;
    struct history *history; /* NULL: nobody could ask for it */
    struct fleet fleet;
    struct reload reload;
    struct reload_report reloads;
    struct ocsp_refresh *ocsp;
    struct resolver *resolver;
    struct health *health;
    struct board board;
    struct admin *admin; /* NULL: the board is not there either */
    int admin_fd;        /* a copy of the socket that it listens on; -1: none */
    struct spawner *spawner;
    struct upgrade *upgrade; /* that is under way, or NULL */
    int predecessor;         /* -1: there is none */
    bool is_stopping;
};

/* ------------------------------------------------------------------------------------- leaving */

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

/* Whoever wants this process to end does not want another one in its place. */
static void break_off_upgrade(struct server *server)
{
    upgrade_stop(server->upgrade);
    server->upgrade = NULL;
}

/* `order` is worker_stop or worker_cut. */
static void stop(struct server *server, void (*order)(struct worker *worker))
{
    if (server->is_stopping) return;
    server->is_stopping = true;
    fleet_order(&server->fleet, order);
    ocsp_refresh_stop(server->ocsp);
    health_stop(server->health);
    resolver_stop(server->resolver);
    break_off_upgrade(server);
    uv_walk(&server->loop, close_handle, NULL);
}

static void on_drained(struct drain *drain)
{
    stop(CONTAINER_OF(drain, struct server, drain), worker_stop);
}

static void leave(struct server *server)
{
    const struct config_drain *config = &server->fleet.snapshot->config->drain;
    break_off_upgrade(server);
    (void)uv_timer_stop(&server->reload.tick); /* always 0 */
    notify_send(&server->notify,
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu\nSTATUS=Letting clients leave",
                (unsigned long long)(config->delay_ms + config->timeout_ms + GRACE_MS) * 1000);
    drain_begin(&server->drain, server->fleet.handed_over ? 0 : config->delay_ms);
}

/* From here on the successor speaks for the service, and no balancer has to look elsewhere. */
static void on_upgraded(void *arg, bool done)
{
    struct server *server = arg;
    server->upgrade = NULL;
    if (!done) return;
    server->fleet.handed_over = true;
    server->fleet.doors.keep_files = true;
    watchdog_stop(&server->watchdog);
    notify_close(&server->notify);
    if (server->admin != NULL) admin_quiesce(server->admin);
    leave(server);
}

static void upgrade(struct server *server)
{
    const struct config *config = server->fleet.snapshot->config;
    const struct upgrade_sockets sockets = {&server->fleet.doors, &server->fleet.inherited,
                                            config->admin.text, server->admin_fd};
    if (server->upgrade != NULL) {
        log_note(LOG_WARN, "SIGUSR2 is ignored: an upgrade is under way");
        return;
    }
    log_note(LOG_INFO, "starting a new process to hand over to");
    server->upgrade = upgrade_start(&server->loop, server->spawner, &sockets,
                                    config->upgrade_timeout_ms, on_upgraded, server);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct server *server = signal->data;
    switch (number) {
    case SIGTERM:
    case SIGINT:
        if (server->drain.begun)
            stop(server, worker_cut);
        else
            leave(server);
        break;
    case SIGUSR1:
        log_rotation_reopen(&server->rotation);
        break;
    case SIGUSR2:
        if (server->drain.begun)
            log_note(LOG_WARN, "SIGUSR2 is ignored: this process is leaving");
        else
            upgrade(server);
        break;
    case SIGHUP:
        if (server->drain.begun)
            log_note(LOG_WARN, "SIGHUP is ignored: this process is leaving");
        else
            reload_now(&server->reload, "SIGHUP");
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------------------------------------- starting */

static bool listen_on_signals(struct server *server, struct err *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP};
    (void)signal(SIGPIPE, SIG_IGN); /* a broken pipe is told by write */
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        (void)uv_signal_init(&server->loop, &server->signals[i]); /* always 0 after loop init */
        server->signals[i].data = server;
        int failed = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        if (failed != 0) return err_set(err, "cannot watch signals: %s", uv_strerror(failed));
    }
    return true;
}

static unsigned usable_cores(void)
{
    unsigned cores = uv_available_parallelism();
    return cores == 0 ? 1 : cores;
}

static bool remember(struct server *server)
{
    struct fleet *fleet = &server->fleet;
    server->history = history_new();
    fleet->inventory = inventory_new(MOST_IDENTITIES);
    fleet->incidents = calloc(fleet->count, sizeof(struct incidents *));
    if (server->history == NULL || fleet->inventory == NULL || fleet->incidents == NULL)
        return false;
    for (unsigned i = 0; i < fleet->count; i++)
        if ((fleet->incidents[i] = incidents_new()) == NULL) return false;
    return true;
}

static void forget(struct server *server)
{
    struct fleet *fleet = &server->fleet;
    for (unsigned i = 0; fleet->incidents != NULL && i < fleet->count; i++)
        incidents_free(fleet->incidents[i]);
    free(fleet->incidents);
    inventory_free(fleet->inventory);
    history_free(server->history);
}

static struct board_sessions ask_fleet(void *arg, const struct session_query *query)
{
    struct ask_sessions found = ask_sessions(arg, query, ASK_DEADLINE_MS);
    return (struct board_sessions){found.items, found.matched, found.whole};
}

/* Without an admin address nobody could ask what is remembered, so nothing is. It is bound while we
 * may be root still, and answers once the workers are there to be asked. */
static bool bind_admin(struct server *server, int *fd, struct err *err)
{
    const struct config_address *address = &server->fleet.snapshot->config->admin;
    if (address->text == NULL) return true;
    if (!remember(server)) return err_set(err, "out of memory");
    char name[sizeof UPGRADE_ADMIN + 300];
    (void)snprintf(name, sizeof name, "%s%s", UPGRADE_ADMIN, address->text);
    if (inherited_count(&server->fleet.inherited, name) != 1 ||
        inherited_copy(&server->fleet.inherited, name, fd) != 1)
        *fd = listener_bind(address, true, err);
    if (*fd < 0) return err_prefix(err, "admin");
    server->admin_fd = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    return server->admin_fd >= 0 || err_set(err, "no descriptor is left for the admin address");
}

static bool start_admin(struct server *server, int fd, struct err *err)
{
    struct fleet *fleet = &server->fleet;
    const struct board_sources sources = {.inventory = fleet->inventory,
                                          .history = server->history,
                                          .incidents = fleet->incidents,
                                          .workers = fleet->count,
                                          .draining = &server->drain.begun,
                                          .reloads = &server->reloads,
                                          .ask = ask_fleet,
                                          .ask_arg = fleet};
    board_init(&server->board, &sources);
    board_publish(&server->board, fleet->snapshot);
    server->admin = admin_start(fd, &server->board, err);
    if (server->admin != NULL) {
        recorder_start(&server->recorder, &server->loop, server->history, fleet);
        return true;
    }
    board_clear(&server->board);
    return err_prefix(err, "admin");
}

static void on_loaded(void *arg)
{
    struct server *server = arg;
    if (server->admin != NULL) board_publish(&server->board, server->fleet.snapshot);
    ocsp_refresh_look(server->ocsp);
    health_look(server->health);
    resolver_look(server->resolver);
}

static bool begin_builtin(const struct builtin_broker *builtin, struct err *err)
{
    return builtin->begin == NULL || builtin->begin(builtin->arg) ||
           err_set(err, "the included broker cannot start: out of threads");
}

static bool start(struct server *server, struct config **config, const struct config_source *source,
                  const struct builtin_broker *builtin, struct err *err)
{
    unsigned workers = (*config)->workers == 0 ? usable_cores() : (*config)->workers;
    struct inherited *inherited = &server->fleet.inherited;
    server->fleet.doors.keep_files = server->predecessor >= 0; /* it may have to go on with them */
    if (!inherited_init(inherited, err) ||
        (server->predecessor >= 0 && !upgrade_receive(server->predecessor, inherited, err))) {
        config_free(*config);
        *config = NULL;
        return false;
    }
    if ((*config)->watch) server->reload.watch = watch_new(*config); /* before they are read */
    struct snapshot *snapshot = snapshot_new(config, workers, builtin, NULL, err);
    int admin = -1;
    if (snapshot == NULL || !fleet_bind(&server->fleet, snapshot, workers, err) ||
        !bind_admin(server, &admin, err))
        return false;
    inherited_keep_named(inherited);
    spawner_drop_privileges(server->spawner, snapshot->config->user);
    bool dropped = privileges_drop(snapshot->config->user, err);
    if (dropped) privileges_warn(snapshot->config);
    if (!dropped || !listen_on_signals(server, err) || !sandbox_enter(snapshot->config, err) ||
        !begin_builtin(builtin, err) || !fleet_start(&server->fleet, err)) {
        if (admin >= 0) (void)close(admin); /* nothing was accepted from it */
        return false;
    }
    if (admin >= 0 && !start_admin(server, admin, err)) return false;
    const struct reload_ties ties = {&server->fleet,  source,    builtin, &server->reloads,
                                     &server->notify, on_loaded, server};
    reload_start(&server->reload, &server->loop, &ties);
    watchdog_start(&server->watchdog, &server->loop, &server->notify, &server->fleet);
    server->ocsp = ocsp_refresh_start(&server->loop, &server->fleet);
    server->health = health_start(&server->loop, &server->fleet);
    if (server->ocsp == NULL || server->health == NULL) return err_set(err, "out of memory");
    server->resolver = resolver_start(&server->loop, &server->fleet, err);
    if (server->resolver == NULL) return false;
    if (server->predecessor >= 0 && !upgrade_ready(server->predecessor, err)) return false;
    server->fleet.doors.keep_files = false;
    return true;
}

static void announce(const struct server *server, unsigned long descriptors)
{
    const struct config *config = server->fleet.snapshot->config;
    struct log_line line;
    for (size_t i = 0; i < config->listeners_count; i++) {
        log_begin(&line, LOG_INFO, "listening");
        log_text(&line, "listener", config->listeners[i].name);
        log_text(&line, "address", config->listeners[i].address.text);
        log_end(&line);
    }
    log_begin(&line, LOG_INFO, "started");
    log_number(&line, "pid", getpid());
    log_number(&line, "workers", server->fleet.count);
    log_number(&line, "descriptors", (int64_t)descriptors); /* a client of a backend takes two */
    log_text(&line, "wolfssl", wolfSSL_lib_version());
    log_end(&line);
    (void)fputs("postern: ready\n", stderr);
    (void)fflush(stderr);
    notify_send(&server->notify, "MAINPID=%d\nREADY=1\nSTATUS=Serving", (int)getpid());
}

static void clear(struct server *server)
{
    if (!server->is_stopping) fleet_order(&server->fleet, worker_stop);
    admin_stop(server->admin);
    if (server->admin != NULL) board_clear(&server->board);
    if (server->admin_fd >= 0) (void)close(server->admin_fd); /* a copy */
    if (server->admin != NULL && !server->fleet.doors.keep_files &&
        server->fleet.snapshot->config->admin.unix_path != NULL)
        (void)unlink(server->fleet.snapshot->config->admin.unix_path); /* it may be gone already */
    health_stop(server->health);
    resolver_stop(server->resolver);
    fleet_clear(&server->fleet);
    forget(server);
    reload_stop(&server->reload);
    ocsp_refresh_stop(server->ocsp);
    uv_walk(&server->loop, close_handle, NULL);
    (void)uv_run(&server->loop, UV_RUN_DEFAULT); /* ends when every handle is closed */
    ocsp_refresh_free(server->ocsp);
    reload_report_clear(&server->reloads);
    health_free(server->health);
    resolver_free(server->resolver);
    notify_close(&server->notify);
    CHECK(uv_loop_close(&server->loop) == 0);
}

bool server_run(struct config **config, const struct config_source *source,
                const struct builtin_broker *builtin, struct spawner *spawner, struct err *err)
{
    struct server server = {.admin_fd = -1, .spawner = spawner};
    server.predecessor = upgrade_predecessor(); /* before the environment is read further */
    reload_report_init(&server.reloads);
    notify_open(&server.notify);
    unsigned long descriptors = privileges_prepare();
    int failed = uv_loop_init(&server.loop);
    if (failed != 0) return err_set(err, "cannot make an event loop: %s", uv_strerror(failed));
    drain_init(&server.drain, &server.loop, &server.fleet, on_drained);
    log_rotation_init(&server.rotation, &server.loop);
    if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
        clear(&server);
        return err_set(err, "wolfSSL cannot be initialised");
    }
    bool started = start(&server, config, source, builtin, err);
    if (started) {
        announce(&server, descriptors);
        (void)uv_run(&server.loop, UV_RUN_DEFAULT); /* until stop() closes every handle */
        /* The end is near and orderly: one signal more must not turn it into a crash. */
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
    }
    clear(&server);
    if (started) log_note(LOG_INFO, "stopped");
    (void)wolfSSL_Cleanup(); /* nothing can be done about it at the end */
    return started;
}
