// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/inventory.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/table.h"
#include "mqtt/version.h"
#include "proxy/identity.h"

enum { SHARDS = 64, NAME_ROOM = 65, KEY_ROOM = 24, LONGEST_CLIENT_ID = 256, KEY_TEXT_ROOM = 600 };

struct entry {
    UT_hash_handle hh; /* the one that was not seen for the longest time comes first */
    char common_name[NAME_ROOM];
    char key[KEY_ROOM];
    unsigned key_bits;
    time_t certificate_not_after;
    unsigned tls_version;
    unsigned mqtt_version;
    const char *cipher;
    const char *group;
    time_t first_seen;
    time_t last_seen;
    uint64_t visits;
    uint64_t refusals;
    const char *last_refusal;
    unsigned connected;
    size_t listener_length;
    size_t name_length; /* of both names with their NULs */
    char name[];        /* listener NUL client id NUL */
};

/* A part of the identities with a lock of its own. */
struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t count;
};

struct inventory {
    size_t most; /* of one shard */
    struct shard shards[SHARDS];
};

struct inventory *inventory_new(size_t most)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (inventory == NULL) return NULL;
    hash_init();
    inventory->most = most / SHARDS + 1;
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_init(&inventory->shards[i].lock, NULL); /* cannot fail */
    return inventory;
}

static void drop(struct shard *shard, struct entry *entry)
{
    HASH_DEL(shard->entries, entry); // NOLINT(clang-analyzer-*): it is in the table
    shard->count--;
    free(entry);
}

void inventory_free(struct inventory *inventory)
{
    if (inventory == NULL) return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &inventory->shards[i];
        struct entry *entry = NULL;
        struct entry *next = NULL;
        HASH_ITER(hh, shard->entries, entry, next)
        {
            drop(shard, entry);
        }
        (void)pthread_mutex_destroy(&shard->lock); /* nobody holds it any more */
    }
    free(inventory);
}

/* -------------------------------------------------------------------------------------- identities
 */

struct name {
    char text[KEY_TEXT_ROOM];
    size_t length;
    size_t listener_length;
};

static struct name name_of(const char *listener, const char *client_id)
{
    struct name name;
    int used = snprintf(name.text, sizeof name.text, "%.255s", listener);
    name.listener_length = (size_t)used;
    int more = snprintf(name.text + used + 1, sizeof name.text - (size_t)used - 1, "%.*s",
                        LONGEST_CLIENT_ID, client_id == NULL ? "" : client_id);
    name.length = (size_t)used + 1 + (size_t)more + 1;
    return name;
}

static struct shard *shard_of(struct inventory *inventory, const struct name *name)
{
    return &inventory->shards[hash_keyed(name->text, name->length) % SHARDS];
}

static struct entry *find(const struct shard *shard, const struct name *name)
{
    struct entry *found = NULL;
    HASH_FIND(hh, shard->entries, name->text, name->length, found);
    return found;
}

static struct entry *add(const struct inventory *inventory, struct shard *shard,
                         const struct name *name)
{
    struct entry *entry = calloc(1, sizeof *entry + name->length);
    if (entry == NULL) return NULL;
    memcpy(entry->name, name->text, name->length);
    entry->name_length = name->length;
    entry->listener_length = name->listener_length;
    if (shard->count >= inventory->most) drop(shard, shard->entries);
    HASH_ADD(hh, shard->entries, name, name->length, entry); // NOLINT(clang-analyzer-*): as above
    if (entry->hh.tbl == NULL) {
        free(entry);
        return NULL;
    }
    shard->count++;
    return entry;
}

/* The seen one becomes the last that would have to go. NULL: out of memory, it is forgotten. */
static struct entry *touch(struct shard *shard, struct entry *entry)
{
    HASH_DEL(shard->entries, entry);
    HASH_ADD(hh, shard->entries, name, entry->name_length, entry);
    if (entry->hh.tbl != NULL) return entry;
    shard->count--;
    free(entry);
    return NULL;
}

static void put_text(char *out, size_t room, const char *text)
{
    (void)snprintf(out, room, "%s", text == NULL ? "" : text); /* a long one is cut */
}

static void update(struct entry *entry, const struct inventory_visit *visit)
{
    put_text(entry->common_name, sizeof entry->common_name, visit->common_name);
    put_text(entry->key, sizeof entry->key, visit->key);
    entry->key_bits = visit->key_bits;
    entry->certificate_not_after = visit->certificate_not_after;
    entry->tls_version = visit->tls_version;
    entry->mqtt_version = visit->mqtt_version;
    entry->cipher = visit->cipher;
    entry->group = visit->group;
    if (entry->first_seen == 0) entry->first_seen = visit->now;
    entry->last_seen = visit->now;
    entry->visits++;
}

static void see(struct inventory *inventory, const struct inventory_visit *visit,
                const char *refusal)
{
    struct name name = name_of(visit->listener, visit->client_id);
    struct shard *shard = shard_of(inventory, &name);
    (void)pthread_mutex_lock(&shard->lock); /* a plain mutex cannot fail */
    struct entry *entry = find(shard, &name);
    if (entry != NULL)
        entry = touch(shard, entry);
    else
        entry = add(inventory, shard, &name);
    if (entry != NULL) {
        update(entry, visit);
        entry->last_refusal = refusal;
        entry->refusals += refusal != NULL;
        entry->connected += refusal == NULL;
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

void inventory_admitted(struct inventory *inventory, const struct inventory_visit *visit)
{
    see(inventory, visit, NULL);
}

void inventory_refused(struct inventory *inventory, const struct inventory_visit *visit,
                       const char *reason)
{
    see(inventory, visit, reason);
}

void inventory_left(struct inventory *inventory, const char *listener, const char *client_id,
                    time_t now)
{
    struct name name = name_of(listener, client_id);
    struct shard *shard = shard_of(inventory, &name);
    (void)pthread_mutex_lock(&shard->lock); /* a plain mutex cannot fail */
    struct entry *entry = find(shard, &name);
    if (entry != NULL && entry->connected > 0) entry->connected--;
    if (entry != NULL) entry->last_seen = now;
    (void)pthread_mutex_unlock(&shard->lock);
}

/* ------------------------------------------------------------------------------------------- walk
 */

static struct inventory_item item_of(const struct entry *entry)
{
    return (struct inventory_item){
        .listener = entry->name,
        .client_id = entry->name + entry->listener_length + 1,
        .common_name = entry->common_name,
        .key = entry->key,
        .key_bits = entry->key_bits,
        .certificate_not_after = entry->certificate_not_after,
        .tls = entry->tls_version == IDENTITY_TLS_1_3 ? "1.3" : "1.2",
        .cipher = entry->cipher == NULL ? "" : entry->cipher,
        .group = entry->group == NULL ? "" : entry->group,
        .mqtt = mqtt_version_name(entry->mqtt_version),
        .first_seen = entry->first_seen,
        .last_seen = entry->last_seen,
        .visits = entry->visits,
        .refusals = entry->refusals,
        .last_refusal = entry->last_refusal == NULL ? "" : entry->last_refusal,
        .connected = entry->connected,
    };
}

void inventory_walk(struct inventory *inventory,
                    void (*each)(void *arg, const struct inventory_item *item), void *arg)
{
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &inventory->shards[i];
        struct entry *entry = NULL;
        struct entry *next = NULL;
        (void)pthread_mutex_lock(&shard->lock); /* a plain mutex cannot fail */
        HASH_ITER(hh, shard->entries, entry, next)
        {
            struct inventory_item item = item_of(entry);
            each(arg, &item);
        }
        (void)pthread_mutex_unlock(&shard->lock);
    }
}
