// SPDX-License-Identifier: GPL-3.0-or-later
/* postern inventory: asks a running Postern who connects with what. */
#include <stdio.h>

#include "base/attributes.h"
#include "commands/admin_client.h"
#include "commands/commands.h"
#include "commands/options.h"

int inventory_main(int argc, char **argv)
{
    const char *file = NULL;
    bool csv = false;
    int code = OPTIONS_OK;
    const struct option_spec specs[] = {
        {"config", 'c', "FILE", "the configuration (YAML), for its admin address", .text = &file,
         .required = true},
        {"csv",        0,       NULL,     "as CSV in place of JSON",                                            .on = &csv                           },
    };
    const struct options_command command = {
        "inventory",
        "Asks the running Postern, by its admin address, who connects with what: for each client "
        "id the\nlast TLS version, group, cipher, kind of key, certificate expiry, MQTT version "
        "and time seen.",
        specs, ARRAY_LENGTH(specs), .words = NULL};
    if (!options_read(&command, argc, argv, &code)) return code;
    struct config *config = admin_client_load(file);
    if (config == NULL) return 1;
    bool shown = admin_client_ask(
        config, csv ? "/api/v1/inventory?format=csv" : "/api/v1/inventory", stdout);
    config_free(config);
    return fflush(stdout) == 0 && shown ? 0 : 1;
}
