# The target of tools/formats and proto/indicator; included by CMakeLists.txt where this file exists.
kr_fuzz_target(extract SOURCES extract.c LIBS kr_formats)
