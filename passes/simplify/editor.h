#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ir/graph/graph.h"
#include "passes/base/known_states.h"
#include "passes/simplify/constants.h"

namespace sinter::passes {

class Editor;

// A local rewrite: what stands for the result of an op with one of the codes, made by the editor from the
// op's operands and theirs; an empty value where the rule does not apply. The op is not in the function, and
// its operands are simplified already.
using Rewrite = graph::Value (*)(Editor& e, const graph::Op& op);

// Rules by the code of the op they look at. A rule of a pattern carries its place in the table of patterns.
struct Rule {
  std::string_view name;
  Rewrite rewrite = nullptr;
  int pattern = -1;
};

class RuleIndex {
 public:
  RuleIndex();
  void add(graph::OpCode code, const Rule& rule) { rules_[static_cast<size_t>(code)].push_back(rule); }
  std::span<const Rule> operator[](graph::OpCode code) const { return rules_[static_cast<size_t>(code)]; }

 private:
  std::vector<std::vector<Rule>> rules_;
};

// Appends ops to a function so that each is simplified as it is made, and made only once.
class Editor {
 public:
  Editor(const graph::Module& module, graph::Function& function, const RuleIndex& rules);

  // Values whose op may not be looked through, merged or replaced.
  void pin(graph::Value value) { pinned_.insert(value.op); }
  void set_location(graph::Location location) { location_ = std::move(location); }

  // Simplifies the op and appends it; returns what stands for its results.
  std::vector<graph::Value> place(std::unique_ptr<graph::Op> op);
  int changes() const { return changes_; }  // rules applied and ops merged, so far

  graph::Value emit(graph::OpCode code, std::vector<graph::Value> operands,
                    graph::Attributes attributes = {});
  graph::Value constant(const Splat& splat, graph::Shape shape);
  // Views; x itself where nothing would change.
  graph::Value reshape(graph::Value x, graph::Shape shape);
  graph::Value transpose(graph::Value x, std::vector<int64_t> permutation);
  graph::Value broadcast(graph::Value x, graph::Shape shape, std::vector<int64_t> dims);

  // The op that makes `value`, where it has that code and may be looked through; else null.
  const graph::Op* find(graph::Value value, graph::OpCode code) const {
    return value.op->code == code && !pinned_.contains(value.op) ? value.op : nullptr;
  }
  std::optional<Splat> splat(graph::Value value) const;

 private:
  struct OpHash {
    size_t operator()(const graph::Op* op) const;
  };
  struct OpEqual {
    bool operator()(const graph::Op* a, const graph::Op* b) const;
  };

  graph::Value rewritten(const graph::Op& op);
  std::vector<graph::Value> merged_or_appended(std::unique_ptr<graph::Op> op);
  std::optional<std::vector<graph::Value>> place_state(graph::Op& op);

  const graph::Module& module_;
  graph::Function& function_;
  const RuleIndex& rules_;
  graph::Location location_;
  std::unordered_set<const graph::Op*> pinned_;
  std::unordered_set<graph::Op*, OpHash, OpEqual> made_;
  KnownStates states_;
  std::vector<std::unique_ptr<graph::Op>> replaced_;  // kept, so that no address is used again
  int depth_ = 0;
  int changes_ = 0;
};

}  // namespace sinter::passes
