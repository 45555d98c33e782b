#pragma once

#include <sinter/program.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/rows.h"
#include "frontend/calls/code.h"
#include "frontend/compile/bundle.h"
#include "frontend/trace/state_table.h"
#include "ir/graph/graph.h"
#include "passes/shard/shard.h"

namespace sinter {

// A function of a program for one binding of its dims. Once traced, it does not change but for getting its
// code, so that any number of threads may use it.
class Variant {
 public:
  // `graph` holds the function, called `name`, with those that it calls and all states of its program.
  // `identity` is what it was traced as, where ranks go over it together, else 0.
  Variant(std::string name, DimSizes sizes, graph::Module graph, std::vector<std::string> session_states,
          bool writes_state, Training training, uint64_t identity);

  const std::string& name() const {
    return name_;
  }  // in the graph, and in messages: "predict", "predict.batch_1"
  const DimSizes& sizes() const { return sizes_; }
  const graph::Module& graph() const { return graph_; }
  const std::vector<std::string>& session_states() const { return session_states_; }  // that it uses
  bool writes_state() const { return writes_state_; }                                 // of the program
  const Training& training() const { return training_; }
  uint64_t identity() const { return identity_; }
  // Before it settles: as one of several ranks.
  passes::Owners shard(const passes::Sharding& sharding) { return passes::shard(graph_, sharding); }
  // Before the program is compiled, when all its states are known.
  void settle(std::vector<graph::State> states);

  // Compiles where nobody has asked before; who comes meanwhile waits. Throws Error where it cannot be
  // compiled. The attempt says how the device was opened.
  Code& code(const backends::Device& device, const Attempt& attempt);
  // What `find` says of it, which is asked once.
  template <typename Find>
  const backends::Rows& rows(Find find) {
    std::call_once(finding_rows_, [&] { rows_ = find(); });
    return rows_;
  }

 private:
  std::string name_;
  DimSizes sizes_;
  graph::Module graph_;  // its states are the program's, and then these
  std::vector<std::string> session_states_;
  bool writes_state_;
  Training training_;
  uint64_t identity_;
  std::mutex compiling_;
  std::optional<Code> made_;
  std::atomic<Code*> code_ = nullptr;  // null until it is made
  std::once_flag finding_rows_;
  backends::Rows rows_;
};

}  // namespace sinter
