/* Messages between processes: what is packed comes back, and nothing malformed is accepted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/message.h"

static struct message in, out;
static uint8_t bytes[MESSAGE_MAX], scratch[MESSAGE_MAX];
static struct fault why;

static void fill_passage(struct message *m)
{
    memset(m, 0, sizeof *m);
    m->type = MESSAGE_PASSAGE;
    m->seq = 0x1122334455667788u;
    struct row *row = &m->passage.row;
    for (int i = 0; i < ROW_ID_SIZE; i++)
        row->id[i] = (uint8_t)(i * 17);
    row->state = ROW_UPDATE;
    row->first_ms = 1800000000000;
    row->last_ms = 1800000001000;
    row->clock_synchronised = true;
    row->needs_review = true;
    snprintf(row->lane, sizeof row->lane, "north");
    snprintf(row->camera, sizeof row->camera, "north-1");
    snprintf(row->plate, sizeof row->plate, "ABC123");
    snprintf(row->region, sizeof row->region, "us-ny");
    row->confidence = 0.75f;
    row->n_frames = 12;
    row->frame_width = 1280;
    row->frame_height = 720;
    for (int i = 0; i < 8; i++)
        row->corner[i] = (float)i * 10.5f;
    row->n_candidates = 2;
    row->candidates[0] = (struct row_candidate){"ABC123", 0.75f, true};
    row->candidates[1] = (struct row_candidate){"A8C123", 0.125f, false};
    row->crop_size = 3000;
    for (uint32_t i = 0; i < row->crop_size; i++)
        m->passage.crop[i] = (uint8_t)i;
}

/* What only the desk and the keeper say. */
static void fill_talk(struct message *m)
{
    m->ask = (struct ask){.kind = ASK_FIND,
                          .uid = 1000,
                          .roles = ASK_OFFICER | ASK_MAINTENANCE,
                          .user = "j\303\274rgen",
                          .reason = "stolen é",
                          .case_number = "26-114",
                          .find = {.plate = "A?C12?",
                                   .look_alike = true,
                                   .lane = "north",
                                   .from_ms = 1,
                                   .to_ms = 2,
                                   .limit = 50},
                          .id = {1, 2, 3},
                          .ticket = "1a2b3c4d",
                          .signature = {.size = 3, .der = {4, 5, 6}},
                          .n_ids = 2,
                          .ids = {{7}, {8}},
                          .recipient = "port",
                          .first = 9,
                          .digest = {10},
                          .n_failed = 11,
                          .seen_size = 12};
    m->health = (struct health){.epoch = 3,
                                .pcr_mask = 1 << 7,
                                .with_credential = true,
                                .seals_crops = true,
                                .has_witness = true,
                                .server_ok = true,
                                .log_size = 99,
                                .head_size = 98,
                                .head_ms = 1800000000000,
                                .hit_term_s = 259200};
    m->needs_second = true;
    snprintf(m->ticket, sizeof m->ticket, "00ff00ff");
    m->evidence = (struct message_evidence){.head_size = 4,
                                            .head = {1, 2, 3, 4},
                                            .key = {4, 5},
                                            .has_growth = true,
                                            .growth = {.n = 2, .hash = {{{1}}, {{2}}}},
                                            .error = ""};
    snprintf(m->user, sizeof m->user, "officer");
    m->asked_ms = 1800000000000;
    m->is_sealed = true;
    m->first = 5;
    m->total = 1000;
    m->number = 3;
    m->proof = (struct merkle_proof){.n = 3, .hash = {{{9}}, {{8}}, {{7}}}};
    m->n_data = 7;
    memcpy(m->data, "\5\0abcde", 7);
}

static size_t pack_and_unpack(void)
{
    size_t size = message_pack(&in, bytes);
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_OK);
    assert_int_equal(out.type, in.type);
    assert_true(out.seq == in.seq);
    return size;
}

/* The wire form must be the same when what came out is packed again: compares every field at once.
 */
