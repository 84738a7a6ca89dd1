# SPDX-License-Identifier: GPL-2.0-only
# The verbs of tickproof. What each does lives in harness/ and selftests/; make only passes variables on.

KNOWN := $(shell sed -n "s/^\([A-Z][A-Z_]*\).*/\1/p" harness/lib/variables) \
	GUESTS KERNELS IMAGES N LOAD JOBS SUBSET PEER PEER_LIMIT TICKPROOF_CACHE summary CC CROSS_COMPILE SYSROOT ARCH OUTPUT O V \
	INSTALL_PATH FORMAT KDIR USERCFLAGS USERLDFLAGS

GIVEN := $(foreach v,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $v))),$v))
UNKNOWN := $(filter-out $(KNOWN) -%,$(GIVEN))
ifneq ($(UNKNOWN),)
$(error unknown variable $(UNKNOWN); known are $(KNOWN))
endif

# Paths are meant from here, also for a make that runs in selftests/.
PATHS = $(foreach v,OUTPUT O SYSROOT INSTALL_PATH KDIR,$(if $($v),$v='$(abspath $($v))'))

define HELP
make gate [GUEST=hyperv] [KERNEL=version|path] [ACCEL=kvm|nested|tcg] [CPUS=n] [MODULES="path.ko[ param=value...]; ..."]
                boot a guest, take its timer away on every CPU, and judge what happens
make gate IMAGE=disk.qcow2 [GUEST=..]  boot somebody's disk image, which stays as it is, and judge it
make gate HOST=user@machine            test a machine that already runs, by ssh
make soak N=20 [GUEST=..] [LOAD=..]   the same gate N times
make matrix GUESTS="x86 arm64" [KERNELS=..] [IMAGES=..] [CPUS=..]   a gate for every combination, and one page
make check      all tests of tickproof itself
make format     lay out every file of C and shell as the rest
make mutants [SUBSET=quick]            put each fault into a guest, and see that the test meant for it finds it
make bench [GUEST=..] [PEER=kernel-tree]   what the suite costs, and how near it comes to what the machine can do
make perf [GUEST=..|IMAGE=..|HOST=..]  where late wake-ups lost their time, on this machine if no other is named; make gate PERF=1 as well
make run_tests [summary=1]            the safe tests, on this machine
make run_destructive_tests I_KNOW_THIS_MAY_HANG_THE_MACHINE=yes   the others, on this machine, as root
make install [INSTALL_PATH=dir]       the test programs and run_kselftest.sh
make gen_tar [FORMAT=.gz|.xz|...]     the same as a tarball that needs no compiler where it runs
make clean
To cross-build: CROSS_COMPILE=prefix- SYSROOT=dir-with-libcheck OUTPUT=dir
With KDIR=kernel-headers, what builds and installs the test programs does so with their kernel modules (selftests/README.md).
make's exit status is 2 for any failure; harness/gate tells 1 (does not conform) from 2 (not judged).
endef

help: ; $(info $(HELP)) @:

# Without MAKEFLAGS: a make inside is not part of this one, and has the variables from its environment.
gate check soak bench perf mutants format matrix: ; @MAKEFLAGS= harness/$@

run_tests run_destructive_tests install gen_tar clean:
	@$(MAKE) --no-print-directory -C selftests $@ $(PATHS)

.PHONY: help gate check soak bench perf mutants format matrix run_tests run_destructive_tests install gen_tar clean
