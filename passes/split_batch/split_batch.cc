#include "passes/split_batch/split_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/graph/callees.h"
#include "passes/base/dead_code.h"
#include "passes/differentiate/differentiate.h"
#include "passes/inline_calls/inline_calls.h"
#include "passes/split_batch/batch_loop.h"
#include "passes/split_batch/checks.h"
#include "passes/split_batch/pairing.h"
#include "passes/split_batch/prepare.h"
#include "passes/split_batch/stages.h"

namespace sinter::passes {
namespace {

using graph::Builder;
using graph::Function;
using graph::Module;
using graph::Op;
using graph::OpCode;
using graph::Value;

bool is_grad(const Op& op) {
  return op.code == OpCode::grad;
}

class Splitter {
 public:
  Splitter(Module& module, const Pairing& pairing, const Share& share, std::set<std::string> numbered,
           Function& result)
      : module_(module),
        pairing_(pairing),
        share_(share),
        stages_(pairing),
        numbered_(std::move(numbered)),
        result_(result),
        builder_(module, result) {}

  void run() {
    for (const Op* op : pairing_.ops()) {
      if (op->code == OpCode::parameter) graph::clone_op(*op, result_, known_);
      const bool is_state = op->code == OpCode::read || op->code == OpCode::write;
      if (!is_state || !(pairing_.takes_rows(*op) || pairing_.makes_rows(*op))) continue;
      throw GraphError(
          fmt::format("{}: state '{}' has rows of the batch, which cannot be split into micro-batches{}",
                      graph::name(op->code), op->attributes.text("state"), at(op->location)));
    }
    for (stage_ = 0; stage_ < stages_.count(); ++stage_) {
      emit(
          [&](const Op& op) { return !is_grad(op) && !stages_.is_of_rows(op) && !stages_.follows_rows(op); });
      go_over_batches();
    }
    check_order(pairing_);
    for (const graph::Output& output : pairing_.outputs()) {
      result_.outputs.push_back({output.name, known_.at(output.value)});
    }
  }

 private:
  template <typename Which>
  void emit(Which which) {
    for (const Op* op : pairing_.ops()) {
      if (op->code == OpCode::parameter || stages_.stage(*op) != stage_ || !which(*op)) continue;
      graph::clone_op(*op, result_, known_);
    }
  }

  void go_over_batches();
  SumGradient gradient_of(const Op& grad);
  void emit_weights(SumGradient& gradient);
  void emit_gradient(const SumGradient& gradient);
  std::unordered_set<const Op*> depending_on(const std::vector<Value>& values) const;
  BatchLoop loop() { return {builder_, pairing_, stages_, share_, known_, numbered_, met_}; }
  std::string next_name() { return fmt::format("{}.batches{}", result_.name(), loops_++); }

