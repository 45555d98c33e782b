/* Eight threads infer with one state while another swaps it a thousand times: no lock, and no answer of two states. */
#include <string.h>

#include "caller.h"
#include "tagger.h"

enum { kThreads = 8, kSwaps = 1000, kScores = 10 * 5 };

static void* current;         /* the state to infer with */
static void* used[kThreads];  /* what each thread infers with; NULL once it has ended */
static int32_t is_over = 0;

static void* infer(void* argument) {
  const size_t thread = (size_t)argument;
  const size_t bytes = TAGGER_PREDICT_ARENA_BYTES(1);
  static const int32_t words[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  float scores[kScores];
  tagger_context context = tagger_make_context(NULL, memory(bytes), bytes);
  int64_t calls = 0;
  while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED) || calls == 0) {
    int i;
    context.state = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
    __atomic_store_n(&used[thread], context.state, __ATOMIC_RELEASE);
    if (tagger_predict(&context, words, scores) != TAGGER_OK) fail("a call failed");
    for (i = 1; i < kScores; ++i)
      if (scores[i] != scores[0]) fail("an answer is of two states");
    ++calls;
    sched_yield(); /* there may be fewer cores than threads */
  }
  __atomic_store_n(&used[thread], NULL, __ATOMIC_RELEASE);
  free(context.arena);
  return NULL;
}

/* All zeros but for the last bias: then every score is `value`. */
static void fill(void* state, float value) {
  float* bias;
  int i, j;
  for (i = 0; i < TAGGER_STATES; ++i) {
    if (strcmp(tagger_states[i].name, "classes.bias") != 0) continue;
    bias = (float*)((unsigned char*)state + tagger_states[i].begin);
    for (j = 0; j < 5; ++j) bias[j] = value;
  }
}

int main(void) {
  void* states[2];
  pthread_t threads[kThreads];
  size_t i;
  int swap;
  for (i = 0; i < 2; ++i) {
    states[i] = memory(TAGGER_STATE_BYTES);
    tagger_clear_state(states[i]);
  }
  current = states[0];
  for (i = 0; i < kThreads; ++i) {
    used[i] = states[0];
    if (pthread_create(&threads[i], NULL, infer, (void*)i) != 0) fail("no thread");
  }
  for (swap = 1; swap <= kSwaps; ++swap) {
    void* next = states[swap % 2];
    fill(next, (float)swap);
    __atomic_store_n(&current, next, __ATOMIC_RELEASE);
    for (i = 0; i < kThreads; ++i)
      while (__atomic_load_n(&used[i], __ATOMIC_ACQUIRE) != next) sched_yield();
  }
  __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
  for (i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  puts("no answer of two states");
  return 0;
}
