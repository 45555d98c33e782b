/* train STEPS THREADS: trains what tagger.o has, and writes what it says and becomes. */
#include "caller.h"
#include "tagger.h"

enum { kBatch = 16, kWords = 10, kClasses = 5, kVocabulary = 50 };

static tagger_context context_of(void* state, int threads) {
  const size_t bytes = TAGGER_ARENA_BYTES(threads);
  tagger_context context = tagger_make_context(state, memory(bytes), bytes);
  if (threads > 1) {
    context.threads = threads;
    context.parallel_for = parallel_for;
  }
  return context;
}

static void check(int status) {
  if (status != TAGGER_OK) fail("a call failed");
}

static int steps, threads;

/* On a stack that is no larger than the header says. */
static void* run(void* unused) {
  static int32_t words[kBatch * kWords], labels[kBatch * kWords];
  static float scores[kBatch * kWords * kClasses], noise[7];
  unsigned char* state = (unsigned char*)memory(TAGGER_STATE_BYTES + 1);
  float* losses = (float*)memory((size_t)steps * sizeof(float));
  tagger_context context = context_of(state, threads);
  uint32_t number = 1;
  int i, step;
  (void)unused;

  if (tagger_check_state(state, read_bytes("tagger.safetensors", state, TAGGER_STATE_BYTES + 1)) != TAGGER_OK)
    fail("not the state of this model");
  for (step = 0; step < steps; ++step) {
    for (i = 0; i < kBatch * kWords; ++i) {
      words[i] = (int32_t)(next_number(&number) % kVocabulary);
      labels[i] = words[i] % kClasses;
    }
    check(tagger_train_batch_16(&context, words, labels, &losses[step]));
  }
  if (tagger_check_state(state, TAGGER_STATE_BYTES) != TAGGER_OK) fail("training has damaged the state");
  write_bytes("losses", losses, (size_t)steps * sizeof(float));
  write_bytes("trained.safetensors", state, TAGGER_STATE_BYTES);
  check(tagger_predict_batch_16(&context, words, scores));
  write_bytes("scores", scores, sizeof(scores));
  check(tagger_predict_batch_1(&context, words, scores));
  write_bytes("scores_of_one", scores, sizeof(scores) / kBatch);
  for (i = 0; i < 3; ++i) check(tagger_noise(&context, noise));
  write_bytes("noise", noise, sizeof(noise));
  printf("%d\n", shared_loops > 0);
  return NULL;
}

int main(int argc, char** argv) {
  pthread_t thread;
  if (argc != 3) fail("usage: train STEPS THREADS");
  steps = atoi(argv[1]);
  threads = atoi(argv[2]);
  stack_bytes = TAGGER_STACK_BYTES;
  start(&thread, run, NULL);
  pthread_join(thread, NULL);
  return 0;
}
