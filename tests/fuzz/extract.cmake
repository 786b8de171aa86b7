# The target of tools/formats and proto/indicator; included by CMakeLists.txt where this file exists.
kr_fuzz_target(extract SOURCES extract.c LIBS kr_formats)
kr_fuzz_target(csv SOURCES csv.c LIBS kr_formats)
kr_fuzz_target(json SOURCES json.c LIBS kr_formats)
kr_fuzz_target(export SOURCES export.c LIBS kr_export)
