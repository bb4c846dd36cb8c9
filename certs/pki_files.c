// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/pki_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { INDEX_MAX = 64 * 1024 * 1024 };

bool pki_path(struct pki_path *out, struct err *err, const char *folder, const char *name,
              const char *suffix)
{
    int length = snprintf(out->text, sizeof out->text, "%s/%s%s", folder, name, suffix);
    if (length >= 0 && (size_t)length < sizeof out->text) return true;
    return err_set(err, "the path of %s is too long", name);
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

bool pki_write(const char *path, const void *data, size_t length, mode_t mode, struct err *err)
{
    struct pki_path part;
    if (!pki_path(&part, err, path, "", "")) return false;
    size_t end = strlen(path); /* in place of the "/" */
    if (end + sizeof ".XXXXXX" > sizeof part.text) return err_set(err, "%s: path too long", path);
    memcpy(part.text + end, ".XXXXXX", sizeof ".XXXXXX");
    int fd = mkostemp(part.text, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) return err_set(err, "cannot write %s: %s", path, strerror(errno));
    bool done = write_all(fd, data, length) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    done = close(fd) == 0 && done && rename(part.text, path) == 0;
    if (done) return true;
    err_set(err, "cannot write %s: %s", path, strerror(errno));
    (void)unlink(part.text); /* there is nothing more to do about it */
    return false;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_serial(const char *text, uint8_t serial[ISSUE_SERIAL_BYTES])
{
    for (size_t i = 0; i < ISSUE_SERIAL_BYTES; i++) {
        int high = digit_of(text[2 * i]);
        int low = high < 0 ? -1 : digit_of(text[2 * i + 1]);
        if (low < 0) return false;
        serial[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_entry(struct pki_entry *out, const char *line)
{
    char *end;
    *out = (struct pki_entry){0};
    if (!read_serial(line, out->serial)) return false;
    out->not_after = strtoll(line + (size_t)2 * ISSUE_SERIAL_BYTES, &end, 10);
    out->revoked = strtoll(end, &end, 10);
    if (*end != ' ' || strlen(end + 1) >= sizeof out->name) return false;
    memcpy(out->name, end + 1, strlen(end + 1) + 1);
    return true;
}

static bool read_lines(struct pki_index *index, char *text, struct err *err)
{
    char *rest = NULL;
    size_t number = 1;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), number++) {
        struct pki_entry entry;
        if (!read_entry(&entry, line))
            return err_set(err, "%s: line %zu is broken", index->path.text, number);
        if (!pki_index_add(index, &entry, err)) return false;
    }
    return true;
}

bool pki_index_load(struct pki_index *out, const char *folder, struct err *err)
{
    size_t length;
    *out = (struct pki_index){.lock = -1};
    if (!pki_path(&out->path, err, folder, "private/index", ".txt")) return false;
    char private[PATH_MAX];
    (void)snprintf(private, sizeof private, "%s/private", folder); /* shorter than the path above */
    out->lock = open(private, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->lock < 0 || flock(out->lock, LOCK_EX) != 0) {
        err_set(err, "%s holds no PKI (%s: %s); make one with: postern certs init %s", folder,
                private, strerror(errno), folder);
        pki_index_clear(out);
        return false;
    }
    if (access(out->path.text, F_OK) != 0) return true;
    char *text = (char *)file_read(out->path.text, INDEX_MAX, &length, err);
    bool done = text != NULL && read_lines(out, text, err);
    free(text);
    if (!done) pki_index_clear(out);
    return done;
}

bool pki_index_add(struct pki_index *index, const struct pki_entry *entry, struct err *err)
{
    struct pki_entry *entries = realloc(index->entries, (index->count + 1) * sizeof *entries);
    if (entries == NULL) return err_set(err, "out of memory");
    entries[index->count++] = *entry;
    index->entries = entries;
    return true;
}

bool pki_index_save(const struct pki_index *index, struct err *err)
{
    enum { LINE_MAX_BYTES = 2 * ISSUE_SERIAL_BYTES + 2 * 22 + ISSUE_NAME_MAX + 2 };
    size_t room = index->count * LINE_MAX_BYTES + 1;
    size_t length = 0;
    char *text = malloc(room);
    if (text == NULL) return err_set(err, "out of memory");
    for (size_t i = 0; i < index->count; i++) {
        const struct pki_entry *entry = &index->entries[i];
        char serial[2 * ISSUE_SERIAL_BYTES + 1];
        text_hex(serial, (struct span){entry->serial, sizeof entry->serial});
        length += (size_t)snprintf(text + length, room - length, "%s %lld %lld %s\n", serial,
                                   (long long)entry->not_after, (long long)entry->revoked,
                                   entry->name); /* fits: see LINE_MAX_BYTES */
    }
    bool done = pki_write(index->path.text, text, length, 0600, err);
    free(text);
    return done;
}

void pki_index_clear(struct pki_index *index)
{
    if (index->lock >= 0) (void)close(index->lock); /* which unlocks */
    free(index->entries);
    *index = (struct pki_index){.lock = -1};
}
