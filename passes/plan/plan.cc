#include "passes/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/base/costs.h"
#include "passes/base/kernel_builder.h"
#include "passes/plan/arena.h"
#include "passes/plan/in_place.h"
#include "passes/schedule/choose.h"
#include "passes/schedule/schedule.h"

namespace sinter::passes {

using graph::Function;
using graph::Op;
using graph::OpCode;
using graph::Value;
using loop::Argument;
using loop::Slot;
using loop::Step;

namespace {

class Planner {
 public:
  Planner(const graph::Module& module, const Function& function, const loop::Target& target)
      : module_(module), function_(function), target_(target) {}

  loop::Program run() {
    program_.name = function_.name();
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
    const auto order = ordered(function_);
    choose_state_places(order);
    emit(order, program_.steps);
    for (Step& step : late_copies_) push(std::move(step), program_.steps);
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

  Argument table_slot(const Op& constant) {
    const Argument argument = slot(Slot::Kind::constant, "constant", constant.results[0]);
    Slot& table = program_.slots[argument.slot];
    const auto append = [&](auto value) {
      const auto* bytes = reinterpret_cast<const std::byte*>(&value);
      table.data.insert(table.data.end(), bytes, bytes + sizeof(value));
    };
    const auto element = [&](auto value) {
      switch (table.type) {
        case loop::Type::f32:
          return append(static_cast<float>(value));
        case loop::Type::f64:
          return append(static_cast<double>(value));
        case loop::Type::i32:
          return append(static_cast<int32_t>(value));
        case loop::Type::i64:
          return append(static_cast<int64_t>(value));
        default:
          return append(static_cast<uint8_t>(value != 0));
      }
    };
    const graph::Attribute& values = *constant.attributes.find("values");
    if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
      for (double value : *numbers) element(value);
    } else {
      for (int64_t value : std::get<std::vector<int64_t>>(values)) element(value);
    }
    return argument;
  }

  // The ops in order, those that write state, and what depends on them, moved to the end.
  static std::vector<const Op*> ordered(const Function& function) {
    std::unordered_set<const Op*> late;
    for (const auto& op : function.ops()) {
      if (op->code == OpCode::write) {
        const Op* producer = strip_reshapes(op->operands[0]).op;
        if (producer->code == OpCode::kernel) late.insert(producer);
      }
    }
    for (const auto& op : function.ops()) {
      for (Value operand : op->operands) {
        if (late.contains(operand.op)) late.insert(op.get());
      }
    }
    std::vector<const Op*> order;
    for (const auto& op : function.ops()) {
      if (!late.contains(op.get())) order.push_back(op.get());
    }
    for (const auto& op : function.ops()) {
      if (late.contains(op.get())) order.push_back(op.get());
    }
    return order;
  }

  // A written value lies in its state from the start where no one reads the old value later, or elsewhere in
  // the kernel; otherwise it is copied there at the end.
  void choose_state_places(const std::vector<const Op*>& order) {
    std::unordered_map<const Op*, size_t> position;
    for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
    const auto uses = graph::count_uses(function_);
    for (const Op* write : order) {
      if (write->code != OpCode::write) continue;
      const std::string& state = write->attributes.text("state");
      const Value made = strip_reshapes(write->operands[0]);
      if (place_.contains(made) || made.op->code != OpCode::kernel) {
        copied_writes_.push_back(write);
        continue;
      }
      bool in_place = binds_faults(*made.op);
      for (const Op* reader : order) {
        for (size_t i = 0; i < reader->operands.size() && in_place; ++i) {
          const Value from = strip_reshapes(reader->operands[i]);
          if (from.op->code != OpCode::read || from.op->attributes.text("state") != state) continue;
          if (reader == made.op) {
            in_place = may_overwrite(*reader, i, static_cast<size_t>(made.index));
          } else if (reader->code != OpCode::reshape) {
            in_place = position.at(reader) < position.at(made.op);
          }
        }
      }
      if (in_place) {
        place_[made] = state_slot(state);
        writers_.insert(made.op);
      } else {
        copied_writes_.push_back(write);
      }
    }
  }

  // Whether a kernel may bind what tells of faults besides its tensors, as what writes state does.
  bool binds_faults(const Op& kernel) const {
    const auto tensors = static_cast<int64_t>(kernel.operands.size() + kernel.results.size());
    return tensors + (reads_call(kernel) ? 1 : 0) + 1 <= target_.max_buffers;
  }

