/* The engine: weights laid out once, buffers laid out once an input size, then one convolution
 * after the other.
 *
 * A value's pixels hold their channels side by side, filled up with zeros to whole vectors. Around
 * the picture lies a border of zeros, as wide as those need it that read the value, so that no
 * convolution asks where the picture ends. */
#include "ocr/net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ocr/plan.h"

enum { MAX_SIDE = 8192, MAX_FLOATS = 64 << 20, ALIGNMENT = 64 };
enum { MAX_VALUES = PLAN_MAX_STEPS + 1 };

/* Where a value lies for the present input size. */
struct value {
    uint32_t size[2]; /* height, width */
    struct conv_pixels pixels;
};

struct step {
    struct plan_step plan; /* its tensors are gone */
    const float *weights, *bias;
    size_t *tap; /* floats to each tap, for the present size */
    uint32_t n_taps, n_channels, n_vectors;
    size_t part; /* transposed: floats of the weights of one place in the kernel */
};

/* What is computed for an input size. */
struct layout {
    uint32_t size[2];
    struct value value[MAX_VALUES];
    float *result;
    size_t room; /* floats of memory */
};

struct net {
    const struct conv_kind *kind;
    struct plan plan;
    struct step step[PLAN_MAX_STEPS];
    uint32_t border_before[MAX_VALUES][2], border_after[MAX_VALUES][2];
    float *weights; /* and biases, of all steps */
    size_t *taps;
    float *memory; /* of the values, for the largest input so far */
    size_t room;
    struct layout layout; /* for the last input */
};

static size_t rounded(size_t floats)
{
    const size_t unit = ALIGNMENT / sizeof(float);
    return (floats + unit - 1) / unit * unit;
}

static float *new_floats(size_t n)
{
    float *floats = aligned_alloc(ALIGNMENT, rounded(n) * sizeof(float));
    if (floats != NULL)
        memset(floats, 0, rounded(n) * sizeof(float));
    return floats;
}

static uint32_t lanes_of(const struct net *net, uint32_t channels)
{
    return (channels + net->kind->lanes - 1) / net->kind->lanes * net->kind->lanes;
}

