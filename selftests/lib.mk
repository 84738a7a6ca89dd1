# SPDX-License-Identifier: GPL-2.0-only
# What every surface's Makefile includes. In a kernel tree (as tools/testing/selftests/tickproof) it
# is the kernel's lib.mk and our library; elsewhere a small stand-in takes the kernel's place, with
# the same variables and targets. A surface says, in running order:
#	TEST_GEN_PROGS	safe programs, run by run_tests
#	DISRUPTIVE	programs that restore what they change, or say they can't
#	HANG_RISK	programs that may end the machine
#	changes.NAME	what a program of the last two changes, for people, on one line

SURFACE := $(notdir $(CURDIR))
SAFE := $(TEST_GEN_PROGS)
TEST_GEN_PROGS_EXTENDED := $(DISRUPTIVE) $(HANG_RISK)
HDRS := $(wildcard *.h ../lib/*.h)

LIBDIR = $(abspath $(OUTPUT)/../lib)
LIBTICKPROOF = $(LIBDIR)/libtickproof.a
LIBOBJS = $(patsubst ../lib/%.c,$(LIBDIR)/%.o,$(wildcard ../lib/*.c))
EXTRA_CLEAN += $(LIBDIR)/libtickproof.a $(LIBOBJS) $(LIBDIR)/.libcheck

# Both lib.mk make these prerequisites of a program and keep them off the list of what is linked: the
# archive has its place after all sources.
LOCAL_HDRS += $(HDRS) $(LIBTICKPROOF)

# Static, so that a program runs in any userland of its architecture.
CFLAGS += -std=gnu11 -O2 -g -Wall -Wextra
LDFLAGS += -static
LDLIBS += $(LIBTICKPROOF) -lcheck_pic -lsubunit -lm -lrt -lpthread
ifneq ($(SYSROOT),)
CFLAGS += -isystem $(SYSROOT)/usr/include
LDFLAGS += -L$(SYSROOT)/usr/lib/$(shell $(CROSS_COMPILE)gcc -dumpmachine) -L$(SYSROOT)/usr/lib
endif

ifneq ($(wildcard ../../lib.mk),)
# The kernel's finds itself as the only lib.mk make has read.
MAKEFILE_LIST := $(filter-out ../lib.mk,$(MAKEFILE_LIST))
include ../../lib.mk
else

all:

ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
OUTPUT ?= $(abspath ../build/$(shell $(CC) -dumpmachine)/$(SURFACE))
COLLECTION ?= tickproof/$(SURFACE)
Q := $(if $(filter 1,$(V)),,@)
CFLAGS += $(USERCFLAGS)
LDFLAGS += $(USERLDFLAGS)

TEST_GEN_PROGS := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
TEST_GEN_PROGS_EXTENDED := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS_EXTENDED))
PROGRAMS := $(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED)

all: $(PROGRAMS) ; @:

$(OUTPUT)/%: %.c $(LOCAL_HDRS)
	@mkdir -p $(@D)
	@$(SAY) '  LINK    $(SURFACE)/$*'
	$(Q)$(LINK.c) $(filter-out $(LOCAL_HDRS),$^) $(LDLIBS) -o $@

run_tests:
	@$(MAKE) --no-print-directory -C .. run_tests SURFACES=$(SURFACE) OUTPUT=$(abspath $(OUTPUT)/..)

install: all
	@$(if $(INSTALL_PATH),,$(error set INSTALL_PATH to use install))
	$(Q)install -d $(INSTALL_PATH)
	$(Q)install -s --strip-program=$(CROSS_COMPILE)strip $(PROGRAMS) $(INSTALL_PATH)
	$(Q)install -m 644 $(wildcard config settings) $(TEST_FILES) $(INSTALL_PATH)

emit_tests:
	@printf '%s\n' $(addprefix $(COLLECTION):,$(SAFE))

clean:
	$(Q)rm -rf $(PROGRAMS) $(EXTRA_CLEAN)

.PHONY: all run_tests install emit_tests clean
endif

AR := $(CROSS_COMPILE)ar
SAY = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo)

$(LIBTICKPROOF): $(LIBOBJS)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(LIBOBJS): $(LIBDIR)/%.o: ../lib/%.c $(HDRS) | $(LIBDIR)/.libcheck
	@$(SAY) '  CC      lib/$*.o'
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@

# Asked once, so that a missing library is one clear line instead of pages.
$(LIBDIR)/.libcheck:
	@mkdir -p $(@D)
	@echo 'int main(void) { return !srunner_create(0); }' | $(CC) $(CFLAGS) -include check.h -x c - \
		-x none $(LDFLAGS) $(filter -l%,$(LDLIBS)) -o $@ 2>/dev/null || { \
		echo "tickproof: $(CC) cannot link libcheck statically; on Debian: apt-get install gcc libc6-dev" \
			"check libsubunit-dev$(if $(CROSS_COMPILE), (for $(CROSS_COMPILE): unpack them and give SYSROOT=dir))" >&2; \
		exit 1; }

tier.safe := $(SAFE)
tier.disruptive := $(DISRUPTIVE)
tier.hang-risk := $(HANG_RISK)

list:
	$(foreach t,safe disruptive hang-risk,$(foreach p,$(tier.$t),$(info $t $(SURFACE)/$p))) @:

# For the installed runner.
emit_destructive:
	$(foreach t,disruptive hang-risk,$(foreach p,$(tier.$t),$(info $t $(COLLECTION):$p $(changes.$p)))) @:

.PHONY: list emit_destructive
