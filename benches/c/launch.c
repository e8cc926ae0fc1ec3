/* Runs a program once and says what it cost: launch INPUT PROGRAM [ARGUMENT...]
 *
 * Prints "wall-ns cpu-ns peak-rss-KiB status". A program of its own, and a small one, because the
 * peak memory of a child counts from what its parent had at the start. The child's standard output
 * and error are thrown away; INPUT ("-" for none) is its standard input. Before, it starts itself: what
 * a first start costs the launcher (functions that are bound, pages of its own) is not measured. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long ns(struct timeval t) { return t.tv_sec * 1000000000LL + t.tv_usec * 1000LL; }

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *input = strcmp(argv[1], "-") ? argv[1] : "/dev/null";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    struct rusage used;
    char *itself[] = {argv[0], NULL};
    now();
    if (posix_spawn(&pid, "/proc/self/exe", &files, NULL, itself, environ)) return 3;
    if (wait4(pid, &status, 0, &used) != pid) return 4;
    long long begin = now();
    if (posix_spawn(&pid, argv[2], &files, NULL, argv + 2, environ)) return 3;
    if (wait4(pid, &status, 0, &used) != pid) return 4;
    long long wall = now() - begin;
    printf("%lld %lld %ld %d\n", wall, ns(used.ru_utime) + ns(used.ru_stime), used.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
