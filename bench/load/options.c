// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "load SCENARIO --target ADDRESS:PORT [options]: drives a TLS listener for MQTT\n"
    "scenarios: connects   connect, CONNECT, CONNACK, close, as fast as they go\n"
    "           publishes  every message that comes back is followed by another one\n"
    "           latency    messages at a rate; with --stdin a line begins another phase, and\n"
    "                      the clients stay until its end\n"
    "           hold       clients that stay; on stdin: `burst`, or the end to stop\n"
    "options:   --clients N --at-once N --in-flight N --size BYTES --rate PER_SECOND\n"
    "           --seconds N --count N --warm-up N --server-pid PID (repeat)\n"
    "           --tls 1.2|1.3 --group X25519|X25519MLKEM768|P-256 --cert F --key F\n"
    "           --resume --subscribe --silent --plain --stdin --write-each --certs N\n";

static bool read_target(struct options *options, char *text)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL) return false;
    *colon = '\0';
    options->host = text;
    options->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return options->port != 0;
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static bool read_one(struct options *options, int option, char *value)
{
    switch (option) {
    case 't':
        return read_target(options, value);
    case 'c':
        options->clients = number(value);
        return options->clients > 0;
    case 'o':
        options->at_once = number(value);
        return options->at_once > 0;
    case 'f':
        options->in_flight = number(value);
        return options->in_flight > 0;
    case 's':
        options->size = number(value);
        return true;
    case 'n':
        options->count = number(value);
        return options->count > 0;
    case 'r':
        options->rate = strtod(value, NULL);
        return options->rate > 0;
    case 'd':
        options->seconds = number(value);
        return options->seconds > 0;
    case 'w':
        options->warm_up_s = number(value);
        return true;
    case 'p':
        if (options->server_pids_count == OPTIONS_MOST_PIDS) return false;
        options->server_pids[options->server_pids_count++] = (pid_t)number(value);
        return true;
    case 'v':
        options->tls_1_2 = strcmp(value, "1.2") == 0;
        return true;
    case 'g':
        options->group = value;
        return true;
    case 'C':
        options->certificate = value;
        return true;
    case 'K':
        options->private_key = value;
        return true;
    case 'R':
        options->resume = true;
        return true;
    case 'S':
        options->subscribe = true;
        return true;
    case 'Q':
        options->silent = true;
        return true;
    case 'I':
        options->listens = true;
        return true;
    case 'W':
        options->write_each = true;
        return true;
    case 'N':
        options->certificates = number(value);
        return options->certificates > 0;
    case 'P':
        options->plain = true;
        return true;
    default:
        return false;
    }
}

bool options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"target",     required_argument, NULL, 't'},
        {"clients",    required_argument, NULL, 'c'},
        {"at-once",    required_argument, NULL, 'o'},
        {"in-flight",  required_argument, NULL, 'f'},
        {"size",       required_argument, NULL, 's'},
        {"count",      required_argument, NULL, 'n'},
        {"rate",       required_argument, NULL, 'r'},
        {"seconds",    required_argument, NULL, 'd'},
        {"warm-up",    required_argument, NULL, 'w'},
        {"server-pid", required_argument, NULL, 'p'},
        {"tls",        required_argument, NULL, 'v'},
        {"group",      required_argument, NULL, 'g'},
        {"cert",       required_argument, NULL, 'C'},
        {"key",        required_argument, NULL, 'K'},
        {"resume",     no_argument,       NULL, 'R'},
        {"subscribe",  no_argument,       NULL, 'S'},
        {"silent",     no_argument,       NULL, 'Q'},
        {"plain",      no_argument,       NULL, 'P'},
        {"stdin",      no_argument,       NULL, 'I'},
        {"write-each", no_argument,       NULL, 'W'},
        {"certs",      required_argument, NULL, 'N'},
        {NULL,         0,                 NULL, 0  }
    };
    *options = (struct options){.group = "X25519",
                                .clients = 16,
                                .at_once = 16,
                                .in_flight = 1,
                                .size = 100,
                                .rate = 0,
                                .certificates = 1,
                                .seconds = 3,
                                .warm_up_s = 1};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!read_one(options, option, optarg)) goto wrong;
    if (optind != argc - 1 || options->host == NULL) goto wrong;
    options->scenario = argv[optind];
    return true;
wrong:
    (void)fputs(usage, stderr);
    return false;
}