  Module& module_;
  const Pairing& pairing_;
  const Share& share_;
  const Stages stages_;
  const std::set<std::string> numbered_;
  Function& result_;
  Builder builder_;
  graph::ValueMap<Value> known_;
  int stage_ = 0;
  int loops_ = 0;
  Value met_;  // the last of what ranks have made together
};

void Splitter::go_over_batches() {
  std::vector<SumGradient> gradients;
  for (const Op* op : pairing_.ops()) {
    if (is_grad(*op) && stages_.stage(*op) == stage_ + 1) gradients.push_back(gradient_of(*op));
  }
  for (SumGradient& gradient : gradients) emit_weights(gradient);

  BatchLoop all = loop();
  std::vector<Value> sums;
  for (const Op* op : pairing_.ops()) {
    if (stages_.stage(*op) != stage_ || !stages_.is_of_rows(*op) || !stages_.is_wanted(*op)) continue;
    if (pairing_.makes_rows(*op)) {
      if (op->kind() == graph::OpKind::check) all.add_check(*op);
    } else {
      for (size_t i = 0; i < op->results.size(); ++i) {
        sums.push_back(Value{const_cast<Op*>(op), static_cast<int>(i)});
        all.add_sum(sums.back());
      }
    }
  }
  for (const graph::Output& output : pairing_.outputs()) {
    if (!pairing_.has_rows(output.value) || stages_.stage(*output.value.op) != stage_) continue;
    if (!known_.contains(output.value)) all.add_rows(output.value);
  }
  for (SumGradient& gradient : gradients) {
    if (!gradient.sums.empty()) all.add_gradient(gradient);
  }
  if (!all.is_empty()) {
    for (const auto& [whole, value] : all.emit(next_name())) known_[whole] = value;
  }
  check_sums(pairing_, stages_, stage_);
  // To gradients the sums are constants: what is behind them is in those of the micro-batches.
  for (Value sum : sums) {
    Value& total = known_.at(sum);
    if (graph::is_floating(total.dtype())) total = builder_.stop_gradient(total);
  }
  emit([&](const Op& op) { return stages_.follows_rows(op) && stages_.is_wanted(op); });
  for (const SumGradient& gradient : gradients) emit_gradient(gradient);
}

// The ops with a result that depends on one of the values in a way that has a gradient.
std::unordered_set<const Op*> Splitter::depending_on(const std::vector<Value>& values) const {
  std::unordered_set<const Op*> depending;
  for (Value value : values) depending.insert(value.op);
  for (const Op* op : pairing_.ops()) {
    const bool ends =
        op->code == OpCode::stop_gradient ||
        std::ranges::none_of(op->results, [](const auto& type) { return graph::is_floating(type.dtype); });
    if (ends) continue;
    const auto depends = [&](Value operand) {
      return graph::is_floating(operand.dtype()) && depending.contains(operand.op);
    };
    if (std::ranges::any_of(op->operands, depends)) depending.insert(op);
  }
  return depending;
}

SumGradient Splitter::gradient_of(const Op& grad) {
  const auto fail = [&](const std::string& message) {
    throw GraphError(
        fmt::format("grad: {}, which cannot be split into micro-batches{}", message, at(grad.location)));
  };
  SumGradient gradient{&grad, {}, {}, {}, {}};
  const Value loss = grad.operands[0];
  const std::vector<Value> leaves(grad.operands.begin() + 1, grad.operands.end());
  for (Value leaf : leaves) {
    if (pairing_.has_rows(leaf) || (stages_.stage(*leaf.op) == stage_ &&
                                    (stages_.is_of_rows(*leaf.op) || stages_.follows_rows(*leaf.op)))) {
      fail(fmt::format("it is for {}, which is made of rows of the batch", to_string(leaf.type())));
    }
  }
  gradient.active = depending_on(leaves);
  gradient.loss.insert(loss.op);
  for (size_t i = pairing_.ordinal(*loss.op) + 1; i-- > 0;) {
    const Op& op = *pairing_.ops()[i];
    if (!gradient.loss.contains(&op)) continue;
    if (is_grad(op) && gradient.active.contains(&op)) fail("the loss is made from a gradient");
    if (stages_.is_of_rows(op)) {
      // What is beyond is for the loop.
      if (!gradient.active.contains(&op)) continue;
      if (op.code == OpCode::reduce_max || op.code == OpCode::reduce_min) {
        fail(fmt::format("the loss is made from {} over the batch", graph::name(op.code)));
      }
      gradient.sums.push_back(Value{const_cast<Op*>(&op), 0});
    } else {
      for (Value operand : op.operands) gradient.loss.insert(operand.op);
    }
  }
  std::ranges::reverse(gradient.sums);
  return gradient;
}

// d loss / d sum, in a function of its own first, which tells what it takes: where it takes sums themselves,
// micro-batches are gone over for these before.
void Splitter::emit_weights(SumGradient& gradient) {
  if (gradient.sums.empty()) return;
  Function& function = module_.add_function(fmt::format("{}.weights", result_.name()));
  Builder builder(module_, function);
  graph::ValueMap<Value> map;
  std::vector<Value> takes;
  const auto take = [&](Value whole) {
    if (map.contains(whole)) return;
    map[whole] = builder.parameter(fmt::format("value{}", takes.size()), whole.type());
    takes.push_back(whole);
  };
  std::vector<const Op*> between;
  for (const Op* op : pairing_.ops()) {
    if (!gradient.loss.contains(op) || stages_.is_of_rows(*op) || !stages_.follows_rows(*op)) continue;
    between.push_back(op);
  }
  const Value loss = gradient.grad->operands[0];
  for (Value sum : gradient.sums) take(sum);
  const auto is_between = [&](Value value) { return std::ranges::count(between, value.op) != 0; };
  for (const Op* op : between) {
    for (Value operand : op->operands) {
      if (!is_between(operand)) take(operand);
    }
  }
  for (const Op* op : between) {
    if (op->kind() == graph::OpKind::check) {
      map[Value{const_cast<Op*>(op), 0}] = map.at(op->operands[0]);
    } else {
      graph::clone_op(*op, function, map);
    }
  }
  std::vector<Value> sums;
  for (Value sum : gradient.sums) sums.push_back(map.at(sum));
  builder.set_location(gradient.grad->location);
  const std::vector<Value> weights =
      backward(builder, {map.at(loss)}, {builder.constant_like(1, map.at(loss))}, sums);
  for (Value weight : weights) builder.output("", weight);
  remove_dead_code(function, functions_with_effects(module_));

  const graph::ValueMap<int> uses = graph::count_uses(function);
  BatchLoop before = loop();
  size_t i = 0;
  std::vector<std::unique_ptr<Op>> kept;
  std::vector<Value> taken;
  for (auto& op : function.ops()) {
    if (op->code == OpCode::parameter) {
      const Value whole = takes[i++];
      if (uses.at(op->result()) == 0) continue;
      taken.push_back(whole);
      if (!known_.contains(whole)) before.add_sum(whole);
    }
    kept.push_back(std::move(op));
  }
  function.ops() = std::move(kept);
  graph::ValueMap<Value> sums_before;
  if (!before.is_empty()) sums_before = before.emit(next_name());
  std::vector<Value> operands;
  for (Value whole : taken) {
    const auto found = sums_before.find(whole);
    operands.push_back(found != sums_before.end() ? found->second : known_.at(whole));
  }
  gradient.weights = inline_function(result_, function, operands);
  std::erase_if(module_.functions, [&](const auto& other) { return other.get() == &function; });
}

// The sum of what comes by way of the micro-batches and what the loss has of its own.
void Splitter::emit_gradient(const SumGradient& gradient) {
  const Op& grad = *gradient.grad;
  builder_.set_location(grad.location);
  Value loss = known_.at(grad.operands[0]);
  for (const auto& [whole, accumulated] : gradient.gradients) {
    const Value through = known_.at(whole);
    const Value term = dot(builder_, through, builder_.stop_gradient(accumulated));
    loss = builder_.add(loss, builder_.cast(term, loss.dtype()));
  }
  std::vector<Value> leaves;
  for (size_t i = 1; i < grad.operands.size(); ++i) leaves.push_back(known_.at(grad.operands[i]));
  const std::vector<Value> made = builder_.grad(loss, leaves);
  for (size_t i = 0; i < made.size(); ++i) {
    known_[Value{const_cast<Op*>(&grad), static_cast<int>(i)}] = made[i];
  }
}

// Those that nobody runs any more.
void remove_unused(Module& module, const std::set<std::string>& kept) {
  std::set<std::string> used = kept;
  const std::vector<Function*> order = graph::callees_first(module);
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (!used.contains((*it)->name())) continue;
    for (const auto& op : (*it)->ops()) {
      for (const std::string& name : graph::callees(*op)) used.insert(name);
    }
  }
  std::erase_if(module.functions, [&](const auto& function) { return !used.contains(function->name()); });
}

}  // namespace

