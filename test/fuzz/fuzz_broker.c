// SPDX-License-Identifier: GPL-3.0-or-later
/* Several clients of the included broker at once, in every version. The input is a list of steps, a
 * byte that says who does what, and a byte that says how, or how many bytes of the input are sent
 * as they are. Whatever the broker sends has to be packets. */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "broker/broker.h"
#include "mqtt/acks.h"
#include "mqtt/connect.h"
#include "mqtt/frame.h"
#include "mqtt/publish.h"

enum { CLIENTS = 4, STEPS = 200, TURNS = 2 };

enum what { SEND_RAW, CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH, ANSWER, LEAVE, DROP };

struct peer {
    int fd; /* -1: not connected */
    enum mqtt_version version;
    uint8_t unread[8192];
    size_t unread_length;
};

struct stage {
    uv_loop_t loop;
    struct broker *broker;
    struct peer peers[CLIENTS];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void turn(struct stage *stage)
{
    for (int i = 0; i < TURNS; i++)
        (void)uv_run(&stage->loop, UV_RUN_NOWAIT);
}

static void drop(struct peer *peer)
{
    if (peer->fd >= 0) (void)close(peer->fd);
    peer->fd = -1;
    peer->unread_length = 0;
}

static void dial(struct stage *stage, struct peer *peer)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    peer->fd = ends[1];
    peer->version = MQTT_3_1_1;
    (void)broker_adopt(stage->broker, ends[0], NULL);
}

static void send_bytes(struct stage *stage, struct peer *peer, const uint8_t *data, size_t length)
{
    if (peer->fd < 0) dial(stage, peer);
    (void)!write(peer->fd, data, length);
    turn(stage);
}

/* The acknowledgement of what has come, or nothing. */
static size_t answer_of(const struct peer *peer, const struct mqtt_frame *frame,
                        const uint8_t *packet, uint8_t room[16])
{
    struct bytes_writer out = bytes_writer_of(room, 16);
    struct mqtt_ack ack = {0};
    const uint8_t *body = packet + frame->header_length;
    if (frame->type == MQTT_PUBLISH && (frame->flags & 6) != 0) {
        size_t at = 2U + ((size_t)body[0] << 8 | body[1]);
        ack.type = (frame->flags & 2) != 0 ? MQTT_PUBACK : MQTT_PUBREC;
        ack.packet_id = (uint16_t)(body[at] << 8 | body[at + 1]);
    } else if (frame->type == MQTT_PUBREC || frame->type == MQTT_PUBREL) {
        ack.type = frame->type == MQTT_PUBREC ? MQTT_PUBREL : MQTT_PUBCOMP;
        ack.packet_id = (uint16_t)(body[0] << 8 | body[1]);
    } else {
        return 0;
    }
    mqtt_ack_encode(&out, peer->version, &ack);
    return out.length;
}

/* Reads what the broker has sent, which must be packets, and answers it if it is to. */
static void receive(struct stage *stage, struct peer *peer, bool answer)
{
    if (peer->fd < 0) return;
    ssize_t got = read(peer->fd, peer->unread + peer->unread_length,
                       sizeof peer->unread - peer->unread_length);
    if (got > 0) peer->unread_length += (size_t)got;
    size_t used = 0;
    while (used < peer->unread_length) {
        struct mqtt_frame frame;
        uint8_t room[16];
        const uint8_t *packet = peer->unread + used;
        enum mqtt_status status = mqtt_frame_decode(&frame, packet, peer->unread_length - used);
        if (status == MQTT_NEED_MORE) break;
        CHECK(status == MQTT_OK);
        size_t whole = frame.header_length + frame.remaining_length;
        if (whole > peer->unread_length - used) break;
        size_t length = answer ? answer_of(peer, &frame, packet, room) : 0;
        if (length != 0) (void)!write(peer->fd, room, length);
        used += whole;
    }
    memmove(peer->unread, peer->unread + used, peer->unread_length - used);
    peer->unread_length -= used;
    turn(stage);
}

static void connect_peer(struct stage *stage, struct peer *peer, uint8_t how)
{
    static const uint8_t properties[] = {0x11, 0, 0, 0,    9, 0x21, 0, 2,
                                         0x22, 0, 3, 0x27, 0, 0,    0, 90};
    static const uint8_t will_properties[] = {0x18, 0, 0, 0, 1, 0x02, 0, 0, 0, 1};
    static const char *const ids[] = {"a", "b", "c", ""};
    uint8_t room[256];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    struct mqtt_connect connect = {.version = how % 3 + MQTT_3_1,
                                   .client_id = span_of(ids[how >> 2 & 3]),
                                   .clean_start = (how & 0x10) != 0};
    connect.will.present = (how & 0x20) != 0;
    connect.will.qos = how % 3;
    connect.will.retain = (how & 0x40) != 0;
    connect.will.topic = span_of("t/w");
    connect.will.payload = span_of("gone");
    if (how & 0x80) connect.properties = (struct span){properties, sizeof properties};
    if (how & 0x80)
        connect.will.properties = (struct span){will_properties, sizeof will_properties};
    mqtt_connect_encode(&out, &connect);
    drop(peer);
    dial(stage, peer);
    peer->version = connect.version;
    send_bytes(stage, peer, room, out.length);
}

