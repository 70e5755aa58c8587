// Attention from a variant's own matmul and softmax. Keys and values are packed once for all heads that share them;
// then each head walks over blocks of queries, whose scores stay in the L2 cache between the two products.

#include "internal.h"

// Scores of a block: at most 64 Ki floats (256 KiB), but enough rows that the packed K and V, which each block
// reads anew, are read seldom.
enum { scores_target = 1 << 16, rows_at_least = 28, rows_at_most = 112 };

// The block depends on `tokens` alone, because the caller asks for scratch before the number of queries is known.
static size_t block_rows(size_t tokens) {
    size_t rows = scores_target / (tokens ? tokens : 1);
    if (rows < rows_at_least) return rows_at_least;
    return resift_min(rows, rows_at_most);
}

// Row starts on a 64-byte boundary.
static size_t aligned(size_t count) { return (count + 15) / 16 * 16; }

/// Where the parts of the scratch begin.
typedef struct layout {
    size_t k, v, scores, of_keys, of_queries, together, end;
} layout;

static layout layout_of(const resift_kernels *kernels, size_t tokens, size_t head_width, size_t positions) {
    layout at = {0};
    at.v = at.k + aligned(resift_packed_count(kernels, tokens, head_width));
    at.scores = at.v + aligned(resift_packed_count(kernels, head_width, tokens));
    at.of_keys = at.scores + block_rows(tokens) * aligned(tokens);
    at.of_queries = at.of_keys + tokens * aligned(positions);
    at.together = at.of_queries + block_rows(tokens) * aligned(positions);
    at.end = at.together + 2 * aligned(tokens * head_width);
    return at;
}

size_t resift_attention_scratch_count(const resift_kernels *kernels, size_t tokens, size_t head_width,
                                      size_t relative_positions) {
    return layout_of(kernels, tokens, head_width, relative_positions).end;
}

typedef struct packed_head {
    size_t tokens;
    float *k, *v;
    float *scores;
    size_t ld_scores;
    /// With relative positions: [tokens, count] for the keys, and the same for the queries of a block.
    float *of_keys, *of_queries;
    size_t ld_positions;
} packed_head;

static void gather(const float *x, size_t ldx, size_t rows, size_t columns, float *out) {
    for (size_t row = 0; row < rows; row++) memcpy(out + row * columns, x + row * ldx, columns * sizeof *out);
}

/// Keys and values of two origins are brought together first.
static void pack(const resift_kernels *kernels, const resift_attention_task *task, float *together,
                 const packed_head *head) {
    size_t width = task->head_width;
    resift_keys_values all = task->own;
    if (task->before && task->before->tokens > 0) {
        const resift_keys_values *before = task->before, *own = &task->own;
        float *k = together, *v = k + aligned(head->tokens * width);
        gather(before->k, before->ldk, before->tokens, width, k);
        gather(own->k, own->ldk, own->tokens, width, k + before->tokens * width);
        gather(before->v, before->ldv, before->tokens, width, v);
        gather(own->v, own->ldv, own->tokens, width, v + before->tokens * width);
        all = (resift_keys_values){.k = k, .ldk = width, .v = v, .ldv = width, .tokens = head->tokens};
    }
    kernels->pack_transposed(all.k, all.ldk, all.tokens, width, head->k);
    kernels->pack(all.v, all.ldv, all.tokens, width, head->v);
    const resift_relative_positions *relative = task->relative;
    if (relative)
        kernels->matmul(all.k, all.ldk, relative->packed_queries, NULL, head->of_keys, head->ld_positions, all.tokens,
                        relative->count, width);
}

/// The keys that a query at this place sees: first ..< end.
typedef struct key_range {
    size_t first, end;
} key_range;

static key_range visible(const resift_reach *reach, size_t query, size_t tokens) {
    if (!reach) return (key_range){0, tokens};
    size_t place = reach->first + query;
    size_t first = place > reach->before ? place - reach->before : 0;
    if (place >= tokens) return (key_range){first, tokens};
    size_t behind = tokens - place - 1;
    return (key_range){first, place + 1 + resift_min(reach->after, behind)};
}

