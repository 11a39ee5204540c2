/* SPDX-License-Identifier: ISC */
/* Frames: bounds of bodies, descriptors, hostile records. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/frame.h"
#include "tests/unit/unit.h"

static int pair[2];

static int
setup(void **state)
{
	(void)state;
	return (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
}

static int
teardown(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return (0);
}

static int
count_fds(void)
{
	struct stat st;
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fstat(fd, &st) == 0;
	return (n);
}

static void
test_roundtrip(void **state)
{
	struct frame f;
	char s[8];
	size_t len;
	const void *p;

	(void)state;
	frame_start(&f, 7, UINT64_C(0x1122334455667788));
	frame_put_u8(&f, 0xfe);
	frame_put_u16(&f, 0xfedc);
	frame_put_u32(&f, 0xfedcba98);
	frame_put_u64(&f, UINT64_MAX);
	frame_put_i64(&f, INT64_MIN);
	frame_put_f64(&f, -0.5);
	frame_put_str(&f, "seven77");
	frame_put_bytes(&f, "\0x", 2);
	assert_false(f.bad);
	assert_int_equal(frame_send(pair[0], &f), 0);

	assert_int_equal(frame_recv(pair[1], &f), 1);
	assert_int_equal(f.type, 7);
	assert_true(f.gen == UINT64_C(0x1122334455667788));
	assert_int_equal(frame_get_u8(&f), 0xfe);
	assert_int_equal(frame_get_u16(&f), 0xfedc);
	assert_int_equal(frame_get_u32(&f), 0xfedcba98);
	assert_true(frame_get_u64(&f) == UINT64_MAX);
	assert_true(frame_get_i64(&f) == INT64_MIN);
	assert_true(frame_get_f64(&f) == -0.5);
	frame_get_str(&f, s, sizeof(s));
	assert_string_equal(s, "seven77");
	p = frame_get_bytes(&f, &len);
	assert_int_equal(len, 2);
	assert_memory_equal(p, "\0x", 2);
	assert_int_equal(frame_end(&f), 0);
}

/* The wire format is fixed: little-endian, header first. */
static void
test_bytes_on_the_wire(void **state)
{
	const uint8_t want[] = { 2, 1, 0, 0, 2, 0, 0, 0,
	    8, 7, 6, 5, 4, 3, 2, 1, 0x34, 0x12 };
	uint8_t got[64];
	struct frame f;

	(void)state;
	frame_start(&f, 0x102, UINT64_C(0x0102030405060708));
	frame_put_u16(&f, 0x1234);
	assert_int_equal(frame_send(pair[0], &f), 0);
	assert_int_equal(recv(pair[1], got, sizeof(got), 0), sizeof(want));
	assert_memory_equal(got, want, sizeof(want));
}

static void
test_put_beyond_the_end(void **state)
{
	static uint8_t big[FRAME_BODY_MAX];
	struct frame f;

	(void)state;
	frame_start(&f, 1, 0);
	frame_put_bytes(&f, big, sizeof(big) - 4);
	assert_false(f.bad);
	assert_int_equal(frame_room(&f), 0);
	assert_int_equal(frame_send(pair[0], &f), 0);
	frame_put_u8(&f, 1);
	assert_true(f.bad);
	assert_int_equal(frame_send(pair[0], &f), -1);
	assert_int_equal(errno, EINVAL);

	assert_int_equal(frame_recv(pair[1], &f), 1);
	assert_int_equal(f.len, FRAME_BODY_MAX);
}

static void
test_get_errors_stick(void **state)
{
	struct frame f;
	char s[4];
	size_t len;

	(void)state;
	frame_start(&f, 1, 0);
	frame_put_u16(&f, 9);
	assert_int_equal(frame_get_u32(&f), 0);
	assert_int_equal(frame_get_u16(&f), 0);	/* would fit, but too late */
	assert_int_equal(frame_end(&f), -1);

	frame_start(&f, 1, 0);
	frame_put_str(&f, "four");		/* no room for the NUL */
	frame_get_str(&f, s, sizeof(s));
	assert_string_equal(s, "");
	assert_int_equal(frame_end(&f), -1);

	frame_start(&f, 1, 0);
	frame_put_u16(&f, 2);
	frame_put_u16(&f, 0);			/* a string of two NULs */
	frame_get_str(&f, s, sizeof(s));
	assert_int_equal(frame_end(&f), -1);

	frame_start(&f, 1, 0);
	frame_put_u32(&f, UINT32_MAX);
	assert_null(frame_get_bytes(&f, &len));
	assert_int_equal(len, 0);
	assert_int_equal(frame_end(&f), -1);
}

