// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/sys_topics.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/deliver.h"
#include "broker/internal.h"

#define PREFIX "$SYS/broker/"

enum { VALUE_BYTES = 96, TOPIC_BYTES = 96 };

bool sys_topics_owns(struct span topic)
{
    static const char prefix[] = "$SYS/";
    return topic.length >= sizeof prefix - 1 && memcmp(topic.data, prefix, sizeof prefix - 1) == 0;
}

/* Without memory a value is left out until the next time. */
static void publish(struct broker *broker, const char *name, const char *value)
{
    char topic[TOPIC_BYTES];
    const struct span none = {0};
    (void)snprintf(topic, sizeof topic, PREFIX "%s", name);
    const struct message *before = retained_find(&broker->sys.retained, span_of(topic));
    if (before != NULL && span_is(message_payload(before), value)) return;
    struct message *message = message_new(span_of(topic), none, span_of(value));
    if (message == NULL) return;
    message->retain = true;
    bool kept = !broker->limits.retain ||
                retained_set(&broker->sys.retained, message, broker_now(broker));
    if (kept) (void)deliver_message(broker, message);
    message_unref(message);
}

static void publish_format(struct broker *broker, const char *name, const char *format, ...)
    PRINTF(3, 4);
static void publish_format(struct broker *broker, const char *name, const char *format, ...)
{
    char value[VALUE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    publish(broker, name, value);
}

static void publish_numbers(struct broker *broker)
{
    const struct broker_counters *counters = &broker->counters;
    uint64_t sessions = broker->sessions.count;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"clients/total",             sessions                                   },
        {"clients/connected",         counters->connected                        },
        {"clients/active",            counters->connected                        },
        {"clients/disconnected",      sessions - counters->connected             },
        {"clients/inactive",          sessions - counters->connected             },
        {"clients/maximum",           counters->connected_most                   },
        {"clients/expired",           counters->expired                          },
        {"messages/received",         counters->messages_received                },
        {"messages/sent",             counters->messages_sent                    },
        {"bytes/received",            counters->bytes_received                   },
        {"bytes/sent",                counters->bytes_sent                       },
        {"publish/messages/received", counters->publish_received                 },
        {"publish/messages/sent",     counters->publish_sent                     },
        {"publish/messages/dropped",  counters->publish_dropped                  },
        {"publish/bytes/received",    counters->publish_bytes_received           },
        {"publish/bytes/sent",        counters->publish_bytes_sent               },
        {"subscriptions/count",       subscriptions_count(&broker->subscriptions)},
        {"retained messages/count",   broker->retained.count                     },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        publish_format(broker, numbers[i].name, "%" PRIu64, numbers[i].value);
}

static void publish_load(struct broker *broker, struct sys_load *load, const char *name,
                         uint64_t count, double elapsed_s)
{
    static const double spans_s[] = {60, 300, 900};
    static const char *const spans[] = {"1min", "5min", "15min"};
    double a_minute = elapsed_s <= 0 ? 0 : (double)(count - load->before) * 60 / elapsed_s;
    load->before = count;
    for (size_t i = 0; i < ARRAY_LENGTH(spans); i++) {
        char topic[TOPIC_BYTES];
        double weight = exp(-elapsed_s / spans_s[i]);
        load->minutes[i] = a_minute + weight * (load->minutes[i] - a_minute);
        (void)snprintf(topic, sizeof topic, "load/%s/%s", name, spans[i]);
        publish_format(broker, topic, "%.2f", load->minutes[i]);
    }
}

static void publish_loads(struct broker *broker, double elapsed_s)
{
    const struct broker_counters *counters = &broker->counters;
    const struct {
        const char *name;
        uint64_t count;
    } loads[SYS_LOADS] = {
        {"messages/received", counters->messages_received},
        {"messages/sent",     counters->messages_sent    },
        {"publish/received",  counters->publish_received },
        {"publish/sent",      counters->publish_sent     },
        {"publish/dropped",   counters->publish_dropped  },
        {"bytes/received",    counters->bytes_received   },
        {"bytes/sent",        counters->bytes_sent       },
        {"sockets",           counters->sockets          },
        {"connections",       counters->connections      },
    };
    for (size_t i = 0; i < SYS_LOADS; i++)
        publish_load(broker, &broker->sys.loads[i], loads[i].name, loads[i].count, elapsed_s);
}

static void on_due(struct timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, sys.timer);
    struct sys_topics *sys = &broker->sys;
    uint64_t now_ms = broker_now(broker);
    publish(broker, "version", sys->version);
    publish_format(broker, "uptime", "%" PRIu64 " seconds", (now_ms - sys->started_ms) / 1000);
    publish_numbers(broker);
    publish_loads(broker, (double)(now_ms - sys->last_ms) / 1000);
    sys->last_ms = now_ms;
    broker_set_timer(broker, timer, sys->interval_ms, on_due);
}

void sys_topics_start(struct broker *broker, uint64_t interval_ms, const char *version)
{
    struct sys_topics *sys = &broker->sys;
    if (interval_ms == 0) return;
    sys->interval_ms = interval_ms;
    sys->started_ms = sys->last_ms = broker_now(broker);
    (void)snprintf(sys->version, sizeof sys->version, "%s", version);
    retained_init(&sys->retained, &broker->wheel, UINT64_MAX);
    on_due(&sys->timer);
}

void sys_topics_stop(struct broker *broker)
{
    if (broker->sys.interval_ms == 0) return;
    timer_clear(&broker->sys.timer);
    retained_clear(&broker->sys.retained);
    broker->sys.interval_ms = 0;
}
