#include "tools/scan/hunt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/scan/input.h"

#define PIECE_BYTES     (4u * KR_MIB)   /* of a file that can be read anywhere */
#define BUFFER_BYTES    (256u * KR_KIB) /* of it at a time: stays in the L2 cache */
#define STREAM_BYTES    KR_MIB          /* of others, a piece */
#define TEXT_BYTES_MAX  KR_INDICATOR_BYTES_MAX
#define PIECES_A_THREAD 4u

struct file {
    const char *path;
    size_t index;
    struct kr_input *input;
    uint64_t lines;       /* before the pieces that are reported next */
    uint64_t offset, end; /* where the next piece begins; the size of what can be read anywhere */
    uint8_t *rest;        /* of streams: what was read behind the last line's end; STREAM_BYTES */
    size_t rest_len;
};

struct hit {
    uint64_t line;
    struct kr_sieve_value value;
    uint32_t how, records;
    size_t text, text_len; /* in the piece's texts */
};

struct piece {
    bool is_ready, is_last, is_unended;
    struct file *file;
    uint64_t start, end;
    size_t len; /* of a stream: in the buffer */
    uint64_t lines, bytes;
    uint32_t note;
    struct kr_error error;
    struct hit *hits;
    size_t hit_count, hit_room;
    uint8_t *texts;
    size_t text_len, text_room;
    enum kr_err err;
};

struct crew {
    const struct kr_hunt *hunt;
    const char *const *paths;
    size_t path_count, next_path;
    struct file *file; /* whose pieces are handed out */
    pthread_mutex_t take_lock, flush_lock;
    pthread_cond_t flushed;
    uint64_t taken, reported; /* pieces */
    struct piece *pieces;     /* a ring */
    uint64_t piece_count;
    struct kr_hunt_totals totals;
    struct kr_hunt_mark mark;
    uint64_t disk_bytes;
    enum kr_err err;
    bool ends;
};

struct worker {
    struct crew *crew;
    struct kr_sweep sweep;
    struct piece *piece;
    uint8_t *room; /* KR_SWEEP_PAD, text, KR_SWEEP_PAD */
    pthread_t thread;
};

/* ---- one piece ---- */

static void keep_hit(void *context, const struct kr_sweep_hit *found)
{
    struct worker *worker = context;
    struct piece *piece = worker->piece;
    const size_t len = found->text.len < TEXT_BYTES_MAX ? found->text.len : TEXT_BYTES_MAX;
    if (piece->hit_count == piece->hit_room) {
        const size_t room = piece->hit_room * 2 + 64;
        struct hit *hits = realloc(piece->hits, room * sizeof *hits);
        piece->err = hits == NULL ? KR_NOMEM : piece->err;
        piece->hits = hits != NULL ? hits : piece->hits;
        piece->hit_room = hits != NULL ? room : piece->hit_room;
    }
    if (piece->text_len + len > piece->text_room) {
        const size_t room = piece->text_room * 2 + 4096 + len;
        uint8_t *texts = realloc(piece->texts, room);
        piece->err = texts == NULL ? KR_NOMEM : piece->err;
        piece->texts = texts != NULL ? texts : piece->texts;
        piece->text_room = texts != NULL ? room : piece->text_room;
    }
    if (piece->err == KR_OK) {
        memcpy(piece->texts + piece->text_len, found->text.bytes, len);
        piece->hits[piece->hit_count++] = (struct hit){.line = found->line,
                                                       .value = found->value,
                                                       .how = found->how,
                                                       .records = found->records,
                                                       .text = piece->text_len,
                                                       .text_len = len};
        piece->text_len += len;
    }
}

/* How much of it may be searched before the rest is there: whole lines; of a longer line, whole words. */
static size_t cut(const uint8_t *text, size_t len)
{
    const uint8_t *feed = memrchr(text, '\n', len);
    size_t end = feed != NULL ? (size_t)(feed - text) + 1 : len;
    if (feed == NULL) {
        while (end > len / 2 && text[end - 1] > ' ') {
            end--;
        }
        if (end == len / 2) { /* no blank in half of it: some other end of a word, if there is one */
            end = len;
            while (end > len / 2 && (kr_sieve_is_word(text[end - 1]) || text[end - 1] >= 0x80 || text[end - 1] == '%')) {
                end--;
            }
            end = end == len / 2 ? len : end;
        }
    }
    return end;
}