static void assert_same_again(size_t size)
{
    static uint8_t again[MESSAGE_MAX];
    assert_int_equal(message_pack(&out, again), size);
    assert_memory_equal(bytes, again, size);
}

static void a_passage_comes_back_whole(void **state)
{
    (void)state;
    fill_passage(&in);
    memset(&out, 0, sizeof out);
    size_t size = pack_and_unpack();
    assert_memory_equal(&out.passage, &in.passage, sizeof in.passage);
    assert_same_again(size);
}

/* The fuzz target's corpus is what this test packs; LANEWARD_GENERATE=1 writes it anew. */
static void keep_for_fuzzing(int type, size_t size)
{
    char path[256];
    if (getenv("LANEWARD_GENERATE") == NULL)
        return;
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/message/type-%02d", LANEWARD_SOURCE_DIR,
             type);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void every_other_kind_comes_back_whole(void **state)
{
    (void)state;
    for (int type = MESSAGE_HELLO; type < MESSAGE_COUNT; type++) {
        fill_passage(&in);
        in.type = (enum message_type)type;
        snprintf(in.cursor, sizeof in.cursor, "2026-11-22/000123.jpg");
        fill_talk(&in);
        in.n_left = type == MESSAGE_ROWS ? 0 : 7;
        in.n_gaps = 1;
        in.gaps[0] = (struct ledger_gap){
            .from_ms = 5, .to_ms = 6, .lane = "north", .why = "store unwritable"};
        in.stats =
            (struct store_stats){.n_rows = 9, .oldest_ms = 8, .bytes = 7, .binding = BINDING_TPM};
        in.fault = (struct fault){.code = ERR_IO, .text = "disk full"};
        if (type == MESSAGE_PENDING)
            memcpy(in.data, "a\nb c\nd", 7);
        in.n_left = type == MESSAGE_LOG ? 1 : in.n_left;
        in.passage.row.crop_size = 100;
        size_t size = pack_and_unpack();
        assert_same_again(size);
        keep_for_fuzzing(type, size);
    }
    in.type = MESSAGE_ROWS;
    in.n_left = 3;
    assert_same_again(pack_and_unpack());
    assert_memory_equal(&out.passage.row.candidates, &in.passage.row.candidates,
                        sizeof in.passage.row.candidates);
}

static void the_largest_passage_fits_a_packet(void **state)
{
    (void)state;
    fill_passage(&in);
    struct row *row = &in.passage.row;
    row->crop_size = ROW_MAX_CROP;
    row->n_candidates = ROW_MAX_CANDIDATES;
    memset(row->plate, 'W', ROW_PLATE_SIZE - 1);
    for (int i = 0; i < ROW_MAX_CANDIDATES; i++)
        memset(row->candidates[i].plate, 'W', ROW_PLATE_SIZE - 1);
    memset(row->lane, 'l', ROW_NAME_SIZE - 1);
    memset(row->camera, 'c', ROW_NAME_SIZE - 1);
    pack_and_unpack();
    assert_int_equal(out.passage.row.crop_size, ROW_MAX_CROP);
}

static void no_shortened_message_is_accepted(void **state)
{
    (void)state;
    fill_passage(&in);
    size_t size = message_pack(&in, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that the sanitizer sees a read past the end */
        memcpy(exact, bytes, cut);
        assert_int_equal(message_unpack(exact, cut, &out, &why), ERR_INPUT);
        free(exact);
        if (cut == 600) /* the crop's bytes are all alike */
            cut = size - 10;
    }
    bytes[size] = 0;
    assert_int_equal(message_unpack(bytes, size + 1, &out, &why), ERR_INPUT);
}

