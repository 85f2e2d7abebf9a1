/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * l2: the nested guest, as small as one can be: a static program on /dev/kvm
 * that L1's /init starts. One VM, one vCPU, a few bytes of real-mode code.
 *
 * Usage: l2 create|output|tick|busy|hlt|timer
 * Exit:  0 done, 1 a call failed, 2 usage, 3 the guest left in a way not foreseen.
 *
 * 64 KiB of memory at guest address 0: code at CODE, text at TEXT, the stack below
 * STACK. Without an in-kernel irqchip HLT comes back to us (output); with it the
 * vCPU sleeps in the kernel (hlt, timer), as an idle guest's does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNFORESEEN = 3 };
enum { MEMORY_SIZE = 0x10000, IVT_TIMER = 8 * 4, CODE = 0x1000, TEXT = 0x2000, STACK = 0x4000 };
enum { PORT_DEBUG = 0xe9, PORT_COM1 = 0x3f8 };

static const char text[] = "hello from L2, a guest inside the guest\n"
                           "and now it halts\n";
static const char tick[] = "tick\n";

enum { TICK_PAUSE_US = 200000 }; /* after each line of tick, so that a console can follow */

/* OUT byte by byte to 0xe9, until the NUL; then HLT */
static const unsigned char code_output[] = {
    0xbe, 0x00, 0x20,                   /*    mov si, TEXT                */
    0xac, 0x84, 0xc0, 0x74, 0x04,       /* 1: lodsb; test al, al; jz 2f   */
    0xe6, 0xe9, 0xeb, 0xf7,             /*    out 0xe9, al; jmp 1b        */
    0xf4,                               /* 2: hlt                         */
};

/* The same for ever */
static const unsigned char code_tick[] = {
    0xbe, 0x00, 0x20,                   /* 1: mov si, TEXT                */
    0xac, 0x84, 0xc0, 0x74, 0xf8,       /* 2: lodsb; test al, al; jz 1b   */
    0xe6, 0xe9, 0xeb, 0xf7,             /*    out 0xe9, al; jmp 2b        */
};

/* 4096 turns in the guest, one exit, for ever */
static const unsigned char code_busy[] = {
    0xb9, 0x00, 0x10, 0xe2, 0xfe,       /* 1: mov cx, 4096; 2: loop 2b    */
    0xe6, 0x80, 0xeb, 0xf7,             /*    out 0x80, al; jmp 1b        */
};

static const unsigned char code_hlt[] = { 0xfa, 0xf4, 0xeb, 0xfd }; /* cli; 1: hlt; jmp 1b */

/* PIC: base 8, only IRQ 0; PIT: channel 0, mode 2, 100 Hz; then HLT for ever */
static const unsigned char code_timer[] = {
    0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21,
    0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x9c, 0xe6, 0x40, 0xb0, 0x2e, 0xe6, 0x40,
    0xfb, 0xf4, 0xeb, 0xfd,             /*    sti; 1: hlt; jmp 1b         */
    0xb0, 0x20, 0xe6, 0x20, 0xcf,       /*    IRQ 0: EOI; iret            */
};
enum { TIMER_HANDLER = CODE + sizeof(code_timer) - 5 };
static const struct mode {
    const char *name;
    const unsigned char *code;    /* NULL: the vCPU is never run */
    size_t size;
    bool irqchip;                 /* in-kernel PIC, APIC and PIT */
    const char *text;             /* what it prints; NULL: nothing */
    useconds_t pause;             /* after each line */
} modes[] = {
    { "create", NULL, 0, false, NULL, 0 },
    { "output", code_output, sizeof(code_output), false, text, 0 },
    { "tick", code_tick, sizeof(code_tick), false, tick, TICK_PAUSE_US },
    { "busy", code_busy, sizeof(code_busy), false, NULL, 0 },
    { "hlt", code_hlt, sizeof(code_hlt), true, NULL, 0 },
    { "timer", code_timer, sizeof(code_timer), true, NULL, 0 },
};

struct guest {
    const struct mode *mode;
    int vm, vcpu;
    unsigned char *memory;
    struct kvm_run *run;
};

