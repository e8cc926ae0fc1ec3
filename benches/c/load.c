/* Load on a server: load SOCKET MESSAGE-FILE FRAMING MODE CLIENTS MILLISECONDS REQUESTS [PID CPU]
 *
 * Every client has one request outstanding. FRAMING says where a reply ends: "nul" behind a NUL
 * byte, "ssh" behind as many bytes as its first four say. MODE: "kept" connections, or "new" ones
 * for each request. It ends after MILLISECONDS, or after REQUESTS where that is not 0. With PID,
 * that server and this program are bound to processor CPU for the time of the measurement, so
 * that it does not depend on where the scheduler puts them.
 * Prints "requests nanoseconds p50-ns p99-ns". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct client { int fd; size_t got, want; long long sent; };

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char message[65536], reply[1 << 20];
static size_t length;
static int poll, ssh, renew;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void ask(struct client *c) {
    c->got = c->want = 0;
    c->sent = now();
    if (renew || c->fd < 0) {
        if (c->fd >= 0) close(c->fd);
        c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    }
    if (write(c->fd, message, length) != (ssize_t)length) fail("write");
}

/* Whether the reply is whole. */
static int answered(struct client *c) {
    ssize_t count = recv(c->fd, reply, sizeof reply, MSG_DONTWAIT);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) return 0;
        fail("the server closed a connection");
    }
    if (!ssh) return reply[count - 1] == 0;
    if (c->got == 0 && count >= 4) {
        unsigned char *b = (unsigned char *)reply;
        c->want = 4 + ((size_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]);
    }
    c->got += count;
    return c->want && c->got >= c->want;
}

static int by_size(const void *a, const void *b) {
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc < 8 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    int file = open(argv[2], O_RDONLY);
    ssize_t size = file < 0 ? -1 : read(file, message, sizeof message);
    if (size <= 0) fail("the message");
    length = size;
    ssh = !strcmp(argv[3], "ssh");
    renew = !strcmp(argv[4], "new");
    int clients = atoi(argv[5]);
    long long time = atoll(argv[6]) * 1000000LL, most = atoll(argv[7]);
    if (argc == 10) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(atoi(argv[9]), &one);
        sched_setaffinity(0, sizeof one, &one);
        sched_setaffinity(atoi(argv[8]), sizeof one, &one);
    }
    size_t room = 1 << 20, samples = 0;
    unsigned *taken = malloc(room * sizeof *taken);
    struct client *all = calloc(clients, sizeof *all);
    struct epoll_event events[256];
    poll = epoll_create1(0);
    long long begin = now(), done = 0, end = 0;
    for (int i = 0; i < clients; i++) {
        all[i].fd = -1;
        ask(&all[i]);
    }
    for (int over = 0; !over;) {
        int count = epoll_wait(poll, events, 256, 5000);
        if (count <= 0) fail("no reply within 5 s");
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (!answered(c)) continue;
            end = now();
            taken[samples++ % room] = end - c->sent;
            done++;
            over = most ? done >= most : end - begin >= time;
            if (over) break;
            ask(c);
        }
    }
    if (argc == 10) {
        cpu_set_t every;
        memset(&every, 0xff, sizeof every);
        sched_setaffinity(atoi(argv[8]), sizeof every, &every);
    }
    if (samples > room) samples = room;
    qsort(taken, samples, sizeof *taken, by_size);
    printf("%lld %lld %u %u\n", done, end - begin, taken[samples / 2], taken[samples * 99 / 100]);
    return 0;
}
