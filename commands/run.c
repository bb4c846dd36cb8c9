// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "commands/commands.h"
#include "commands/configuration.h"
#include "commands/included_broker.h"
#include "commands/options.h"
#include "config/config.h"
#include "proxy/control/log_start.h"
#include "proxy/control/server.h"
#include "proxy/control/upgrade.h"

/* Where the configuration comes from, and what was wrong with dates when it was accepted. */
struct source {
    const char *file;
    size_t outdated;
};

static bool start_included_broker(const struct config *config, struct included_broker **included,
                                  struct err *err)
{
    for (size_t i = 0; i < config->backends_count; i++) {
        if (!config->backends[i].builtin_broker) continue;
        *included = included_broker_start(&config->backends[i].broker, err);
        return *included != NULL;
    }
    return true;
}

/* Findings of a reload go where the log goes, a line each. */
static void log_findings(char *findings)
{
    char *rest = NULL;
    for (char *line = strtok_r(findings, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        log_event(strstr(line, ": error: ") == NULL ? LOG_WARN : LOG_ERROR, "configuration", line);
}

static void tell_first_error(const char *findings, struct err *err)
{
    const char *mark = strstr(findings, ": error: ");
    if (mark == NULL) {
        err_set(err, "the configuration has errors");
        return;
    }
    const char *line = mark;
    while (line > findings && line[-1] != '\n')
        line--;
    err_set(err, "%.*s", (int)strcspn(line, "\n"), line);
}

/* A certificate that has expired while it was served is no reason to refuse a reload, one more is.
 */
static struct config *load_again(void *arg, struct err *err)
{
    struct source *source = arg;
    struct configuration_findings found;
    char *text = NULL;
    size_t length = 0;
    FILE *findings = open_memstream(&text, &length);
    if (findings == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    struct config *config = configuration_load(source->file, findings, &found);
    if (fclose(findings) == 0) {
        tell_first_error(text, err);
        log_findings(text);
    }
    free(text);
    if (config != NULL && found.errors == found.outdated && found.outdated <= source->outdated) {
        source->outdated = found.outdated;
        return config;
    }
    config_free(config);
    return NULL;
}

/* Everything after the file has been read: false with the reason. */
static bool run(struct config *config, struct source *file, struct spawner *spawner,
                struct err *err)
{
    const struct config_source source = {load_again, file};
    struct included_broker *included = NULL;
    struct builtin_broker door = {0};
    if (!log_start(config, err) || !start_included_broker(config, &included, err)) {
        config_free(config);
        return false;
    }
    if (included != NULL) door = included_broker_door(included);
    bool done = server_run(&config, &source, &door, spawner, err);
    included_broker_stop(included);
    log_close();
    return done;
}

static bool start(const char *file, struct spawner *spawner, struct err *err)
{
    struct configuration_findings found;
    struct config *config = configuration_load(file, stderr, &found);
    if (config == NULL || found.errors > found.outdated) {
        config_free(config);
        return err_set(err, "%s has errors", file);
    }
    struct source source = {file, found.outdated};
    return run(config, &source, spawner, err);
}

int run_main(int argc, char **argv)
{
    const char *file = NULL;
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML)", .text = &file, .required = true},
    };
    const struct options_command command = {
        .name = "run",
        .summary = "Runs the proxy until SIGTERM or SIGINT.",
        .specs = specs,
        .count = ARRAY_LENGTH(specs),
    };
    struct err err = {{0}};
    int code = 0;
    if (!options_read(&command, argc, argv, &code)) return code;
    struct spawner spawner;
    spawner_start(&spawner, argv - 1); /* the whole command line: argv begins with "run" */
    bool done = start(file, &spawner, &err);
    spawner_stop(&spawner);
    if (done) return 0;
    (void)fprintf(stderr, "postern: not started: %s\n", err.text);
    upgrade_failed(err.text);
    return 1;
}
