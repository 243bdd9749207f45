/* The mailbox: a triple buffer in shared memory whose three owners stand in one atomic word. */
#include "daemon/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

enum { N_SLOTS = 3, PAGE = 4096, MAX_TRIES = 1000 };

static const uint32_t magic = 0x4c574d42; /* "LWMB" */

/* The word: two bits each for the slot that the producer writes, the one waiting in the middle, and
 * the one that the consumer reads; one bit for "the middle one has not been taken". Each step of
 * either side is one compare-exchange, so a process that dies at any instruction leaves three
 * different owners behind. */
enum { FRESH = 1u << 6 };

/* A text with two places: the writer fills the one that is not shown, then shows it. */
struct text_pair {
    char text[2][MAILBOX_CURSOR_SIZE];
    _Atomic uint32_t shown; /* behind the texts: GCC 14 takes them for this number's bytes */
};

struct slot_head {
    uint64_t size;
    uint64_t number;
    int64_t seen_ms;
    int64_t arrived_ns;
    uint32_t clock_synchronised;
    uint32_t turn; /* the last of the recognizer's positions that the capture had followed */
    char cursor[MAILBOX_CURSOR_SIZE];
};

struct shared {
    uint32_t magic;
    uint64_t max_bytes;
    _Atomic uint32_t word;
    _Atomic uint64_t last_number;
    _Atomic uint32_t resumes;      /* how often the recognizer has told a position */
    _Atomic uint32_t resumes_seen; /* the last of them that the capture has followed */
    struct text_pair resume;       /* written by the recognizer */
    struct text_pair position;     /* written by the capture: where it stands */
    struct slot_head heads[N_SLOTS];
};

struct mailbox {
    struct shared *shared;
    size_t mapped;
    size_t max_bytes;
    bool has_asked; /* mailbox_resume was called on this handle */
    uint32_t turn;  /* of the position that was told on this handle; 0: none was */
};

static_assert(sizeof(struct shared) <= PAGE, "the head has one page");

static size_t slot_bytes(size_t max_bytes)
{
    return (max_bytes + PAGE - 1) / PAGE * PAGE;
}

static size_t total_bytes(size_t max_bytes)
{
    return PAGE + N_SLOTS * slot_bytes(max_bytes);
}

static uint32_t word_of(unsigned producer, unsigned middle, unsigned consumer)
{
    return producer | middle << 2 | consumer << 4;
}

static unsigned producer_of(uint32_t word)
{
    return word & 3;
}

static unsigned middle_of(uint32_t word)
{
    return word >> 2 & 3;
}

static unsigned consumer_of(uint32_t word)
{
    return word >> 4 & 3;
}

static bool is_valid(uint32_t word)
{
    return word < 2 * FRESH &&
           (1u << producer_of(word) | 1u << middle_of(word) | 1u << consumer_of(word)) == 7;
}

/* The other side may have been taken over and write anything: a word that names no three slots is
 * replaced. */
static uint32_t load_word(struct shared *shared)
{
    uint32_t word = atomic_load_explicit(&shared->word, memory_order_acquire);
    if (is_valid(word))
        return word;
    uint32_t mended = word_of(0, 1, 2);
    atomic_store(&shared->word, mended);
    return mended;
}

static uint8_t *slot_at(const struct mailbox *mailbox, unsigned slot)
{
    assert(slot < N_SLOTS);
    return (uint8_t *)mailbox->shared + PAGE + slot * slot_bytes(mailbox->max_bytes);
}