static void fail(const char *what)
{
    fprintf(stderr, "L2: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILED);
}

/* The one way to KVM: an ioctl that fails ends the program and is named. */
static int call(int fd, unsigned long request, const char *name, void *arg)
{
    int result = ioctl(fd, request, arg);

    if (result < 0)
        fail(name);
    return result;
}
#define CALL(fd, request, arg) call(fd, request, #request, (void *)(arg))

static void add_memory(struct guest *guest)
{
    struct kvm_userspace_memory_region region = { .memory_size = MEMORY_SIZE };

    guest->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guest->memory == MAP_FAILED)
        fail("mmap of the guest's memory");
    region.userspace_addr = (unsigned long)guest->memory;
    CALL(guest->vm, KVM_SET_USER_MEMORY_REGION, &region);
    if (guest->mode->code)
        memcpy(guest->memory + CODE, guest->mode->code, guest->mode->size);
    if (guest->mode->text)
        strcpy((char *)guest->memory + TEXT, guest->mode->text);
    guest->memory[IVT_TIMER] = TIMER_HANDLER & 0xff;
    guest->memory[IVT_TIMER + 1] = TIMER_HANDLER >> 8;
}

static void add_vcpu(struct guest *guest, int kvm)
{
    int size = CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
    struct kvm_sregs sregs;

    guest->vcpu = CALL(guest->vm, KVM_CREATE_VCPU, 0);
    guest->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
    if (guest->run == MAP_FAILED)
        fail("mmap of the vCPU");
    CALL(guest->vcpu, KVM_GET_SREGS, &sregs); /* reset starts at the top: move to 0 */
    sregs.cs.base = sregs.cs.selector = 0;
    CALL(guest->vcpu, KVM_SET_SREGS, &sregs);
    CALL(guest->vcpu, KVM_SET_REGS, &regs);
}

static void create(struct guest *guest)
{
    struct kvm_pit_config pit = { 0 };
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (kvm < 0)
        fail("open /dev/kvm");
    guest->vm = CALL(kvm, KVM_CREATE_VM, 0);
    CALL(guest->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL); /* Intel wants it for real mode */
    if (guest->mode->irqchip) {
        CALL(guest->vm, KVM_CREATE_IRQCHIP, 0);
        CALL(guest->vm, KVM_CREATE_PIT2, &pit);
    }
    add_memory(guest);
    add_vcpu(guest, kvm);
}

/* Collects the guest's bytes and prints them line by line. */
static void put(const struct mode *mode, char c)
{
    static char line[128];
    static size_t used;

    if (c == '\n' || used == sizeof(line)) {
        printf("L2: %.*s\n", (int)used, line);
        used = 0;
        usleep(mode->pause);
    } else {
        line[used++] = c;
    }
}

static void output(const struct guest *guest)
{
    const struct kvm_run *run = guest->run;
    const char *data = (const char *)run + run->io.data_offset;

    if (run->io.port == PORT_DEBUG || run->io.port == PORT_COM1)
        for (unsigned i = 0; i < run->io.count * run->io.size; i++)
            put(guest->mode, data[i]);
}

/* Runs the vCPU until it halts; the modes that loop end by a signal only. */
static int run(struct guest *guest)
{
    for (;;) {
        if (ioctl(guest->vcpu, KVM_RUN, 0) < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            fail("KVM_RUN");
        }
        if (guest->run->exit_reason == KVM_EXIT_HLT)
            return EXIT_SUCCESS;
        if (guest->run->exit_reason != KVM_EXIT_IO)
            break;
        output(guest);
    }
    fprintf(stderr, "L2: unforeseen exit %u of the guest\n", guest->run->exit_reason);
    return EXIT_UNFORESEEN;
}

int main(int argc, char **argv)
{
    struct guest guest = { 0 };

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            guest.mode = &modes[i];
    if (!guest.mode) {
        fprintf(stderr, "usage: l2 create|output|tick|busy|hlt|timer\n");
        return EXIT_USAGE;
    }
    create(&guest);
    printf("L2: %s: virtual machine made\n", guest.mode->name);
    if (guest.mode->code)
        return run(&guest);
    for (;;)
        pause();
}
