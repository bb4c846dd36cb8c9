// SPDX-License-Identifier: GPL-3.0-or-later
/* The process itself, under the names that Prometheus' own libraries give such things. */
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/admin/metrics.h"
#include "proxy/admission/descriptors.h"
#include "proxy/tls/wolfssl.h"

static double resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0; // NOLINT(cert-err34-c): ours
    (void)fclose(file);                                                /* nothing was written */
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void put_process(struct exposition *out, const struct board *board)
{
    struct rusage used = {0};
    struct rlimit files = {0, 0};
    (void)getrusage(RUSAGE_SELF, &used); /* these cannot fail for ourselves */
    (void)getrlimit(RLIMIT_NOFILE, &files);
    exposition_begin(out, "process_start_time_seconds", EXPOSITION_GAUGE,
                     "When the process started, in seconds since 1970.");
    exposition_value(out, NULL, (double)board->started_at);
    exposition_begin(out, "process_cpu_seconds_total", EXPOSITION_COUNTER,
                     "Processor time spent, of user and system together.");
    exposition_value(out, NULL, seconds(&used.ru_utime) + seconds(&used.ru_stime));
    exposition_begin(out, "process_resident_memory_bytes", EXPOSITION_GAUGE,
                     "Memory in use that is not swapped out.");
    exposition_value(out, NULL, resident_bytes());
    exposition_begin(out, "process_open_fds", EXPOSITION_GAUGE, "Open file descriptors.");
    exposition_value(out, NULL, (double)descriptors_open());
    exposition_begin(out, "process_max_fds", EXPOSITION_GAUGE, "The most that may be open.");
    exposition_value(out, NULL, (double)files.rlim_cur);
}

void metrics_process(struct exposition *out, struct board *board)
{
    struct reload_results reloads = reload_report_read(board->sources.reloads);
    exposition_begin(out, "postern_config_reloads_total", EXPOSITION_COUNTER,
                     "Reloads of the configuration and its files, by result.");
    exposition_value(out, EXPOSITION_LABELS({"result", "success"}), (double)reloads.succeeded);
    exposition_value(out, EXPOSITION_LABELS({"result", "failure"}), (double)reloads.failed);
    exposition_begin(out, "postern_config_last_reload_successful", EXPOSITION_GAUGE,
                     "Whether the last reload succeeded; 1 before the first one.");
    exposition_value(out, NULL, reloads.last_ms == 0 || reloads.last_succeeded);
    exposition_begin(out, "postern_config_loaded_timestamp_seconds", EXPOSITION_GAUGE,
                     "When the configuration that serves was loaded, in seconds since 1970.");
    exposition_value(out, NULL, (double)board_loaded_at(board));
    exposition_begin(out, "postern_build_info", EXPOSITION_GAUGE,
                     "1, with the versions of Postern and its libraries.");
    exposition_value(out,
                     EXPOSITION_LABELS({"version", POSTERN_VERSION},
                                       {"wolfssl", wolfSSL_lib_version()},
                                       {"libuv", uv_version_string()}),
                     1);
    exposition_begin(out, "postern_workers", EXPOSITION_GAUGE, "Worker threads.");
    exposition_value(out, NULL, board->sources.workers);
    exposition_begin(out, "postern_draining", EXPOSITION_GAUGE,
                     "Whether clients are being let go before the end.");
    exposition_value(out, NULL, atomic_load(board->sources.draining));
    put_process(out, board);
}
