// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/relay.h"

#include <stdlib.h>
#include <string.h>

/* Far over what one read of a backend leaves behind: only answers that a client asks TLS for, such
 * as key updates, and does not read can come to that. */
enum { MOST_PENDING_BYTES = 1024 * 1024 };

static struct span copy_of(struct span data)
{
    uint8_t *copy = malloc(data.length);
    if (copy != NULL) memcpy(copy, data.data, data.length);
    return (struct span){copy, copy == NULL ? 0 : data.length};
}

static void drop(struct span *owned)
{
    free((void *)(uintptr_t)owned->data);
    *owned = (struct span){NULL, 0};
}

bool relay_keep(struct relay *relay)
{
    struct tls_io *io = relay->io;
    if (relay->waiting.length > 0) return false;
    if (io->out_length == 0) return true;
    relay->waiting = copy_of((struct span){io->out, io->out_length});
    if (relay->waiting.length == 0) return false;
    (void)tls_io_take(io);
    return true;
}

static bool flush(struct relay *relay, bool last)
{
    if (relay->waiting.length > 0) {
        if (!tls_io_prepend(relay->io, relay->waiting)) return false;
        drop(&relay->waiting);
    }
    struct span out = tls_io_take(relay->io);
    if (!(last ? endpoint_write_last : endpoint_write)(relay->client, out)) return false;
    if (relay->client->pending > MOST_PENDING_BYTES) return false;
    if (relay->client->pending > 0 && relay->backend != NULL) endpoint_pause(relay->backend);
    return true;
}

bool relay_flush(struct relay *relay)
{
    return flush(relay, false);
}

bool relay_set_preface(struct relay *relay, struct span preface)
{
    drop(&relay->preface); /* one that could not be sent */
    relay->preface = copy_of(preface);
    return relay->preface.data != NULL;
}

void relay_clear(struct relay *relay)
{
    drop(&relay->preface);
    drop(&relay->waiting);
}

/* Some brokers take a header for whole only when one read brings all of it. */
static bool write_with_preface(struct relay *relay, struct span plaintext)
{
    size_t length = relay->preface.length + plaintext.length;
    uint8_t *together = malloc(length);
    if (together == NULL) return false;
    memcpy(together, relay->preface.data, relay->preface.length);
    memcpy(together + relay->preface.length, plaintext.data, plaintext.length);
    drop(&relay->preface);
    bool written = endpoint_write(relay->backend, (struct span){together, length});
    explicit_bzero(together, length); /* a CONNECT holds a password */
    free(together);
    return written;
}

bool relay_send_connect(struct relay *relay, struct span connect)
{
    return relay->preface.length > 0 ? write_with_preface(relay, connect)
                                     : endpoint_write(relay->backend, connect);
}

void relay_count_from_client(struct relay *relay, struct span plaintext)
{
    packets_follow(&relay->from_client, plaintext);
    relay->bytes_from_client += plaintext.length;
    counter_add(&relay->counters->bytes_in, plaintext.length);
}

bool relay_to_backend(struct relay *relay, struct span plaintext)
{
    relay_count_from_client(relay, plaintext);
    if (!(relay->client_ends ? endpoint_write_last : endpoint_write)(relay->backend, plaintext))
        return false;
    if (relay->backend->pending > 0) endpoint_pause(relay->client);
    return true;
}

bool relay_to_client(struct relay *relay, struct span plaintext)
{
    packets_follow(&relay->from_backend, plaintext);
    relay->bytes_from_backend += plaintext.length;
    counter_add(&relay->counters->bytes_out, plaintext.length);
    return tls_stream_write(relay->tls, relay->io, plaintext) && relay_flush(relay);
}

void relay_client_drained(struct relay *relay)
{
    if (relay->backend != NULL && !relay->backend_ended) endpoint_resume(relay->backend);
}

void relay_backend_drained(struct relay *relay)
{
    if (!relay->client_ended && !relay->client_held) endpoint_resume(relay->client);
}

void relay_hold_client(struct relay *relay)
{
    relay->client_held = true;
    endpoint_pause(relay->client);
}

void relay_release_client(struct relay *relay)
{
    relay->client_held = false;
    if (relay->backend == NULL || relay->backend->pending == 0) relay_backend_drained(relay);
}

bool relay_end_to_client(struct relay *relay)
{
    relay->backend_ended = true;
    if (relay->tls != NULL) tls_stream_close(relay->tls, relay->io);
    if (!flush(relay, true)) return false;
    endpoint_shutdown(relay->client);
    return true;
}

void relay_end_to_backend(struct relay *relay)
{
    relay->client_ended = true;
    if (relay->backend != NULL) endpoint_shutdown(relay->backend);
}
