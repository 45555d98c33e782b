#include "backends/reference/interpreter.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "backends/backend.h"
#include "backends/reference/applied.h"
#include "backends/reference/frame.h"
#include "backends/reference/kernels.h"
#include "backends/reference/non_finite.h"
#include "backends/reference/rounding.h"
#include "ir/error.h"
#include "ir/graph/builder.h"
#include "ir/loop/program.h"
#include "runtime/error.h"

namespace sinter::reference {
namespace {

using graph::Function;
using graph::Op;
using graph::OpCode;
using runtime::HostTensor;

// Ops of control and composites have no kernel.
constexpr Kernel kKernels[] = {
#define SINTER_ENTRY_source(name) kernels::name
#define SINTER_ENTRY_elementwise(name) kernels::name
#define SINTER_ENTRY_reduction(name) kernels::name
#define SINTER_ENTRY_contraction(name) kernels::name
#define SINTER_ENTRY_view(name) kernels::name
#define SINTER_ENTRY_data(name) kernels::name
#define SINTER_ENTRY_check(name) kernels::name
#define SINTER_ENTRY_control(name) nullptr
#define SINTER_ENTRY_collective(name) nullptr
#define SINTER_ENTRY_composite(name) nullptr
#define SINTER_OP(name, least, most, kind, ...) SINTER_ENTRY_##kind(name),
#include "ir/graph/ops.def"
#undef SINTER_OP
};

using Tensors = std::vector<HostTensor>;
using Values = std::vector<Estimated>;

HostTensor make_tensor(const graph::TensorType& type) {
  return HostTensor(static_cast<runtime::DType>(type.dtype), type.shape);
}

// Element `index` of the leading axis, as a tensor of its own.
HostTensor step_of(const HostTensor& whole, int64_t index) {
  HostTensor step(whole.dtype(), {whole.shape().begin() + 1, whole.shape().end()});
  std::memcpy(step.raw(), static_cast<const char*>(whole.raw()) + index * static_cast<int64_t>(step.bytes()),
              step.bytes());
  return step;
}

void set_step(HostTensor& whole, int64_t index, const HostTensor& step) {
  std::memcpy(static_cast<char*>(whole.raw()) + index * static_cast<int64_t>(step.bytes()), step.raw(),
              step.bytes());
}

// The same of a value and of what goes with it.
Estimated step_of(const Estimated& whole, int64_t index) {
  const auto part = [&](const HostTensor& tensor) {
    return tensor.defined() ? step_of(tensor, index) : HostTensor();
  };
  return {step_of(whole.value, index),
          {part(whole.rounding.alone), part(whole.rounding.common)},
          part(whole.origins)};
}

void set_step(Estimated& whole, int64_t index, const Estimated& step) {
  set_step(whole.value, index, step.value);
  if (whole.rounding.alone.defined()) set_step(whole.rounding.alone, index, step.rounding.total());
  if (!step.origins.defined()) return;
  if (!whole.origins.defined()) whole.origins = HostTensor(step.origins.dtype(), whole.value.shape());
  set_step(whole.origins, index, step.origins);
}

class Interpreter {
 public:
  // Estimates roundings where it is given a unit of them. Where it is given `non_finites`, it follows these,
  // and does not fail where a value is to be finite.
  Interpreter(const graph::Module& module, const EvaluateState& state, double unit, NonFinites* non_finites)
      : module_(module), state_(state), unit_(unit), non_finites_(non_finites) {}

  Values run(Frame& frame, const Values& arguments);
  Estimated given(const HostTensor& value) const;
  // The same of what comes from outside: "input 'x'".
  Estimated given(const HostTensor& value, const std::string& name) const;
  void commit(Roundings* roundings);
  void add_states() const;  // to what is not finite

