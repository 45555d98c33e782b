#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "ir/graph/graph.h"

namespace sinter::passes {

// What states hold on the way through a function, op by op.
class KnownStates {
 public:
  explicit KnownStates(const graph::Module& module) : module_(module) {}

  struct Known {
    graph::Value value;
    bool is_written;  // before; else it was read
  };
  // For the next op: where that reads a state, what it holds, if that is known. What a call writes is not,
  // and loops write nothing.
  std::optional<Known> at(graph::Op& op);

 private:
  const graph::Module& module_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace sinter::passes
