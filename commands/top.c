// SPDX-License-Identifier: GPL-3.0-or-later
/* postern top: what a running Postern does, again and again, in a terminal. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/clock.h"
#include "commands/admin_client.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "commands/top_frame.h"

enum { PERIOD_S = 2, USUAL_WIDTH = 120, ANY_HEIGHT = 1000 };

/* NULL: printed why. */
static json_t *ask(const struct config *config, const char *path)
{
    char *text = NULL;
    size_t length = 0;
    json_error_t error;
    json_t *report = NULL;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return NULL;
    bool answered = admin_client_ask(config, path, out);
    if (fclose(out) == 0 && answered) {
        report = json_loadb(text, length, 0, &error);
        if (report == NULL)
            (void)fprintf(stderr, "postern: %s is not answered as Postern does: %s\n", path,
                          error.text);
    }
    free(text);
    return report;
}

static void forget(struct top_reports *reports)
{
    json_decref(reports->status);
    json_decref(reports->backends);
    json_decref(reports->certificates);
    json_decref(reports->history);
    *reports = (struct top_reports){NULL, NULL, NULL, NULL};
}

static bool ask_all(const struct config *config, struct top_reports *reports)
{
    reports->status = ask(config, "/api/v1/status");
    reports->backends = reports->status == NULL ? NULL : ask(config, "/api/v1/backends");
    reports->certificates = reports->backends == NULL ? NULL : ask(config, "/api/v1/certificates");
    reports->history = reports->certificates == NULL ? NULL : ask(config, "/api/v1/history");
    if (reports->history != NULL) return true;
    forget(reports);
    return false;
}

static struct top_screen screen_of(bool once)
{
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO) == 1;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 1;
    return (struct top_screen){
        .width = known  ? size.ws_col
                 : once ? ANY_HEIGHT
                        : USUAL_WIDTH,
        .height = known && !once ? size.ws_row - 1U : ANY_HEIGHT,
        .colours = terminal && getenv("NO_COLOR") == NULL,
        .lines = terminal && strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
    };
}

/* The picture leaves in one write, over the one before, so that nothing flickers. */
static bool show(const struct top_reports *reports, const json_t *before, double seconds, bool once)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL) return false;
    struct top_screen screen = screen_of(once);
    top_frame(out, reports, before, seconds, &screen);
    bool good = fclose(out) == 0;
    if (good && !once) (void)fputs("\033[H\033[2J", stdout); /* home, and clear */
    good = good && fwrite(text, 1, length, stdout) == length;
    free(text);
    return fflush(stdout) == 0 && good;
}

/* One that has been shown is waited for, for it may be on its way back from a restart. */
static void wait_for_answer(const struct config *config, struct top_reports *reports)
{
    if (ask_all(config, reports)) return;
    do {
        (void)fprintf(stderr, "postern: trying again every %d seconds; Ctrl-C ends it\n", PERIOD_S);
        (void)sleep(PERIOD_S); /* as above */
    } while (!ask_all(config, reports));
}

static int watch(const struct config *config, bool once)
{
    struct top_reports reports = {NULL, NULL, NULL, NULL};
    json_t *before = NULL;
    uint64_t before_ms = 0;
    bool good = ask_all(config, &reports);
    while (good) {
        uint64_t now_ms = clock_monotonic_ms();
        good = show(&reports, before, (double)(now_ms - before_ms) / 1000, once);
        json_decref(before);
        before = json_incref(reports.status);
        before_ms = now_ms;
        forget(&reports);
        if (once || !good) break;
        (void)sleep(PERIOD_S); /* a signal may end it early */
        wait_for_answer(config, &reports);
    }
    json_decref(before);
    return good ? 0 : 1;
}

int top_main(int argc, char **argv)
{
    const char *file = NULL;
    bool once = false;
    int code = OPTIONS_OK;
    // clang-format off
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML), for its admin address", .text = &file,
         .required = true},
        {"once", 0, NULL, "prints one picture and ends", .on = &once},
    };
    // clang-format on
    const struct options_command command = {
        "top",
        "Shows what the running Postern does, by its admin address, every two seconds: numbers, "
        "the last\nhour, refusals with their reasons, backends, certificates, versions. Ctrl-C ends it.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    struct config *config = admin_client_load(file);
    if (config == NULL) return 1;
    (void)setlocale(LC_CTYPE, ""); /* where it fails, no UTF-8 is shown */
    code = watch(config, once);
    config_free(config);
    return code;
}
