// SPDX-License-Identifier: GPL-3.0-or-later
/* The guard: whatever either side sends, and however it is cut, what comes out does not depend on
 * the cuts, and no PUBLISH to a refused topic passes. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "mqtt/frame.h"
#include "mqtt/publish.h"
#include "proxy/guard/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

struct side {
    uint8_t *data;
    size_t length;
};

struct world {
    struct side backend;
    struct side client;
};

static bool put(struct side *side, struct span data)
{
    side->data = realloc(side->data, side->length + data.length + 1);
    CHECK(side->data != NULL);
    if (data.length > 0) memcpy(side->data + side->length, data.data, data.length);
    side->length += data.length;
    return true;
}

static bool to_backend(void *arg, struct span data)
{
    return put(&((struct world *)arg)->backend, data);
}

static bool to_client(void *arg, struct span data)
{
    return put(&((struct world *)arg)->client, data);
}

static struct guard *make(enum mqtt_version version)
{
    char allow[] = "ok/${client_id}/#";
    char deny[] = "ok/+/secret";
    char *allows[] = {allow};
    char *denies[] = {deny};
    const struct config_topics config = {
        true, {allows, 1},
         {denies, 1}
    };
    struct facts facts = {.client_id = span_of("me")};
    struct guard_settings settings = {version, topics_new(&config, &facts),
                                      topics_new(&config, &facts), false, 4096};
    struct guard *guard = guard_new(&settings);
    CHECK(guard != NULL);
    return guard;
}

static enum guard_status run(enum mqtt_version version, struct span client, struct span backend,
                             size_t step, struct world *world)
{
    struct guard *guard = make(version);
    struct guard_sink sink = {to_backend, to_client, world};
    enum guard_status status = GUARD_OK;
    for (size_t at = 0; at < client.length && status == GUARD_OK; at += step) {
        size_t there = client.length - at < step ? client.length - at : step;
        status = guard_from_client(guard, (struct span){client.data + at, there}, &sink);
    }
    for (size_t at = 0; at < backend.length && status == GUARD_OK; at += step) {
        size_t there = backend.length - at < step ? backend.length - at : step;
        status = guard_from_backend(guard, (struct span){backend.data + at, there}, &sink);
    }
    guard_free(guard);
    return status;
}

static void check_passed(enum mqtt_version version, struct span passed)
{
    struct mqtt_frame frame;
    struct mqtt_publish publish;
    if (passed.length == 0) return;
    for (size_t at = 0; mqtt_frame_decode(&frame, passed.data + at, passed.length - at) == MQTT_OK;
         at += frame.header_length + frame.remaining_length) {
        size_t whole = frame.header_length + frame.remaining_length;
        if (whole > passed.length - at) return;
        if (frame.type != MQTT_PUBLISH) continue;
        if (mqtt_publish_decode(&publish, version, passed.data + at, whole) != MQTT_OK) continue;
        CHECK(publish.topic.length == 0 ||
              (publish.topic.length >= 5 && memcmp(publish.topic.data, "ok/me", 5) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    if (length < 4) return 0;
    enum mqtt_version version = (enum mqtt_version)(3 + data[0] % 3);
    size_t split = data[1] * (length - 4) / 255;
    struct span client = {data + 4, split};
    struct span backend = {data + 4 + split, length - 4 - split};
    struct world whole = {0};
    struct world cut = {0};
    enum guard_status first = run(version, client, backend, length, &whole);
    enum guard_status second = run(version, client, backend, 1 + data[2] % 7, &cut);
    CHECK(first == second);
    if (first == GUARD_OK) {
        CHECK(whole.backend.length == cut.backend.length);
        CHECK(whole.backend.length == 0 ||
              memcmp(whole.backend.data, cut.backend.data, whole.backend.length) == 0);
    }
    check_passed(version, (struct span){whole.backend.data, whole.backend.length});
    free(whole.backend.data);
    free(whole.client.data);
    free(cut.backend.data);
    free(cut.client.data);
    return 0;
}
