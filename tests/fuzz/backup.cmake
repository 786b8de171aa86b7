kr_fuzz_target(backup SOURCES backup.c LIBS kr_backup kr_proto kr_crypto)
