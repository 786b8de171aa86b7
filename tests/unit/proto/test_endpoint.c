#include "proto_test.h"

#include "proto/wire/ticket.h"

static void hosts_and_ports_pass(void **state)
{
    static const char *const good[] = {
        "tcp://example.jp:7370",
        "tcp://a:1",
        "tcp://sub-domain.EXAMPLE.jp:65535",
        "tcp://localhost:7370",
        "tcp://203.0.113.7:7370",
        "tcp://[::1]:7370",
        "tcp://[2001:db8::7]:443",
        "tcp://xn--eckwd4c7c.xn--zckzah:80",
        "tcp://1st.example:7370",
        "tcp://[::ffff:192.0.2.1]:7370",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(kr_endpoint_check(good[i], strlen(good[i]), NULL), KR_OK);
    }
}

static void everything_else_fails_with_a_sentence(void **state)
{
    static const char *const bad[] = {
        "",
        "tcp://",
        "tcp://:7370",
        "tcp://example.jp",
        "tcp://example.jp:",
        "tcp://example.jp:0",
        "tcp://example.jp:07370",
        "tcp://example.jp:65536",
        "tcp://example.jp:99999999999",
        "tcp://example.jp:-1",
        "tcp://example.jp:73 70",
        "tcp://example.jp:*",
        "tcp://*:7370",
        "tcp://example.jp.:7370",
        "tcp://exa mple.jp:7370",
        "tcp://-example.jp:7370",
        "tcp://example-.jp:7370",
        "tcp://example..jp:7370",
        "tcp://exämple.jp:7370",
        "tcp://user@example.jp:7370",
        "tcp://example.jp/path:7370",
        "tcp://example.jp;eth0:7370",
        "tcp://eth0;example.jp:7370",
        "tcp://256.1.1.1:7370",
        "tcp://1.2.3:7370",
        "tcp://1.2.3.4.5:7370",
        "tcp://2001:db8::7:7370",
        "tcp://[]:7370",
        "tcp://[::1:7370",
        "tcp://[example.jp]:7370",
        "tcp://[1.2.3.4]:7370",
        "tcp://[fe80::1%eth0]:7370",
        "TCP://example.jp:7370",
        "udp://example.jp:7370",
        "ipc:///run/kairan",
        "inproc://zeromq.zap.01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kr_error error = {{0}};

        assert_int_equal(kr_endpoint_check(bad[i], strlen(bad[i]), &error), KR_INVALID);
        assert_int_not_equal(error.text[0], 0);
    }
}

static void lengths_and_hidden_bytes_are_seen(void **state)
{
    char endpoint[KR_ENDPOINT_BYTES_MAX + 2];

    (void)state;
    memset(endpoint, 'a', sizeof endpoint);
    assert_int_equal(kr_endpoint_check(endpoint, KR_ENDPOINT_BYTES_MAX + 1, NULL), KR_BOUNDS);
    memcpy(endpoint, "tcp://", 6);
    memcpy(endpoint + 6 + 64, ":7370", 5);
    assert_int_equal(kr_endpoint_check(endpoint, 6 + 64 + 5, NULL), KR_INVALID); /* a label of 64 */
    memcpy(endpoint + 6 + 63, ":7370", 5);
    assert_int_equal(kr_endpoint_check(endpoint, 6 + 63 + 5, NULL), KR_OK);
    assert_int_equal(kr_endpoint_check("tcp://a\0b:1", 11, NULL), KR_INVALID);
    assert_int_equal(kr_endpoint_check("tcp://[::1\0]:1", 14, NULL), KR_INVALID);
    assert_int_equal(kr_endpoint_check("tcp://a:1\0", 10, NULL), KR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_pass),
        cmocka_unit_test(everything_else_fails_with_a_sentence),
        cmocka_unit_test(lengths_and_hidden_bytes_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
