// SPDX-License-Identifier: GPL-3.0-or-later
#include "commands/broker_limits.h"

struct broker_limits broker_limits_of(const struct config_broker *config)
{
    return (struct broker_limits){
        .max_keep_alive_s = config->max_keep_alive_s,
        .receive_maximum = config->receive_maximum,
        .max_packet_size = (uint32_t)config->max_packet_size,
        .topic_alias_maximum = config->topic_alias_maximum,
        .max_sessions = config->max_sessions,
        .max_queued_messages = config->max_queued_messages,
        .max_queued_bytes = config->max_queued_bytes,
        .max_session_expiry_ms = config->max_session_expiry_ms,
        .retain = config->retain,
        .max_retained_bytes = config->max_retained_bytes,
    };
}

const char *broker_version(void)
{
    return "postern version " POSTERN_VERSION;
}

struct broker_access broker_access_of(const struct config_broker *config)
{
    return (struct broker_access){
        .password_file = config->password_file,
        .certificate_login = config->certificate_login,
        .subscribe_deny = (const char *const *)config->subscribe_deny.items,
        .subscribe_deny_count = config->subscribe_deny.count,
    };
}
