#include "passes/place/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "passes/place/arena.h"
#include "passes/place/table.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::strip_reshapes;
using graph::Value;
using loop::Argument;
using loop::Slot;
using loop::Step;

namespace {

class Placer {
 public:
  Placer(const graph::Module& module, const Function& function, loop::Program kernels,
         const loop::Target& target)
      : module_(module), function_(function), target_(target), program_(std::move(kernels)) {}

  loop::Program run() {
    for (Op* parameter : function_.parameters()) {
      const std::string& name = Function::parameter_name(*parameter);
      place_[parameter->result()] =
          slot(Slot::Kind::input, name, parameter->results[0], static_cast<int64_t>(program_.inputs.size()));
      program_.inputs.push_back({name, parameter->results[0]});
    }
    for (const graph::Output& output : function_.outputs) {
      const Value base = strip_reshapes(output.value);
      place_[base] =
          slot(Slot::Kind::output, output.name, base.type(), static_cast<int64_t>(program_.outputs.size()));
      program_.outputs.push_back({output.name, output.value.type()});
    }
    place_written();
    emit(function_, program_.steps);
    end_all(program_.steps);
    lay_out_arena();
    return std::move(program_);
  }

 private:
  Argument slot(Slot::Kind kind, const std::string& name, const graph::TensorType& type,
                int64_t ordinal = 0) {
    Slot result{};
    result.kind = kind;
    result.name = name;
    result.type = loop::from_graph(type.dtype);
    result.elements = type.elements();
    result.ordinal = ordinal;
    program_.slots.push_back(std::move(result));
    return {program_.slots.size() - 1, 0, {}};
  }

  Argument state_slot(const std::string& name) {
    const auto [it, added] = states_.try_emplace(name);
    if (added) {
      int64_t ordinal = 0;
      while (module_.states[static_cast<size_t>(ordinal)].name != name) ++ordinal;
      it->second = slot(Slot::Kind::state, name, module_.states[static_cast<size_t>(ordinal)].type, ordinal);
    }
    return it->second;
  }

  Argument constant_slot(const Op& constant) {
    const Argument argument = slot(Slot::Kind::constant, "constant", constant.results[0]);
    program_.slots[argument.slot].data = table(constant);
    return argument;
  }

  void place_written() {
    for (const auto& op : function_.ops()) {
      if (op->code != OpCode::write) continue;
      const Value made = strip_reshapes(op->operands[0]);
      if (place_.contains(made) || made.op->code != OpCode::kernel) not_ordered(*op);
      place_[made] = state_slot(op->attributes.text("state"));
      writers_.insert(made.op);
    }
  }

  [[noreturn]] static void not_ordered(const Op& op) {
    throw GraphError(fmt::format("place: no kernel makes what is for the {} alone; order comes first{}",
                                 graph::name(op.code), graph::at(op.location)));
  }

  Argument at(Value value) {
    value = strip_reshapes(value);
    if (const auto it = place_.find(value); it != place_.end()) return it->second;
    if (value.op->code == OpCode::constant) return place_[value] = constant_slot(*value.op);
    if (value.op->code == OpCode::read) return place_[value] = state_slot(value.op->attributes.text("state"));
    if (value.op->code == OpCode::barrier)
      throw GraphError(
          fmt::format("place: a barrier is left; order comes first{}", graph::at(value.op->location)));
    throw InternalError(fmt::format("place: a value of '{}' has no place", graph::name(value.op->code)));
  }

  // The place of a result: given before, or new in the arena.
  Argument result_place(Value value, const std::string& name) {
    const auto it = place_.find(value);
    if (it != place_.end()) return it->second;
    const Argument argument = slot(Slot::Kind::arena, name, value.type());
    program_.slots[argument.slot].origin = graph::to_string(value.op->location);
    return place_[value] = argument;
  }

  void use(const Argument& argument) {
    const auto [it, added] = life_.try_emplace(argument.slot, std::pair(time_, time_));
    if (!added) it->second.second = time_;
  }

  void emit(const Function& function, std::vector<Step>& steps) {
    for (const auto& op : function.ops()) {
      if (op->code == OpCode::scan) note_carries(*op);
    }
    for (const auto& op : function.ops()) {
      end_what_is_read(*op, steps);
      if (op->code == OpCode::kernel) launch(*op, steps);
      if (op->code == OpCode::scan) repeat(*op, steps);
      if (op->kind() == graph::OpKind::collective) begin(*op, steps);
    }
  }

