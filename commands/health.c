// SPDX-License-Identifier: GPL-3.0-or-later
/* postern health: whether a running Postern is ready, for those who can only start a command. */
#include <stdio.h>

#include "base/attributes.h"
#include "commands/admin_client.h"
#include "commands/commands.h"
#include "commands/options.h"

enum { HTTP_OK = 200 };

int health_main(int argc, char **argv)
{
    const char *file = NULL;
    bool alive = false;
    int code = OPTIONS_OK;
    // clang-format off
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML), for its admin address", .text = &file,
         .required = true},
        {"alive", 0, NULL, "asks whether it lives, ready or not", .on = &alive},
    };
    // clang-format on
    const struct options_command command = {
        "health",
        "Asks the running Postern, by its admin address, whether it is ready (/readyz): it takes "
        "clients,\nand a broker answers. The exit status is 0, or 1 with the reason.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    struct config *config = admin_client_load(file);
    if (config == NULL) return 1;
    long status = admin_client_status(config, alive ? "/healthz" : "/readyz", stdout);
    config_free(config);
    return fflush(stdout) == 0 && status == HTTP_OK ? 0 : 1;
}
