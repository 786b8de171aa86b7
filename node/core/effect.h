/* Adding effects (inside the core only). Running out of memory here fails the batch like a failing store would. */
#ifndef KR_NODE_CORE_EFFECT_H
#define KR_NODE_CORE_EFFECT_H

#include <stdarg.h>
#include <stdio.h>

#include "node/core/event.h"
#include "proto/codec/writer.h"

/* Takes over `bytes` and `job`, also when it fails. */
enum kr_err kr_effect_add(struct kr_effects *effects, const struct kr_effect *effect) KR_WARN_UNUSED;
/* The bytes are the writer's, which is left empty. */
enum kr_err kr_effect_add_writer(struct kr_effects *effects, struct kr_effect effect, struct kr_writer *writer) KR_WARN_UNUSED;
/* The bytes are a sentence, NUL-terminated behind `len`. */
enum kr_err kr_effect_add_text(struct kr_effects *effects, struct kr_effect effect, const char *fmt, va_list args)
    KR_PRINTF(3, 0) KR_WARN_UNUSED;

#endif
