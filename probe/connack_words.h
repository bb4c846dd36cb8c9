// SPDX-License-Identifier: GPL-3.0-or-later
/* What a broker's answer to CONNECT means (MQTT 3.1.1, table 3.1; 5, 3.2.2.2). */
#pragma once

#include "mqtt/packet.h"

const char *connack_words(enum mqtt_version version, unsigned code);