static void assert_refused(void)
{
    size_t size = message_pack(&in, bytes);
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
    fill_passage(&in);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    fill_passage(&in);
    struct row *row = &in.passage.row;
    row->state = 7, assert_refused();
    row->confidence = 1.01f, assert_refused();
    row->confidence = NAN, assert_refused();
    row->confidence = -0.5f, assert_refused();
    row->last_ms = row->first_ms - 1, assert_refused();
    row->first_ms = -1, assert_refused();
    row->corner[3] = INFINITY, assert_refused();
    row->corner[3] = 2e6f, assert_refused();
    row->frame_width = 70000, assert_refused();
    row->candidates[1].plate[0] = '\0', assert_refused();
    row->candidates[0].confidence = 2, assert_refused();
    snprintf(row->plate, sizeof row->plate, "OTHER1"), assert_refused();
    snprintf(row->plate, sizeof row->plate, "abc123"), assert_refused();
    snprintf(row->lane, sizeof row->lane, "no\nrth"), assert_refused();
    row->n_candidates = 0, assert_refused(); /* a plate without candidates */
}

static void refuse_talk(enum message_type type)
{
    in.type = type;
    in.n_left = type == MESSAGE_LOG ? 1 : 2;
    size_t size = message_pack(&in, bytes);
    if (message_unpack(bytes, size, &out, &why) != ERR_INPUT)
        fail_msg("a message of type %d was taken", (int)type);
    fill_talk(&in);
}

static void what_no_desk_and_no_keeper_says_is_refused(void **state)
{
    (void)state;
    fill_passage(&in);
    fill_talk(&in);
    in.ask.kind = 0, refuse_talk(MESSAGE_ASK);
    in.ask.kind = ASK_LIMIT, refuse_talk(MESSAGE_ASK);
    in.ask.roles = 16, refuse_talk(MESSAGE_ASK);
    in.ask.ticket[7] = '\0', refuse_talk(MESSAGE_ASK);
    in.ask.ticket[3] = 'X', refuse_talk(MESSAGE_ASK);
    in.ask.user[0] = '\n', refuse_talk(MESSAGE_ASK);
    in.ask.recipient[0] = '\t', refuse_talk(MESSAGE_ASK);
    in.ask.find.from_ms = -1, refuse_talk(MESSAGE_ASK);
    memcpy(in.ask.find.plate, "???", 4), refuse_talk(MESSAGE_ASK);
    in.ticket[0] = '\0', refuse_talk(MESSAGE_TICKET);
    in.ticket[0] = '\0', refuse_talk(MESSAGE_PENDING);
    in.data[2] = '\r', refuse_talk(MESSAGE_PENDING);
    in.n_data = TICKET_TEXT_SIZE + 1, refuse_talk(MESSAGE_PENDING);
    in.data[0] = 6, refuse_talk(MESSAGE_LOG); /* a record longer than the page */
    in.data[0] = 4, refuse_talk(MESSAGE_LOG); /* and something behind it */
    in.n_data = 1, refuse_talk(MESSAGE_LOG);
    in.total = 0, refuse_talk(MESSAGE_BLOB);
    in.total = MESSAGE_MAX_BLOB + 1, refuse_talk(MESSAGE_BLOB);
    in.total = in.first + in.n_data - 1, refuse_talk(MESSAGE_BLOB);
    in.n_data = 0, refuse_talk(MESSAGE_BLOB);
    in.health.pcr_mask = 1 << 24, refuse_talk(MESSAGE_STATS);
    in.health.head_ms = -1, refuse_talk(MESSAGE_STATS);
}

/* Sizes beyond the room, which no packer writes. */
static void sizes_of_the_desk_s_messages_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum message_type type;
        size_t at;
    } lies[] = {
        {MESSAGE_EVIDENCE, 11}, {MESSAGE_PROOF, 18}, {MESSAGE_CROP, 29}, {MESSAGE_BLOB, 68}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        fill_passage(&in);
        fill_talk(&in);
        in.type = lies[i].type;
        size_t size = message_pack(&in, bytes);
        assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_OK);
        bytes[lies[i].at] = 0xff;
        assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
    }
}

