# Salvor. `make help` lists the targets; everything built goes to $(BUILD).

BUILD  ?= build
PREFIX ?= /usr/local
SHARE  := $(PREFIX)/share
CC     ?= cc
CFLAGS ?= -O2 -g
V      ?= 0
FUZZ_SECONDS ?= 60

# All processors, unless whoever called make said how many jobs to run: a command line wins by itself,
# and the environment is asked, since make's own MAKEFLAGS has no -j while this is read.
ifeq ($(MAKELEVEL)$(filter -j%,$(shell echo " $$MAKEFLAGS")),0)
MAKEFLAGS += -j$(shell nproc)
endif

PACKAGES  := lua5.4 libcurl jansson yaml-0.1 libssh2 libcrypto expat zlib
WARNINGS  := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
             -Wwrite-strings -Wformat=2 -Werror
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIE -Isrc -Iinclude $(WARNINGS) \
              $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
# What every start costs is loading libraries. So libtermkey is linked statically, and the two first are
# those that most symbols of the others are in: the loader looks for each in this order.
LIBS       := -lcrypto -lc $(shell pkg-config --libs $(PACKAGES)) -l:libtermkey.a -l:libunibilium.a -lm
ALL_LDFLAGS := -pie -Wl,-E -Wl,--as-needed $(LDFLAGS)

