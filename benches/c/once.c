/* The least that a client can be: one connection, one message, one reply. once SOCKET */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char message[64];
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 3;
    if (write(fd, message, sizeof message) != sizeof message) return 4;
    return read(fd, message, sizeof message) == sizeof message ? 0 : 5;
}
