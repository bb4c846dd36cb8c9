// SPDX-License-Identifier: GPL-3.0-or-later
/* What the two sides of an upgrade say, each the beginning of a message; anything else that a
 * successor says is why it does not serve. Versions of Postern speak with one another by these:
 * they stay. */
#pragma once

#define UPGRADE_END   "end"
#define UPGRADE_READY "ready "
#define UPGRADE_GO    "go"

enum { UPGRADE_TEXT_ROOM = 65536 };