  Argument at(Value value) {
    value = strip_reshapes(value);
    if (const auto it = place_.find(value); it != place_.end()) return it->second;
    if (value.op->code == OpCode::constant) return place_[value] = table_slot(*value.op);
    if (value.op->code == OpCode::read) return place_[value] = state_slot(value.op->attributes.text("state"));
    throw InternalError(fmt::format("plan: a value of '{}' has no place", graph::name(value.op->code)));
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

  void emit(const std::vector<const Op*>& ops, std::vector<Step>& steps) {
    for (const Op* op : ops) {
      switch (op->code) {
        case OpCode::parameter:
        case OpCode::constant:
        case OpCode::read:
        case OpCode::reshape:
          break;
        case OpCode::write:
          if (std::find(copied_writes_.begin(), copied_writes_.end(), op) != copied_writes_.end()) {
            Step step =
                copy(at(op->operands[0]), state_slot(op->attributes.text("state")), op->operands[0].type());
            step.writes_state = true;
            late_copies_.push_back(std::move(step));
          }
          break;
        case OpCode::kernel:
          launch(*op, steps);
          break;
        case OpCode::scan:
          repeat(*op, steps);
          break;
        default:
          throw InternalError(fmt::format("plan: '{}' should be in a kernel by now", graph::name(op->code)));
      }
    }
  }

  void launch(const Op& op, std::vector<Step>& steps) {
    ++time_;
    Step step;
    step.kernel = program_.kernels.size();
    program_.kernels.push_back(scheduled(op));
    for (Value operand : op.operands) step.arguments.push_back(at(operand));
    for (size_t i = 0; i < op.results.size(); ++i) {
      const Value result{const_cast<Op*>(&op), static_cast<int>(i)};
      step.arguments.push_back(result_place(result, program_.kernels.back().name));
    }
    step.writes_state = writers_.contains(&op);
    for (const Argument& argument : step.arguments) use(argument);
    steps.push_back(std::move(step));
  }

  // Kernels that differ in their names and in where they were made share their loops: the layers of a model.
  loop::Kernel scheduled(const Op& op) {
    std::string text = op.attributes.text("anchor") + "\n";
    if (op.attributes.has("choice")) text += op.attributes.text("choice") + "\n";
    text += graph::print(*op.body, {.locations = false, .apart = false});
    if (const auto known = scheduled_.find(text); known != scheduled_.end()) {
      loop::Kernel kernel = program_.kernels[known->second];
      describe(op, kernel);
      return kernel;
    }
    const size_t faults = program_.faults.size();
    ScheduleContext context{target_, program_.faults};
    loop::Kernel kernel = schedule(op, context);
    // What can fail says where.
    if (program_.faults.size() == faults) scheduled_.emplace(text, program_.kernels.size());
    return kernel;
  }

  // A kernel that copies a tensor.
  Step copy(const Argument& from, const Argument& to, const graph::TensorType& type) {
    Op source;
    source.code = OpCode::parameter;
    source.results = {type};
    KernelBuilder builder(graph::Anchor::map, {});
    builder.output(builder.parameter(source.result()));
    const std::unique_ptr<Op> kernel = builder.finish();
    choose(*kernel, target_);
    Step step;
    step.kernel = program_.kernels.size();
    program_.kernels.push_back(scheduled(*kernel));
    step.arguments = {from, to};
    return step;
  }

  void push(Step step, std::vector<Step>& steps) {
    ++time_;
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
    const int64_t begin = time_ + 1;
    std::vector<Argument> carry;
    for (size_t i = 0; i < carries; ++i) {
      const Value result{const_cast<Op*>(&scan), static_cast<int>(i)};
      carry.push_back(result_place(result, "carry of " + body.name()));
      push(copy(at(scan.operands[i]), carry[i], scan.results[i]), steps);
      place_[parameters[i]->result()] = carry[i];
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
    emit(ordered(body), step.body);
    for (size_t i = 0; i < carries; ++i) {
      push(copy(at(body.outputs[i].value), carry[i], scan.results[i]), step.body);
    }
    --depth_;
    // What comes from outside of the loop lives until its end.
    ++time_;
    for (auto& [slot, life] : life_) {
      if (life.first < begin && life.second >= begin) life.second = time_;
    }
    for (const Argument& argument : carry) use(argument);
    for (size_t i = carries; i < body.outputs.size(); ++i)
      use(at({const_cast<Op*>(&scan), static_cast<int>(i)}));
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
  std::vector<const Op*> copied_writes_;
  std::vector<Step> late_copies_;
  std::unordered_map<std::string, size_t> scheduled_;             // kernels, by what they compute
  std::unordered_map<size_t, std::pair<int64_t, int64_t>> life_;  // by slot: first and last step
  int64_t time_ = 0;
  int depth_ = 0;
};

}  // namespace

loop::Program plan(const graph::Module& module, const Function& function, const loop::Target& target) {
  return Planner(module, function, target).run();
}

}  // namespace sinter::passes
