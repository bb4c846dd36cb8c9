// SPDX-License-Identifier: GPL-3.0-or-later
/* One line an event, as text or as JSON: a constant message and facts as fields. A line is built
 * on the caller's stack and leaves in one write, from any thread. What came from a peer is escaped
 * here. A sink that would block (a full pipe) or fails (a full disk) loses the line, never a
 * loop's time; the next line that passes says how many were lost. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

enum { LOG_LINE_BYTES = 4096 }; /* PIPE_BUF: such a line is never torn */

struct log_line {
    size_t length;
    bool on;
    char text[LOG_LINE_BYTES];
};

/* Where the lines go: standard error, or the file at `path` (borrowed), opened to append. */
MUST_USE bool log_open(enum log_level level, enum log_format format, const char *path,
                       struct err *err);
/* Opens the same path again, for log rotation; the old file stays when that fails. */
MUST_USE bool log_reopen(struct err *err);
/* Lets another user own the log file, so that it can be opened again by that one; not where a link
 * leads elsewhere. False: errno. */
bool log_give(uid_t user, gid_t group);
void log_close(void);
bool log_is_on(enum log_level level);

/* Begin, fields, end. When the level is off all of them return at once. `name` and `message` are
 * constants of ours: lower-case, not escaped. */
void log_begin(struct log_line *line, enum log_level level, const char *message);
void log_text(struct log_line *line, const char *name, const char *value);
void log_span(struct log_line *line, const char *name, struct span value);
void log_number(struct log_line *line, const char *name, int64_t value);
void log_bool(struct log_line *line, const char *name, bool value);
void log_end(struct log_line *line);
/* An event whose only fact is a sentence (an `err`): `message error="..."`. */
void log_event(enum log_level level, const char *message, const char *error);
/* A plain message without any fact. */
void log_note(enum log_level level, const char *message);
