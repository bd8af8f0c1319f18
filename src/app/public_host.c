#include "app/public_host.h"
#include "base/alloc.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Connecting a datagram socket sends nothing, it only picks a source address. */
static char *own_address(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) }, from = { 0 };
    socklen_t size = sizeof from;
    char text[INET_ADDRSTRLEN];
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(0xC0000201); /* 192.0.2.1, TEST-NET-1 (RFC 5737) */
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        getsockname(fd, (struct sockaddr *)&from, &size) != 0 ||
        !inet_ntop(AF_INET, &from.sin_addr, text, sizeof text))
        return NULL;
    return xstrdup(text);
}

char *public_host_of(const Settings *s)
{
    char *own;

    if (s->public_host[0] && !str_eq_nocase(s->public_host, "auto"))
        return xstrdup(s->public_host);
    if (s->publish_address[0] && !str_eq(s->publish_address, "0.0.0.0"))
        return xstrdup(s->publish_address);
    own = own_address();
    return own ? own : xstrdup("localhost");
}