/* The lines that begin from piece->start to before piece->end. */
static void search_piece(struct worker *worker)
{
    struct piece *piece = worker->piece;
    uint8_t *text = worker->room + KR_SWEEP_PAD;
    const int fd = kr_input_place(piece->file->input);
    uint64_t at = piece->start > 0 ? piece->start - 1 : 0; /* of the buffer's first byte */
    bool skips = piece->start > 0, done = false;
    size_t have = 0;
    while (!done && piece->err == KR_OK) {
        const ssize_t got = pread(fd, text + have, BUFFER_BYTES - have, (off_t)(at + have));
        if (got < 0) {
            piece->note = KR_HUNT_FAILED;
            (void)kr_fail(&piece->error, KR_IO, "cannot be read any further");
            break;
        }
        have += (size_t)got;
        size_t from = 0;
        if (skips) {
            const uint8_t *feed = memchr(text, '\n', have);
            from = feed != NULL ? (size_t)(feed - text) + 1 : have;
            skips = feed == NULL;
            done = at + from >= piece->end || got == 0;
        }
        size_t end = from;
        if (!skips && !done) {
            const uint64_t last = piece->end - 1;
            const uint8_t *feed = at + have > last ? memchr(text + (last > at + from ? (size_t)(last - at) : from), '\n',
                                                            have - (last > at + from ? (size_t)(last - at) : from))
                                                   : NULL;
            done = feed != NULL || got == 0;
            end = feed != NULL ? (size_t)(feed - text) + 1 : got == 0 ? have : from + cut(text + from, have - from);
            if (!done && have < BUFFER_BYTES && text[end - 1] != '\n') {
                end = from; /* a short read, maybe in the middle of a word */
            }
            piece->is_unended = got == 0 && have > from && text[have - 1] != '\n';
            kr_sweep_text(&worker->sweep, text + from, end - from);
        }
        have -= end;
        at += end;
        memmove(text, text + end, have);
    }
    piece->lines = worker->sweep.lines;
    const uint64_t stop = piece->is_last ? piece->file->end : piece->end;
    piece->bytes = stop > piece->start ? stop - piece->start : 0;
}

static void search(struct worker *worker)
{
    struct piece *piece = worker->piece;
    worker->sweep.lines = 0;
    if (piece->file->input == NULL || piece->note == KR_HUNT_BINARY || piece->note == KR_HUNT_FOREIGN) {
        /* Nothing to search. */
    } else if (kr_input_place(piece->file->input) >= 0) {
        search_piece(worker);
    } else {
        kr_sweep_text(&worker->sweep, worker->room + KR_SWEEP_PAD, piece->len);
        piece->lines = worker->sweep.lines;
        piece->bytes = piece->len;
    }
}

/* ---- handing out ---- */

static void close_file(struct file *file)
{
    if (file != NULL) {
        kr_input_close(file->input);
        free(file->rest);
        free(file);
    }
}

/* Passes over what was searched before. */
static enum kr_err skip_stream(struct file *file, uint8_t *room, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    size_t got = 1;
    for (uint64_t left = file->offset; left > 0 && got > 0 && err == KR_OK; left -= got) {
        err = kr_input_read(file->input, room, left < STREAM_BYTES ? (size_t)left : STREAM_BYTES, &got, error);
    }
    return err;
}

/* The next file as crew->file; where it cannot be searched the piece says so. */
static enum kr_err open_next(struct crew *crew, struct piece *piece, uint8_t *room)
{
    enum kr_err err = KR_OK;
    const struct kr_hunt *hunt = crew->hunt;
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return KR_NOMEM;
    }
    file->index = crew->next_path;
    file->path = crew->paths[crew->next_path++];
    if (file->index == hunt->from.file) {
        file->offset = hunt->from.offset;
        file->lines = hunt->from.lines;
    }
    crew->file = file;
    err = kr_input_open(file->path, &file->input, &piece->error);
    if (err == KR_OK) {
        const struct kr_slice peek = kr_input_peek(file->input);
        if (kr_input_kind(file->input) == KR_INPUT_FOREIGN) {
            piece->note = KR_HUNT_FOREIGN;
        } else if (!hunt->takes_binary && memchr(peek.bytes, 0, peek.len) != NULL) {
            piece->note = KR_HUNT_BINARY;
        } else if (kr_input_place(file->input) >= 0) {
            file->end = kr_input_bytes(file->input);
        } else {
            file->rest = malloc(STREAM_BYTES);
            err = file->rest == NULL ? KR_NOMEM : skip_stream(file, room, &piece->error);
        }
    }
    if (err != KR_OK && err != KR_NOMEM) {
        piece->note = KR_HUNT_FAILED;
        err = KR_OK;
    }
    return err;
}

