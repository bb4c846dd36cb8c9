// SPDX-License-Identifier: GPL-3.0-or-later
/* How people call the protocol's levels. */
#pragma once

/* A constant, "3.1.1", for an enum mqtt_version; NULL: nobody speaks that. */
const char *mqtt_version_name(unsigned version);