SOURCES  := $(filter-out src/lua/compile.c,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c)))
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY  := $(filter-out $(BUILD)/src/main.o,$(OBJECTS)) $(BUILD)/embedded.o
COMPLETIONS := packaging/completions
EMBEDDED := $(shell { find lua scripts -name '*.lua'; find $(COMPLETIONS) -type f; } | LC_ALL=C sort)
CODE     := $(patsubst %.lua,$(BUILD)/%.luac,$(filter lua/salvor/%,$(EMBEDDED)))
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
BENCH    := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard tests/bench/*.c)))

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@echo "  $(1)" $@)

.PHONY: all deps test-deps demo test check lint format bench bench-built asan image image-root install clean help check-without-lab \
        torture fuzz fuzz-here valgrind
.DELETE_ON_ERROR:

all: $(BUILD)/salvor

help:
	@echo "all      build $(BUILD)/salvor"
	@echo "demo     install what is missing, build, run a procedure against the lab"
	@echo "test     install what is missing, build, run all tests"
	@echo "check    the quick tests; those against the lab when it has been built before"
	@echo "lint     layers, formatting, luacheck, shellcheck"
	@echo "bench    paired benchmarks"
	@echo "asan     the tests that need no lab under AddressSanitizer and UBSan"
	@echo "torture  requests for memory that fail, one after the other"
	@echo "valgrind the unit tests and quick specs under valgrind"
	@echo "fuzz     each fuzzer for FUZZ_SECONDS ($(FUZZ_SECONDS)), with clang"
	@echo "image    a container image, $(BUILD)/salvor-image.tar"
	@echo "image-root   what that image holds, for podman build"
	@echo "install  to DESTDIR and PREFIX ($(PREFIX))"
	@echo "clean    remove $(BUILD)"

$(BUILD)/salvor: $(BUILD)/src/main.o $(LIBRARY)
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The list of files is a prerequisite of its own, so that a removed file is noticed too.
$(BUILD)/embedded.list: FORCE
	@mkdir -p $(@D)
	@echo '$(EMBEDDED)' | cmp -s - $@ || echo '$(EMBEDDED)' > $@

$(BUILD)/embedded.c: src/lua/embed.sh $(BUILD)/embedded.list
	$(Q)src/lua/embed.sh $(BUILD) $(EMBEDDED) > $@

$(BUILD)/compile: src/lua/compile.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBS)

$(BUILD)/%.luac: %.lua $(BUILD)/compile
	@mkdir -p $(@D)
	$(Q)$(BUILD)/compile $@ $<

$(BUILD)/embedded.o: $(BUILD)/embedded.c $(EMBEDDED) $(CODE)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -Itests/unit $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS) -lcmocka

$(BUILD)/unit/test_loop: ALL_LDFLAGS += -Wl,--wrap=realloc
$(BUILD)/unit/test_scheduler: ALL_LDFLAGS += -Wl,--wrap=poll
$(BUILD)/unit/test_unpack: ALL_LDFLAGS += -Wl,--wrap=renameat2

$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBS)

# Tests

SPECS  := $(sort $(wildcard tests/spec/*_spec.lua tests/cli/*_spec.lua))
RUN    := $(BUILD)/salvor tests/run.lua
FUZZ   := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/replay_%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
TORTURE  := $(BUILD)/torture/torture
PROGRAMS := $(UNIT) $(FUZZ) $(TORTURE)

deps:
	packaging/install-packages packaging/build-packages

test-deps: deps
	packaging/install-packages tests/packages tests/lab/packages
	command -v kubectl > /dev/null || packaging/install-packages tests/kubectl-packages
	command -v npm > /dev/null || packaging/install-packages tests/npm-packages

$(BUILD)/fuzz/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/standalone.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(LIBRARY) $(LIBS)

$(BUILD)/torture/torture: $(wildcard tests/torture/*.c) $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) \
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup

torture: $(TORTURE)
	$(TORTURE)

# The inner loop, two minutes on two processors: unit tests, and each module's own specs against the
# lab when it has been built before. What takes longer is left to `make test`: procedures from end to
# end, kill -9 at every moment, pods, the servers of each kind of storage, copies, archives and backup
# sets, what the documentation shows, and memory that runs out.
SLOW := $(addprefix tests/spec/,apic_% apiconnect_s3% archive% container% docs% \
          every_procedure_% fault_proxy% fortanix_% pgbackrest_copy% portal_sites% \
          procedure_changes% procedure_elsewhere% procedure_undo% store_azure% store_between% \
          store_copy% store_hanging% store_lab% store_names% store_s3% store_sftp% store_writers% \
          verify% world_%) %_killed_spec.lua %_node_spec.lua

check: all $(UNIT) $(FUZZ)
	$(RUN) $(if $(shell tests/lab/build --check 2> /dev/null),--lab=kubernetes) \
		--workers=$$((5 * $$(nproc))) $(UNIT) $(FUZZ) $(filter-out $(SLOW),$(SPECS))

# What is missing may be what this file asks pkg-config about, so a new make goes on.
test: test-deps
	tests/lab/build --all
	tests/lab/storage prepare
	$(MAKE) lint
	$(MAKE) asan
	$(MAKE) fuzz FUZZ_SECONDS=10
	$(MAKE) valgrind
	$(MAKE) all $(PROGRAMS)
	$(RUN) --lab $(PROGRAMS) $(SPECS)

# The same sources once more, with sanitizers; everything that needs no lab.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined

asan:
	$(MAKE) BUILD=$(BUILD)/asan CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' \
		LDFLAGS='$(SANITIZE)' check-without-lab

check-without-lab: all $(PROGRAMS)
	$(RUN) $(PROGRAMS) $(SPECS)

# Those that start programs are left out: valgrind 3.19 does not know pidfd_open().
VALGRIND_UNIT  := $(filter-out %/test_child,$(UNIT))
VALGRIND_SPECS := $(patsubst %,tests/spec/%_spec.lua,digest error json k8s_neat secret)

valgrind: all $(VALGRIND_UNIT)
	$(RUN) --valgrind $(VALGRIND_UNIT) $(VALGRIND_SPECS)

# What the fuzzers find stays in the build folder, new inputs in corpus/ and crashes beside it.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

fuzz:
	$(MAKE) BUILD=$(BUILD)/fuzz-clang CC=clang LDFLAGS='$(SANITIZE)' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link $(SANITIZE)' fuzz-here

fuzz-here: $(FUZZERS:%=run-fuzzer-%)

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIBRARY) $(LIBS)

.PHONY: $(FUZZERS:%=run-fuzzer-%)
$(FUZZERS:%=run-fuzzer-%): run-fuzzer-%: $(BUILD)/fuzz/fuzz_%
	@mkdir -p $(BUILD)/corpus/$*
	@echo "  FUZZ $*, $(FUZZ_SECONDS) s"
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 \
		-artifact_prefix=$(BUILD)/$*- $(BUILD)/corpus/$* tests/fuzz/corpus/$* \
		> $(BUILD)/$*.log 2>&1 || { cat $(BUILD)/$*.log; exit 1; }

bench: test-deps
	packaging/install-packages tests/bench/packages
	$(MAKE) bench-built

bench-built: all $(BENCH)
	$(BUILD)/salvor tests/bench/run.lua $(BUILD)

lint:
	tests/lint/layers
	clang-format --dry-run --Werror $$(find src include tests -name '*.[ch]')
	luacheck -q lua scripts tests
	shellcheck $$(grep -lE '^#(!.*(sh|bash)| shellcheck shell=bash)$$' -r src packaging tests .ci)

format:
	clang-format -i $$(find src include tests -name '*.[ch]')

demo: test-deps
	tests/lab/build
	$(MAKE) all
	$(BUILD)/salvor tests/demo.lua

image: all
	packaging/install-packages packaging/container/packages
	packaging/container/image $(BUILD)/salvor $(BUILD)/salvor-image.tar

# For packaging/container/Containerfile.
image-root: all
	packaging/install-packages packaging/container/packages
	rm -rf $(BUILD)/image-root
	packaging/container/rootfs $(BUILD)/salvor $(BUILD)/image-root

# The manual pages come from the program's own declarations.
MANUAL := $(BUILD)/salvor.1 $(BUILD)/salvor-api.7

$(MANUAL): $(BUILD)/salvor
	$(Q)$< manual $(basename $(@F)) > $@

install: all $(MANUAL)
	install -Dm755 $(BUILD)/salvor $(DESTDIR)$(PREFIX)/bin/salvor
	install -Dm644 $(BUILD)/salvor.1 $(DESTDIR)$(SHARE)/man/man1/salvor.1
	install -Dm644 $(BUILD)/salvor-api.7 $(DESTDIR)$(SHARE)/man/man7/salvor-api.7
	install -Dm644 $(COMPLETIONS)/salvor.bash $(DESTDIR)$(SHARE)/bash-completion/completions/salvor
	install -Dm644 $(COMPLETIONS)/_salvor $(DESTDIR)$(SHARE)/zsh/site-functions/_salvor
	install -Dm644 $(COMPLETIONS)/salvor.fish \
		$(DESTDIR)$(SHARE)/fish/vendor_completions.d/salvor.fish
	find lua/meta -name '*.lua' -exec install -Dm644 {} $(DESTDIR)$(SHARE)/salvor/{} \;
	install -Dm644 include/salvor/salvor.h $(DESTDIR)$(PREFIX)/include/salvor/salvor.h

FORCE:

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(UNIT:=.d)
