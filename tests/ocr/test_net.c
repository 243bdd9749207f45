/* The engine: convolutions against plain sums, small networks against what OpenCV computed. */
#include "tests/ocr/check.h"

#include <math.h>
#include <stdio.h>

#include "ocr/file.h"
#include "ocr/net.h"

static struct fault why;
static uint32_t seed = 1;

/* 0..n-1; the same in every run. */
static uint32_t any(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

static float *any_floats(size_t n)
{
    float *floats = malloc(n * sizeof *floats);
    assert_non_null(floats);
    for (size_t i = 0; i < n; i++)
        floats[i] = (float)any(2001) / 1000 - 1;
    return floats;
}

/* What conv.h says, word by word. */
static double wanted_at(const struct conv_job *job, const struct conv_weights *weights,
                        const size_t at[3])
{
    const float *in = job->in.at + at[0] * job->in.row + at[1] * job->in.step;
    double y = (double)job->bias[at[2]];
    for (uint32_t t = 0; t < weights->n_taps; t++)
        for (uint32_t c = 0; c < weights->n_in; c++)
            y += (double)in[job->tap[t] + c] *
                 (double)
                     weights->at[at[2] * weights->output + c * weights->channel + t * weights->tap];
    if (job->relu_before_sum)
        y = fmax(y, 0);
    if (job->sum.at != NULL)
        y += (double)job->sum.at[at[0] * job->sum.row + at[1] * job->sum.step + at[2]];
    return job->relu_after_sum ? fmax(y, 0) : y;
}

static void compare(const struct conv_job *job, const struct conv_weights *weights)
{
    for (size_t y = 0; y < job->height; y++)
        for (size_t x = 0; x < job->width; x++)
            for (size_t o = 0; o < weights->n_out; o++) {
                double wanted = wanted_at(job, weights, (const size_t[]){y, x, o});
                double got = (double)job->out.at[y * job->out.row + x * job->out.step + o];
                if (!(fabs(got - wanted) < 1e-4))
                    fail_msg("%g instead of %g at %zu %zu %zu", got, wanted, y, x, o);
            }
}

/* A job of random form over fresh memory, of just the size that it needs. */
static void try_any_job(const struct conv_kind *kind)
{
    const uint32_t n_taps = 1 + any(9), n_in = 1 + any(20), n_out = 1 + any(7 * kind->lanes);
    const uint32_t width = 1 + any(40), height = 1 + any(4), stride = 1 + any(2);
    const uint32_t n_vectors = (n_out + kind->lanes - 1) / kind->lanes;
    const size_t step = n_in + any(3), row = step * (width * stride + 3);
    const size_t filled = (size_t)n_vectors * kind->lanes, out = filled * width * height;
    size_t tap[9];
    for (uint32_t t = 0; t < n_taps; t++)
        tap[t] = any(3) * row + any(3) * step;
    float *in = any_floats(row * (height * stride + 3)), *bias = any_floats(filled),
          *raw = any_floats((size_t)n_taps * n_in * n_out), *sum = any_floats(out),
          *packed = any_floats(n_taps * n_in * filled), *to = any_floats(out);
    const struct conv_weights weights = {raw,   (size_t)n_in * n_taps, n_taps, 1, n_out, n_in,
                                         n_taps};
    struct conv_job job = {.in = {in, row * stride, step * stride},
                           .out = {to, filled * width, filled},
                           .tap = tap,
                           .weights = packed,
                           .bias = bias,
                           .n_taps = n_taps,
                           .channels = n_in,
                           .n_vectors = n_vectors,
                           .width = width,
                           .height = height,
                           .relu_before_sum = any(2) == 1,
                           .relu_after_sum = any(2) == 1};
    if (any(2) == 1)
        job.sum = (struct conv_pixels){sum, filled * width, filled};
    conv_pack(kind, &weights, packed);
    kind->run(&job);
    compare(&job, &weights);
    free(in), free(bias), free(raw), free(sum), free(packed), free(to);
}

static void every_kind_of_convolution_gives_the_plain_sum(void **state)
{
    (void)state;
    unsigned kinds = 0;
    for (const struct conv_kind *const *kind = conv_kinds; *kind != NULL; kind++)
        for (int i = 0; (*kind)->is_here() && i < 150; i++, kinds++)
            try_any_job(*kind);
    assert_true(kinds >= 150);
}

static struct file load(const char *path)
{
    char whole[512];
    struct file file;
    snprintf(whole, sizeof whole, "%s/%s", LANEWARD_SOURCE_DIR, path);
    assert_ok(file_read(whole, 1 << 24, &file, &why));
    return file;
}

enum { HEIGHT = 24, WIDTH = 40, PIXELS = HEIGHT * WIDTH, NUMBERS = 3 * 6 * 20 };

/* Runs a committed network on the picture for which OpenCV's result is kept. */
static void compare_with_opencv(const char *onnx, const char *kept, const int size[4])
{
    struct file file = load(onnx), truth = load(kept);
    assert_int_equal(truth.size, (PIXELS + NUMBERS) * sizeof(float));
    float picture[PIXELS], wanted[NUMBERS];
    memcpy(picture, truth.bytes, sizeof picture);
    memcpy(wanted, truth.bytes + sizeof picture, sizeof wanted);
    for (const struct conv_kind *const *kind = conv_kinds; *kind != NULL; kind++) {
        struct net *net;
        struct net_tensor out, in = {picture, {1, 1, HEIGHT, WIDTH}};
        if (!(*kind)->is_here())
            continue;
        assert_ok(net_new(&net, file.bytes, file.size, *kind, &why));
        assert_ok(net_run(net, &in, &out, &why));
        assert_memory_equal(out.size, size, sizeof out.size);
        for (int i = 0; i < NUMBERS; i++)
            if (!(fabsf(out.data[i] - wanted[i]) < 1e-4f))
                fail_msg("%s: %g instead of %g at %d", (*kind)->name, (double)out.data[i],
                         (double)wanted[i], i);
        net_free(&net);
    }
    file_release(&file);
    file_release(&truth);
}

static void a_map_is_what_opencv_computed(void **state)
{
    (void)state;
    compare_with_opencv("tests/fuzz/corpus/onnx/maps.onnx", "tests/ocr/net_maps.f32",
                        (const int[]){1, 3, 6, 20});
}

static void rows_are_what_opencv_computed(void **state)
{
    (void)state;
    compare_with_opencv("tests/fuzz/corpus/onnx/rows.onnx", "tests/ocr/net_rows.f32",
                        (const int[]){1, 1, 120, 3});
}

static void a_result_is_the_same_bits_whatever_was_seen_before(void **state)
{
    (void)state;
    struct file file = load("ocr/models/locate.onnx");
    struct net *net, *other;
    float *picture = any_floats(256 * 96), kept[9 * 12 * 32];
    struct net_tensor out;
    const struct net_tensor wide = {picture, {1, 1, 96, 256}}, high = {picture, {1, 1, 160, 64}};
    assert_ok(net_new(&net, file.bytes, file.size, NULL, &why));
    assert_ok(net_new(&other, file.bytes, file.size, NULL, &why));
    assert_ok(net_run(net, &wide, &out, &why));
    memcpy(kept, out.data, sizeof kept);
    assert_ok(net_run(net, &high, &out, &why));
    assert_ok(net_run(net, &wide, &out, &why));
    assert_memory_equal(out.data, kept, sizeof kept);
    assert_ok(net_run(other, &wide, &out, &why));
    assert_memory_equal(out.data, kept, sizeof kept);
    net_free(&net);
    net_free(&other);
    free(picture);
    file_release(&file);
}

static void an_input_of_a_wrong_size_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct file file = load("tests/fuzz/corpus/onnx/rows.onnx");
    struct net *net;
    float *picture = any_floats(8193);
    struct net_tensor out = {NULL, {0}};
    assert_ok(net_new(&net, file.bytes, file.size, NULL, &why));
    const int sizes[][4] = {{1, 1, 24, 48}, {1, 1, 2, 40},   {1, 2, 24, 40}, {2, 1, 24, 40},
                            {1, 1, 0, 40},  {1, 1, 1, 8193}, {1, 1, -1, 40}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct net_tensor in = {picture, {0}};
        memcpy(in.size, sizes[i], sizeof in.size);
        assert_int_equal(net_run(net, &in, &out, &why), ERR_INPUT);
        assert_null(out.data);
    }
    const struct net_tensor right = {picture, {1, 1, HEIGHT, WIDTH}};
    assert_ok(net_run(net, &right, &out, &why));
    net_free(&net);
    free(picture);
    file_release(&file);
}

