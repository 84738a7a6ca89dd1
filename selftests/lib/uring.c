// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring.h"

/* A ring of one request, as the kernel shares it. */
struct ring {
	int fd;	       /* 0: not made yet */
	char *sq, *cq; /* both rings' memory, at the offsets of params */
	struct io_uring_sqe *sqe;
	struct io_uring_params params;
};

static void *map(int fd, size_t size, off_t what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
}

static int make(struct ring *r)
{
	const struct io_uring_params *p = &r->params;
	int fd = syscall(SYS_io_uring_setup, 1, &r->params);

	if (fd < 0)
		return -errno;
	r->sq = map(fd, p->sq_off.array + p->sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
	r->cq = map(fd, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	r->sqe = map(fd, p->sq_entries * sizeof(*r->sqe), IORING_OFF_SQES);
	if (r->sq == MAP_FAILED || r->cq == MAP_FAILED || r->sqe == MAP_FAILED) {
		int err = -errno;

		/* The process ends soon: what was mapped goes with it. */
		close(fd);
		return err;
	}
	r->fd = fd;
	return 0;
}

static uint32_t *sq_word(const struct ring *r, uint32_t offset)
{
	return (uint32_t *)(r->sq + offset);
}

static uint32_t *cq_word(const struct ring *r, uint32_t offset)
{
	return (uint32_t *)(r->cq + offset);
}

static void submit(struct ring *r, const struct __kernel_timespec *ts, bool absolute)
{
	uint32_t *tail = sq_word(r, r->params.sq_off.tail);
	uint32_t mask = *sq_word(r, r->params.sq_off.ring_mask);

	memset(r->sqe, 0, sizeof(*r->sqe));
	r->sqe->opcode = IORING_OP_TIMEOUT;
	r->sqe->addr = (uintptr_t)ts;
	r->sqe->len = 1;
	r->sqe->timeout_flags = absolute ? IORING_TIMEOUT_ABS : 0;
	sq_word(r, r->params.sq_off.array)[*tail & mask] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* Takes the one completion: what the request came to, -EPROTO if there is none. */
static int take(struct ring *r)
{
	uint32_t *head = cq_word(r, r->params.cq_off.head);
	uint32_t tail = __atomic_load_n(cq_word(r, r->params.cq_off.tail), __ATOMIC_ACQUIRE);
	uint32_t mask = *cq_word(r, r->params.cq_off.ring_mask);
	const struct io_uring_cqe *cqe = (void *)(r->cq + r->params.cq_off.cqes);
	int result;

	if (tail != *head + 1)
		return -EPROTO;
	result = cqe[*head & mask].res;
	__atomic_store_n(head, tail, __ATOMIC_RELEASE);
	return result == -ETIME ? 0 : result < 0 ? result : -EPROTO;
}

int uring_timeout(const struct timespec *when, bool absolute)
{
	static _Thread_local struct ring ring;
	struct __kernel_timespec ts = { when->tv_sec, when->tv_nsec };
	long n;

	if (!ring.fd) {
		int err = make(&ring);

		if (err)
			return err;
	}
	submit(&ring, &ts, absolute);
	n = syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (n != 1)
		return n < 0 ? -errno : -EPROTO;
	return take(&ring);
}
