// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/connack_words.h"

#include <stddef.h>

#include "base/attributes.h"

struct row {
    unsigned code;
    const char *words;
};

static const struct row old_codes[] = {
    {0, "accepted"                       },
    {1, "this version of MQTT is refused"},
    {2, "the client id is refused"       },
    {3, "the broker is not available"    },
    {4, "bad username or password"       },
    {5, "not authorized"                 },
};
static const struct row new_codes[] = {
    {0x00, "success"                        },
    {0x80, "unspecified error"              },
    {0x81, "malformed packet"               },
    {0x82, "protocol error"                 },
    {0x83, "implementation specific error"  },
    {0x84, "this version of MQTT is refused"},
    {0x85, "the client id is not valid"     },
    {0x86, "bad username or password"       },
    {0x87, "not authorized"                 },
    {0x88, "the broker is not available"    },
    {0x89, "the broker is busy"             },
    {0x8a, "banned"                         },
    {0x8c, "bad authentication method"      },
    {0x95, "packet too large"               },
    {0x97, "quota exceeded"                 },
    {0x9c, "use another server"             },
    {0x9d, "the server has moved"           },
    {0x9f, "connection rate exceeded"       },
};

const char *connack_words(enum mqtt_version version, unsigned code)
{
    const struct row *rows = version == MQTT_5 ? new_codes : old_codes;
    size_t count = version == MQTT_5 ? ARRAY_LENGTH(new_codes) : ARRAY_LENGTH(old_codes);
    for (size_t i = 0; i < count; i++)
        if (rows[i].code == code) return rows[i].words;
    return "a code that MQTT does not have";
}