static void what_the_engine_does_not_know_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sentence;
    } bad[] = {{"empty", "no ONNX file"},     {"cut_short", "cut short"},
               {"text", "no ONNX file"},      {"deep_length", "no ONNX file"},
               {"unknown_op", "Tanh: an op"}, {"lost_weights", "needs an input, weights"},
               {"group", "of a form"},        {"auto_pad", "attribute of a kind"},
               {"huge_pads", "of a form"},    {"no_stride", "of a form"},
               {"huge_dims", "impossible"},   {"two_outputs", "more than one"},
               {"no_output", "no ONNX file"}, {"double", "neither float nor"},
               {"itself", "needs an input"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[128];
        struct net *net = NULL;
        snprintf(path, sizeof path, "tests/fuzz/corpus/onnx/%s.onnx", bad[i].name);
        struct file file = load(path);
        assert_int_equal(net_new(&net, file.bytes, file.size, NULL, &why), ERR_INPUT);
        if (strstr(why.text, bad[i].sentence) == NULL)
            fail_msg("%s: %s", bad[i].name, why.text);
        assert_null(net);
        file_release(&file);
    }
}

static void a_file_that_ends_anywhere_is_refused(void **state)
{
    (void)state;
    struct file file = load("tests/fuzz/corpus/onnx/maps.onnx");
    for (size_t size = 0; size < file.size; size += 1 + size / 40) {
        struct net *net = NULL;
        uint8_t *part = malloc(size + 1);
        assert_non_null(part);
        memcpy(part, file.bytes, size);
        enum err err = net_new(&net, part, size, NULL, &why);
        net_free(&net);
        free(part);
        assert_int_equal(err, ERR_INPUT);
    }
    file_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_convolution_gives_the_plain_sum),
        cmocka_unit_test(a_map_is_what_opencv_computed),
        cmocka_unit_test(rows_are_what_opencv_computed),
        cmocka_unit_test(a_result_is_the_same_bits_whatever_was_seen_before),
        cmocka_unit_test(an_input_of_a_wrong_size_is_refused_and_changes_nothing),
        cmocka_unit_test(what_the_engine_does_not_know_is_refused_with_a_sentence),
        cmocka_unit_test(a_file_that_ends_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
