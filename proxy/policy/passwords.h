// SPDX-License-Identifier: GPL-3.0-or-later
/* The passwords that brokers are told, read from the files of `connect.password_file`: the first
 * line of each. They are wiped when they are let go, and no text ever quotes them. */
#pragma once

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"
#include "config/config.h"

struct passwords;

/* Gives those of all rules (passwords_free). NULL: the sentence names the file and what is wrong.
 */
struct passwords *passwords_new(const struct config *config, struct err *err);
/* Whether the file holds a password that could be told; otherwise says why not. */
bool passwords_check(const char *path, struct err *err);
void passwords_free(struct passwords *passwords);
/* Lends that of a rule, which has a file. */
struct span passwords_of(const struct passwords *passwords, const struct config_rule *rule);
