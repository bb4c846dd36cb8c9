// SPDX-License-Identifier: GPL-3.0-or-later
/* Stands in for libFuzzer: runs every file of the directories, or the files, that are named. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const char *path)
{
    FILE *file = fopen(path, "re");
    uint8_t *data = NULL;
    size_t size = 0;
    size_t room = 0;
    if (!file) return false;
    for (;;) {
        if (size == room) {
            room = room ? 2 * room : 4096;
            uint8_t *larger = realloc(data, room);
            if (!larger) abort();
            data = larger;
        }
        size_t count = fread(data + size, 1, room - size, file);
        if (count == 0) break;
        size += count;
    }
    bool ok = !ferror(file);
    (void)fclose(file); /* read only */
    /* A copy that ends where the input ends, so that the sanitizer sees a step beyond it. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) abort();
    memcpy(exact, data, size);
    free(data);
    if (ok) (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return ok;
}

static size_t replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;
    if (!directory) return replay(path) ? 1 : 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char file[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (!replay(file)) {
            (void)fprintf(stderr, "%s cannot be read\n", file);
            exit(1);
        }
        count++;
    }
    (void)closedir(directory); /* read only */
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_directory(argv[i]);
    (void)printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
