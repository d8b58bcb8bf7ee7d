#include "socket_bytes.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static bool bytes_arrived(int socket, uint64_t *ret_bytes)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);

    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received)) {
        return false; /* no TCP, or a kernel before 4.1 */
    }
    *ret_bytes = info.tcpi_bytes_received;
    return true;
}

bool socket_bytes_read(int socket, uint64_t *ret_bytes)
{
    uint64_t arrived;
    int waiting;

    if (!bytes_arrived(socket, &arrived) || ioctl(socket, FIONREAD, &waiting) != 0) {
        return false;
    }
    *ret_bytes = arrived > (uint64_t)waiting ? arrived - (uint64_t)waiting : 0;
    return true;
}
