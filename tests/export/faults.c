/* Calls what tagger.o has wrongly, and looks at what it answers and leaves. */
#include <string.h>

#include "caller.h"
#include "tagger.h"

static int32_t words[16 * 10], labels[16 * 10];
static float scores[16 * 10 * 5], loss;

static void expect(int is_so, const char* what) {
  if (!is_so) fail(what);
}

int main(int argc, char** argv) {
  const size_t bytes = TAGGER_ARENA_BYTES(1);
  unsigned char* state = (unsigned char*)memory(TAGGER_STATE_BYTES + 64);
  unsigned char* before = (unsigned char*)memory(TAGGER_STATE_BYTES);
  unsigned char* arena = (unsigned char*)memory(bytes + 64);
  tagger_context context = tagger_make_context(state, arena, bytes);
  tagger_context other = context;
  int i;
  (void)argc;
  (void)argv;

  /* No state at all. */
  memset(state, 0, TAGGER_STATE_BYTES);
  expect(tagger_train_batch_16(&context, words, labels, &loss) == TAGGER_OTHER_STATE, "zeros are no state");
  expect(tagger_check_state(state, TAGGER_STATE_BYTES) == TAGGER_OTHER_STATE, "zeros are no state");
  expect(tagger_check_state(NULL, TAGGER_STATE_BYTES) == TAGGER_OTHER_STATE, "null is no state");
  other.state = NULL;
  expect(tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_OTHER_STATE, "null is no state");

  tagger_clear_state(state);
  expect(tagger_check_state(state, TAGGER_STATE_BYTES) == TAGGER_OK, "a clear state is one");
  expect(tagger_check_state(state, TAGGER_STATE_BYTES - 1) == TAGGER_OTHER_STATE, "a short one is none");
  expect(tagger_check_state(state, TAGGER_STATE_BYTES + 1) == TAGGER_OTHER_STATE, "a long one is none");
  state[100] ^= 1;
  expect(tagger_check_state(state, TAGGER_STATE_BYTES) == TAGGER_OTHER_STATE, "another head");
  state[100] ^= 1;
  expect(tagger_check_state(state, read_bytes("tagger.safetensors", state, TAGGER_STATE_BYTES)) == TAGGER_OK,
         "the state that was exported");

  /* A context that is none of this header's, or too small. */
  other = context;
  other.interface_ ^= 1;
  expect(tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_OTHER_HEADER, "another header");
  memset(&other, 0, sizeof(other));
  expect(tagger_predict_batch_1(&other, words, scores) == TAGGER_OTHER_HEADER, "a context of zeros");
  other = context;
  other.arena_bytes = TAGGER_TRAIN_BATCH_16_ARENA_BYTES(1) - 1;
  expect(tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_SMALL_ARENA, "a small arena");
  other.arena_bytes = TAGGER_PREDICT_BATCH_1_ARENA_BYTES(1);
  expect(tagger_predict_batch_1(&other, words, scores) == TAGGER_OK, "an arena that is enough");
  other = context;
  other.parallel_for = parallel_for;
  other.threads = 1000000;
  expect(TAGGER_TRAIN_BATCH_16_ARENA_BYTES(1) == TAGGER_TRAIN_BATCH_16_ARENA_BYTES(2) ||
             tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_SMALL_ARENA,
         "a small arena for so many threads");
  other = context;
  other.arena = arena + 4;
  expect(tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_MISALIGNED, "an arena that is not aligned");
  other = context;
  other.state = state + 4;
  expect(tagger_train_batch_16(&other, words, labels, &loss) == TAGGER_MISALIGNED, "a state that is not aligned");

  /* An index out of range changes nothing; which is the first does not depend on threads. */
  memcpy(before, state, TAGGER_STATE_BYTES);
  words[37] = 50;
  words[99] = -1;
  context.threads = 1;
  expect(tagger_train_batch_16(&context, words, labels, &loss) == TAGGER_BAD_INDEX, "a word out of range");
  expect(strcmp(context.fault.check, "Embedding") == 0, context.fault.check);
  expect(strcmp(context.fault.input, "words") == 0, context.fault.input);
  expect(strstr(context.fault.where, "model.h:") != NULL, context.fault.where);
  expect(context.fault.position == 37 && context.fault.bound == 50 && context.fault.index == 50, "where it fails");
  expect(memcmp(before, state, TAGGER_STATE_BYTES) == 0, "a call that fails changes no state");
  words[37] = words[99] = 0;

  /* A loss that is not finite, as a parameter is none. */
  for (i = 0; i < TAGGER_STATES; ++i) {
    if (strcmp(tagger_states[i].name, "classes.bias") != 0) continue;
    expect(strcmp(tagger_states[i].type, "f32") == 0 && tagger_states[i].rank == 1 &&
               tagger_states[i].shape[0] == 5 && tagger_states[i].bytes == 20,
           "the bias of five classes");
    memset(state + tagger_states[i].begin, 0xff, tagger_states[i].bytes);
  }
  memcpy(before, state, TAGGER_STATE_BYTES);
  expect(tagger_train_batch_16(&context, words, labels, &loss) == TAGGER_NOT_FINITE, "a parameter that is NaN");
  expect(context.fault.value != context.fault.value, "the value is NaN");
  expect(strcmp(context.fault.check, "finite") == 0 && context.fault.input[0] != '\0', "what is not finite");
  expect(memcmp(before, state, TAGGER_STATE_BYTES) == 0, "a call that fails changes no state");
  puts("all as it should be");
  return 0;
}
