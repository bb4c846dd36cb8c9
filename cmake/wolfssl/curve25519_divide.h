/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "division.h"

/* postern_divide modulo 2^255 - 19, of any two numbers below 2^255 + 2^64. */
void postern_curve25519_divide(uint64_t out[DIVISION_WORDS],
                               const uint64_t numerator[DIVISION_WORDS],
                               const uint64_t denominator[DIVISION_WORDS]);
