// SPDX-License-Identifier: GPL-3.0-or-later
/* cmocka.h needs these before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