/* Floats from one pixel to the next. */
static uint32_t step_of(const struct net *net, uint32_t value)
{
    return value == 0 ? net->plan.n_in : lanes_of(net, net->plan.step[value - 1].n_out);
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* How the weights of a step are read: with one channel, the taps of a row are like channels. */
static struct conv_weights form_of(const struct plan_step *plan, const float *at)
{
    uint32_t taps = plan->kernel[0] * plan->kernel[1];
    if (plan->transposed)
        return (struct conv_weights){at,         taps, (size_t)plan->n_out * taps, 1, plan->n_out,
                                     plan->n_in, 1};
    if (plan->n_in == 1 && plan->from == 0 && plan->dilation[1] == 1)
        return (struct conv_weights){
            at, taps, 1, plan->kernel[1], plan->n_out, plan->kernel[1], plan->kernel[0]};
    return (struct conv_weights){at,  (size_t)plan->n_in * taps, taps, 1, plan->n_out, plan->n_in,
                                 taps};
}

/* Counts what the steps need, and the borders of what they read. */
static enum err measure(struct net *net, size_t *floats, size_t *taps, struct fault *why)
{
    *floats = *taps = 0;
    for (uint32_t i = 0; i < net->plan.n_steps; i++) {
        const struct plan_step *plan = &net->plan.step[i];
        struct step *step = &net->step[i];
        const struct conv_weights form = form_of(plan, NULL);
        *step = (struct step){.plan = *plan,
                              .n_taps = form.n_taps,
                              .n_channels = form.n_in,
                              .n_vectors = lanes_of(net, plan->n_out) / net->kind->lanes};
        step->part = rounded((size_t)form.n_taps * form.n_in * lanes_of(net, plan->n_out));
        uint32_t parts = plan->transposed ? plan->kernel[0] * plan->kernel[1] : 1;
        *floats += parts * step->part + rounded(lanes_of(net, plan->n_out));
        *taps += form.n_taps;
        if (*floats > MAX_FLOATS)
            return fault_set(why, ERR_INPUT, "a network with too many weights");
        for (int d = 0; d < 2; d++) {
            uint32_t *before = &net->border_before[plan->from][d],
                     *after = &net->border_after[plan->from][d];
            *before = most(*before, plan->pad_before[d]);
            *after = most(*after, plan->pad_after[d]);
        }
    }
    return ERR_OK;
}

/* Weights of the file as aligned floats. */
static void copy_weights(const struct onnx_tensor *from, float *to)
{
    memcpy(to, from->bytes, from->n_values * sizeof *to);
}

static void lay_step(const struct net *net, struct step *step, float *to, float *scratch)
{
    const struct plan_step *plan = &step->plan;
    uint32_t parts = plan->transposed ? plan->kernel[0] * plan->kernel[1] : 1;
    copy_weights(plan->weights, scratch);
    step->weights = to;
    for (uint32_t part = 0; part < parts; part++, to += step->part) {
        const struct conv_weights form = form_of(plan, scratch + part);
        conv_pack(net->kind, &form, to);
    }
    step->bias = to;
    if (plan->bias != NULL)
        copy_weights(plan->bias, to);
    step->plan.weights = step->plan.bias = NULL;
}

static enum err lay_weights(struct net *net, struct fault *why)
{
    size_t floats, taps, largest = 0;
    enum err err = measure(net, &floats, &taps, why);
    if (err)
        return err;
    for (uint32_t i = 0; i < net->plan.n_steps; i++)
        if (net->plan.step[i].weights->n_values > largest)
            largest = net->plan.step[i].weights->n_values;
    float *scratch = new_floats(largest);
    net->weights = new_floats(floats);
    net->taps = calloc(taps, sizeof *net->taps);
    if (scratch == NULL || net->weights == NULL || net->taps == NULL) {
        free(scratch);
        return fault_set(why, ERR_MEMORY, "no memory for a network");
    }
    float *to = net->weights;
    size_t *tap = net->taps;
    for (uint32_t i = 0; i < net->plan.n_steps; i++) {
        struct step *step = &net->step[i];
        lay_step(net, step, to, scratch);
        uint32_t parts = step->plan.transposed ? step->plan.kernel[0] * step->plan.kernel[1] : 1;
        to += parts * step->part + rounded(lanes_of(net, step->plan.n_out));
        step->tap = tap;
        tap += step->n_taps;
    }
    assert(to == net->weights + floats && tap == net->taps + taps);
    free(scratch);
    return ERR_OK;
}

enum err net_new(struct net **out, const void *onnx, size_t size, const struct conv_kind *kind,
                 struct fault *why)
{
    struct onnx *graph = malloc(sizeof *graph);
    struct net *net = calloc(1, sizeof *net);
    enum err err = ERR_OK;
    if (graph == NULL || net == NULL)
        err = fault_set(why, ERR_MEMORY, "no memory for a network");
    if (!err)
        err = onnx_parse(onnx, size, graph, why);
    if (!err)
        err = plan_make(graph, &net->plan, why);
    if (!err) {
        net->kind = kind != NULL ? kind : conv_best();
        err = lay_weights(net, why);
    }
    free(graph);
    if (err)
        net_free(&net);
    else
        *out = net;
    return err;
}

void net_free(struct net **net)
{
    struct net *gone = *net;
    *net = NULL;
    if (gone == NULL)
        return;
    free(gone->memory);
    free(gone->weights);
    free(gone->taps);
    free(gone);
}

/* A step's output size, y or x; 0: its input is too small. */
static uint32_t size_after(const struct plan_step *plan, int d, uint32_t size)
{
    if (plan->transposed)
        return size * plan->kernel[d];
    uint32_t padded = plan->pad_before[d] + size + plan->pad_after[d];
    uint32_t reach = plan->dilation[d] * (plan->kernel[d] - 1) + 1;
    return padded < reach ? 0 : (padded - reach) / plan->stride[d] + 1;
}

/* Sizes of all values, and of the memory: `at` are offsets as yet. */
static enum err measure_values(const struct net *net, const uint32_t size[2], struct layout *out,
                               struct fault *why)
{
    size_t floats = 0;
    for (uint32_t v = 0; v <= net->plan.n_steps; v++) {
        struct value *value = &out->value[v];
        for (int d = 0; d < 2; d++) {
            const struct plan_step *plan = v == 0 ? NULL : &net->plan.step[v - 1];
            value->size[d] = v == 0 ? size[d] : size_after(plan, d, out->value[plan->from].size[d]);
            if (value->size[d] == 0 || value->size[d] > MAX_SIDE ||
                (v > 0 && plan->sum != 0 && value->size[d] != out->value[plan->sum].size[d]))
                return fault_set(why, ERR_INPUT, "an input of a size that the network cannot take");
        }
        value->pixels.step = step_of(net, v);
        value->pixels.row = value->pixels.step *
                            (net->border_before[v][1] + value->size[1] + net->border_after[v][1]);
        floats += rounded(value->pixels.row *
                          (net->border_before[v][0] + value->size[0] + net->border_after[v][0]));
        if (floats > MAX_FLOATS)
            return fault_set(why, ERR_INPUT, "an input that is too large for the network");
    }
    const struct value *last = &out->value[net->plan.n_steps];
    floats += rounded((size_t)last->size[0] * last->size[1] *
                      net->plan.step[net->plan.n_steps - 1].n_out);
    out->room = floats;
    return floats > MAX_FLOATS ? fault_set(why, ERR_INPUT, "an input that is too large") : ERR_OK;
}

/* Gives each value its place in the memory, all of it zero. */
static void place_values(const struct net *net, struct layout *layout)
{
    float *at = net->memory;
    for (uint32_t v = 0; v <= net->plan.n_steps; v++) {
        struct value *value = &layout->value[v];
        const uint32_t *before = net->border_before[v], *after = net->border_after[v];
        value->pixels.at = at + before[0] * value->pixels.row + before[1] * value->pixels.step;
        at += rounded(value->pixels.row * (before[0] + value->size[0] + after[0]));
    }
    layout->result = at;
}

static void place_taps(struct net *net)
{
    for (uint32_t i = 0; i < net->plan.n_steps; i++) {
        const struct step *step = &net->step[i];
        const struct conv_pixels *from = &net->layout.value[step->plan.from].pixels;
        uint32_t columns = step->n_taps == 1 ? 1 : step->n_taps / step->plan.kernel[0];
        for (uint32_t t = 0; t < step->n_taps; t++)
            step->tap[t] = t / columns * step->plan.dilation[0] * from->row +
                           t % columns * step->plan.dilation[1] * from->step;
    }
}

/* Everything for inputs of this size. What was for another stays in force when it fails. */
static enum err lay_out(struct net *net, const uint32_t size[2], struct fault *why)
{
    struct layout layout = {.size = {size[0], size[1]}};
    enum err err = measure_values(net, size, &layout, why);
    if (err)
        return err;
    if (layout.room <= net->room) {
        memset(net->memory, 0, layout.room * sizeof *net->memory);
    } else {
        float *memory = new_floats(layout.room);
        if (memory == NULL)
            return fault_set(why, ERR_MEMORY, "no memory for a network's values");
        free(net->memory);
        net->memory = memory;
        net->room = layout.room;
    }
    place_values(net, &layout);
    net->layout = layout;
    place_taps(net);
    return ERR_OK;
}

static void take_input(const struct net *net, const float *data)
{
    const struct value *value = &net->layout.value[0];
    const float scale = net->plan.scale, shift = net->plan.shift;
    size_t plane = (size_t)value->size[0] * value->size[1];
    for (uint32_t y = 0; y < value->size[0]; y++)
        for (uint32_t c = 0; c < net->plan.n_in; c++) {
            const float *from = data + c * plane + (size_t)y * value->size[1];
            float *to = value->pixels.at + y * value->pixels.row + c;
            for (uint32_t x = 0; x < value->size[1]; x++)
                to[x * value->pixels.step] = from[x] * scale + shift;
        }
}

static void run_step(const struct net *net, uint32_t i)
{
    const struct step *step = &net->step[i];
    const struct plan_step *plan = &step->plan;
    const struct value *from = &net->layout.value[plan->from], *to = &net->layout.value[i + 1];
    struct conv_job job = {.in = from->pixels,
                           .out = to->pixels,
                           .tap = step->tap,
                           .weights = step->weights,
                           .bias = step->bias,
                           .n_taps = step->n_taps,
                           .channels = step->n_channels,
                           .n_vectors = step->n_vectors,
                           .width = to->size[1],
                           .height = to->size[0],
                           .relu_before_sum = plan->relu_before_sum,
                           .relu_after_sum = plan->relu_after_sum};
    if (plan->sum != 0)
        job.sum = net->layout.value[plan->sum].pixels;
    if (!plan->transposed) {
        job.in.at -= plan->pad_before[0] * job.in.row + plan->pad_before[1] * job.in.step;
        job.in.row *= plan->stride[0];
        job.in.step *= plan->stride[1];
        net->kind->run(&job);
        return;
    }
    /* Each place in the kernel is a convolution of its own, which gives each n-th pixel. */
    const struct conv_pixels out = job.out, sum = job.sum;
    job.width = from->size[1];
    job.height = from->size[0];
    job.out.row *= plan->kernel[0];
    job.out.step *= plan->kernel[1];
    job.sum.row *= plan->kernel[0];
    job.sum.step *= plan->kernel[1];
    for (uint32_t y = 0; y < plan->kernel[0]; y++)
        for (uint32_t x = 0; x < plan->kernel[1]; x++, job.weights += step->part) {
            job.out.at = out.at + y * out.row + x * out.step;
            if (plan->sum != 0)
                job.sum.at = sum.at + y * sum.row + x * sum.step;
            net->kind->run(&job);
        }
}

/* The last value without border and filling, in the order of the file. */
static void give_output(const struct net *net, struct net_tensor *out)
{
    uint32_t channels = net->plan.step[net->plan.n_steps - 1].n_out;
    const struct value *value = &net->layout.value[net->plan.n_steps];
    const uint32_t height = value->size[0], width = value->size[1];
    const bool last = net->plan.channels_last;
    const size_t x_step = last ? channels : 1, y_step = last ? channels * width : width;
    const size_t c_step = last ? 1 : (size_t)height * width;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const float *from = value->pixels.at + y * value->pixels.row + x * value->pixels.step;
            float *to = net->layout.result + y * y_step + x * x_step;
            for (uint32_t c = 0; c < channels; c++)
                to[c * c_step] = from[c];
        }
    *out =
        last ? (struct net_tensor){net->layout.result, {1, (int)height, (int)width, (int)channels}}
             : (struct net_tensor){net->layout.result, {1, (int)channels, (int)height, (int)width}};
}

