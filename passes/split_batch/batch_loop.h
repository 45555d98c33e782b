#pragma once

#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/graph/builder.h"
#include "passes/split_batch/pairing.h"
#include "passes/split_batch/share.h"
#include "passes/split_batch/stages.h"

namespace sinter::passes {

// A gradient of sums over the batch, weighted.
struct SumGradient {
  const graph::Op* grad;                        // whose first operand is the loss
  std::vector<graph::Value> sums;               // that reach the loss and depend on what it is for
  std::vector<graph::Value> weights;            // d loss / d sum of each: values of the result
  std::unordered_set<const graph::Op*> loss;    // ops that make the loss of sums
  std::unordered_set<const graph::Op*> active;  // ops that depend on what it is for
  // Given by BatchLoop::emit: values known before the micro-batches, and the gradient for each: values of the
  // whole, and of the result.
  std::vector<std::pair<graph::Value, graph::Value>> gradients = {};
};

// The sum of the products of their elements.
graph::Value dot(graph::Builder& builder, graph::Value a, graph::Value b);

// The loops over the micro-batches of one stage that are a rank's, and what ranks then make together.
class BatchLoop {
 public:
  // `known` holds what became of the whole's values in the function that `builder` stands in, its parameters
  // all. `numbered` are the functions that take the number of the micro-batch. `met` is what ranks
  // have made together last.
  BatchLoop(graph::Builder& builder, const Pairing& pairing, const Stages& stages, const Share& share,
            const graph::ValueMap<graph::Value>& known, const std::set<std::string>& numbered,
            graph::Value& met);

  void add_sum(graph::Value whole) { sums_.push_back(whole); }
  void add_rows(graph::Value whole) { rows_.push_back(whole); }
  void add_check(const graph::Op& op) { checks_.push_back(&op); }
  void add_gradient(SumGradient& gradient) { gradients_.push_back(&gradient); }
  bool is_empty() const { return sums_.empty() && rows_.empty() && checks_.empty() && gradients_.empty(); }

  // What the sums and rows have become.
  graph::ValueMap<graph::Value> emit(const std::string& name);

 private:
  void find_needed();
  void need(const graph::Op& op);
  void emit_op(const graph::Op& op);
  graph::Value emit_part(graph::Value sum);
  void emit_gradient(SumGradient& gradient);
  graph::Value capture(graph::Value whole);
  graph::Value capture_result(graph::Value value);
  graph::Value number();  // of the micro-batch
  enum class Fold : uint8_t { sum, max, min };
  static Fold fold_of(graph::Value sum);
  // What a loop adds up: the type, and how.
  struct Carry {
    graph::TensorType type;
    Fold fold;
  };
  graph::Value initial(graph::Builder& builder, const Carry& carry) const;
  graph::Value combine(graph::Builder& builder, const Carry& carry, graph::Value before,
                       graph::Value more) const;
  void carry(const Carry& carry, graph::Value part);
  std::vector<graph::Value> emit_loops();
  std::vector<graph::Value> turn(graph::Builder& builder, const graph::Function& body, size_t level,
                                 const std::vector<graph::Value>& steps,
                                 const std::vector<graph::Value>& constants);
  const graph::Function& around(const graph::Function& body, size_t level);
  void meet(std::vector<graph::Value>& results);
  void meet(std::vector<graph::Value>& results, const std::vector<size_t>& which);
  graph::Value gather_rows(graph::Value stacked);
  graph::Value by_turns(graph::Value by_parts);
  bool is_own(const graph::Op& op, graph::Value operand) const;
  void sort_parameters();
  graph::Value by_parts(graph::Value parameter);
  graph::Value joined(graph::Value stacked, graph::Value whole);

  graph::Builder* result_;
  const Pairing* pairing_;
  const Stages* stages_;
  const Share* share_;
  const graph::ValueMap<graph::Value>* known_;
  const std::set<std::string>* numbered_;
  std::vector<graph::Value> sums_, rows_;
  std::vector<const graph::Op*> checks_;
  std::vector<SumGradient*> gradients_;

  graph::Function* body_ = nullptr;
  graph::Builder* inner_ = nullptr;
  std::vector<bool> needed_, taken_;  // by ordinal; taken_: as the operand of another
  std::vector<bool> counts_rows_;     // known before, but another value where the batch is a micro-batch
  graph::ValueMap<graph::Value> local_, captured_;
  std::vector<graph::Value> steps_, constants_;                     // operands
  std::vector<graph::Op*> carried_, sliced_, constant_parameters_;  // their parameters
  std::vector<Carry> carries_;
  std::vector<graph::Value> next_;  // what a turn makes of them
  graph::Value* met_;
  graph::Value number_;
};

}  // namespace sinter::passes
