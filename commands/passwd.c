// SPDX-License-Identifier: GPL-3.0-or-later
/* postern passwd: the users of the included broker. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "broker/password.h"
#include "broker/password_file.h"
#include "commands/commands.h"
#include "commands/options.h"

enum { LONGEST_PASSWORD = 65535 }; /* what a CONNECT can hold */

struct secret {
    char text[LONGEST_PASSWORD + 3]; /* with an end of line */
};

/* Reads a line, without its end. */
static bool read_line(FILE *in, struct secret *out, struct err *err)
{
    if (fgets(out->text, sizeof out->text, in) == NULL)
        return err_set(err, "no password was given");
    out->text[strcspn(out->text, "\r\n")] = '\0';
    if (out->text[0] == '\0') return err_set(err, "the password is empty");
    if (strlen(out->text) > LONGEST_PASSWORD) return err_set(err, "the password is too long");
    return true;
}

static bool ask(FILE *terminal, const char *prompt, struct secret *out, struct err *err)
{
    struct termios before;
    if (tcgetattr(fileno(terminal), &before) != 0)
        return err_set(err, "there is no terminal to ask for a password: use --stdin");
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &silent); /* it is a terminal, as just seen */
    (void)fputs(prompt, terminal);
    (void)fflush(terminal);
    bool done = read_line(terminal, out, err);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    (void)fputs("\n", terminal);
    return done;
}

static bool ask_twice(struct secret *out, struct err *err)
{
    static struct secret again;
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (terminal == NULL)
        return err_set(err, "there is no terminal to ask for a password: use --stdin");
    bool done = ask(terminal, "Password: ", out, err) && ask(terminal, "Again: ", &again, err);
    if (done && strcmp(out->text, again.text) != 0)
        done = err_set(err, "these were two different passwords");
    explicit_bzero(&again, sizeof again);
    (void)fclose(terminal); /* all that was written to it has been read */
    return done;
}

static bool set(const char *path, const char *name, bool from_stdin, struct err *err)
{
    static struct secret password;
    char hash[PASSWORD_HASH_ROOM];
    if (!password_file_name_is_valid(span_of(name)))
        return err_set(err, "a user name is printable text without a colon, and does not begin "
                            "with #");
    bool done = from_stdin ? read_line(stdin, &password, err) : ask_twice(&password, err);
    done = done && password_hash(span_of(password.text), hash, err);
    explicit_bzero(&password, sizeof password);
    return done && password_file_set(path, name, hash, err);
}

int passwd_main(int argc, char **argv)
{
    int code;
    struct err err;
    bool from_stdin = false;
    bool removes = false;
    struct option_values words = {0};
    const struct option_spec specs[] = {
        {"stdin",  0, NULL, "the password is the first line of the standard input",
         .on = &from_stdin                                                                        },
        {"delete", 0, NULL, "the user may not log in any more",                     .on = &removes},
    };
    const struct options_command command = {
        "passwd",
        "Sets the password of a user of the included broker in FILE (password_file), which is made "
        "where it is not there. Only a salted hash of it is kept (argon2id).",
        specs,
        ARRAY_LENGTH(specs),
        "FILE USERNAME",
        &words,
        2,
        2};
    if (!options_read(&command, argc, argv, &code)) return code;
    const char *path = words.items[0];
    const char *name = words.items[1];
    bool done = removes ? password_file_set(path, name, NULL, &err)
                        : set(path, name, from_stdin, &err);
    if (done) return 0;
    (void)fprintf(stderr, "postern passwd: %s\n", err.text);
    return 1;
}