static void the_largest_answers_fit_a_packet(void **state)
{
    (void)state;
    fill_passage(&in);
    fill_talk(&in);
    in.n_data = MESSAGE_MAX_DATA;
    memset(in.data, 'a', sizeof in.data);
    in.total = MESSAGE_MAX_BLOB;
    static const enum message_type large[] = {MESSAGE_CROP, MESSAGE_BLOB};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        in.type = large[i];
        assert_same_again(pack_and_unpack());
    }
    in.type = MESSAGE_EVIDENCE;
    in.evidence.head_size = HEAD_MAX_BYTES;
    in.evidence.growth.n = MERKLE_MAX_PROOF;
    assert_same_again(pack_and_unpack());
    in.type = MESSAGE_ASK;
    in.ask.n_ids = ASK_MAX_EXPORT;
    in.ask.signature.size = SIGNATURE_MAX;
    assert_same_again(pack_and_unpack());
}

static void a_crop_size_that_lies_is_refused(void **state)
{
    (void)state;
    fill_passage(&in);
    size_t size = message_pack(&in, bytes);
    size_t at = size - in.passage.row.crop_size - 4;
    bytes[at] = 0xff, bytes[at + 1] = 0xff, bytes[at + 2] = 0xff, bytes[at + 3] = 0x7f;
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
}

static void counts_that_lie_are_refused(void **state)
{
    (void)state;
    memset(&in, 0, sizeof in);
    in.type = MESSAGE_ROWS;
    size_t size = message_pack(&in, bytes); /* version, type, seq, n_left, n_gaps */
    bytes[14] = 9;
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
    bytes[14] = 0, bytes[10] = STORE_MAX_ROWS + 1;
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
    in.type = MESSAGE_GAP;
    size = message_pack(&in, bytes); /* a gap message without a gap */
    assert_int_equal(message_unpack(bytes, size, &out, &why), ERR_INPUT);
}

static void a_packet_crosses_a_socket(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(message_receive(pair[1], &out, scratch, &why), ERR_AGAIN);
    fill_passage(&in);
    assert_int_equal(message_send(pair[0], &in, scratch, &why), ERR_OK);
    assert_int_equal(message_receive(pair[1], &out, scratch, &why), ERR_OK);
    assert_memory_equal(out.passage.crop, in.passage.crop, in.passage.row.crop_size);
    close(pair[0]);
    assert_int_equal(message_receive(pair[1], &out, scratch, &why), ERR_CLOSED);
    assert_int_equal(message_send(pair[1], &in, scratch, &why), ERR_CLOSED);
    close(pair[1]);
}

static void a_peer_that_is_behind_does_not_block(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    fill_passage(&in);
    enum err err = ERR_OK;
    for (int i = 0; i < 10000 && err == ERR_OK; i++)
        err = message_send(pair[0], &in, scratch, &why);
    assert_int_equal(err, ERR_AGAIN);
    close(pair[0]);
    close(pair[1]);
}

static void a_packet_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static uint8_t large[MESSAGE_MAX + 100];
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal(send(pair[0], large, sizeof large, 0), sizeof large);
    assert_int_equal(message_receive(pair[1], &out, scratch, &why), ERR_INPUT);
    assert_int_equal(message_receive(pair[1], &out, scratch, &why), ERR_AGAIN);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_passage_comes_back_whole),
        cmocka_unit_test(every_other_kind_comes_back_whole),
        cmocka_unit_test(the_largest_passage_fits_a_packet),
        cmocka_unit_test(no_shortened_message_is_accepted),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(what_no_desk_and_no_keeper_says_is_refused),
        cmocka_unit_test(sizes_of_the_desk_s_messages_that_lie_are_refused),
        cmocka_unit_test(the_largest_answers_fit_a_packet),
        cmocka_unit_test(a_crop_size_that_lies_is_refused),
        cmocka_unit_test(counts_that_lie_are_refused),
        cmocka_unit_test(a_packet_crosses_a_socket),
        cmocka_unit_test(a_peer_that_is_behind_does_not_block),
        cmocka_unit_test(a_packet_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
