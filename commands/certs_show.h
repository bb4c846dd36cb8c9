// SPDX-License-Identifier: GPL-3.0-or-later
/* Certificate files for people. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/err.h"

/* Prints what is in the file: certificates, CRLs, and of keys their kind only. False: the sentence
 * says why it, or a part of it, cannot be read. */
MUST_USE bool certs_show(FILE *out, const char *path, struct err *err);
