// SPDX-License-Identifier: GPL-3.0-or-later
/* postern broker: the included broker alone, in plaintext. */
#include "broker/broker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"
#include "commands/broker_limits.h"
#include "commands/commands.h"
#include "commands/findings.h"
#include "commands/options.h"
#include "config/config.h"

struct service {
    uv_loop_t loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_signal_t reload;
    struct broker *broker;
};

static void on_stopped(void *arg)
{
    (void)arg; /* nothing is left in the loop, which ends by itself */
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    (void)number;
    if (uv_is_closing((uv_handle_t *)&service->terminate)) return;
    /* A second signal then has its usual effect: it ends the process at once. */
    uv_close((uv_handle_t *)&service->terminate, NULL);
    uv_close((uv_handle_t *)&service->interrupt, NULL);
    uv_close((uv_handle_t *)&service->reload, NULL);
    broker_stop(service->broker, on_stopped, NULL);
}

static void on_reload(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    (void)number;
    broker_reload(service->broker);
}

/* One file descriptor a client: as many as the system lets us have. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* otherwise fewer clients fit */
}

static bool start(struct service *service, const struct config_broker *config, const char *address,
                  struct err *err)
{
    const struct broker_limits limits = broker_limits_of(config);
    const struct broker_access access = broker_access_of(config);
    if (uv_loop_init(&service->loop) != 0) return err_set(err, "cannot make an event loop");
    service->broker = broker_new(&service->loop, &limits);
    if (service->broker == NULL) return err_set(err, "out of memory");
    if (!broker_set_access(service->broker, &access, err)) return false;
    if (!broker_listen(service->broker, address, err)) return false;
    broker_publish_sys(service->broker, config->sys_interval_ms, broker_version());
    service->terminate.data = service->interrupt.data = service->reload.data = service;
    if (uv_signal_init(&service->loop, &service->terminate) != 0 ||
        uv_signal_init(&service->loop, &service->interrupt) != 0 ||
        uv_signal_init(&service->loop, &service->reload) != 0 ||
        uv_signal_start(&service->reload, on_reload, SIGHUP) != 0 ||
        uv_signal_start(&service->terminate, on_signal, SIGTERM) != 0 ||
        uv_signal_start(&service->interrupt, on_signal, SIGINT) != 0)
        return err_set(err, "cannot wait for signals");
    return true;
}

int broker_main(int argc, char **argv)
{
    static struct service service;
    const char *address = "127.0.0.1:1883";
    const char *file = NULL;
    const struct option_spec specs[] = {
        {.name = "listen",
         .letter = 'l',
         .value = "ADDR",
         .help = "HOST:PORT or unix:PATH to listen on (127.0.0.1:1883)",
         .text = &address},
        {.name = "config",
         .letter = 'c',
         .value = "FILE",
         .help = "login and limits: the keys of builtin_broker",
         .text = &file   },
    };
    const struct options_command command = {
        .name = "broker",
        .summary = "Runs the included MQTT broker alone, in plaintext.",
        .specs = specs,
        .count = ARRAY_LENGTH(specs)};
    struct err err;
    int code = 0;
    if (!options_read(&command, argc, argv, &code)) return code;
    struct config_broker *config = config_broker_load(file, print_finding, stderr);
    if (config == NULL) return 1;
    if (!log_open(LOG_INFO, LOG_TEXT, NULL, &err)) {
        (void)fprintf(stderr, "postern broker: %s\n", err.text);
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
    raise_open_files();
    if (!start(&service, config, address, &err)) {
        (void)fprintf(stderr, "postern broker: %s\n", err.text);
        return 1;
    }
    (void)fprintf(stderr, "postern broker: ready\n");
    (void)uv_run(&service.loop, UV_RUN_DEFAULT); /* ends when nothing is open */
    broker_free(service.broker);
    (void)uv_loop_close(&service.loop); /* nothing is open in it */
    config_broker_free(config);
    log_close();
    return 0;
}
