// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_dial PATH: for each line of standard input one more connection to the
 * unix socket PATH, which is held. Says "connected" each time.
 */
#include <err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char line[16];
	int fd;

	if (argc != 2)
		errx(2, "usage: helper_dial PATH");
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", argv[1]);
	while (fgets(line, sizeof(line), stdin)) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			err(1, "cannot connect to %s", to.sun_path);
		puts("connected");
		fflush(stdout);
	}
	for (;;)
		pause();
}
