// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_listen [PATH]: accept connections at a unix socket, or at a TCP port of
 * the kernel's choice, and hold them. What it listens at is printed.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at_port(void)
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
	return listener;
}

static int listen_at_path(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(at.sun_path);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 16))
		err(1, "cannot listen at %s", path);
	printf("%s\n", path);
	return listener;
}

int main(int argc, char **argv)
{
	int listener = argc > 1 ? listen_at_path(argv[1]) : listen_at_port();

	fflush(stdout);
	for (;;)
		if (accept(listener, NULL, NULL) < 0)
			pause();
}
