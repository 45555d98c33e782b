#pragma once

#include <cstdint>
#include <vector>

#include "runtime/collectives/fold.h"
#include "runtime/dtype.h"
#include "runtime/float_mode.h"

namespace sinter::runtime {

// What ranks do together with several tensors, its parts:
//   all_reduce      folds the pieces of all ranks along the tree of `leaves`; every rank has the result
//   reduce_scatter  the same; the result of a part is its owner's
//   all_gather      every rank has what the owner of a part gives
struct Collective {
  enum class Kind : uint8_t { all_reduce, reduce_scatter, all_gather };
  struct Part {
    DType dtype;
    int64_t elements;  // of the result, and of each piece
    int owner = 0;     // rank; nothing to all_reduce
  };

  Kind kind;
  Fold fold = Fold::sum;
  int64_t leaves = 1;
  std::vector<Part> parts;
  FloatMode mode = kFlushDenormals;  // that of the device which adds what is not added here
};

// The same on all ranks that run the same program.
uint64_t hash_of(const Collective& collective);

// How the parts of a collective travel. Each rank owns some blocks: their pieces come to it, it folds them,
// and its results go to all. A block has a few ranges of parts, so that one message takes them.
struct Layout {
  struct Range {
    size_t part;
    int64_t begin, end;  // elements
  };
  struct Block {
    std::vector<Range> ranges;
    size_t bytes;  // of one piece
  };
  std::vector<std::vector<Block>> blocks;  // by owner
  bool folds = false;                      // pieces travel to the owner
  bool spreads = false;                    // results travel from the owner
  bool in_heads = false;  // few enough bytes to travel with the head, before anybody has answered
};
Layout layout_of(const Collective& collective, int ranks);

// Bytes of data that a rank sends, and in how many messages, heads among them.
int64_t bytes_sent(const Collective& collective, int ranks, int rank);
int64_t messages_sent(const Collective& collective, int ranks, int rank);

}  // namespace sinter::runtime