 private:
  Values execute(const Op& op, const Values& in, const Frame& frame);
  Values primitive(const Op& op, const Values& in, const Frame& frame) const;
  Values enter(const Function& function, const Op& caller, const Values& in, const Frame& outer,
               int64_t turn = 0);
  Values scan(const Op& op, const Values& in, const Frame& frame);
  Values meet(const Op& op, const Values& in) const;
  Estimated read(const Op& op) const;
  void write(const Op& op, const Estimated& value);
  size_t state_index(const Op& op, const graph::TensorType& type) const;
  const Function& decomposition(const Op& op);

  const graph::Module& module_;
  const EvaluateState& state_;
  double unit_;                          // 0 where roundings are not asked for
  NonFinites* non_finites_;              // null where they are not
  std::map<size_t, Estimated> written_;  // by index in the state
  std::unordered_map<const Op*, std::unique_ptr<Function>> decompositions_;
};

Estimated Interpreter::given(const HostTensor& value) const {
  return {value, unit_ > 0 ? exact_rounding(value, unit_) : Rounding()};
}

Estimated Interpreter::given(const HostTensor& value, const std::string& name) const {
  Estimated result = given(value);
  if (non_finites_ != nullptr) result.origins = non_finites_->given(value, name);
  return result;
}

Values Interpreter::run(Frame& frame, const Values& arguments) {
  size_t next = 0;
  for (const auto& op : frame.function.ops()) {
    if (op->code == OpCode::parameter) {
      frame.values[op->result()] = arguments[next++];
      continue;
    }
    Values in;
    for (graph::Value operand : op->operands) in.push_back(frame.values.at(operand));
    Values out = execute(*op, in, frame);
    for (size_t i = 0; i < out.size(); ++i) frame.values[op->result(static_cast<int>(i))] = std::move(out[i]);
  }
  Values outputs;
  for (const graph::Output& output : frame.function.outputs) {
    outputs.push_back(frame.values.at(output.value));
  }
  return outputs;
}

Values Interpreter::execute(const Op& op, const Values& in, const Frame& frame) {
  if (op.kind() == graph::OpKind::composite) return enter(decomposition(op), op, in, frame);
  switch (op.code) {
    case OpCode::read:
      return {read(op)};
    case OpCode::write:
      write(op, in[0]);
      return {};
    case OpCode::call:
      return enter(*module_.find_function(op.attributes.text("function")), op, in, frame);
    case OpCode::kernel:
      return enter(*op.body, op, in, frame);
    case OpCode::scan:
      return scan(op, in, frame);
    case OpCode::barrier:
      return in;
    case OpCode::grad:
      throw InternalError("reference: met a grad; run differentiate first");
    case OpCode::all_reduce:
    case OpCode::reduce_scatter:
    case OpCode::all_gather:
      return meet(op, in);
    default:
      return primitive(op, in, frame);
  }
}

Values Interpreter::meet(const Op& op, const Values& in) const {
  const loop::Collective whole = loop::collective_of(op);
  runtime::Collective collective = backends::to_collective(whole);
  collective.mode = runtime::kKeepDenormals;
  std::vector<const void*> operands;
  std::vector<void*> results;
  Tensors out;
  for (const graph::TensorType& type : op.results) out.push_back(make_tensor(type));
  size_t next = 0;
  for (size_t i = 0; i < whole.parts.size(); ++i) {
    const loop::Collective::Part& part = whole.parts[i];
    operands.push_back(whole.gives(part) ? in[i].value.raw() : nullptr);
    results.push_back(whole.gets(part) ? out[next++].raw() : nullptr);
  }
  runtime::Communicator alone;
  runtime::Communicator& ranks = state_.communicator == nullptr ? alone : *state_.communicator;
  if (ranks.size() != whole.ranks || ranks.rank() != whole.rank) {
    throw RuntimeError(fmt::format("{}: of rank {} of {}, and this is rank {} of {}", graph::name(op.code),
                                   whole.rank, whole.ranks, ranks.rank(), ranks.size()));
  }
  ranks.end(ranks.begin(collective, operands, results, state_.marks, {}));
  Values values;
  for (const HostTensor& value : out) values.push_back(given(value));
  return values;
}

Values Interpreter::primitive(const Op& op, const Values& operands, const Frame& frame) const {
  Tensors in, out;
  for (const Estimated& operand : operands) in.push_back(operand.value);
  for (const graph::TensorType& type : op.results) out.push_back(make_tensor(type));
  const std::string location = graph::to_string(op.location);
  if (non_finites_ != nullptr && op.code == OpCode::check_finite) {
    non_finites_->add_result(op.attributes.text("what"), operands[0].value, operands[0].origins);
    return operands;
  }
  const Kernel kernel = kKernels[static_cast<size_t>(op.code)];
  const Invocation invocation{op, in, out, state_.seed, state_.step};
  try {
    kernel(invocation);
  } catch (const IndexFault& fault) {
    const std::string_view caller = op.attributes.has("op") ? op.attributes.text("op") : graph::name(op.code);
    const std::string what =
        op.attributes.has("what") ? op.attributes.text("what") : origin(op.operands[fault.operand], frame);
    throw RuntimeError(runtime::index_fault_message(caller, what, in[fault.operand].shape(), fault.position,
                                                    fault.value, fault.bound, location));
  } catch (const FiniteFault& fault) {
    throw NotFinite(runtime::finite_fault_message(op.attributes.text("what"), in[0].shape(), fault.position,
                                                  fault.value, location));
  }
  Values results;
  for (const HostTensor& value : out) results.push_back({value});
  if (non_finites_ != nullptr) {
    Tensors origins;
    for (const Estimated& operand : operands) origins.push_back(operand.origins);
    origins = non_finites_->follow(invocation, kernel, origins, frame);
    for (size_t i = 0; i < results.size(); ++i) results[i].origins = origins[i];
  }
  if (unit_ == 0) return results;
  std::vector<Rounding> of_operands;
  for (const Estimated& operand : operands) of_operands.push_back(operand.rounding);
  const std::vector<Rounding> estimated = roundings(invocation, kernel, of_operands, unit_);
  for (size_t i = 0; i < results.size(); ++i) results[i].rounding = estimated[i];
  return results;
}

Values Interpreter::enter(const Function& function, const Op& caller, const Values& in, const Frame& outer,
                          int64_t turn) {
  Frame frame{function, &caller, &outer, {}, turn};
  return run(frame, in);
}

Values Interpreter::scan(const Op& op, const Values& in, const Frame& frame) {
  const Function& body = *module_.find_function(op.attributes.text("function"));
  const auto carries = static_cast<size_t>(op.attributes.integer("carries"));
  const auto constants = static_cast<size_t>(op.attributes.integer("constants"));
  const int64_t length = op.attributes.integer("length");
  Values results(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(carries));
  for (size_t i = carries; i < op.results.size(); ++i) results.push_back(given(make_tensor(op.results[i])));

  for (int64_t n = 0; n < length; ++n) {
    const int64_t t = op.attributes.flag("reverse") ? length - 1 - n : n;
    Values arguments(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(carries));
    for (size_t i = carries; i < in.size(); ++i) {
      arguments.push_back(i < in.size() - constants ? step_of(in[i], t) : in[i]);
    }
    const Values step = enter(body, op, arguments, frame, t);
    for (size_t i = 0; i < carries; ++i) results[i] = step[i];
    for (size_t i = carries; i < step.size(); ++i) set_step(results[i], t, step[i]);
  }
  return results;
}

size_t Interpreter::state_index(const Op& op, const graph::TensorType& type) const {
  const std::string& name = op.attributes.text("state");
  if (state_.state == nullptr) throw RuntimeError(fmt::format("no state is given, and '{}' is needed", name));
  const size_t index = state_.state->index_of(name);
  const runtime::TensorSpec& spec = state_.state->specs()[index];
  if (spec.dtype != static_cast<runtime::DType>(type.dtype) || spec.shape != type.shape) {
    throw RuntimeError(fmt::format("state '{}' is {}, expected {}", name, to_string(spec.dtype, spec.shape),
                                   graph::to_string(type)));
  }
  return index;
}

Estimated Interpreter::read(const Op& op) const {
  const size_t index = state_index(op, op.results[0]);
  const auto written = written_.find(index);
  return written != written_.end()
             ? written->second
             : given(state_.state->at(index).clone(), fmt::format("state '{}'", op.attributes.text("state")));
}

void Interpreter::write(const Op& op, const Estimated& value) {
  written_[state_index(op, op.operands[0].type())] = value;
}

void Interpreter::commit(Roundings* roundings) {
  for (const auto& [index, written] : written_) {
    std::memcpy(state_.state->at(index).raw(), written.value.raw(), written.value.bytes());
    if (roundings != nullptr) roundings->states[state_.state->specs()[index].name] = written.rounding.total();
  }
}

void Interpreter::add_states() const {
  for (const auto& [index, written] : written_) {
    non_finites_->add_result(fmt::format("state '{}'", state_.state->specs()[index].name), written.value,
                             written.origins);
  }
}

// The decomposition as a function of the op's operands, made once.
const Function& Interpreter::decomposition(const Op& op) {
  std::unique_ptr<Function>& function = decompositions_[&op];
  if (function == nullptr) {
    function = std::make_unique<Function>(std::string(graph::name(op.code)));
    graph::Module scratch;
    graph::Builder builder(scratch, *function);
    builder.set_location(op.location);
    std::vector<graph::Value> parameters;
    for (graph::Value operand : op.operands) {
      parameters.push_back(builder.parameter(fmt::format("operand{}", parameters.size()), operand.type()));
    }
    for (graph::Value result : decompose(builder, op.code, parameters, op.attributes))
      builder.output("", result);
  }
  return *function;
}

void check_inputs(const Function& function, const Tensors& inputs) {
  const auto parameters = function.parameters();
  if (inputs.size() != parameters.size()) {
    throw RuntimeError(
        fmt::format("'{}' takes {} inputs, got {}", function.name(), parameters.size(), inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const graph::TensorType& type = parameters[i]->results[0];
    if (inputs[i].dtype() != static_cast<runtime::DType>(type.dtype) || inputs[i].shape() != type.shape) {
      throw RuntimeError(fmt::format("'{}' takes '{}' as {}, got {}", function.name(),
                                     Function::parameter_name(*parameters[i]), graph::to_string(type),
                                     to_string(inputs[i].dtype(), inputs[i].shape())));
    }
  }
}

}  // namespace

Tensors evaluate(const graph::Module& module, const Function& function, const Tensors& inputs,
                 const EvaluateState& state, Roundings* roundings) {
  check_inputs(function, inputs);
  Interpreter interpreter(module, state, roundings == nullptr ? 0 : roundings->unit, nullptr);
  Frame frame{function};
  Values arguments;
  for (const HostTensor& input : inputs) arguments.push_back(interpreter.given(input));
  Tensors outputs;
  for (const Estimated& output : interpreter.run(frame, arguments)) {
    outputs.push_back(output.value.clone());  // it may be an input, or a state
    if (roundings != nullptr) roundings->outputs.push_back(output.rounding.total());
  }
  interpreter.commit(roundings);
  return outputs;
}

std::optional<NonFiniteResult> first_non_finite(const graph::Module& module, const Function& function,
                                                const Tensors& inputs, const EvaluateState& state,
                                                const std::unordered_set<const Op*>& of_gradients) {
  check_inputs(function, inputs);
  NonFinites non_finites(of_gradients);
  Interpreter interpreter(module, state, 0, &non_finites);
  Frame frame{function};
  Values arguments;
  const auto parameters = function.parameters();
  for (size_t i = 0; i < inputs.size(); ++i) {
    arguments.push_back(
        interpreter.given(inputs[i], fmt::format("input '{}'", Function::parameter_name(*parameters[i]))));
  }
  const Values outputs = interpreter.run(frame, arguments);
  for (size_t i = 0; i < outputs.size(); ++i) {
    non_finites.add_result(fmt::format("output '{}'", function.outputs[i].name), outputs[i].value,
                           outputs[i].origins);
  }
  interpreter.add_states();
  return non_finites.first();
}

}  // namespace sinter::reference
