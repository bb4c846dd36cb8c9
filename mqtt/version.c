// SPDX-License-Identifier: GPL-3.0-or-later
#include "mqtt/version.h"

#include <stddef.h>

#include "mqtt/packet.h"

const char *mqtt_version_name(unsigned version)
{
    switch (version) {
    case MQTT_3_1:
        return "3.1";
    case MQTT_3_1_1:
        return "3.1.1";
    case MQTT_5:
        return "5";
    default:
        return NULL;
    }
}
