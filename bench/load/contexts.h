// SPDX-License-Identifier: GPL-3.0-or-later
/* What the clients of a load show and agree on in TLS, as the options say. */
#pragma once

#include "bench/load/client.h"

/* Sets the load's contexts, one for each certificate, and its group. */
void contexts_make(struct load *load, CallbackIORecv on_receive, CallbackIOSend on_send);
void contexts_clear(struct load *load);
