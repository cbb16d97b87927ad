// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_pair FILE: two processes that pass a number to and fro over a TCP
 * connection, one more each time. FILE always holds the last one, or "broken"
 * as soon as one is lost, comes twice, or the connection fails.
 *
 * It has a session, no terminal and no other descriptors, so that a
 * checkpointer can dump it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int file;

static void show(const char *text)
{
	if (pwrite(file, text, strlen(text), 0) < 0)
		_exit(1);
}

static void broken(const char *why)
{
	show(why);
	_exit(1);
}

/* The one that begins sends @next, which is one more than the last it got. */
static void pass(int fd, uint64_t next, int begins)
{
	char text[32];
	uint64_t got;

	for (;; begins = 1) {
		if (begins) {
			if (send(fd, &next, sizeof(next), MSG_NOSIGNAL) !=
			    sizeof(next))
				broken("broken: send\n");
			next += 2;
		}
		if (recv(fd, &got, sizeof(got), MSG_WAITALL) != sizeof(got))
			broken("broken: recv\n");
		if (got != next - 1)
			broken("broken: order\n");
		if (next & 1) {
			snprintf(text, sizeof(text), "%012llu\n",
				 (unsigned long long)got);
			show(text);
			usleep(1000);
		}
	}
}

static int connected(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		broken("broken: connect\n");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener, fd, null;

	if (argc != 2)
		errx(2, "usage: helper_pair FILE");
	close_range(3, ~0U, 0);
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	null = open("/dev/null", O_RDWR);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (file < 0 || null < 0 ||
	    bind(listener, (struct sockaddr *)&at, len) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len))
		err(1, "cannot begin");
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	close(null);
	if (fork()) {
		fd = accept(listener, NULL, NULL);
		close(listener);
		pass(fd, 1, 0);
	}
	close(listener);
	pass(connected(&at), 0, 1);
	return 1;
}
