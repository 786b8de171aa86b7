#include "keeper_test.h"

#include <poll.h>
#include <sys/eventfd.h>

#include "node/keeper/dials.h"
#include "node/keeper/resolver.h"
#include "proto/codec/writer.h"

static void test_numeric_hosts_are_known(void **state)
{
    (void)state;
    assert_true(kr_endpoint_is_numeric("tcp://127.0.0.1:7117"));
    assert_true(kr_endpoint_is_numeric("tcp://[::1]:7117"));
    assert_true(kr_endpoint_is_numeric("tcp://[2001:db8::7]:1"));
    assert_false(kr_endpoint_is_numeric("tcp://node.example.org:7117"));
    assert_false(kr_endpoint_is_numeric("tcp://[127.0.0.1]:7117"));
    assert_false(kr_endpoint_is_numeric("tcp://::1:7117"));
    assert_false(kr_endpoint_is_numeric("tcp://127.0.0.1"));
    assert_false(kr_endpoint_is_numeric("ipc://127.0.0.1:1"));
    assert_false(kr_endpoint_is_numeric(""));
}

static void test_an_address_resolves_to_itself(void **state)
{
    (void)state;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    assert_int_equal(kr_endpoint_resolve("tcp://127.0.0.1:7117", "", endpoint, NULL), KR_OK);
    assert_string_equal(endpoint, "tcp://127.0.0.1:7117");
    assert_int_equal(kr_endpoint_resolve("tcp://[0:0::1]:7117", "", endpoint, NULL), KR_OK);
    assert_string_equal(endpoint, "tcp://[::1]:7117");
    assert_int_equal(kr_endpoint_resolve("no endpoint", "", endpoint, NULL), KR_INVALID);
    assert_string_equal(endpoint, "tcp://[::1]:7117"); /* untouched */
}

static void wake(void *context)
{
    const uint64_t one = 1;
    assert_int_equal(write(*(int *)context, &one, sizeof one), sizeof one);
}

static void wait_for(int fd)
{
    uint64_t count = 0;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 10000), 1);
    assert_int_equal(read(fd, &count, sizeof count), sizeof count);
}

static void test_answers_come_by_number(void **state)
{
    (void)state;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct kr_resolver *resolver = NULL;
    char endpoint[KR_ENDPOINT_BYTES_MAX + 1];
    uint32_t number = 0;
    assert_int_equal(kr_resolver_new(wake, &fd, &resolver, NULL), KR_OK);
    assert_false(kr_resolver_take(resolver, &number, endpoint));
    assert_int_equal(kr_resolver_ask(resolver, 7, "tcp://127.0.0.1:17"), KR_OK);
    wait_for(fd);
    assert_true(kr_resolver_take(resolver, &number, endpoint));
    assert_int_equal(number, 7);
    assert_string_equal(endpoint, "tcp://127.0.0.1:17");
    assert_false(kr_resolver_take(resolver, &number, endpoint)); /* told once */
    /* Asked anew, it is told anew; what is forgotten is not told. */
    assert_int_equal(kr_resolver_ask(resolver, 7, "tcp://127.0.0.1:18"), KR_OK);
    wait_for(fd);
    kr_resolver_forget(resolver, 7);
    assert_false(kr_resolver_take(resolver, &number, endpoint));
    kr_resolver_free(resolver);
    assert_int_equal(close(fd), 0);
}

static enum kr_err put_dial(struct kr_dials *dials, uint32_t number, const char *endpoint, size_t secret_len)
{
    static const uint8_t key[32] = {1, 2, 3}, secret[32] = {9};
    struct kr_writer writer;
    kr_writer_init(&writer, 1024);
    kr_writer_array(&writer, 3);
    kr_writer_str(&writer, endpoint);
    kr_writer_bin(&writer, key, sizeof key);
    kr_writer_bin(&writer, secret, secret_len);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_dials_put(dials, number, (struct kr_slice){writer.bytes, writer.len});
    }
    kr_writer_deinit(&writer);
    return err;
}

static void test_dials_become_messages_for_net(void **state)
{
    (void)state;
    static struct kr_net_message message;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct kr_dials *dials = NULL;
    assert_int_equal(kr_dials_new(wake, &fd, &dials, NULL), KR_OK);
    assert_int_equal(put_dial(dials, 3, "tcp://127.0.0.1:17", 32), KR_OK);
    assert_true(kr_dials_next(dials, &message));
    assert_int_equal(message.type, KR_NET_DIAL);
    assert_int_equal(message.number, 3);
    assert_int_equal(message.text.len, strlen("tcp://127.0.0.1:17"));
    assert_memory_equal(message.text.bytes, "tcp://127.0.0.1:17", message.text.len);
    assert_int_equal(message.key[2], 3);
    assert_true(message.has_secret);
    assert_int_equal(message.secret[0], 9);
    assert_false(kr_dials_next(dials, &message));
    /* Another address for the same peer: first the old connection goes. */
    assert_int_equal(put_dial(dials, 3, "tcp://127.0.0.1:18", 0), KR_OK);
    assert_true(kr_dials_next(dials, &message));
    assert_int_equal(message.type, KR_NET_HANGUP);
    assert_true(kr_dials_next(dials, &message));
    assert_int_equal(message.type, KR_NET_DIAL);
    assert_false(message.has_secret);
    kr_dials_forget(dials, 3);
    assert_false(kr_dials_next(dials, &message));
    kr_dials_free(dials);
    assert_int_equal(close(fd), 0);
}

static void test_malformed_dials_are_refused(void **state)
{
    (void)state;
    static struct kr_net_message message;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct kr_dials *dials = NULL;
    assert_int_equal(kr_dials_new(wake, &fd, &dials, NULL), KR_OK);
    assert_int_equal(put_dial(dials, 3, "tcp://127.0.0.1:17", 31), KR_MALFORMED);
    assert_int_equal(kr_dials_put(dials, 3, (struct kr_slice){(const uint8_t *)"\x90", 1}), KR_MALFORMED);
    assert_false(kr_dials_next(dials, &message));
    kr_dials_free(dials);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric_hosts_are_known),     cmocka_unit_test(test_an_address_resolves_to_itself),
        cmocka_unit_test(test_answers_come_by_number),      cmocka_unit_test(test_dials_become_messages_for_net),
        cmocka_unit_test(test_malformed_dials_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
