// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/beside.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ENTRIES = 500 /* a folder of a distribution's CAs has some 300 */ };

static bool may_hold_certificates(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name &&
           (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0 || strcmp(dot, ".cer") == 0);
}

void beside_visit(const char *path, beside_fn *visit, void *arg)
{
    char folder[PATH_MAX];
    char candidate[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 1 : (int)(slash - path);
    if (length >= (int)sizeof folder) return;
    (void)snprintf(folder, sizeof folder, "%.*s", length, slash == NULL ? "." : path);
    DIR *dir = opendir(length == 0 ? "/" : folder);
    const struct dirent *entry = NULL;
    for (int i = 0; dir != NULL && i < MOST_ENTRIES && (entry = readdir(dir)) != NULL; i++) {
        if (!may_hold_certificates(entry->d_name)) continue;
        int used = snprintf(candidate, sizeof candidate, "%s/%s", folder, entry->d_name);
        if (used < 0 || (size_t)used >= sizeof candidate) continue;
        if (visit(arg, candidate)) break;
    }
    if (dir != NULL) (void)closedir(dir); /* it was only read */
}
