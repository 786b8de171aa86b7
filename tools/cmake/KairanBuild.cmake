# Everything that the folders' CMakeLists share: flags as targets, and one function for each sort of thing that is built.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET GLOBAL libsodium>=1.0.18)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET GLOBAL libzmq>=4.3.4)
pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET GLOBAL msgpack)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET GLOBAL lmdb)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET GLOBAL cmocka)
pkg_check_modules(LIBIDN2 REQUIRED IMPORTED_TARGET GLOBAL libidn2)
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET GLOBAL libpsl)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET GLOBAL libpcre2-8)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET GLOBAL libseccomp)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET GLOBAL gmime-3.0)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET GLOBAL inih)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET GLOBAL libqrencode)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET GLOBAL zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET GLOBAL libzstd)
pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET GLOBAL glib-2.0)
pkg_check_modules(UUID REQUIRED IMPORTED_TARGET GLOBAL uuid)

# What every target of ours is compiled with.
add_library(kr_warnings INTERFACE)
target_compile_options(kr_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef
    -Wformat=2 -Wvla -fstack-protector-strong
    $<$<BOOL:${KR_WERROR}>:-Werror>
    $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>
    $<$<BOOL:${KR_SANITIZE}>:-fsanitize=address,undefined$<SEMICOLON>-fno-sanitize-recover=all$<SEMICOLON>-fno-omit-frame-pointer>
    $<$<BOOL:${KR_TSAN}>:-fsanitize=thread>
    $<$<BOOL:${KR_FUZZ}>:-fsanitize=fuzzer-no-link>)
target_compile_definitions(kr_warnings INTERFACE "_GNU_SOURCE=" $<$<BOOL:${KR_FAULTS}>:KR_WITH_FAULTS>)
target_include_directories(kr_warnings INTERFACE ${PROJECT_SOURCE_DIR})
target_link_options(kr_warnings INTERFACE -Wl,-z,relro,-z,now
    $<$<BOOL:${KR_SANITIZE}>:-fsanitize=address,undefined>
    $<$<BOOL:${KR_TSAN}>:-fsanitize=thread>)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
if((KR_SANITIZE OR KR_TSAN) AND NOT KR_FUZZ)
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1") # enough for what sanitizers print, and compiled in two thirds of the time
endif()

# kr_layer(core SOURCES a.c … DEPS kr_store PkgConfig::PSL …): the static library kr_core.
function(kr_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
    add_library(kr_${name} STATIC ${arg_SOURCES})
    target_include_directories(kr_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(kr_${name} PUBLIC ${arg_DEPS} PRIVATE kr_warnings)
endfunction()

# A sanitizer maps and unmaps what LMDB allocates for each nested transaction, which makes days of virtual time minutes of real time.
set(KR_TEST_TIMEOUT_S 120)
if(KR_SANITIZE OR KR_TSAN)
    set(KR_TEST_TIMEOUT_S 900)
endif()

# kr_unit_test(proto reader SOURCES test_reader.c LIBS kr_proto): cmocka test `unit/proto/reader`, label unit.
function(kr_unit_test layer name)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;LIBS")
    add_executable(test_${layer}_${name} ${arg_SOURCES})
    target_link_libraries(test_${layer}_${name} PRIVATE ${arg_LIBS} PkgConfig::CMOCKA kr_warnings)
    add_test(NAME unit/${layer}/${name} COMMAND test_${layer}_${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set(processors 2) # half cores: tests/README.md
    if(layer MATCHES "^(net|client|keeper)$")
        set(processors 1)
    endif()
    set_tests_properties(unit/${layer}/${name} PROPERTIES LABELS unit TIMEOUT ${KR_TEST_TIMEOUT_S} SKIP_RETURN_CODE 77
        PROCESSORS ${processors})
endfunction()

# kr_fuzz_target(reader SOURCES reader.c LIBS kr_proto): with KR_FUZZ the libFuzzer program fuzz_reader; else a program that runs every file of
# tests/fuzz/corpus/reader through the same function, as a test.
function(kr_fuzz_target name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    add_executable(fuzz_${name} ${arg_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LIBS} kr_warnings)
    if(KR_FUZZ)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c)
    endif()
    add_test(NAME fuzz/${name} COMMAND fuzz_${name} $<$<BOOL:${KR_FUZZ}>:-runs=0> ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}
        COMMAND_EXPAND_LISTS)
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
