# The target of tools/scan; included by CMakeLists.txt where this file exists.
kr_fuzz_target(scan SOURCES scan.c LIBS kr_scan)
