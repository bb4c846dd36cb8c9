// SPDX-License-Identifier: GPL-3.0-or-later
/* The subcommands: each takes its own name as argv[0] and gives the exit code. */
#pragma once

int run_main(int argc, char **argv);
int check_main(int argc, char **argv);
int inventory_main(int argc, char **argv);
int top_main(int argc, char **argv);
int health_main(int argc, char **argv);
int probe_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int certs_main(int argc, char **argv);
int broker_main(int argc, char **argv);
int passwd_main(int argc, char **argv);
int schema_main(int argc, char **argv);
int version_main(int argc, char **argv);