  // Ranks make something together from here on, and have it when it is read.
  void begin(const Op& op, std::vector<Step>& steps) {
    if (depth_ > 0)
      throw GraphError(
          fmt::format("{}: ranks do not meet in a loop{}", graph::name(op.code), graph::at(op.location)));
    ++time_;
    Step step;
    step.kind = Step::Kind::begin;
    step.collective = program_.collectives.size();
    const loop::Collective& collective = program_.collectives.emplace_back(loop::collective_of(op));
    const Argument none{Argument::kNone, 0, {}};
    for (size_t i = 0; i < op.parts(); ++i)
      step.arguments.push_back(collective.gives(collective.parts[i]) ? at(op.operands[i]) : none);
    int result = 0;
    for (const loop::Collective::Part& part : collective.parts) {
      const bool gets = collective.gets(part);
      step.arguments.push_back(
          gets ? result_place({const_cast<Op*>(&op), result++}, std::string(graph::name(op.code))) : none);
    }
    for (const Argument& argument : step.arguments) {
      if (argument.slot != Argument::kNone) use(argument);
    }
    pending_.push_back({&op, step.collective, step.arguments});
    steps.push_back(std::move(step));
  }

  struct Pending {
    const Op* op;
    size_t collective;
    std::vector<Argument> arguments;
  };

  void end(const Pending& pending, std::vector<Step>& steps) {
    ++time_;
    for (const Argument& argument : pending.arguments) {
      if (argument.slot != Argument::kNone) use(argument);
    }
    Step step;
    step.kind = Step::Kind::end;
    step.collective = pending.collective;
    steps.push_back(std::move(step));
  }

  // Faults of other ranks come with what is reduced, and state is written after all that can fail.
  void end_what_is_read(const Op& reader, std::vector<Step>& steps) {
    const bool writes = writers_.contains(&reader);
    const bool meets = reader.kind() == graph::OpKind::collective;
    const std::span read(reader.operands.data(), meets ? reader.parts() : reader.operands.size());
    const auto is_needed = [&](const Pending& pending) {
      return (writes && pending.op->code != OpCode::all_gather) ||
             std::ranges::any_of(read,
                                 [&](Value operand) { return strip_reshapes(operand).op == pending.op; });
    };
    // They end in the order in which they began.
    const auto last = std::find_if(pending_.rbegin(), pending_.rend(), is_needed).base();
    std::for_each(pending_.begin(), last, [&](const Pending& pending) { end(pending, steps); });
    pending_.erase(pending_.begin(), last);
  }

  void end_all(std::vector<Step>& steps) {
    for (const Pending& pending : pending_) end(pending, steps);
    pending_.clear();
  }

  void note_carries(const Op& scan) {
    for (size_t i = 0; i < static_cast<size_t>(scan.attributes.integer("carries")); ++i) {
      const Value carry{const_cast<Op*>(&scan), static_cast<int>(i)};
      const auto known = carries_.try_emplace(scan.operands[i], carry).first;
      if (scan.operands[i].op->code != OpCode::kernel || known->second != carry) not_ordered(scan);
    }
  }

  // That the loops are those of the op, as far as shapes show it.
  void check_kernel(const Op& op, size_t number) const {
    std::vector<int64_t> sizes;
    for (Value operand : op.operands) sizes.push_back(operand.type().elements());
    for (const graph::TensorType& type : op.results) sizes.push_back(type.elements());
    const auto size = [](const loop::BufferRef& buffer) { return buffer->size; };
    if (number >= program_.kernels.size() ||
        !std::ranges::equal(program_.kernels[number].arguments, sizes, {}, size)) {
      throw GraphError(
          fmt::format("place: kernel {} of {} is not what the graph has there; schedule comes first{}",
                      number, program_.name, graph::at(op.location)));
    }
  }

  void launch(const Op& op, std::vector<Step>& steps) {
    ++time_;
    Step step;
    step.kernel = next_kernel_++;
    check_kernel(op, step.kernel);
    for (size_t i = 0; i < op.results.size(); ++i) {
      const Value result{const_cast<Op*>(&op), static_cast<int>(i)};
      const auto carry = carries_.find(result);
      if (carry == carries_.end()) continue;
      const std::string& body = carry->second.op->attributes.text("function");
      place_[result] = result_place(carry->second, "carry of " + body);
    }
    for (Value operand : op.operands) step.arguments.push_back(at(operand));
    for (size_t i = 0; i < op.results.size(); ++i) {
      const Value result{const_cast<Op*>(&op), static_cast<int>(i)};
      step.arguments.push_back(result_place(result, program_.kernels.at(step.kernel).name));
    }
    step.writes_state = writers_.contains(&op);
    for (const Argument& argument : step.arguments) use(argument);
    steps.push_back(std::move(step));
  }

