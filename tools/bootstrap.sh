#!/bin/sh
# From a fresh Debian 12 to a built, tried and tested Kairan. Run it without arguments for help.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
    cat <<'TEXT'
Usage: tools/bootstrap.sh COMMAND

  demo [--keep] [--lang ja|en]   build, then share a real advisory among three councils on this machine
  test [LABEL...]                build twice (plain; with AddressSanitizer and UBSan) and run all tests, or those of the labels:
                                 unit vectors fuzz sim e2e bench tidy
  bench [NAME...] [--json]       measure: propagation bulk import ingest membership memory lookup replicate reconcile trees rekey
                                 dissemination flood scan (release build; ratios to limits of the same run); by name only:
                                 crowd [--nodes N] [--minutes N], which needs 12 GiB, and half_open and machines, attacks on real nodes
  build                          build the release and print where its programs lie
  package                        make a Debian package and print where it lies
  help                           this text

Whatever a command needs is installed from Debian's packages first (once; as root or through sudo).

Examples:
  tools/bootstrap.sh demo
  tools/bootstrap.sh test unit tidy
  tools/bootstrap.sh bench bulk --json
TEXT
}

# Everything goes to standard error: standard output is for results.
say() {
    printf '%s\n' "bootstrap: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# What building and running needs; then what testing needs on top.
packages_build="cmake ninja-build gcc libc6-dev pkg-config gettext libsodium-dev libzmq3-dev libmsgpack-dev liblmdb-dev
    libcmocka-dev libidn2-dev libunistring-dev libpsl-dev publicsuffix libpcre2-dev libseccomp-dev libgmime-3.0-dev libinih-dev libjansson-dev libqrencode-dev uuid-dev zlib1g-dev libzstd-dev"
# What benches measure against.
packages_bench="redis-tools ripgrep"
packages_test="$packages_bench clang clang-format clang-tidy libclang-rt-14-dev python3 python3-msgpack python3-nacl bind9-utils nftables ipset openssl tinyproxy-bin"
# Servers that the tests feed with exports or send links through: unpacked into build/consumers, not installed, so that none of them is started or enabled.
packages_servers="bind9 unbound stunnel4"

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install_missing() {
    missing=
    for package in $1; do
        # shellcheck disable=SC2016
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing="$missing $package"
        fi
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 || die "this script installs with apt-get (Debian 12 or later); install yourself:$missing"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 || die "run this as root, or install sudo; these packages are missing:$missing"
    say "installing:$missing"
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! { as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "installation failed: see above"
    fi
    rm -f "$log"
}

# Servers, and the libraries that they need; where both are on this machine anyway, nothing.
unpack_servers() {
    if (PATH="$PATH:/usr/sbin:$root/build/consumers/usr/sbin:$root/build/consumers/usr/bin" && command -v named && command -v unbound &&
        command -v stunnel4) >/dev/null; then
        return 0
    fi
    # shellcheck disable=SC2086
    plan=$(apt-get -s install --no-install-recommends $packages_servers 2>/dev/null) || {
        as_root apt-get update -q >/dev/null
        plan=$(apt-get -s install --no-install-recommends $packages_servers) || die "these packages cannot be found: $packages_servers"
    }
    needed=$(printf '%s\n' "$plan" | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -vxE "$(echo "$packages_servers" | tr ' ' '|')" | tr '\n' ' ' || true)
    install_missing "$needed"
    say "unpacking: $packages_servers"
    mkdir -p build/consumers
    # shellcheck disable=SC2086
    (cd build/consumers && apt-get download -q $packages_servers >/dev/null 2>&1 &&
        for package in *.deb; do dpkg-deb -x "$package" . || exit 1; done && rm -f -- *.deb) || die "$packages_servers cannot be unpacked"
}

# build PRESET [TARGET...]
build() {
    preset=$1
    shift
    log=$(mktemp)
    say "building ($preset)"
    if ! { cmake --preset "$preset" ${launcher:+-DCMAKE_C_COMPILER_LAUNCHER="$launcher"} &&
        cmake --build "build/$preset" ${1:+--target "$@"}; } >"$log" 2>&1; then
        grep -E -A 5 'error|FAILED|CMake Error' "$log" | head -n 60 >&2 || tail -n 30 "$log" >&2
        rm -f "$log"
        die "the build failed: see above"
    fi
    rm -f "$log"
}

# Attacks are measured from outside, by programs of the tests; all else by kr-bench.
bench() {
    json= attacks= others= failed=
    for argument in "$@"; do
        case "$argument" in
        --json) json=--json ;;
        half_open | machines) attacks="$attacks $argument" ;;
        *) others=1 ;;
        esac
    done
    if [ -z "$attacks" ]; then
        build release kr-bench
        exec build/release/tests/bench/kr-bench "$@"
    fi
    [ -z "$others" ] || die "half_open and machines run without other benches"
    build release kairand kairan
    for attack in $attacks; do
        if [ "$attack" = half_open ]; then
            python3 tests/e2e/half_open.py --kairand build/release/node/kairand $json || failed=1
        else
            python3 tests/e2e/remote.py --kairand build/release/node/kairand --kairan build/release/tools/kairan/kairan --floods $json || failed=1
        fi
    done
    [ -z "$failed" ]
}

# run_tests PRESET [LABEL...]: all tests where no label is given.
run_tests() {
    preset=$1
    shift
    labels=
    for label in "$@"; do
        labels="${labels:+$labels|}^$label\$"
    done
    say "testing ($preset)"
    # Two of ctest's processors are one core: tests that compute take two, those that wait for daemons one.
    ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$((2 * $(nproc)))" ${labels:+-L "$labels"}
}

test_all() {
    install_missing "$packages_build $packages_test"
    unpack_servers
    export KAIRAN_CONSUMERS=required
    failed=
    for preset in dev asan; do
        build "$preset"
    done
    for preset in dev asan; do
        # The sanitized build has no tidy tests: they read the sources, which are the same.
        if [ "$preset" = asan ] && [ "$*" = tidy ]; then
            continue
        fi
        run_tests "$preset" "$@" || failed="$failed $preset"
    done
    [ -z "$failed" ] || die "tests failed in:$failed"
    say "all tests passed"
}

launcher=$(command -v ccache || true)
command=${1:-help}
[ $# -eq 0 ] || shift

case $command in
demo)
    install_missing "$packages_build"
    build release kairan kairand
    KAIRAN="$root/build/release/tools/kairan/kairan" KAIRAND="$root/build/release/node/kairand" exec sh tools/demo/demo.sh "$@"
    ;;
test)
    test_all "$@"
    ;;
bench)
    install_missing "$packages_build $packages_bench python3"
    bench "$@"
    ;;
build)
    install_missing "$packages_build"
    build release kairan kairand
    printf '%s\n' "$root/build/release/tools/kairan/kairan" "$root/build/release/node/kairand"
    ;;
package)
    install_missing "$packages_build dpkg-dev file"
    build package
    (cd build/package && cpack >cpack.log 2>&1) || {
        cat build/package/cpack.log >&2
        die "no package: see above"
    }
    printf '%s\n' "$root"/build/package/kairan_*.deb
    ;;
help | -h | --help)
    usage
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