/* The shape that the file tells, if it has as many numbers. */
static enum err reshape(const struct net *net, struct net_tensor *out, struct fault *why)
{
    size_t numbers = 1, told = 1;
    if (net->plan.dims[0] == 0)
        return ERR_OK;
    for (int i = 0; i < 4; i++) {
        numbers *= (size_t)out->size[i];
        told *= net->plan.dims[i];
    }
    if (numbers != told)
        return fault_set(why, ERR_INPUT, "an input of a size that the network cannot take");
    for (int i = 0; i < 4; i++)
        out->size[i] = (int)net->plan.dims[i];
    return ERR_OK;
}

enum err net_run(struct net *net, const struct net_tensor *in, struct net_tensor *out,
                 struct fault *why)
{
    if (in->size[0] != 1 || in->size[1] != (int)net->plan.n_in || in->size[2] < 1 ||
        in->size[3] < 1 || in->size[2] > MAX_SIDE || in->size[3] > MAX_SIDE)
        return fault_set(why, ERR_INPUT, "an input of a size that the network cannot take");
    const uint32_t size[2] = {(uint32_t)in->size[2], (uint32_t)in->size[3]};
    if (net->memory == NULL || memcmp(size, net->layout.size, sizeof size) != 0) {
        enum err err = lay_out(net, size, why);
        if (err)
            return err;
    }
    struct net_tensor result;
    take_input(net, in->data);
    for (uint32_t i = 0; i < net->plan.n_steps; i++)
        run_step(net, i);
    give_output(net, &result);
    enum err err = reshape(net, &result, why);
    if (!err)
        *out = result;
    return err;
}