/// scores[row][key - keys.first] += what the distance adds, for queries from `first`.
static void add_relative(const resift_relative_positions *relative, const packed_head *head, key_range keys,
                         size_t first, size_t rows) {
    for (size_t row = 0; row < rows; row++) {
        float *scores = head->scores + row * head->ld_scores;
        const float *of_query = head->of_queries + row * head->ld_positions;
        const int32_t *buckets = relative->buckets + (ptrdiff_t)(first + row);
        for (size_t key = keys.first; key < keys.end; key++) {
            int32_t bucket = buckets[-(ptrdiff_t)key];
            scores[key - keys.first] += of_query[bucket] + head->of_keys[key * head->ld_positions + (size_t)bucket];
        }
    }
}

/// Scores become weights. A row's sum starts at the first key that it sees, wherever the block's keys start.
static void weigh(const resift_kernels *kernels, const resift_attention_task *task, const packed_head *head,
                  key_range keys, size_t first, size_t rows) {
    size_t columns = keys.end - keys.first;
    if (!task->reach) {
        kernels->softmax(head->scores, head->ld_scores, rows, columns, task->scale);
        return;
    }
    for (size_t row = 0; row < rows; row++) {
        key_range own = visible(task->reach, first + row, head->tokens);
        float *scores = head->scores + row * head->ld_scores;
        memset(scores, 0, (own.first - keys.first) * sizeof *scores);
        kernels->softmax(scores + (own.first - keys.first), head->ld_scores, 1, own.end - own.first, task->scale);
        memset(scores + (own.end - keys.first), 0, (keys.end - own.end) * sizeof *scores);
    }
}

/// One block of queries of one head.
static void attend(const resift_kernels *kernels, const resift_attention_task *task, const packed_head *head,
                   const float *q, float *out, size_t first, size_t rows) {
    size_t width = task->head_width, panel = kernels->panel_width;
    // From the first query's first key to the last query's last one, beginning with a whole panel.
    key_range keys = {visible(task->reach, first, head->tokens).first / panel * panel,
                      visible(task->reach, first + rows - 1, head->tokens).end};
    size_t count = keys.end - keys.first;
    kernels->matmul(q + first * task->ldq, task->ldq, head->k + keys.first * width, NULL, head->scores, head->ld_scores,
                    rows, count, width);
    if (task->relative) {
        kernels->matmul(q + first * task->ldq, task->ldq, task->relative->packed_keys, NULL, head->of_queries,
                        head->ld_positions, rows, task->relative->count, width);
        add_relative(task->relative, head, keys, first, rows);
    }
    weigh(kernels, task, head, keys, first, rows);
    // A panel of V is as deep as there are tokens; the product takes a part of that depth from one panel at a time.
    for (size_t column = 0; column < width; column += panel)
        kernels->matmul(head->scores, head->ld_scores, head->v + column * head->tokens + keys.first * panel, NULL,
                        out + first * task->ldo + column, task->ldo, rows, resift_min(panel, width - column), count);
}

void resift_attention(const resift_kernels *kernels, const resift_attention_task *task, float *scratch) {
    size_t tokens = task->own.tokens + (task->before ? task->before->tokens : 0);
    size_t positions = task->relative ? task->relative->count : 0;
    layout at = layout_of(kernels, tokens, task->head_width, positions);
    packed_head head = {.tokens = tokens,
                        .k = scratch + at.k,
                        .v = scratch + at.v,
                        .scores = scratch + at.scores,
                        .ld_scores = aligned(tokens),
                        .of_keys = scratch + at.of_keys,
                        .of_queries = scratch + at.of_queries,
                        .ld_positions = aligned(positions)};
    pack(kernels, task, scratch + at.together, &head);
    size_t block = block_rows(tokens);
    for (size_t index = 0; index < task->heads; index++) {
        for (size_t first = 0; first < task->queries; first += block)
            attend(kernels, task, &head, task->q + index * task->head_width, task->out + index * task->head_width,
                   first, resift_min(block, task->queries - first));
    }
}
