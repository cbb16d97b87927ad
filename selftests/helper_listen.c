// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_listen: accept connections at a port of the kernel's choice, which is
 * printed, and hold them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&at, len) ||
	    listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&at, &len))
		err(1, "cannot listen");
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	for (;;)
		if (accept(listener, NULL, NULL) < 0)
			pause();
}