static int make_memory(void)
{
    int fd = memfd_create("laneward-mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("laneward-mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

int mailbox_create(size_t max_bytes)
{
    int fd = make_memory();
    if (fd < 0)
        return -1;
    struct shared *shared = MAP_FAILED;
    if (ftruncate(fd, (off_t)total_bytes(max_bytes)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    shared->magic = magic;
    shared->max_bytes = max_bytes;
    atomic_store(&shared->word, word_of(0, 1, 2));
    munmap(shared, PAGE);
    return fd;
}

static enum err check_memory(int fd, size_t max_bytes, struct fault *why)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || fstat(fd, &info) != 0)
        return fault_errno(why, ERR_INPUT, errno, "the mailbox is no sealed memory");
    /* Memory that could shrink would turn an access into SIGBUS. */
    if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
        return fault_set(why, ERR_INPUT, "the mailbox is not sealed against resizing");
    if ((size_t)info.st_size != total_bytes(max_bytes))
        return fault_set(why, ERR_INPUT, "the mailbox has %lld bytes instead of %zu",
                         (long long)info.st_size, total_bytes(max_bytes));
    return ERR_OK;
}

enum err mailbox_open(struct mailbox **out, int fd, size_t max_bytes, struct fault *why)
{
    enum err err = check_memory(fd, max_bytes, why);
    if (err != ERR_OK)
        return err;
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (mailbox == NULL)
        return fault_set(why, ERR_MEMORY, "no memory for a mailbox");
    mailbox->mapped = total_bytes(max_bytes);
    mailbox->max_bytes = max_bytes;
    mailbox->shared = mmap(NULL, mailbox->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mailbox->shared == MAP_FAILED) {
        free(mailbox);
        return fault_errno(why, ERR_MEMORY, errno, "cannot map the mailbox");
    }
    if (mailbox->shared->magic != magic || mailbox->shared->max_bytes != max_bytes) {
        mailbox_close(&mailbox);
        return fault_set(why, ERR_INPUT, "the mailbox was made for other pictures");
    }
    *out = mailbox;
    return ERR_OK;
}

void mailbox_close(struct mailbox **mailbox)
{
    if (*mailbox == NULL)
        return;
    munmap((*mailbox)->shared, (*mailbox)->mapped);
    free(*mailbox);
    *mailbox = NULL;
}

/* Bytes up to the zero, and zeros behind it; false when there is no zero. `from` may change
 * meanwhile. */
static bool copy_cursor(char to[MAILBOX_CURSOR_SIZE], const char from[MAILBOX_CURSOR_SIZE])
{
    char copy[MAILBOX_CURSOR_SIZE];
    memcpy(copy, from, sizeof copy);
    size_t length = strnlen(copy, sizeof copy);
    if (length == sizeof copy)
        return false;
    memset(copy + length, 0, sizeof copy - length);
    memcpy(to, copy, sizeof copy);
    return true;
}

static void show_text(struct text_pair *pair, const char text[MAILBOX_CURSOR_SIZE])
{
    uint32_t next = (atomic_load(&pair->shown) & 1) ^ 1;
    memcpy(pair->text[next], text, MAILBOX_CURSOR_SIZE);
    atomic_store_explicit(&pair->shown, next, memory_order_release);
}

static bool shown_text(struct text_pair *pair, char out[MAILBOX_CURSOR_SIZE])
{
    return copy_cursor(out,
                       pair->text[atomic_load_explicit(&pair->shown, memory_order_acquire) & 1]);
}

uint8_t *mailbox_slot(struct mailbox *mailbox, struct mailbox_state *state)
{
    uint32_t word = load_word(mailbox->shared);
    if (state != NULL) {
        state->last_number = atomic_load(&mailbox->shared->last_number);
        state->is_waiting = (word & FRESH) != 0;
    }
    return slot_at(mailbox, producer_of(word));
}

bool mailbox_put(struct mailbox *mailbox, const struct shot *shot, size_t size)
{
    assert(size <= mailbox->max_bytes);
    struct shared *shared = mailbox->shared;
    uint32_t word = load_word(shared), next;
    struct slot_head *head = &shared->heads[producer_of(word)];
    head->size = size;
    head->number = shot->number;
    head->seen_ms = shot->seen_ms;
    head->arrived_ns = shot->arrived_ns;
    head->clock_synchronised = shot->clock_synchronised;
    head->turn = atomic_load(&shared->resumes_seen);
    if (!copy_cursor(head->cursor, shot->cursor))
        assert(!"a cursor without its closing zero");
    do {
        if (!is_valid(word))
            word = load_word(shared);
        next = word_of(middle_of(word), producer_of(word), consumer_of(word)) | FRESH;
    } while (!atomic_compare_exchange_weak_explicit(&shared->word, &word, next,
                                                    memory_order_acq_rel, memory_order_acquire));
    /* After the hand-off: a capture that dies in between puts one picture twice rather than none.
     */
    show_text(&shared->position, shot->cursor);
    atomic_store(&shared->last_number, shot->number);
    return (word & FRESH) != 0;
}

/* Makes the middle slot the consumer's. false: it was taken before. */
static bool take_middle(struct shared *shared, unsigned *slot)
{
    uint32_t word = load_word(shared);
    for (int i = 0; i < MAX_TRIES && is_valid(word) && (word & FRESH); i++) {
        uint32_t next = word_of(producer_of(word), consumer_of(word), middle_of(word));
        if (atomic_compare_exchange_weak_explicit(&shared->word, &word, next, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *slot = consumer_of(next);
            return true;
        }
    }
    return false;
}

bool mailbox_take(struct mailbox *mailbox, struct shot *shot, uint8_t *out, size_t *size)
{
    unsigned slot;
    if (!take_middle(mailbox->shared, &slot))
        return false;
    /* The head is copied first and judged after: a captured capture may still write into it. */
    struct slot_head head;
    memcpy(&head, &mailbox->shared->heads[slot], sizeof head);
    if (mailbox->turn != 0 && head.turn != mailbox->turn)
        return false;
    struct shot taken = {.number = head.number,
                         .seen_ms = head.seen_ms,
                         .arrived_ns = head.arrived_ns,
                         .clock_synchronised = head.clock_synchronised == 1};
    if (head.size == 0 || head.size > mailbox->max_bytes || head.clock_synchronised > 1 ||
        head.seen_ms < 0 || head.arrived_ns < 0 || !copy_cursor(taken.cursor, head.cursor))
        return false;
    memcpy(out, slot_at(mailbox, slot), (size_t)head.size);
    *shot = taken;
    *size = (size_t)head.size;
    return true;
}

void mailbox_set_resume(struct mailbox *mailbox, const char cursor[MAILBOX_CURSOR_SIZE])
{
    struct shared *shared = mailbox->shared;
    char text[MAILBOX_CURSOR_SIZE];
    if (!copy_cursor(text, cursor))
        assert(!"a cursor without its closing zero");
    show_text(&shared->resume, text);
    mailbox->turn = atomic_fetch_add(&shared->resumes, 1) + 1;
}

bool mailbox_resume(struct mailbox *mailbox, char cursor[MAILBOX_CURSOR_SIZE])
{
    struct shared *shared = mailbox->shared;
    uint32_t told = atomic_load(&shared->resumes);
    bool is_first = !mailbox->has_asked, is_new = told != atomic_load(&shared->resumes_seen);
    if (told == 0 || (!is_new && !is_first))
        return false;
    if (!shown_text(is_new ? &shared->resume : &shared->position, cursor))
        return false;
    mailbox->has_asked = true;
    /* First: the successor of a capture that dies on its way back has to go back, too. */
    if (is_new)
        show_text(&shared->position, cursor);
    atomic_store(&shared->resumes_seen, told);
    return true;
}
