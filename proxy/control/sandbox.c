// SPDX-License-Identifier: GPL-3.0-or-later
#include "proxy/control/sandbox.h"

#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "proxy/admission/descriptors.h"
#include "proxy/control/landlock.h"
#include "proxy/control/privileges.h"
#include "proxy/control/syscalls.h"

#ifdef POSTERN_SANITIZED
enum { WITH_SANITIZER = true };
#else
enum { WITH_SANITIZER = false };
#endif

#define NOT_IN_KERNEL      "not in this kernel"
#define NOT_WITH_SANITIZER "not with a sanitizer"

static bool restrict_files(const struct config *config, char *told, size_t room, struct err *err)
{
    int version = landlock_enter(config, err);
    if (version < 0) return false;
    if (version == 0)
        (void)snprintf(told, room, "%s", NOT_IN_KERNEL);
    else
        (void)snprintf(told, room, "landlock %d", version);
    if (version > 0)
        file_explain_denial(
            "if its permissions are right, it is outside of the directories that the "
            "configuration named at the start: restart Postern, or send it SIGUSR2");
    return true;
}

static bool enter(const struct config *config, char *files, size_t room, const char **calls,
                  struct err *err)
{
    bool wants_files = config->sandbox == CONFIG_SANDBOX_ON ||
                       config->sandbox == CONFIG_SANDBOX_FILES;
    bool wants_calls = config->sandbox == CONFIG_SANDBOX_ON ||
                       config->sandbox == CONFIG_SANDBOX_SYSTEM_CALLS;
    if (WITH_SANITIZER) { /* which opens files and uses system calls of its own */
        (void)snprintf(files, room, "%s", NOT_WITH_SANITIZER);
        *calls = NOT_WITH_SANITIZER;
        return true;
    }
    if (wants_files && !restrict_files(config, files, room, err)) return false;
    if (!wants_calls) return true;
    *calls = "seccomp";
    return syscalls_restrict(err);
}

bool sandbox_enter(const struct config *config, struct err *err)
{
    char files[32] = "off";
    const char *calls = "off";
    struct log_line line;
    descriptors_look();
    bool locked = privileges_lock_memory();
    privileges_reduce();
    if (!enter(config, files, sizeof files, &calls, err)) return err_prefix(err, "sandbox");
    log_begin(&line, LOG_INFO, "sandbox");
    log_text(&line, "files", files);
    log_text(&line, "system_calls", calls);
    log_text(&line, "keys", locked ? "locked in memory" : "may be swapped out: raise LimitMEMLOCK");
    log_end(&line);
    return true;
}