void split_batch(Module& module, const BatchSplit& split) {
  Function* whole = &function_of("split_batch", "of", split.of, module);
  Function* part = &function_of("split_batch", "part", split.part, module);
  if (split.parts < 1) throw GraphError(fmt::format("split_batch: parts is at least 1, got {}", split.parts));
  std::set<std::string> kept, called;
  for (const auto& function : module.functions) {
    kept.insert(function->name());
    for (const auto& op : function->ops()) {
      for (const std::string& name : graph::callees(*op)) called.insert(name);
    }
  }
  std::erase_if(kept, [&](const std::string& name) { return called.contains(name) || name == split.part; });

  const Share share = share_of(split.parts, split.rank, split.ranks);
  open_up(module, *whole, *part, split.parts);
  const Pairing pairing(module, *whole, *part, split.parts);
  std::set<std::string> numbered = number_callees(module, *whole, *part, split.parts);
  whole->rename(split.of + ".whole");
  Function& result = module.add_function(split.of);
  Splitter(module, pairing, share, std::move(numbered), result).run();

  // In the place of the whole's.
  auto& functions = module.functions;
  const auto is = [](const Function* function) {
    return [=](const auto& other) { return other.get() == function; };
  };
  std::iter_swap(std::ranges::find_if(functions, is(whole)), std::ranges::find_if(functions, is(&result)));
  remove_unused(module, kept);
}

void split_batch(Module& module, const Arguments& arguments) {
  BatchSplit split;
  using Number = std::pair<std::string_view, int64_t*>;
  const Number numbers[] = {{"parts", &split.parts}, {"rank", &split.rank}, {"ranks", &split.ranks}};
  for (const std::string& argument : arguments) {
    const auto [key, value] = key_and_value(argument);
    if (key == "of") {
      split.of = value;
    } else if (key == "part") {
      split.part = value;
    } else if (const auto number = std::ranges::find(numbers, key, &Number::first);
               number != std::end(numbers)) {
      *number->second = number_in(value);
    } else {
      throw GraphError(
          fmt::format("split_batch: the arguments are of=FUNCTION, part=FUNCTION, parts=N, rank=N and "
                      "ranks=N, got '{}'",
                      argument));
    }
  }
  split_batch(module, split);
}

}  // namespace sinter::passes
