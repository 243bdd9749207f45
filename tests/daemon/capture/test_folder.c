/* Files of a camera's folder, camera addresses, and the order in which pictures are read. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/address.h"
#include "daemon/folder.h"
#include "daemon/queue.h"
#include "stage.h"

static void only_jpeg_names_that_are_not_hidden_are_pictures(void **state)
{
    (void)state;
    assert_true(folder_is_picture("a.jpg"));
    assert_true(folder_is_picture("A.JPEG"));
    assert_true(folder_is_picture("a.b.Jpg"));
    assert_false(folder_is_picture(".a.jpg"));
    assert_false(folder_is_picture("a.jpg.part"));
    assert_false(folder_is_picture("jpg"));
    assert_false(folder_is_picture("a.png"));
}

static void a_jpeg_has_a_begin_and_an_end(void **state)
{
    (void)state;
    assert_int_equal(folder_judge((const uint8_t *)"\xff\xd8xx\xff\xd9", 6), FOLDER_COMPLETE);
    assert_int_equal(folder_judge((const uint8_t *)"\xff\xd8\xff\xd9pad\0", 8), FOLDER_COMPLETE);
    assert_int_equal(folder_judge((const uint8_t *)"\xff\xd8xxxx", 6), FOLDER_TRUNCATED);
    assert_int_equal(folder_judge((const uint8_t *)"\x89PNGxx", 6), FOLDER_NO_JPEG);
    assert_int_equal(folder_judge((const uint8_t *)"", 0), FOLDER_NO_JPEG);
}

static void links_pipes_and_large_files_are_not_read(void **state)
{
    (void)state;
    char folder[64], path[128];
    uint8_t bytes[4096];
    struct folder_file file = {.size = 99};
    struct fault why;
    stage_make_folder(folder, sizeof folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/link.jpg", folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/pipe.jpg", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    stage_write(folder, "large.jpg", "x", 4097);
    stage_write(folder, "fits.jpg", "x", 4096);
    assert_int_equal(folder_read(fd, "link.jpg", bytes, sizeof bytes, &file, &why), ERR_INPUT);
    assert_int_equal(folder_read(fd, "pipe.jpg", bytes, sizeof bytes, &file, &why), ERR_INPUT);
    assert_int_equal(folder_read(fd, "large.jpg", bytes, sizeof bytes, &file, &why), ERR_LIMIT);
    assert_int_equal(folder_read(fd, "gone.jpg", bytes, sizeof bytes, &file, &why), ERR_NOT_FOUND);
    assert_null(strstr(why.text, "gone"));
    assert_int_equal(file.size, 99);
    assert_int_equal(folder_read(fd, "fits.jpg", bytes, sizeof bytes, &file, &why), ERR_OK);
    assert_int_equal(file.size, 4096);
    close(fd);
    stage_remove_folder(folder);
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    struct address address;
    struct fault why;
    assert_int_equal(address_parse("http://10.0.0.5/video?x=1", &address, &why), ERR_OK);
    assert_string_equal(address.host, "10.0.0.5");
    assert_int_equal(address.port, 80);
    assert_int_equal(address_parse("http://cam-1.lane:8080", &address, &why), ERR_OK);
    assert_string_equal(address.host, "cam-1.lane");
    assert_int_equal(address.port, 8080);
    assert_int_equal(address_parse("http://[fd00::5]:81/x", &address, &why), ERR_OK);
    assert_string_equal(address.host, "fd00::5");
    assert_int_equal(address.port, 81);
    assert_int_equal(address_parse("https://witness.port/heads", &address, &why), ERR_OK);
    assert_string_equal(address.host, "witness.port");
    assert_int_equal(address.port, 443);
}

static void other_addresses_are_refused_without_being_repeated(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "rtsp://10.0.0.5/",
                                        "https:/10.0.0.5/",
                                        "http://",
                                        "http:///path",
                                        "http://user:secret@10.0.0.5/",
                                        "http://host:0/",
                                        "http://host:65536/",
                                        "http://host:/",
                                        "http://host:8x/",
                                        "http://ho st/",
                                        "http://host/a b",
                                        "http://host/a\r\nX: y",
                                        "http://[::1",
                                        "http://host/#part",
                                        "file:///etc/passwd",
                                        "http://h@x/"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct address address = {.port = 7};
        struct fault why;
        assert_int_equal(address_parse(wrong[i], &address, &why), ERR_INPUT);
        assert_int_equal(address.port, 7);
        assert_null(strstr(why.text, "secret"));
    }
}

static struct queue_place place_of(int64_t changed, const char *name)
{
    struct queue_place place = {.changed_ns = changed};
    snprintf(place.name, sizeof place.name, "%s", name);
    return place;
}

static void places_come_out_in_order_of_time_then_name(void **state)
{
    (void)state;
    struct queue *queue = calloc(1, sizeof *queue);
    const struct queue_place in[] = {place_of(5, "b"), place_of(3, "z"), place_of(5, "a"),
                                     place_of(9, "c"), place_of(4, "z")};
    for (size_t i = 0; i < 5; i++)
        queue_add(queue, &in[i]);
    static const char *const out[] = {"z", "a", "b", "c"};
    assert_int_equal(queue->n, 4); /* "z" was seen again with a later time */
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(queue->places[0].name, out[i]);
        queue_drop_first(queue);
    }
    assert_int_equal(queue->n, 0);
    free(queue);
}

static void a_full_queue_keeps_the_first_and_says_that_there_is_more(void **state)
{
    (void)state;
    struct queue *queue = calloc(1, sizeof *queue);
    for (int i = QUEUE_ROOM + 99; i >= 0; i--) {
        char name[32];
        snprintf(name, sizeof name, "%05d.jpg", i);
        struct queue_place place = place_of(1000 + i, name);
        queue_add(queue, &place);
    }
    assert_int_equal(queue->n, QUEUE_ROOM);
    assert_true(queue->has_more);
    for (size_t i = 0; i < QUEUE_ROOM; i++)
        assert_int_equal(queue->places[i].changed_ns, 1000 + (int64_t)i);
    free(queue);
}

static void a_place_survives_its_text(void **state)
{
    (void)state;
    char text[300], name[QUEUE_NAME_SIZE];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct queue_place place = place_of(INT64_MAX, name), back;
    queue_text(&place, text, sizeof text);
    assert_true(queue_parse(text, &back));
    assert_int_equal(queue_compare(&place, &back), 0);
    static const char *const wrong[] = {"",
                                        "x",
                                        "5",
                                        "5 ",
                                        " 5 a",
                                        "-5 a",
                                        "5 a/b",
                                        "99999999999999999999 a",
                                        "9999999999999999999 a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(queue_parse(wrong[i], &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_jpeg_names_that_are_not_hidden_are_pictures),
        cmocka_unit_test(a_jpeg_has_a_begin_and_an_end),
        cmocka_unit_test(links_pipes_and_large_files_are_not_read),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(other_addresses_are_refused_without_being_repeated),
        cmocka_unit_test(places_come_out_in_order_of_time_then_name),
        cmocka_unit_test(a_full_queue_keeps_the_first_and_says_that_there_is_more),
        cmocka_unit_test(a_place_survives_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
