// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/login.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "broker/client.h"
#include "broker/connect.h"
#include "broker/internal.h"
#include "broker/leave.h"
#include "mqtt/connect.h"
#include "mqtt/reason.h"

/* One password to be compared. While it runs nobody but its thread touches `right`. */
struct login_job {
    uv_work_t work;
    struct broker *broker;
    struct client *client; /* NULL: it does not wait any more */
    struct login_job *next;
    struct login_job **link; /* what points to this one; NULL: it runs */
    bool known;
    bool right;
    char hash[PASSWORD_HASH_ROOM];
    struct login_user *user;
    size_t password_length;
    uint8_t password[];
};

static struct password_file *load(const char *path, struct err *err)
{
    struct password_file *users = password_file_load(path, err);
    struct log_line line;
    if (users == NULL) return NULL;
    log_begin(&line, LOG_INFO, "password file loaded");
    log_text(&line, "file", path);
    log_number(&line, "users", (int64_t)password_file_count(users));
    log_end(&line);
    return users;
}

bool login_open(struct broker *broker, const struct broker_access *access, struct err *err)
{
    struct login *login = &broker->login;
    const struct span nobody = {0};
    login->last = &login->first;
    login->by_certificate = access->certificate_login;
    if (access->password_file == NULL) return true;
    if (!password_hash(nobody, login->decoy, err)) return false;
    login->users = load(access->password_file, err);
    if (login->users == NULL) return false;
    login->path = strdup(access->password_file);
    return login->path != NULL || err_set(err, "out of memory");
}

/* Of the hash that a client has been compared with: another one later is another password. */
static uint32_t proof_of(const char *hash)
{
    return hash_keyed(hash, strlen(hash));
}

static bool still_holds(const struct login *login, const struct login_user *user)
{
    const struct span name = {user->name, user->name_length};
    const char *hash = password_file_find(login->users, name);
    return hash != NULL && proof_of(hash) == user->proof;
}

void login_reload(struct broker *broker)
{
    struct login *login = &broker->login;
    struct err err;
    if (login->path == NULL || broker->stopping) return;
    struct password_file *users = load(login->path, &err);
    if (users == NULL) {
        log_event(LOG_ERROR, "password file not loaded, the old users stay", err.text);
        return;
    }
    password_file_free(login->users);
    login->users = users;
    struct client *next = NULL;
    for (struct client *client = broker->clients; client != NULL; client = next) {
        next = client->next;
        if (client->user != NULL && !client->user->verified && !still_holds(login, client->user))
            leave_told(client, MQTT_REASON_NOT_AUTHORIZED);
    }
}

void login_clear(struct login *login)
{
    assert(login->running == 0 && login->waiting == 0);
    password_file_free(login->users);
    free(login->path);
    *login = (struct login){0};
}

static void job_free(struct login_job *job)
{
    explicit_bzero(job->password, job->password_length);
    free(job->user);
    free(job);
}

/* On a thread of the pool. */
static void on_work(uv_work_t *work)
{
    struct login_job *job = CONTAINER_OF(work, struct login_job, work);
    const struct span password = {job->password, job->password_length};
    job->right = password_matches(job->hash, password);
}

static void run_next(struct broker *broker);

static void on_worked(uv_work_t *work, int status)
{
    struct login_job *job = CONTAINER_OF(work, struct login_job, work);
    struct broker *broker = job->broker;
    struct client *client = job->client;
    bool granted = status == 0 && job->known && job->right;
    broker->login.running--;
    if (client != NULL) {
        client->login = NULL;
        if (granted) {
            free(client->user);
            client->user = job->user;
            job->user = NULL;
        }
        connect_logged_in(client, granted ? LOGIN_GRANTED : LOGIN_WRONG);
    }
    job_free(job);
    run_next(broker);
    broker_handle_closed(broker);
}

static void unlink_waiting(struct login *login, struct login_job *job)
{
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
    else
        login->last = job->link;
    job->link = NULL;
    login->waiting--;
}

static void run_next(struct broker *broker)
{
    struct login *login = &broker->login;
    while (login->running < LOGIN_AT_ONCE && login->first != NULL) {
        struct login_job *job = login->first;
        unlink_waiting(login, job);
        login->running++;
        (void)uv_queue_work(broker->loop, &job->work, on_work, on_worked); /* fails without work */
    }
}

void login_cancel(struct client *client)
{
    struct login_job *job = client->login;
    if (job == NULL) return;
    client->login = NULL;
    job->client = NULL;
    if (job->link == NULL) return; /* it runs, and is freed when it has run */
    unlink_waiting(&client->broker->login, job);
    job_free(job);
}

struct login_user *login_user_new(struct span name, bool verified)
{
    struct login_user *user = calloc(1, sizeof *user + name.length);
    if (user == NULL) return NULL;
    user->verified = verified;
    user->name_length = (uint16_t)name.length;
    if (name.length != 0) memcpy(user->name, name.data, name.length);
    return user;
}

static struct login_job *job_new(struct broker *broker, const struct mqtt_connect *connect)
{
    struct login_job *job = calloc(1, sizeof *job + connect->password.length);
    struct login_user *user = login_user_new(connect->username, false);
    const char *hash = password_file_find(broker->login.users, connect->username);
    if (job == NULL || user == NULL) {
        free(job);
        free(user);
        return NULL;
    }
    job->broker = broker;
    job->known = hash != NULL;
    (void)snprintf(job->hash, sizeof job->hash, "%s", hash != NULL ? hash : broker->login.decoy);
    job->user = user;
    user->proof = proof_of(job->hash);
    job->password_length = connect->password.length;
    if (job->password_length != 0)
        memcpy(job->password, connect->password.data, job->password_length);
    return job;
}

enum login_state login_ask(struct client *client, const struct mqtt_connect *connect)
{
    struct broker *broker = client->broker;
    struct login *login = &broker->login;
    if (login->path == NULL) return LOGIN_GRANTED;
    if (login->by_certificate && client->user != NULL && !connect->has_password)
        return LOGIN_GRANTED;
    if (!connect->has_username) return LOGIN_ANONYMOUS;
    if (login->waiting >= LOGIN_MOST_WAITING) return LOGIN_BUSY;
    struct login_job *job = job_new(broker, connect);
    if (job == NULL) return LOGIN_BUSY;
    job->client = client;
    client->login = job;
    job->link = login->last;
    *login->last = job;
    login->last = &job->next;
    login->waiting++;
    run_next(broker);
    return LOGIN_WAITS;
}
