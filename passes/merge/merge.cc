#include "passes/merge/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "passes/base/costs.h"
#include "passes/base/kernel_builder.h"
#include "passes/base/reachability.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

int64_t bytes_of(const Op& op) {
  int64_t bytes = 0;
  for (Value operand : op.operands) bytes += operand.type().bytes();
  for (const graph::TensorType& type : op.results) bytes += type.bytes();
  return bytes;
}

// What the kernel's contractions multiply: its operands that they read, as they lie in memory. Of a
// reduction: all that it reads.
std::vector<Value> multiplied(const Op& kernel) {
  std::vector<Value> result;
  if (is_kernel(kernel, Anchor::reduce)) {
    for (Value operand : kernel.operands) result.push_back(strip_reshapes(operand));
    return result;
  }
  const auto parameters = kernel.body->parameters();
  for (const auto& op : kernel.body->ops()) {
    if (op->code != OpCode::contract) continue;
    for (Value operand : op->operands) {
      operand = strip_reshapes(operand);
      for (size_t i = 0; i < parameters.size(); ++i) {
        if (operand.op == parameters[i]) result.push_back(strip_reshapes(kernel.operands[i]));
      }
    }
  }
  return result;
}

class Merge {
 public:
  Merge(Function& function, int64_t most_bindings) : function_(function), most_bindings_(most_bindings) {
    for (const auto& op : function.ops()) {
      const size_t number = number_[op.get()] = needs_.add();
      for (Value operand : op->operands) needs_.add_edge(number, number_.at(operand.op));
      if (op->code == OpCode::write) writers_.insert(strip_reshapes(op->operands[0]).op);
      if (op->code == OpCode::kernel) clusters_.push_back({op.get()});
    }
  }