  // One iteration's slice of a value with a leading axis of iterations.
  Argument sliced(Argument argument, const graph::TensorType& type) const {
    const int64_t length = type.shape[0];
    argument.strides.resize(static_cast<size_t>(depth_), 0);
    argument.strides.push_back(length == 0 ? 0 : type.elements() / length);
    return argument;
  }

  void repeat(const Op& scan, std::vector<Step>& steps) {
    const Function& body = *module_.find_function(scan.attributes.text("function"));
    const auto carries = static_cast<size_t>(scan.attributes.integer("carries"));
    const auto constants = static_cast<size_t>(scan.attributes.integer("constants"));
    const auto parameters = body.parameters();
    // The copies of what it begins with have just been made, and are part of it.
    const int64_t begin = time_ + 1 - static_cast<int64_t>(carries);
    for (size_t i = 0; i < carries; ++i) {
      const Argument carry = at({const_cast<Op*>(&scan), static_cast<int>(i)});
      place_[parameters[i]->result()] = carry;
      const Value next = body.outputs[i].value;
      if (next.op->code != OpCode::kernel) not_ordered(scan);
      place_[next] = carry;
    }
    for (size_t i = carries; i < parameters.size(); ++i) {
      const Argument whole = at(scan.operands[i]);
      const bool is_constant = i >= parameters.size() - constants;
      place_[parameters[i]->result()] = is_constant ? whole : sliced(whole, scan.operands[i].type());
    }
    for (size_t i = carries; i < body.outputs.size(); ++i) {
      const Value result{const_cast<Op*>(&scan), static_cast<int>(i)};
      const Argument whole = result_place(result, "output of " + body.name());
      use(whole);
      place_[strip_reshapes(body.outputs[i].value)] = sliced(whole, scan.results[i]);
    }
    Step step;
    step.kind = Step::Kind::repeat;
    step.count = scan.attributes.integer("length");
    step.reverse = scan.attributes.flag("reverse");
    ++depth_;
    emit(body, step.body);
    --depth_;
    // What comes from outside of the loop lives until its end.
    ++time_;
    for (auto& [slot, life] : life_) {
      if (life.first < begin && life.second >= begin) life.second = time_;
    }
    for (size_t i = 0; i < scan.results.size(); ++i) use(at({const_cast<Op*>(&scan), static_cast<int>(i)}));
    for (size_t i = carries; i < scan.operands.size(); ++i) use(at(scan.operands[i]));
    steps.push_back(std::move(step));
  }

  void lay_out_arena() {
    std::vector<Lifetime> lifetimes;
    std::vector<size_t> slots;
    for (size_t i = 0; i < program_.slots.size(); ++i) {
      const Slot& slot = program_.slots[i];
      if (slot.kind != Slot::Kind::arena) continue;
      const auto it = life_.find(i);
      const auto [first, last] = it != life_.end() ? it->second : std::pair<int64_t, int64_t>(0, time_);
      program_.slots[i].first_step = first;
      program_.slots[i].last_step = last;
      lifetimes.push_back({slot.bytes(), first, last, 0});
      slots.push_back(i);
    }
    program_.arena_bytes = plan_arena(lifetimes, target_.buffer_alignment);
    for (size_t i = 0; i < slots.size(); ++i) program_.slots[slots[i]].offset = lifetimes[i].offset;
  }

  const graph::Module& module_;
  const Function& function_;
  const loop::Target& target_;
  loop::Program program_;
  graph::ValueMap<Argument> place_;
  std::unordered_map<std::string, Argument> states_;
  std::unordered_set<const Op*> writers_;
  std::vector<Pending> pending_;
  graph::ValueMap<Value> carries_;                                // what loops begin with: their results
  std::unordered_map<size_t, std::pair<int64_t, int64_t>> life_;  // by slot: first and last step
  size_t next_kernel_ = 0;
  int64_t time_ = 0;
  int depth_ = 0;
};

}  // namespace

loop::Program place(const graph::Module& module, const Function& function, loop::Program kernels,
                    const loop::Target& target) {
  return Placer(module, function, std::move(kernels), target).run();
}

}  // namespace sinter::passes
