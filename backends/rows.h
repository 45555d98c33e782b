#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sinter::backends {

// What a function does row by row: its batch is the leading axis of some inputs, and where an output is by
// rows, those of row i are made of row i of these inputs and of nothing that the others hold.
struct Rows {
  struct Output {
    int64_t axis = -1;    // along which the rows lie, each with as many elements; -1: it is not by rows
    std::string why_not;  // then: "reduce_sum (model.cc:12)"
  };

  int64_t count = 0;         // of a call; 0: the function has no batch
  std::string none;          // why it has none
  std::vector<bool> inputs;  // which ones lead with the batch; the others are the same for all rows
  std::vector<Output> outputs;
};

}  // namespace sinter::backends
