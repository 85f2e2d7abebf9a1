/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest does with its virtio devices: it reads and writes the disk past its own page cache, and pings its hypervisor
 * over the network. */
#include "works.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* QEMU's user network has these addresses by default, and answers the ping itself. */
#define OWN "10.0.2.15"
#define HYPERVISOR "10.0.2.2"

#define DISK "/dev/vda"

enum {
    BLOCK = 4096,
    BLOCKS = 128 * 1024, /* bytes at a time, one after the other */
};

/* --- the disk */

static int
begin_disk(NestWorkState *state)
{
    void *memory = NULL;

    state->fds[0] = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (state->fds[0] < 0 || ioctl(state->fds[0], BLKGETSIZE64, &state->limit) < 0)
        return -errno;
    if (posix_memalign(&memory, BLOCK, BLOCKS) != 0)
        return -ENOMEM;
    memset(memory, 'n', BLOCKS);
    state->memory = memory;
    return state->limit >= BLOCKS ? 0 : -ENOSPC;
}

/* The offset of the next BLOCKS bytes; after the end of the disk, its beginning. */
static off_t
next_offset(NestWorkState *state)
{
    uint64_t offset = state->at;

    state->at = (state->at + BLOCKS) % (state->limit - state->limit % BLOCKS);
    return (off_t)offset;
}

static off_t
random_offset(NestWorkState *state)
{
    return (off_t)(nest_work_random(&state->random) % (state->limit / BLOCK) * BLOCK);
}

static long
moved(ssize_t n, size_t wanted, long amount)
{
    if (n < 0)
        return -errno;
    return (size_t)n == wanted ? amount : -EIO;
}

static long
read_on(NestWorkState *state)
{
    return moved(pread(state->fds[0], state->memory, BLOCKS, next_offset(state)), BLOCKS, BLOCKS);
}

static long
read_somewhere(NestWorkState *state)
{
    return moved(pread(state->fds[0], state->memory, BLOCK, random_offset(state)), BLOCK, 1);
}

static long
write_on(NestWorkState *state)
{
    return moved(pwrite(state->fds[0], state->memory, BLOCKS, next_offset(state)), BLOCKS, BLOCKS);
}

static long
write_somewhere(NestWorkState *state)
{
    return moved(pwrite(state->fds[0], state->memory, BLOCK, random_offset(state)), BLOCK, 1);
}

/* --- the network */

static int
set_up_interface(int fd)
{
    struct ifreq request = {.ifr_name = "eth0"};
    struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_addr.s_addr = inet_addr(OWN);
    memcpy(&request.ifr_addr, &address, sizeof(address));
    if (ioctl(fd, SIOCSIFADDR, &request) < 0)
        return -errno;
    address.sin_addr.s_addr = htonl(0xffffff00);
    memcpy(&request.ifr_netmask, &address, sizeof(address));
    if (ioctl(fd, SIOCSIFNETMASK, &request) < 0)
        return -errno;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int
begin_network(NestWorkState *state)
{
    struct timeval limit = {.tv_sec = 2};
    struct sockaddr_in there = {.sin_family = AF_INET};
    int problem = 0;

    state->fds[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (state->fds[0] < 0)
        return -errno;
    problem = set_up_interface(state->fds[0]);
    if (problem < 0)
        return problem;
    there.sin_addr.s_addr = inet_addr(HYPERVISOR);
    if (setsockopt(state->fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        connect(state->fds[0], (const struct sockaddr *)&there, sizeof(there)) < 0)
        return -errno;
    return 0;
}

static uint16_t
checksum(const struct icmphdr *echo)
{
    uint16_t words[sizeof(*echo) / 2];
    uint32_t sum = 0;

    memcpy(words, echo, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        sum += words[i];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum + (sum >> 16)) ^ 0xffff);
}

/* Whether a packet is the answer to that echo. A raw socket gets the IP header, too. */
static int
is_answer(const char *packet, ssize_t n, const struct icmphdr *echo)
{
    struct icmphdr header;
    size_t ip = (size_t)(packet[0] & 0xf) * 4;

    if (n < 1 || (size_t)n < ip + sizeof(header))
        return 0;
    memcpy(&header, packet + ip, sizeof(header));
    return header.type == ICMP_ECHOREPLY && header.un.echo.sequence == echo->un.echo.sequence;
}

static long
ask_for_echo(NestWorkState *state)
{
    struct icmphdr echo = {.type = ICMP_ECHO};
    char packet[256] = {0};
    ssize_t n = 0;

    echo.un.echo.sequence = htons((uint16_t)++state->at);
    echo.checksum = checksum(&echo);
    if (send(state->fds[0], &echo, sizeof(echo), 0) != sizeof(echo))
        return -errno;
    do
        n = recv(state->fds[0], packet, sizeof(packet), 0);
    while (n >= 0 && !is_answer(packet, n, &echo));
    return n < 0 ? -errno : 1;
}

const NestWorkKind nest_work_devices[NEST_WORKS] = {
    [NEST_WORK_READ] = {begin_disk, read_on},
    [NEST_WORK_READ_RANDOM] = {begin_disk, read_somewhere},
    [NEST_WORK_WRITE] = {begin_disk, write_on},
    [NEST_WORK_WRITE_RANDOM] = {begin_disk, write_somewhere},
    [NEST_WORK_NETWORK] = {begin_network, ask_for_echo},
};
