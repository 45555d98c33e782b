#include "passes/merge/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "passes/base/costs.h"
#include "passes/base/flops.h"
#include "passes/base/kernel_builder.h"
#include "passes/base/reachability.h"
#include "passes/merge/levels.h"
#include "passes/merge/part_writers.h"

namespace sinter::passes {

using graph::Anchor;
using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

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
  Merge(Function& function, const loop::Target& target) : function_(function), target_(target) {
    for (const auto& op : function.ops()) {
      const size_t number = number_[op.get()] = needs_.add();
      for (Value operand : op->operands) needs_.add_edge(number, number_.at(operand.op));
      if (op->code == OpCode::write) writers_.insert(strip_reshapes(op->operands[0]).op);
      if (op->code == OpCode::kernel) clusters_.push_back({op.get()});
    }
  }

  void run() {
    if (target_.has_fast_shared()) {
      // Twice, as clusters come to share more than their first kernels do.
      for (int i = 0; i < 2; ++i)
        join_in_order([&](const Cluster& a, const Cluster& b) { return multiply_the_same(a, b); });
      join_by_levels();
    } else {
      join_in_order([&](const Cluster& a, const Cluster& b) { return wanted(a, *b[0]); });
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

  // Each kernel with the first cluster that wants it.
  void join_in_order(const auto& is_wanted) {
    for (size_t i = 0; i < clusters_.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (clusters_[j].empty() || !may_join(clusters_[j], clusters_[i]) ||
            !is_wanted(clusters_[j], clusters_[i]))
          continue;
        if (reaches(clusters_[i], clusters_[j]) || reaches(clusters_[j], clusters_[i])) continue;
        join(clusters_[j], clusters_[i]);
        break;
      }
    }
    std::erase_if(clusters_, [](const Cluster& cluster) { return cluster.empty(); });
  }

  // Clusters of a level in one launch, so that there are hardly more launches than the longest chain of
  // kernels has: each as late as it may be, but for checks, which writes of state wait for.
  void join_by_levels() {
    std::unordered_map<int64_t, std::vector<size_t>> placed;
    const auto joins = [&](size_t number, int64_t level) {
      Cluster& cluster = clusters_[number];
      for (const size_t other : placed[level]) {
        if (!go_side_by_side(clusters_[other], cluster) || !may_join(clusters_[other], cluster)) continue;
        clusters_[other].insert(clusters_[other].end(), cluster.begin(), cluster.end());
        cluster.clear();
        return true;
      }
      return false;
    };
    const auto is_check = [&](size_t number) { return std::ranges::all_of(clusters_[number], checks_alone); };
    place_by_levels(function_, clusters_, is_check, [&](size_t number, int64_t lowest, int64_t highest) {
      if (is_check(number)) {
        for (int64_t level = highest; level > 0; --level) {
          if (joins(number, level)) return level;
        }
        placed[highest].push_back(number);
        return highest;
      }
      for (int64_t level = lowest; level <= highest; ++level) {
        if (joins(number, level)) return level;
      }
      placed[lowest].push_back(number);
      return lowest;
    });
    std::erase_if(clusters_, [](const Cluster& cluster) { return cluster.empty(); });
    // Single values last: behind them, lanes would not begin where memory's lines do.
    for (Cluster& cluster : clusters_) {
      std::ranges::sort(cluster, {},
                        [&](const Op* op) { return std::pair(makes_single_values(*op), number_.at(op)); });
    }
  }

  // What writes state stays apart from what does not.
  bool may_join(const Cluster& a, const Cluster& b) const {
    return writers_.contains(a[0]) == writers_.contains(b[0]) && bindings_of(a, b) <= target_.max_buffers;
  }

  bool wanted(const Cluster& cluster, const Op& op) const {
    const Op& first = *cluster[0];
    const bool writes = writers_.contains(&first);
    if (has_check(first) || has_check(op)) return false;
    const Anchor ours = anchor_of(first), theirs = anchor_of(op);
    if (std::ranges::any_of(cluster, [&](const Op* member) { return multiply_the_same(*member, op); }))
      return true;
    if (writes && ours == Anchor::map && theirs == Anchor::map) return true;
    if (is_whole_sum(first) && is_whole_sum(op)) return true;
    const int64_t limit = writes ? kSmallUpdateBytes : kSmallBytes;
    if (bytes_of(first) > limit || bytes_of(op) > limit) return false;
    return (is_plain(first) || (writes && ours == Anchor::contract)) &&
           (is_plain(op) || (writes && theirs == Anchor::contract));
  }

  // Of clusters at one level on a GPU, where each launch costs what many bytes do.
  bool go_side_by_side(const Cluster& a, const Cluster& b) const {
    const bool writes = writers_.contains(a[0]);
    const auto all = [&](const auto& is) { return std::ranges::all_of(a, is) && std::ranges::all_of(b, is); };
    const auto is_simple = [](const Op* op) { return is_plain(*op) || is_kernel(*op, Anchor::contract); };
    if (!all(is_simple)) return false;
    if (std::ranges::all_of(a, checks_alone) || std::ranges::all_of(b, checks_alone))
      return !writes && !waits_for_write(a) && !waits_for_write(b);
    const auto has_check_of = [](const Op* op) { return has_check(*op); };
    if (std::ranges::any_of(a, has_check_of) || std::ranges::any_of(b, has_check_of)) return false;
    if (writes && all([](const Op* op) { return is_kernel(*op, Anchor::map); })) return true;
    const int64_t small = writes ? kSmallUpdateBytes : kSmallBytes;
    const auto is_small = [&](const Op* op) { return bytes_of(*op) <= small && (writes || is_plain(*op)); };
    if (std::ranges::all_of(a, is_small) || std::ranges::all_of(b, is_small)) return true;
    return all([](const Op* op) { return is_plain(*op); }) && kind_of(*a[0]) == kind_of(*b[0]) &&
           are_soon_done(a, b);
  }

  // Whether what is moved takes no longer than a few launches. All that the kernels read lives until the last
  // of them can run, so not too much of it together.
  bool are_soon_done(const Cluster& a, const Cluster& b) const {
    constexpr double kLaunches = 4, kLaunchesTogether = 16;
    const double of_launch = kCyclesOfLaunch * kBytesACycle * static_cast<double>(target_.multiprocessors);
    int64_t most = 0, sum = 0;
    for (const Cluster* cluster : {&a, &b}) {
      for (const Op* op : *cluster) {
        most = std::max(most, bytes_of(*op));
        sum += bytes_of(*op);
      }
    }
    return static_cast<double>(most) <= kLaunches * of_launch &&
           static_cast<double>(sum) <= kLaunchesTogether * of_launch;
  }

  // The anchor, and whether a reduction goes along rows: workgroups of as many lanes suit both of one kind.
  static std::pair<Anchor, bool> kind_of(const Op& kernel) {
    const auto is_reduction = [](const auto& op) { return op->kind() == graph::OpKind::reduction; };
    const auto found = std::ranges::find_if(kernel.body->ops(), is_reduction);
    const bool goes_along = found != kernel.body->ops().end() &&
                            std::ranges::count((*found)->attributes.integers("axes"),
                                               static_cast<int64_t>((*found)->operands[0].rank()) - 1) > 0;
    return {anchor_of(kernel), goes_along};
  }

  bool waits_for_write(const Cluster& cluster) const {
    return std::ranges::any_of(cluster, [&](const Op* op) {
      return std::ranges::any_of(
          writers_, [&](const Op* writer) { return needs_.reaches(number_.at(op), number_.at(writer)); });
    });
  }

  static bool checks_alone(const Op* op) { return op->results.empty() && has_check(*op); }

  // What can fault runs before the first write of state, whatever it stands beside.
  static bool has_check(const Op& op) { return has_checks(*op.body); }

  // Tensors, and what tells a kernel of its call, for random numbers, and of faults, where it writes state.
  int64_t bindings_of(std::vector<Op*> all, const std::vector<Op*>& more) const {
    all.insert(all.end(), more.begin(), more.end());
    graph::ValueMap<bool> tensors;
    bool call = false, faults = writers_.contains(all[0]);
    int64_t results = 0;
    for (const Op* kernel : all) {
      for (Value operand : kernel->operands) tensors[strip_reshapes(operand)] = true;
      results += static_cast<int64_t>(kernel->results.size());
      call = call || reads_call(*kernel) || has_check(*kernel);
      faults = faults || has_check(*kernel);
    }
    return results + static_cast<int64_t>(tensors.size()) + (call ? 1 : 0) + (faults ? 1 : 0);
  }

  static bool multiply_the_same(const Cluster& a, const Cluster& b) {
    return std::ranges::any_of(a, [&](const Op* one) {
      return std::ranges::any_of(b, [&](const Op* other) { return multiply_the_same(*one, *other); });
    });
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

  static bool makes_single_values(const Op& op) {
    return std::ranges::all_of(op.results, [](const auto& type) { return type.elements() == 1; });
  }

  static bool is_whole_sum(const Op& op) { return is_kernel(op, Anchor::reduce) && makes_single_values(op); }

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
  const loop::Target& target_;
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
  const loop::Target within = limited("merge", arguments, target, {"buffers="});
  for (const auto& function : module.functions) {
    if (within.has_fast_shared()) part_writers(*function);
    Merge(*function, within).run();
  }
}

}  // namespace sinter::passes