static void
test_rest_is_an_error(void **state)
{
	struct frame f;

	(void)state;
	frame_start(&f, 1, 0);
	frame_put_u16(&f, 1);
	assert_int_equal(frame_get_u8(&f), 1);
	assert_int_equal(frame_end(&f), -1);
}

static void
test_descriptor(void **state)
{
	struct frame f;
	char c = 0;
	int fd, p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	frame_start(&f, 1, 0);
	frame_put_fd(&f, p[0]);
	assert_int_equal(frame_send(pair[0], &f), 0);
	assert_int_equal(f.fd, -1);
	assert_int_equal(fcntl(p[0], F_GETFD), -1);	/* closed here */
	assert_int_equal(frame_recv(pair[1], &f), 1);
	fd = frame_get_fd(&f);
	assert_int_not_equal(fd, -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(frame_end(&f), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 'x');
	close(fd);
	close(p[1]);
}

static void
test_descriptor_nobody_took(void **state)
{
	struct frame f;
	int before = count_fds();

	(void)state;
	frame_start(&f, 1, 0);
	frame_put_fd(&f, open("/dev/null", O_RDONLY));
	assert_int_equal(frame_end(&f), -1);
	frame_clear(&f);
	assert_int_equal(count_fds(), before);
}

static void
raw_send(const void *data, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr hdr;
		char buf[CMSG_SPACE(sizeof(int) * 16)];
	} c;
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		memset(&c, 0, sizeof(c));
		msg.msg_control = c.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c.hdr.cmsg_level = SOL_SOCKET;
		c.hdr.cmsg_type = SCM_RIGHTS;
		c.hdr.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&c.hdr), fds, sizeof(int) * nfds);
	}
	assert_int_equal(sendmsg(pair[0], &msg, 0), (ssize_t)len);
}

static void
refused(const void *data, size_t len, const int *fds, size_t nfds)
{
	struct frame f;
	int before = count_fds();

	raw_send(data, len, fds, nfds);
	assert_int_equal(frame_recv(pair[1], &f), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(count_fds(), before);
}

static void
test_hostile_records(void **state)
{
	static uint8_t big[FRAME_HEADER + FRAME_BODY_MAX + 1];
	uint8_t h[FRAME_HEADER] = { 1 };
	int fds[16], i;

	(void)state;
	for (i = 0; i < 16; i++)
		fds[i] = pair[0];
	refused(h, FRAME_HEADER - 1, NULL, 0);	/* short header */
	refused(h, FRAME_HEADER, fds, 2);	/* two descriptors */
	refused(h, FRAME_HEADER, fds, 16);	/* more than there is room */
	h[4] = 1;
	refused(h, FRAME_HEADER, NULL, 0);	/* length lies upwards */
	refused(h, FRAME_HEADER, fds, 1);
	h[4] = 0;
	memcpy(big, h, sizeof(h));
	refused(big, FRAME_HEADER + 1, NULL, 0);	/* and downwards */
	refused(big, sizeof(big), NULL, 0);	/* too long */
	h[4] = h[5] = h[6] = h[7] = 0xff;
	refused(h, FRAME_HEADER, NULL, 0);
}

static void
test_end_and_again(void **state)
{
	struct frame f;

	(void)state;
	assert_int_equal(frame_recv(pair[1], &f), -1);
	assert_int_equal(errno, EAGAIN);
	shutdown(pair[0], SHUT_WR);
	assert_int_equal(frame_recv(pair[1], &f), 0);
}

/* A full socket keeps the descriptor for the next try. */
static void
test_full_socket(void **state)
{
	static uint8_t big[FRAME_BODY_MAX - 4];
	struct frame f;
	int fd, i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		frame_start(&f, 1, 0);
		frame_put_bytes(&f, big, sizeof(big));
		fd = open("/dev/null", O_RDONLY);
		frame_put_fd(&f, fd);
		if (frame_send(pair[0], &f) == -1)
			break;
	}
	assert_true(i > 0 && i < 10000);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(f.fd, fd);
	assert_int_not_equal(fcntl(fd, F_GETFD), -1);
	frame_clear(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_roundtrip, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_bytes_on_the_wire, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_put_beyond_the_end, setup,
		    teardown),
		cmocka_unit_test(test_get_errors_stick),
		cmocka_unit_test(test_rest_is_an_error),
		cmocka_unit_test_setup_teardown(test_descriptor, setup,
		    teardown),
		cmocka_unit_test(test_descriptor_nobody_took),
		cmocka_unit_test_setup_teardown(test_hostile_records, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_end_and_again, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_full_socket, setup,
		    teardown)
	};

	return (cmocka_run_group_tests_name("frame", tests, NULL, NULL));
}
