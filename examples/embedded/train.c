/* Trains the attention classifier on its made-up language without Sinter: from tagger.o, which has the code of a
   training step, and tagger.safetensors, where it begins. Saves what it has learnt to trained.safetensors.

   usage: train [EPOCHS] */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tagger.h"

enum { kBatch = 32, kWords = 10 };

/* Sentences of up to ten words, as windows.bin has them. */
typedef struct Windows {
  int32_t count;
  int32_t *words, *endings, *shapes, *labels; /* [count][kWords] */
  int32_t* lengths;                           /* [count] */
} Windows;

static void fail(const char* what) {
  fprintf(stderr, "train: %s\n", what);
  exit(1);
}

static void* allocate(size_t bytes) {
  const size_t lines = bytes / TAGGER_ALIGNMENT + 1;
  void* memory = aligned_alloc(TAGGER_ALIGNMENT, lines * TAGGER_ALIGNMENT);
  if (memory == NULL) fail("no memory");
  return memory;
}

static int32_t* read_integers(FILE* file, size_t count) {
  int32_t* integers = allocate(count * sizeof(int32_t));
  if (fread(integers, sizeof(int32_t), count, file) != count) fail("windows.bin is too short");
  return integers;
}

static Windows read_windows(FILE* file) {
  Windows windows;
  int32_t* count = read_integers(file, 1);
  const size_t all = (size_t)*count * kWords;
  windows.count = *count;
  windows.words = read_integers(file, all);
  windows.endings = read_integers(file, all);
  windows.shapes = read_integers(file, all);
  windows.lengths = read_integers(file, (size_t)*count);
  windows.labels = read_integers(file, all);
  free(count);
  return windows;
}

static void* load_state(const char* path) {
  void* state = allocate(TAGGER_STATE_BYTES);
  FILE* file = fopen(path, "rb");
  if (file == NULL) fail("cannot open tagger.safetensors");
  if (tagger_check_state(state, fread(state, 1, TAGGER_STATE_BYTES, file)) != TAGGER_OK)
    fail("tagger.safetensors is not of this model");
  fclose(file);
  return state;
}

static void save_state(const char* path, const void* state) {
  FILE* file = fopen(path, "wb");
  if (file == NULL || fwrite(state, 1, TAGGER_STATE_BYTES, file) != TAGGER_STATE_BYTES || fclose(file) != 0)
    fail("cannot write trained.safetensors");
}

static void check(const tagger_context* context, int status) {
  if (status == TAGGER_BAD_INDEX || status == TAGGER_NOT_FINITE) {
    fprintf(stderr, "train: %s: '%s' at position %lld (%s)\n", context->fault.check, context->fault.input,
            (long long)context->fault.position, context->fault.where);
    exit(1);
  }
  if (status != TAGGER_OK) fail("a call failed");
}

/* Windows from[0 .. kBatch - 1] of `all` as a batch. */
static void gather(const Windows* all, const int32_t* from, Windows* batch) {
  int i;
  for (i = 0; i < kBatch; ++i) {
    const size_t begin = (size_t)from[i] * kWords, bytes = kWords * sizeof(int32_t);
    memcpy(batch->words + i * kWords, all->words + begin, bytes);
    memcpy(batch->endings + i * kWords, all->endings + begin, bytes);
    memcpy(batch->shapes + i * kWords, all->shapes + begin, bytes);
    memcpy(batch->labels + i * kWords, all->labels + begin, bytes);
    batch->lengths[i] = all->lengths[from[i]];
  }
}

static void shuffle(int32_t* order, int32_t count) {
  static uint64_t random = 1;
  int32_t i;
  for (i = count - 1; i > 0; --i) {
    int32_t other, kept = order[i];
    random = random * 6364136223846793005u + 1442695040888963407u;
    other = (int32_t)((random >> 33) % (uint64_t)(i + 1));
    order[i] = order[other];
    order[other] = kept;
  }
}

int main(int argc, char** argv) {
  const int epochs = argc > 1 ? atoi(argv[1]) : 4;
  void* state = load_state("tagger.safetensors");
  void* arena = allocate(TAGGER_ARENA_BYTES(1));
  tagger_context context = tagger_make_context(state, arena, TAGGER_ARENA_BYTES(1));
  FILE* file = fopen("windows.bin", "rb");
  Windows train, dev, batch;
  int32_t *order, i, step;
  int epoch;

  if (file == NULL) fail("cannot open windows.bin");
  train = read_windows(file);
  dev = read_windows(file);
  fclose(file);
  batch.words = allocate(4 * kBatch * kWords * sizeof(int32_t));
  batch.endings = batch.words + kBatch * kWords;
  batch.shapes = batch.endings + kBatch * kWords;
  batch.labels = batch.shapes + kBatch * kWords;
  batch.lengths = allocate(kBatch * sizeof(int32_t));
  order = allocate((size_t)train.count * sizeof(int32_t));
  for (i = 0; i < train.count; ++i) order[i] = i;

  for (epoch = 1; epoch <= epochs; ++epoch) {
    const int32_t steps = train.count / kBatch;
    double losses = 0;
    int64_t all_correct = 0, all_counted = 0;
    float loss;
    int32_t correct, counted, numbers[kBatch];
    shuffle(order, train.count);
    for (step = 0; step < steps; ++step) {
      gather(&train, order + step * kBatch, &batch);
      check(&context, tagger_train(&context, batch.words, batch.endings, batch.shapes, batch.lengths, batch.labels,
                                   &correct, &counted, &loss));
      losses += (double)loss;
    }
    for (step = 0; step < dev.count / kBatch; ++step) {
      for (i = 0; i < kBatch; ++i) numbers[i] = step * kBatch + i;
      gather(&dev, numbers, &batch);
      check(&context, tagger_evaluate(&context, batch.words, batch.endings, batch.shapes, batch.lengths,
                                      batch.labels, &correct, &counted));
      all_correct += correct;
      all_counted += counted;
    }
    printf("epoch %d  loss %.4f  dev accuracy %.4f\n", epoch, losses / (double)steps,
           (double)all_correct / (double)all_counted);
  }
  save_state("trained.safetensors", state);
  return 0;
}