static void take_stream(struct crew *crew, struct piece *piece, uint8_t *text)
{
    struct file *file = crew->file;
    size_t len = file->rest_len, got = 1;
    bool whole = false;
    memcpy(text, file->rest, len);
    while (!whole && got > 0 && piece->note == 0) {
        const enum kr_err err = kr_input_read(file->input, text + len, STREAM_BYTES - len, &got, &piece->error);
        if (err != KR_OK) {
            piece->note = KR_HUNT_FAILED;
        }
        whole = len + got == STREAM_BYTES || memchr(text + len, '\n', got) != NULL;
        len += got;
    }
    const bool ends = !whole || piece->note != 0; /* of what is damaged, what could be read */
    piece->len = ends ? len : cut(text, len);
    piece->is_last = ends;
    piece->is_unended = ends && len > 0 && text[len - 1] != '\n';
    file->rest_len = len - piece->len;
    memcpy(file->rest, text + piece->len, file->rest_len);
    piece->start = file->offset;
    file->offset += piece->len;
    piece->end = file->offset;
}

/* The next piece, or NULL where there is none. */
static struct piece *take(struct worker *worker)
{
    struct crew *crew = worker->crew;
    struct piece *piece = NULL;
    uint8_t *text = worker->room + KR_SWEEP_PAD;
    (void)pthread_mutex_lock(&crew->take_lock);
    (void)pthread_mutex_lock(&crew->flush_lock);
    while (crew->taken - crew->reported >= crew->piece_count && crew->err == KR_OK) {
        (void)pthread_cond_wait(&crew->flushed, &crew->flush_lock);
    }
    const bool stops = crew->err != KR_OK || (crew->hunt->stop != NULL && *crew->hunt->stop);
    (void)pthread_mutex_unlock(&crew->flush_lock);
    crew->ends = crew->ends || stops || (crew->file == NULL && crew->next_path == crew->path_count);
    if (!crew->ends) {
        piece = &crew->pieces[crew->taken % crew->piece_count];
        piece->is_last = piece->is_unended = false;
        piece->note = 0;
        piece->err = KR_OK;
        piece->hit_count = piece->text_len = piece->len = 0;
        piece->lines = piece->bytes = 0;
        piece->error.text[0] = 0;
        crew->taken++;
        if (crew->file == NULL) {
            piece->err = open_next(crew, piece, text);
        }
        struct file *file = crew->file;
        piece->file = file;
        if (piece->err != KR_OK || piece->note != 0) {
            piece->is_last = true;
        } else if (kr_input_place(file->input) >= 0) {
            piece->start = file->offset;
            piece->is_last = file->end - piece->start <= PIECE_BYTES || piece->start > file->end;
            piece->end = piece->is_last ? (file->end > piece->start ? file->end : piece->start + 1) : piece->start + PIECE_BYTES;
            file->offset = piece->end;
        } else {
            take_stream(crew, piece, text);
        }
        crew->file = piece->is_last ? NULL : file;
    }
    (void)pthread_mutex_unlock(&crew->take_lock);
    return piece;
}

/* ---- reporting ---- */

