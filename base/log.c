// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static struct {
    _Atomic int fd;
    enum log_level level;
    enum log_format format;
    char path[1024];
    pthread_mutex_t lock; /* between writing a line and changing the descriptor */
    atomic_uint_fast64_t lost;
} sink = {.fd = STDERR_FILENO, .level = LOG_INFO, .lock = PTHREAD_MUTEX_INITIALIZER};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
}

static void change_fd(int fd)
{
    (void)pthread_mutex_lock(&sink.lock); /* a plain mutex of ours cannot fail */
    int old = sink.fd;
    sink.fd = fd;
    (void)pthread_mutex_unlock(&sink.lock);
    if (old > STDERR_FILENO) (void)close(old); /* nothing to do about a failing close of a log */
}

bool log_open(enum log_level level, enum log_format format, const char *path, struct err *err)
{
    int fd = STDERR_FILENO;
    if (path != NULL) {
        if (strlen(path) >= sizeof sink.path)
            return err_set(err, "the path of the log file is longer than %zu bytes; shorten it",
                           sizeof sink.path - 1);
        fd = open_path(path);
        if (fd < 0)
            return err_set(err, "cannot open the log file %s: %s; make it writable for this user",
                           path, strerror(errno));
    }
    sink.level = level;
    sink.format = format;
    (void)snprintf(sink.path, sizeof sink.path, "%s", path == NULL ? "" : path);
    change_fd(fd);
    return true;
}

bool log_reopen(struct err *err)
{
    if (sink.path[0] == '\0') return true;
    int fd = open_path(sink.path);
    if (fd < 0)
        return err_set(err, "cannot reopen the log file %s: %s; the old one stays in use",
                       sink.path, strerror(errno));
    change_fd(fd);
    return true;
}

/* No pipe or device, and no file of somebody else's that a link in its place leads to. */
static bool is_ours_to_give(void)
{
    struct stat opened;
    struct stat named;
    return sink.path[0] != '\0' && fstat(sink.fd, &opened) == 0 && lstat(sink.path, &named) == 0 &&
           S_ISREG(opened.st_mode) && opened.st_nlink == 1 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

bool log_give(uid_t user, gid_t group)
{
    return !is_ours_to_give() || fchown(sink.fd, user, group) == 0;
}

void log_close(void)
{
    change_fd(STDERR_FILENO);
}

bool log_is_on(enum log_level level)
{
    return level >= sink.level;
}

static void put(struct log_line *line, const char *text, size_t length)
{
    size_t room = sizeof line->text - 3 - line->length; /* "}", newline and NUL always fit */
    if (length > room) length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void put_word(struct log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_time(struct log_line *line)
{
    int64_t now_ms = clock_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm parts;
    char text[40];
    if (gmtime_r(&now_s, &parts) == NULL) return;
    size_t used = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, sizeof text - used, ".%03dZ", (int)(now_ms % 1000));
    put_word(line, text);
}

void log_begin(struct log_line *line, enum log_level level, const char *message)
{
    static const char *const json_names[] = {"debug", "info", "warn", "error"};
    static const char *const text_names[] = {" debug ", " info  ", " warn  ", " error "};
    line->length = 0;
    line->on = log_is_on(level);
    if (!line->on) return;
    if (sink.format == LOG_JSON) {
        put_word(line, "{\"time\":\"");
        put_time(line);
        put_word(line, "\",\"level\":\"");
        put_word(line, json_names[level]);
        put_word(line, "\",\"message\":\"");
        put_word(line, message);
        put_word(line, "\"");
    } else {
        put_time(line);
        put_word(line, text_names[level]);
        put_word(line, message);
    }
}

/* A field must fit whole, or JSON would end inside it. */
static void put_field(struct log_line *line, const char *name, const char *value, bool quoted)
{
    bool json = sink.format == LOG_JSON;
    size_t need = strlen(name) + strlen(value) + 8;
    if (line->length + need > sizeof line->text - 3) return;
    put_word(line, json ? ",\"" : " ");
    put_word(line, name);
    put_word(line, json ? "\":" : "=");
    if (quoted) put_word(line, "\"");
    put_word(line, value);
    if (quoted) put_word(line, "\"");
}

static bool needs_quotes(const char *value)
{
    return value[0] == '\0' || strpbrk(value, " =\"\\") != NULL;
}

void log_span(struct log_line *line, const char *name, struct span value)
{
    char escaped[1536];
    if (!line->on) return;
    if (sink.format == LOG_JSON) {
        (void)text_escape_json(escaped, sizeof escaped, value);
        put_field(line, name, escaped, true);
    } else {
        (void)text_escape(escaped, sizeof escaped, value);
        put_field(line, name, escaped, needs_quotes(escaped));
    }
}

void log_text(struct log_line *line, const char *name, const char *value)
{
    if (value != NULL) log_span(line, name, span_of(value));
}

void log_number(struct log_line *line, const char *name, int64_t value)
{
    char text[24];
    if (!line->on) return;
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    put_field(line, name, text, false);
}

void log_bool(struct log_line *line, const char *name, bool value)
{
    if (line->on) put_field(line, name, value ? "true" : "false", false);
}

static bool write_line(const char *text, size_t length)
{
    (void)pthread_mutex_lock(&sink.lock);
    struct pollfd ready = {.fd = sink.fd, .events = POLLOUT};
    bool written = poll(&ready, 1, 0) == 1 && write(ready.fd, text, length) == (ssize_t)length;
    (void)pthread_mutex_unlock(&sink.lock);
    return written;
}

static void report_lost(void)
{
    uint_fast64_t lost = atomic_exchange(&sink.lost, 0);
    if (lost == 0) return;
    struct log_line line;
    log_begin(&line, LOG_WARN, "log lines were lost because the log could not be written");
    log_number(&line, "lines", (int64_t)lost);
    if (sink.format == LOG_JSON) line.text[line.length++] = '}';
    line.text[line.length++] = '\n';
    if (!write_line(line.text, line.length)) atomic_fetch_add(&sink.lost, lost);
}

void log_end(struct log_line *line)
{
    if (!line->on) return;
    if (sink.format == LOG_JSON) line->text[line->length++] = '}';
    line->text[line->length++] = '\n';
    if (!write_line(line->text, line->length))
        atomic_fetch_add(&sink.lost, 1);
    else
        report_lost();
    line->on = false;
}

void log_event(enum log_level level, const char *message, const char *error)
{
    struct log_line line;
    log_begin(&line, level, message);
    log_text(&line, "error", error);
    log_end(&line);
}

void log_note(enum log_level level, const char *message)
{
    struct log_line line;
    log_begin(&line, level, message);
    log_end(&line);
}
