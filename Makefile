# SPDX-License-Identifier: GPL-2.0-only
#
# make			build extsock.ko and extsockctl for the running kernel
# make KDIR=DIR		the same for the kernel whose build folder is DIR
# make check		boot a guest and run the tests in it
#	KERNEL=6.1|6.12|7.3|...	in this kernel; also 6.1-debug, 7.3-debug, 7.3-kcsan
#	ONLY=NAME			only this program of tests, or this test
#	RELOADS=N			load and unload so often in test_unload
# make check-all	the same in each of these kernels
# make build-matrix	build the module for all kernels whose headers are installed
# make mutants		break each promise in turn: does its test fail?
#	ONLY=NAME			only this one, or a pattern
# make fuzz		parsers of module and CLI, in user space: libFuzzer
#	SECONDS=N			for so long, over all of them; 120
#	ONLY=NAME			only this target
# make demo		show what it does, in a guest
# make shell		a prompt in a guest with the module loaded
# make lint		static checks
# make install		install module, CLI and man page
KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?= 6.1
KERNELS ?= 6.1 6.12 7.3 6.1-debug 7.3-debug 7.3-kcsan
SECONDS ?= 120
# Headers may ask for the type information of modules without having what it
# takes: pahole, or the kernel's own.
no_btf := CONFIG_DEBUG_INFO_BTF_MODULES=

all: module tools

module: $(KDIR)/Makefile
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(no_btf) modules

$(KDIR)/Makefile:
	@echo "There is no kernel build folder $(KDIR): install the headers of your kernel (Debian: apt install linux-headers-$$(uname -r)), or say make KDIR=DIR." >&2
	@false

tools:
	$(MAKE) -C tools/extsockctl

install: all
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(no_btf) modules_install
	$(MAKE) -C tools/extsockctl install

check:
	@selftests/vm/check.sh $(KERNEL) $(ONLY)

check-all:
	@status=0; for kernel in $(KERNELS); do \
		echo "== $$kernel"; \
		selftests/vm/check.sh $$kernel || status=1; \
	done; exit $$status

build-matrix:
	@selftests/vm/build-matrix.sh $(KDIRS)

mutants:
	@selftests/vm/mutants.sh $(KERNEL) $(ONLY)

fuzz:
	@selftests/vm/fuzz.sh $(SECONDS) $(ONLY)

demo:
	@selftests/vm/demo.sh $(KERNEL)

shell:
	@selftests/vm/shell.sh $(KERNEL)

lint:
	@selftests/vm/lint.sh

clean:
	$(MAKE) -C tools/extsockctl clean
	rm -rf build
	rm -f extsock.ko extsock.o extsock.mod extsock.mod.c extsock.mod.o \
		modules.order Module.symvers .extsock* .module* .Module*
	find module -name '*.o' -delete -o -name '*.cmd' -delete

help:
	@sed -n 's/^# \?//p' Makefile | sed '1,2d'

.PHONY: all module tools install check check-all build-matrix mutants fuzz demo \
	shell lint clean help