static void put_head(struct bytes_writer *out, const struct peer *peer, enum mqtt_type type,
                     size_t rest)
{
    bool v5 = peer->version == MQTT_5;
    mqtt_frame_encode(out, type, 2, (uint32_t)(2 + (size_t)v5 + rest));
    bytes_put_u16(out, 7);
    if (v5) bytes_put_u8(out, 0);
}

static void subscribe(struct stage *stage, struct peer *peer, uint8_t how, bool end)
{
    static const char *const filters[] = {"t/#",          "t/+",          "#",   "t/a",
                                          "$share/g/t/+", "$share/h/t/#", "+/w", "$share/g/#"};
    uint8_t room[64];
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    struct span filter = span_of(filters[how & 7]);
    uint8_t options = (uint8_t)(how >> 3 & (peer->version == MQTT_5 ? 0x1f : 3));
    put_head(&out, peer, end ? MQTT_UNSUBSCRIBE : MQTT_SUBSCRIBE,
             2 + filter.length + (end ? 0 : 1));
    bytes_put_u16(&out, (uint16_t)filter.length);
    bytes_put(&out, filter.data, filter.length);
    if (!end) bytes_put_u8(&out, options);
    send_bytes(stage, peer, room, out.length);
}

static void publish(struct stage *stage, struct peer *peer, uint8_t how)
{
    static const char *const topics[] = {"t/a", "t/w", "t/b/c", "x"};
    static const uint8_t alias[] = {0x23, 0, 1};
    static const uint8_t expiry[] = {0x02, 0, 0, 0, 0};
    uint8_t room[256];
    uint8_t payload[64] = {0};
    struct bytes_writer out = bytes_writer_of(room, sizeof room);
    struct mqtt_publish packet = {.qos = how % 3,
                                  .retain = (how & 4) != 0,
                                  .topic = span_of(topics[how >> 3 & 3]),
                                  .packet_id = (uint16_t)(1 + (how >> 5 & 3))};
    packet.payload = (struct span){payload, how & 0x80 ? sizeof payload : how & 1};
    if (how & 0x40) packet.properties = (struct span){alias, sizeof alias};
    if (how & 0x20) packet.properties = (struct span){expiry, sizeof expiry};
    if ((how & 0x60) == 0x60) packet.topic.length = 0;
    mqtt_publish_encode(&out, peer->version, &packet);
    send_bytes(stage, peer, room, out.length);
}

static void leave(struct stage *stage, struct peer *peer, uint8_t how)
{
    static const uint8_t with_will[] = {0xe0, 0x07, 0x04, 0x05, 0x11, 0, 0, 0, 1};
    bool long_form = peer->version == MQTT_5 && (how & 1);
    send_bytes(stage, peer, long_form ? with_will : (const uint8_t *)"\xe0\0",
               long_form ? sizeof with_will : 2);
}

/* Does the step at the start of the input and returns how much of it that took. */
static size_t step(struct stage *stage, const uint8_t *data, size_t size)
{
    struct peer *peer = &stage->peers[data[0] % CLIENTS];
    uint8_t how = data[1];
    size_t length = how < size - 2 ? how : size - 2;
    enum what what = data[0] >> 2 & 7;
    if (what == SEND_RAW) {
        send_bytes(stage, peer, data + 2, length);
        return 2 + length;
    }
    if (what == CONNECT) connect_peer(stage, peer, how);
    if (what == SUBSCRIBE || what == UNSUBSCRIBE) subscribe(stage, peer, how, what == UNSUBSCRIBE);
    if (what == PUBLISH) publish(stage, peer, how);
    if (what == ANSWER) receive(stage, peer, (how & 1) != 0);
    if (what == LEAVE) leave(stage, peer, how);
    if (what == DROP) drop(peer);
    turn(stage);
    return 2;
}

static void open_stage(struct stage *stage)
{
    static const struct broker_limits limits = {.max_keep_alive_s = 60,
                                                .receive_maximum = 3,
                                                .max_packet_size = 1000,
                                                .topic_alias_maximum = 3,
                                                .max_sessions = CLIENTS + 1,
                                                .max_queued_messages = 5,
                                                .max_queued_bytes = 5000,
                                                .max_session_expiry_ms = 60000,
                                                .retain = true,
                                                .max_retained_bytes = 5000};
    (void)signal(SIGPIPE, SIG_IGN);
    CHECK(log_open(LOG_ERROR, LOG_TEXT, NULL, NULL));
    CHECK(uv_loop_init(&stage->loop) == 0);
    stage->broker = broker_new(&stage->loop, &limits);
    CHECK(stage->broker != NULL);
    for (size_t i = 0; i < CLIENTS; i++) {
        stage->peers[i].fd = -1;
        stage->peers[i].unread_length = 0;
    }
}

static void close_stage(struct stage *stage)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        receive(stage, &stage->peers[i], false);
        drop(&stage->peers[i]);
    }
    broker_stop(stage->broker, NULL, NULL);
    (void)uv_run(&stage->loop, UV_RUN_DEFAULT);
    broker_free(stage->broker);
    CHECK(uv_loop_close(&stage->loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage stage;
    open_stage(&stage);
    size_t at = 0;
    for (int steps = 0; steps < STEPS && size - at > 2; steps++)
        at += step(&stage, data + at, size - at);
    close_stage(&stage);
    return 0;
}
