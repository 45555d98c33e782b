#include "passes/order/order.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "ir/graph/callees.h"
#include "passes/base/barriers.h"
#include "passes/base/costs.h"
#include "passes/base/kernel_builder.h"
#include "passes/order/in_place.h"
#include "passes/schedule/choose.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;

namespace {

class Orderer {
 public:
  Orderer(graph::Module& module, const loop::Target& target) : module_(module), target_(target) {}

  void run() {
    for (const auto& function : module_.functions) {
      remove_barriers(*function);
      order(*function);
    }
    std::vector<Op*> scans;
    for (const auto& function : module_.functions) {
      for (const auto& op : function->ops()) {
        if (op->code == OpCode::scan) scans.push_back(op.get());
      }
    }
    for (Op* scan : scans) end_with_copies(*scan);
  }

 private:
  using Ops = std::vector<std::unique_ptr<Op>>;
  using Positions = std::unordered_map<const Op*, size_t>;

  static Positions positions(const Function& function) {
    Positions result;
    for (const auto& op : function.ops()) result[op.get()] = result.size();
    return result;
  }

  void order(Function& function) {
    const Positions before = positions(function);
    move_writers_back(function);
    move_writers_up(function, before);
    const std::unordered_set<const Op*> copied = writes_that_copy(function);
    Ops ops, last;
    for (auto& op : function.ops()) {
      if (copied.contains(op.get())) {
        std::unique_ptr<Op> copy = copy_of(op->operands[0]);
        op->operands[0] = copy->result();
        last.push_back(std::move(copy));
        last.push_back(std::move(op));
        continue;
      }
      if (op->code == OpCode::write) write_block(graph::strip_reshapes(op->operands[0]));
      if (op->code == OpCode::scan) {
        for (int64_t i = 0; i < op->attributes.integer("carries"); ++i) {
          Value& begin = op->operands[static_cast<size_t>(i)];
          ops.push_back(copy_of(begin));
          begin = ops.back()->result();
        }
      }
      ops.push_back(std::move(op));
    }
    std::ranges::move(last, std::back_inserter(ops));
    function.ops() = std::move(ops);
  }

  // First what has nothing to do with writers, then what checks need besides, then all else.
  void move_writers_back(Function& function) const {
    std::unordered_set<const Op*> late, needed;
    for (const auto& op : function.ops()) {
      if (op->code != OpCode::write) continue;
      const Op* producer = graph::strip_reshapes(op->operands[0]).op;
      if (producer->code == OpCode::kernel) late.insert(producer);
    }
    for (const auto& op : function.ops()) {
      if (std::ranges::any_of(op->operands, [&](Value operand) { return late.contains(operand.op); }))
        late.insert(op.get());
    }
    for (auto op = function.ops().rbegin(); op != function.ops().rend(); ++op) {
      if (!needed.contains(op->get()) && !has_check(**op)) continue;
      needed.insert(op->get());
      for (Value operand : (*op)->operands) needed.insert(operand.op);
    }
    const auto middle = std::ranges::stable_partition(
        function.ops(), [&](const auto& op) { return !late.contains(op.get()); });
    std::ranges::stable_partition(middle, [&](const auto& op) { return needed.contains(op.get()); });
  }

  // Writers stand behind all that must come before them. So far up as that allows, and as they were `before`,
  // what they read need not be kept for long.
  void move_writers_up(Function& function, const Positions& before) const {
    const Positions now = positions(function);
    std::unordered_map<const Op*, size_t> waits_for;
    std::unordered_map<const Op*, std::vector<const Op*>> frees;
    const auto add = [&](const Op* first, const Op* then) {
      if (first == then || now.at(first) > now.at(then)) return;
      frees[first].push_back(then);
      ++waits_for[then];
    };
    std::vector<const Op*> checks;
    std::map<std::string, std::vector<const Op*>> readers;
    for (const auto& op : function.ops()) {
      if (has_check(*op)) checks.push_back(op.get());
      for (Value operand : op->operands) {
        add(operand.op, op.get());
        const Op& from = *graph::strip_reshapes(operand).op;
        if (from.code == OpCode::read) readers[from.attributes.text("state")].push_back(op.get());
      }
    }
    for (const auto& write : function.ops()) {
      if (write->code != OpCode::write) continue;
      const Op* writer = graph::strip_reshapes(write->operands[0]).op;
      for (const Op* check : checks) add(check, writer);
      for (const Op* reader : readers[write->attributes.text("state")]) add(reader, writer);
    }

    // Ranks meet as soon as they can, so that what they make travels while the rest goes on.
    const auto rank_of = [&](const Op* op) {
      return std::pair(op->kind() != graph::OpKind::collective, before.at(op));
    };
    const auto comes_later = [&](const Op* a, const Op* b) { return rank_of(a) > rank_of(b); };
    std::priority_queue<const Op*, std::vector<const Op*>, decltype(comes_later)> ready(comes_later);
    std::unordered_map<const Op*, std::unique_ptr<Op>> left;
    for (auto& op : function.ops()) {
      if (waits_for[op.get()] == 0) ready.push(op.get());
      const Op* key = op.get();
      left[key] = std::move(op);
    }
    function.ops().clear();
    while (!ready.empty()) {
      const Op* op = ready.top();
      ready.pop();
      function.ops().push_back(std::move(left.at(op)));
      for (const Op* then : frees[op]) {
        if (--waits_for[then] == 0) ready.push(then);
      }
    }
  }

