// SPDX-License-Identifier: GPL-3.0-or-later
/* From a file to a configuration, or to everything that is wrong with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/arena.h"
#include "config/bind.h"
#include "config/config.h"
#include "config/diagnostics.h"
#include "config/document.h"
#include "config/schema.h"
#include "config/validate.h"

/* What config_load gives is the first member of this. */
struct holding {
    struct config config;
    struct arena arena;
    struct bind places; /* only its places are left */
};

/* The directory of `path`, absolute; where relative paths begin. */
static const char *directory_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    if (slash == path) return "";
    if (path[0] == '/') return arena_text(arena, path, (size_t)(slash - path));
    char *here = getcwd(NULL, 0);
    const char *base = here ? here : ".";
    char *directory = slash ? arena_format(arena, "%s/%.*s", base, (int)(slash - path), path)
                            : arena_format(arena, "%s", base);
    free(here);
    return directory;
}

/* What the caller has opened for us, as the process substitution of a shell. */
static bool is_handed_in(const char *path)
{
    return strcmp(path, "/dev/stdin") == 0 || strncmp(path, "/dev/fd/", 8) == 0 ||
           strncmp(path, "/proc/self/fd/", 14) == 0;
}

/* A FIFO would wait for a writer, a device may never end. -1: `why` is set. */
static int open_file(const char *path, const char **why)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0) {
        *why = strerror(errno);
    } else if (S_ISREG(status.st_mode) ||
               (is_handed_in(path) && fcntl(fd, F_SETFL, 0) == 0)) { /* to wait for its writer */
        return fd;
    } else {
        *why = "it is not a regular file";
    }
    if (fd >= 0) (void)close(fd); /* read only */
    return -1;
}

/* `before` (NULL: not wanted) is what the file was before it was read. */
static bool read_all(const char *path, char **text, size_t *length, struct stat *before,
                     struct diagnostics *found)
{
    struct config_mark nowhere = {1, 1};
    size_t room = DOCUMENT_BYTES_MAX + 1;
    *text = NULL;
    *length = 0;
    if (before != NULL && stat(path, before) != 0) *before = (struct stat){0};
    const char *why = NULL;
    int file = open_file(path, &why);
    if (file >= 0) *text = malloc(room);
    while (*text && *length < room) {
        ssize_t count = read(file, *text + *length, room - *length);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) goto fail;
        if (count == 0) break;
        *length += (size_t)count;
    }
    if (!*text) goto fail;
    (void)close(file); /* read only */
    return true;
fail:
    diagnostics_error(found, nowhere, "cannot read the file: %s",
                      why != NULL ? why : strerror(errno));
    free(*text);
    *text = NULL;
    if (file >= 0) (void)close(file); /* read only */
    return false;
}

static void fill(struct bind *bind, const char *text, size_t length, struct config *config)
{
    struct document document;
    if (!document_load(&document, text, length, bind->found)) return;
    if (document_root(&document)) {
        bind->document = &document;
        bind_map(bind, &schema_root, document_root(&document), config);
        bind_seal(bind);
        validate(bind, config);
        bind->document = NULL;
    } else {
        diagnostics_error(bind->found, (struct config_mark){1, 1},
                          "the file is empty: it needs at least listeners and backends");
    }
    document_clear(&document);
}

static struct config *parse(const char *path, const char *text, size_t length,
                            struct diagnostics *found)
{
    struct holding *holding = calloc(1, sizeof *holding);
    CHECK(holding != NULL);
    holding->config.path = arena_text(&holding->arena, path, strlen(path));
    holding->places = (struct bind){
        .found = found, .arena = &holding->arena, .directory = directory_of(path, &holding->arena)};
    fill(&holding->places, text, length, &holding->config);
    holding->places.found = NULL;
    if (found->errors == 0) return &holding->config;
    config_free(&holding->config);
    return NULL;
}

struct config *config_parse(const char *path, const char *text, size_t length,
                            config_finding_fn *found, void *arg)
{
    struct diagnostics findings = {0};
    struct config *config = parse(path, text, length, &findings);
    diagnostics_tell(&findings, path, found, arg);
    diagnostics_clear(&findings);
    return config;
}

struct config *config_load(const char *path, config_finding_fn *found, void *arg)
{
    struct diagnostics findings = {0};
    char *text = NULL;
    size_t length = 0;
    struct config *config = NULL;
    struct stat before = {0};
    if (read_all(path, &text, &length, &before, &findings))
        config = parse(path, text, length, &findings);
    if (config != NULL) config->file = before;
    free(text);
    diagnostics_tell(&findings, path, found, arg);
    diagnostics_clear(&findings);
    return config;
}

void config_free(struct config *config)
{
    if (!config) return;
    struct holding *holding = CONTAINER_OF(config, struct holding, config);
    bind_clear(&holding->places);
    arena_clear(&holding->arena);
    free(holding);
}

struct config_mark config_mark_of(const struct config *config, const void *field)
{
    const struct holding *holding = (const void *)config;
    return bind_mark(&holding->places, field);
}

/* What config_broker_load gives is the first member of this. */
struct broker_holding {
    struct config_broker broker;
    struct arena arena;
};

static void fill_broker(struct bind *bind, const char *path, struct config_broker *out)
{
    struct document document;
    char *text = NULL;
    size_t length = 0;
    if (read_all(path, &text, &length, NULL, bind->found) &&
        document_load(&document, text, length, bind->found)) {
        bind->document = &document;
        if (document_root(&document)) /* else all of it is as it is without a file */
            bind_map(bind, &schema_broker, document_root(&document), out);
        bind_seal(bind);
        validate_broker(bind, out);
        document_clear(&document);
    }
    free(text);
}

struct config_broker *config_broker_load(const char *path, config_finding_fn *found, void *arg)
{
    struct diagnostics findings = {0};
    struct broker_holding *holding = calloc(1, sizeof *holding);
    CHECK(holding != NULL);
    struct bind bind = {.found = &findings, .arena = &holding->arena, .directory = ""};
    bind_defaults(&bind, &schema_broker, &holding->broker);
    if (path) {
        bind.directory = directory_of(path, &holding->arena);
        fill_broker(&bind, path, &holding->broker);
    }
    bool good = findings.errors == 0;
    diagnostics_tell(&findings, path ? path : "", found, arg);
    diagnostics_clear(&findings);
    bind_clear(&bind);
    if (good) return &holding->broker;
    config_broker_free(&holding->broker);
    return NULL;
}

void config_broker_free(struct config_broker *broker)
{
    if (!broker) return;
    struct broker_holding *holding = CONTAINER_OF(broker, struct broker_holding, broker);
    arena_clear(&holding->arena);
    free(holding);
}