  void run() {
    for (size_t i = 0; i < clusters_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (clusters_[j].empty() || !wanted(clusters_[j], *clusters_[i][0])) continue;
        if (reaches(clusters_[i], clusters_[j]) || reaches(clusters_[j], clusters_[i])) continue;
        join(clusters_[j], clusters_[i]);
        break;
      }
    }
    rebuild();
  }

 private:
  using Cluster = std::vector<Op*>;

  void index() {
    cluster_of_.clear();
    for (size_t i = 0; i < clusters_.size(); ++i) {
      for (const Op* op : clusters_[i]) cluster_of_[op] = i;
    }
  }

  bool wanted(const Cluster& cluster, const Op& op) const {
    const Op& first = *cluster[0];
    const bool writes = writers_.contains(&first);
    if (writes != writers_.contains(&op)) return false;
    if (has_check(first) || has_check(op) || bindings_of(cluster, op) > most_bindings_) return false;
    const Anchor ours = anchor_of(first), theirs = anchor_of(op);
    if (std::any_of(cluster.begin(), cluster.end(),
                    [&](const Op* member) { return multiply_the_same(*member, op); }))
      return true;
    if (writes && ours == Anchor::map && theirs == Anchor::map) return true;
    if (is_whole_sum(first) && is_whole_sum(op)) return true;
    const int64_t limit = writes ? kSmallUpdateBytes : kSmallBytes;
    if (bytes_of(first) > limit || bytes_of(op) > limit) return false;
    return (is_plain(first) || (writes && ours == Anchor::contract)) &&
           (is_plain(op) || (writes && theirs == Anchor::contract));
  }

  // What can fault runs before the first write of state, whatever it stands beside.
  static bool has_check(const Op& op) {
    return std::any_of(op.body->ops().begin(), op.body->ops().end(),
                       [](const auto& inner) { return inner->kind() == graph::OpKind::check; });
  }

  // Tensors, and what tells a kernel of its call, for random numbers, and of faults, where it writes state.
  int64_t bindings_of(const Cluster& cluster, const Op& op) const {
    graph::ValueMap<bool> tensors;
    bool call = false;
    const auto add = [&](const Op& kernel) {
      for (Value operand : kernel.operands) tensors[strip_reshapes(operand)] = true;
      call = call || reads_call(kernel);
      return static_cast<int64_t>(kernel.results.size());
    };
    int64_t results = add(op);
    for (const Op* member : cluster) results += add(*member);
    return results + static_cast<int64_t>(tensors.size()) + (call ? 1 : 0) + (writers_.contains(&op) ? 1 : 0);
  }

  // Of two contractions, or of a contraction and a reduction.
  static bool multiply_the_same(const Op& a, const Op& b) {
    const Anchor of_a = anchor_of(a), of_b = anchor_of(b);
    const bool contracts =
        (of_a == Anchor::contract && (of_b == Anchor::contract || of_b == Anchor::reduce)) ||
        (of_a == Anchor::reduce && of_b == Anchor::contract);
    if (!contracts) return false;
    const auto ours = multiplied(a), theirs = multiplied(b);
    return std::any_of(theirs.begin(), theirs.end(),
                       [&](Value value) { return std::find(ours.begin(), ours.end(), value) != ours.end(); });
  }

  // A reduction of everything to single values.
  static bool is_whole_sum(const Op& op) {
    return is_kernel(op, Anchor::reduce) &&
           std::all_of(op.results.begin(), op.results.end(),
                       [](const auto& type) { return type.elements() == 1; });
  }

  static bool is_plain(const Op& op) { return graph::info(anchor_of(op)).single_pass; }

  // All of a cluster's members need the same, and are needed together.
  bool reaches(const Cluster& later, const Cluster& earlier) const {
    return needs_.reaches(number_.at(later[0]), number_.at(earlier[0]));
  }

  void join(Cluster& cluster, Cluster& other) {
    needs_.join(number_.at(cluster[0]), number_.at(other[0]));
    cluster.insert(cluster.end(), other.begin(), other.end());
    other.clear();
  }

  void rebuild() {
    index();
    old_ = std::move(function_.ops());
    function_.ops().clear();
    for (size_t i = 0; i < old_.size(); ++i) position_[old_[i].get()] = i;
    for (size_t i = 0; i < old_.size(); ++i) emit(i);
    for (graph::Output& output : function_.outputs) output.value = now(output.value);
  }

  Value now(Value value) const {
    const auto it = moved_.find(value);
    return it == moved_.end() ? value : it->second;
  }

  // A cluster that waits for what it needs.
  struct Waiting {
    Cluster cluster;
    size_t member = 0, operand = 0;  // the next to look at
  };

  // Emits the op at a place of the old order, with its whole cluster, after all that these need.
  void emit(size_t place) {
    std::vector<Waiting> stack;
    start(place, stack);
    while (!stack.empty()) {
      Waiting& top = stack.back();
      if (top.member == top.cluster.size()) {
        append(top.cluster);
        stack.pop_back();
      } else if (const Op& member = *top.cluster[top.member]; top.operand == member.operands.size()) {
        ++top.member;
        top.operand = 0;
      } else {
        const auto at = position_.find(member.operands[top.operand++].op);
        if (at != position_.end()) start(at->second, stack);
      }
    }
  }

  void start(size_t place, std::vector<Waiting>& stack) {
    Op* op = old_[place] ? old_[place].get() : nullptr;
    if (op == nullptr || !started_.insert(op).second) return;
    const auto it = cluster_of_.find(op);
    Cluster cluster = it == cluster_of_.end() ? Cluster{op} : clusters_[it->second];
    started_.insert(cluster.begin(), cluster.end());
    stack.push_back({std::move(cluster)});
  }

  void append(const Cluster& cluster) {
    for (Op* member : cluster) {
      for (Value& operand : member->operands) operand = now(operand);
    }
    if (cluster.size() == 1) {
      function_.append(std::move(old_[position_.at(cluster[0])]));
    } else {
      append_together(cluster);
    }
  }

  void append_together(const Cluster& cluster) {
    KernelBuilder together(Anchor::together, cluster[0]->location);
    for (const Op* member : cluster) {
      for (Value operand : member->operands) together.parameter(operand);
    }
    std::vector<Value> results;
    for (Op* member : cluster) {
      Op& copy = together.clone(*member);
      for (size_t i = 0; i < member->results.size(); ++i) {
        together.output(copy.result(static_cast<int>(i)));
        results.push_back(member->result(static_cast<int>(i)));
      }
    }
    Op& op = function_.append(together.finish());
    for (size_t i = 0; i < results.size(); ++i) moved_[results[i]] = op.result(static_cast<int>(i));
  }

  Function& function_;
  int64_t most_bindings_;
  std::unordered_set<const Op*> writers_;
  std::vector<Cluster> clusters_;
  std::unordered_map<const Op*, size_t> number_;  // in needs_
  Reachability needs_;
  std::unordered_map<const Op*, size_t> cluster_of_;
  std::vector<std::unique_ptr<Op>> old_;
  std::unordered_map<const Op*, size_t> position_;
  std::unordered_set<const Op*> started_;
  graph::ValueMap<Value> moved_;
};

}  // namespace

void merge(graph::Module& module, const Arguments& arguments, const loop::Target& target) {
  const int64_t most_bindings = limited("merge", arguments, target, {"buffers="}).max_buffers;
  for (const auto& function : module.functions) Merge(*function, most_bindings).run();
}

}  // namespace sinter::passes