static void report(struct crew *crew, struct piece *piece)
{
    const struct kr_hunt *hunt = crew->hunt;
    struct file *file = piece->file;
    crew->err = crew->err == KR_OK ? piece->err : crew->err;
    if (crew->err != KR_OK) {
        if (piece->is_last) {
            close_file(file);
        }
        return;
    }
    for (size_t i = 0; i < piece->hit_count; i++) {
        const struct hit *hit = &piece->hits[i];
        const struct kr_hunt_hit found = {.file = file->path,
                                          .line = file->lines + hit->line + 1,
                                          .text = {piece->texts + hit->text, hit->text_len},
                                          .value = hit->value,
                                          .how = hit->how,
                                          .records = hit->records};
        hunt->hit(hunt->context, &found);
    }
    crew->totals.hits += piece->hit_count;
    crew->totals.lines += piece->lines + piece->is_unended;
    crew->totals.bytes += piece->bytes;
    file->lines += piece->lines;
    if (piece->note != 0) {
        crew->totals.skipped += piece->note != KR_HUNT_FAILED;
        crew->totals.failed += piece->note == KR_HUNT_FAILED;
        hunt->note(hunt->context, file->path, (enum kr_hunt_note)piece->note, piece->error.text);
    }
    crew->mark = (struct kr_hunt_mark){.file = file->index, .offset = piece->end, .lines = file->lines};
    if (piece->is_last) {
        crew->mark = (struct kr_hunt_mark){.file = file->index + 1};
        crew->disk_bytes += file->input != NULL ? kr_input_bytes(file->input) : 0;
        crew->totals.files++;
    }
    if (hunt->progress != NULL) {
        const uint64_t here = piece->is_last || file->input == NULL ? 0
                              : kr_input_place(file->input) >= 0    ? piece->end
                                                                    : kr_input_consumed(file->input);
        hunt->progress(hunt->context, &crew->mark, crew->disk_bytes + here);
    }
    if (piece->is_last) {
        close_file(file);
        piece->file = NULL;
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct crew *crew = worker->crew;
    while ((worker->piece = take(worker)) != NULL) {
        search(worker);
        (void)pthread_mutex_lock(&crew->flush_lock);
        worker->piece->is_ready = true;
        for (struct piece *next; (next = &crew->pieces[crew->reported % crew->piece_count])->is_ready;) {
            report(crew, next);
            next->is_ready = false;
            crew->reported++;
        }
        (void)pthread_cond_broadcast(&crew->flushed);
        (void)pthread_mutex_unlock(&crew->flush_lock);
    }
    return NULL;
}

static enum kr_err prepare(struct worker *worker, struct crew *crew)
{
    const size_t room = (BUFFER_BYTES > STREAM_BYTES ? BUFFER_BYTES : STREAM_BYTES) + 2 * KR_SWEEP_PAD;
    worker->crew = crew;
    enum kr_err err = kr_sweep_init(&worker->sweep, crew->hunt->sieve);
    worker->sweep.context = worker;
    worker->sweep.hit = keep_hit;
    worker->sweep.no_url_hosts = crew->hunt->no_url_hosts;
    worker->room = err == KR_OK ? malloc(room) : NULL;
    if (worker->room != NULL) {
        memset(worker->room, '\n', room);
    }
    return worker->room != NULL ? KR_OK : KR_NOMEM;
}

enum kr_err kr_hunt(const struct kr_hunt *hunt, const char *const *paths, size_t count, struct kr_hunt_totals *ret_totals,
                    struct kr_hunt_mark *ret_mark)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = hunt->threads > 0 ? hunt->threads : cores > 0 ? (unsigned)cores : 1;
    threads = threads < KR_HUNT_THREADS_MAX ? threads : KR_HUNT_THREADS_MAX;
    struct crew crew = {.hunt = hunt, .paths = paths, .path_count = count, .next_path = hunt->from.file, .mark = hunt->from};
    enum kr_err err = KR_OK;
    unsigned started = 0;
    struct worker *workers = calloc(threads, sizeof *workers);
    crew.piece_count = (uint64_t)threads * PIECES_A_THREAD;
    crew.pieces = calloc(crew.piece_count, sizeof *crew.pieces);
    crew.next_path = crew.next_path < count ? crew.next_path : count;
    (void)pthread_mutex_init(&crew.take_lock, NULL);
    (void)pthread_mutex_init(&crew.flush_lock, NULL);
    (void)pthread_cond_init(&crew.flushed, NULL);
    err = workers == NULL || crew.pieces == NULL ? KR_NOMEM : KR_OK;
    for (unsigned i = 0; i < threads && err == KR_OK; i++) {
        err = prepare(&workers[i], &crew);
    }
    /* The calling thread is one of them. */
    for (unsigned i = 1; i < threads && err == KR_OK; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            break; /* the others do it */
        }
        started = i;
    }
    if (err == KR_OK) {
        (void)work(&workers[0]);
        for (unsigned i = 1; i <= started; i++) {
            (void)pthread_join(workers[i].thread, NULL);
        }
        err = crew.err;
    }
    const bool is_whole = crew.file == NULL && crew.mark.file >= count;
    close_file(crew.file);
    for (uint64_t i = 0; crew.pieces != NULL && i < crew.piece_count; i++) {
        free(crew.pieces[i].hits);
        free(crew.pieces[i].texts);
    }
    for (unsigned i = 0; workers != NULL && i < threads; i++) {
        kr_sweep_deinit(&workers[i].sweep);
        free(workers[i].room);
    }
    free(crew.pieces);
    free(workers);
    (void)pthread_cond_destroy(&crew.flushed);
    (void)pthread_mutex_destroy(&crew.flush_lock);
    (void)pthread_mutex_destroy(&crew.take_lock);
    *ret_totals = crew.totals;
    *ret_mark = crew.mark;
    return err == KR_OK && !is_whole ? KR_CANCELLED : err;
}
