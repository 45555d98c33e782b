/* Two exports in one program: each has its own names, and neither knows of the other. */
#include "caller.h"
#include "other.h"
#include "tagger.h"

int main(void) {
  static const float x[6] = {1, 2, 3, 4, 5, 6};
  static float y[3], scores[10 * 5];
  static int32_t words[10];
  void* state = memory(TAGGER_STATE_BYTES);
  tagger_context tagger = tagger_make_context(state, memory(TAGGER_ARENA_BYTES(1)), TAGGER_ARENA_BYTES(1));
  other_context other = other_make_context(NULL, memory(OTHER_ARENA_BYTES(1)), OTHER_ARENA_BYTES(1));
  tagger_clear_state(state);
  if (tagger_predict_batch_1(&tagger, words, scores) != TAGGER_OK) fail("tagger");
  if (other_sums(&other, x, y) != OTHER_OK) fail("other");
  printf("%g %g %g %g\n", (double)scores[0], (double)y[0], (double)y[1], (double)y[2]);
  return 0;
}