  // Those of values that lie elsewhere, or cannot overwrite the old one.
  std::unordered_set<const Op*> writes_that_copy(const Function& function) const {
    const Positions position = positions(function);
    // From here on nothing fails any more: before, state has to stay as it was.
    size_t checked = 0;
    for (const auto& op : function.ops()) {
      if (has_check(*op)) checked = position.at(op.get()) + 1;
    }
    graph::ValueMap<bool> has_place;
    for (const graph::Output& output : function.outputs)
      has_place[graph::strip_reshapes(output.value)] = true;
    std::unordered_set<const Op*> copied;
    for (const auto& write : function.ops()) {
      if (write->code != OpCode::write) continue;
      const Value made = graph::strip_reshapes(write->operands[0]);
      const bool in_place = !has_place.contains(made) && made.op->code == OpCode::kernel &&
                            binds_faults(*made.op) && position.at(made.op) >= checked &&
                            is_last_reader(function, position, made, write->attributes.text("state"));
      if (in_place) {
        has_place[made] = true;
      } else {
        copied.insert(write.get());
      }
    }
    return copied;
  }

  // Of a value that lies where it is written to.
  void write_block(Value made) const {
    Op* update = update_in_place(*made.op, static_cast<size_t>(made.index));
    if (update == nullptr) return;
    update->attributes.set("anchor", std::string(graph::name(graph::Anchor::update)));
    update->attributes.erase("choice");
    choose(*made.op, target_);
  }

  std::unique_ptr<Op> copy_of(Value value) const {
    KernelBuilder builder(graph::Anchor::map, {});
    builder.output(builder.parameter(value));
    std::unique_ptr<Op> kernel = builder.finish();
    choose(*kernel, target_);
    return kernel;
  }

  // Whether a kernel may bind what tells of faults besides its tensors, as what writes state does.
  bool binds_faults(const Op& kernel) const {
    const auto tensors = static_cast<int64_t>(kernel.operands.size() + kernel.results.size());
    return tensors + (reads_call(kernel) ? 1 : 0) + 1 <= target_.max_buffers;
  }

  // Whether a kernel, one in it, or one of a loop, can fail; with what ranks reduce, the others' faults come.
  bool has_check(const Op& op) const {
    if (op.code == OpCode::all_reduce || op.code == OpCode::reduce_scatter) return true;
    const Function* body = op.code == OpCode::scan ? module_.find_function(graph::callee(op)) : op.body.get();
    return op.kind() == graph::OpKind::check ||
           (body != nullptr &&
            std::ranges::any_of(body->ops(), [&](const auto& inner) { return has_check(*inner); }));
  }

  // Whether no one reads the state's old value after `made`, or elsewhere in the kernel that makes it.
  static bool is_last_reader(const Function& function, const std::unordered_map<const Op*, size_t>& position,
                             Value made, const std::string& state) {
    for (const auto& reader : function.ops()) {
      if (reader->code == OpCode::reshape) continue;
      for (size_t i = 0; i < reader->operands.size(); ++i) {
        const Value from = graph::strip_reshapes(reader->operands[i]);
        if (from.op->code != OpCode::read || from.op->attributes.text("state") != state) continue;
        const bool is_before = reader.get() == made.op
                                   ? may_overwrite(*reader, i, static_cast<size_t>(made.index))
                                   : position.at(reader.get()) < position.at(made.op);
        if (!is_before) return false;
      }
    }
    return true;
  }

  void end_with_copies(Op& scan) {
    const auto carries = static_cast<size_t>(scan.attributes.integer("carries"));
    Function* body = module_.find_function(graph::callee(scan));
    const auto known = carries_.find(body);
    if (known != carries_.end() && known->second == carries) return;
    if (known != carries_.end()) body = &another(*body, scan);
    carries_[body] = carries;
    for (size_t i = 0; i < carries; ++i) {
      Value& next = body->outputs[i].value;
      next = body->append(copy_of(next)).result();
    }
  }

  // A body of the loop's own, where another loop with it has other carries: without copies.
  Function& another(const Function& body, Op& scan) {
    auto own = graph::clone(body);
    const size_t copies = carries_.at(&body);
    for (size_t i = 0; i < copies; ++i) own->outputs[i].value = own->outputs[i].value.op->operands[0];
    own->ops().resize(own->ops().size() - copies);
    std::string name = body.name();
    while (module_.find_function(name) != nullptr) name += "_";
    own->rename(name);
    scan.attributes.set("function", name);
    module_.functions.push_back(std::move(own));
    return *module_.functions.back();
  }

  graph::Module& module_;
  const loop::Target& target_;
  std::map<const Function*, size_t> carries_;  // of the loops whose body it is
};

}  // namespace

void order(graph::Module& module, const loop::Target& target) {
  Orderer(module, target).run();
}

}  // namespace sinter::passes
