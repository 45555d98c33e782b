#include <fmt/format.h>
#include <sinter/control.h>
#include <sinter/error.h>
#include <sinter/sources.h>

#include <map>

#include "frontend/trace/emit.h"

namespace sinter {
namespace {

Values resolve_each(Trace& trace, std::string_view what, const Operands& operands) {
  Values values;
  for (const Operand& operand : operands.all()) {
    values.push_back(resolve(trace, what, operand, operands.where()));
  }
  return values;
}

void append(Values& values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
}

std::vector<Tensor> block_parameters(Trace& trace, const Values& values, std::string_view prefix,
                                     bool drop_axis = false) {
  std::vector<Tensor> tensors;
  for (graph::Value value : values) {
    Shape shape = value.shape();
    if (drop_axis) shape.erase(shape.begin());
    tensors.push_back(
        trace.parameter(fmt::format("{}{}", prefix, tensors.size()), to_public(value.dtype()), shape));
  }
  return tensors;
}

// build() inside a function of its own; its outputs end the function.
template <typename F>
Trace::Closed nested(Trace& trace, std::string_view name, Trace::Nested kind,
                     const std::source_location& where, F&& make) {
  trace.open(name, kind);
  try {
    return trace.close(std::forward<F>(make)(), where);
  } catch (...) {
    trace.abandon();
    throw;
  }
}

int64_t scan_length(Trace& trace, const Values& inputs, const ScanOptions& options,
                    const std::source_location& where) {
  ranges_at("scan", where).at_least(-1, "length", options.length);
  if (options.length >= 0) return options.length;
  if (inputs.empty()) trace.fail("scan", "without inputs it needs a length", where);
  if (inputs[0].rank() == 0) {
    trace.fail("scan", fmt::format("input {} has no leading axis", to_string(inputs[0].type())), where);
  }
  return inputs[0].shape()[0];
}

bool is_parameter(const Variable& variable) {
  return dynamic_cast<const nn::Parameter*>(&variable) != nullptr;
}

}  // namespace

std::vector<Tensor> grad(Operand loss, Operands wrt) {
  Trace& trace = Trace::current("grad", loss.where());
  return built(trace, "grad", [&] {
    const graph::Value scalar = resolve(trace, "grad", loss, loss.where());
    const Values values = resolve_each(trace, "grad", wrt);
    if (values.empty()) return std::vector<Tensor>();
    return trace.wrap(trace.builder(loss.where()).grad(scalar, values));
  });
}

std::vector<Tensor> grad(Operand loss, const Parameters& parameters) {
  Trace& trace = Trace::current("grad", loss.where());
  const Tensor of = loss.tensor();
  trace.use("grad", of, loss.where());
  std::map<const Variable*, Trace::Reading> read;
  for (const Trace::Reading& reading : trace.readings(of)) {
    const auto [known, fresh] = read.emplace(reading.variable, reading);
    if (fresh || !is_parameter(*reading.variable)) continue;
    std::string places[] = {to_string(known->second.user), to_string(reading.user)};
    if (reading.value.op->code == OpCode::read) std::swap(places[0], places[1]);
    trace.fail("grad",
               fmt::format("the loss reads '{}' both before an update ({}) and after it ({})",
                           reading.variable->path(), places[0], places[1]),
               loss.where());
  }
  std::vector<Tensor> leaves;
  for (const Variable* parameter : parameters.all()) {
    if (const auto found = read.find(parameter); found != read.end()) {
      leaves.push_back(trace.outermost(found->second.value));
    }
  }
  const std::vector<Tensor> gradients = grad(Operand(of, loss.where()), Operands(leaves, loss.where()));
  std::vector<Tensor> result;
  size_t next = 0;
  for (const Variable* parameter : parameters.all()) {
    result.push_back(read.contains(parameter) ? gradients[next++]
                                              : zeros(parameter->shape(), parameter->dtype(), loss.where()));
  }
  return result;
}

Tensor stop_gradient(Operand x) {
  return build("stop_gradient", {x}, [](Builder& b, const Values& v) { return b.stop_gradient(v[0]); });
}

Tensor straight_through(Operand value, Operand gradient_of) {
  const Pin pin("straight_through", value.where());
  return stop_gradient(value) + (gradient_of - stop_gradient(gradient_of));
}

std::vector<Tensor> checkpoint(const TensorFunction& fn, Operands inputs) {
  const std::source_location where = inputs.where();
  Trace& trace = Trace::current("checkpoint", where);
  return built(trace, "checkpoint", [&] {
    Values operands = resolve_each(trace, "checkpoint", inputs);
    const Trace::Closed body = nested(trace, "checkpoint", Trace::Nested::block, where,
                                      [&] { return fn(block_parameters(trace, operands, "input")); });
    append(operands, body.captured);
    return trace.wrap(trace.builder(where).call(*body.function, operands, {{"checkpoint", true}}));
  });
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& fn, Operand input) {
  const auto one = [&](const std::vector<Tensor>& inputs) { return std::vector<Tensor>{fn(inputs[0])}; };
  return checkpoint(one, Operands({input}, input.where()))[0];
}

std::vector<Tensor> custom_gradient(const TensorFunction& fn, const GradientFunction& gradients,
                                    Operands inputs) {
  const std::source_location where = inputs.where();
  Trace& trace = Trace::current("custom_gradient", where);
  const auto check_closed = [&](const Trace::Closed& closed) {
    if (closed.captured.empty()) return;
    trace.fail(
        "custom_gradient",
        fmt::format("{} from around it is used; pass it as an input", to_string(closed.captured[0].type())),
        where);
  };
  return built(trace, "custom_gradient", [&] {
    const Values operands = resolve_each(trace, "custom_gradient", inputs);
    Values outputs;
    const Trace::Closed forward = nested(trace, "custom", Trace::Nested::block, where, [&] {
      const std::vector<Tensor> results = fn(block_parameters(trace, operands, "input"));
      for (const Tensor& result : results) outputs.push_back(trace.use("custom_gradient", result, where));
      return results;
    });
    check_closed(forward);
    std::erase_if(outputs, [](graph::Value value) { return !is_floating(value.dtype()); });
    std::vector<graph::TensorType> wanted;
    for (graph::Value value : operands) {
      if (is_floating(value.dtype())) wanted.push_back(value.type());
    }
    const Trace::Closed backward = nested(trace, "custom_vjp", Trace::Nested::block, where, [&] {
      const std::vector<Tensor> again = block_parameters(trace, operands, "input");
      const std::vector<Tensor> results = gradients(again, block_parameters(trace, outputs, "cotangent"));
      bool fits = results.size() == wanted.size();
      for (size_t i = 0; fits && i < wanted.size(); ++i) {
        fits = trace.use("custom_gradient", results[i], where).type() == wanted[i];
      }
      if (!fits) {
        trace.fail("custom_gradient", "it takes one gradient for each floating input, of its type", where);
      }
      return results;
    });
    check_closed(backward);
    return trace.wrap(
        trace.builder(where).call(*forward.function, operands, {{"vjp", backward.function->name()}}));
  });
}

ScanStep scan(Operands carries, Operands inputs, const ScanBody& body, const ScanOptions& options) {
  const std::source_location where = carries.where();
  Trace& trace = Trace::current("scan", where);
  return built(trace, "scan", [&] {
    Values operands = resolve_each(trace, "scan", carries);
    Values per_step = resolve_each(trace, "scan", inputs);
    const int64_t length = scan_length(trace, per_step, options, where);
    for (graph::Value value : per_step) {
      if (value.rank() > 0 && value.shape()[0] == length) continue;
      trace.fail("scan", fmt::format("input {} has no leading axis of {}", to_string(value.type()), length),
                 where);
    }
    const size_t carried = operands.size();
    const Trace::Closed closed = nested(trace, "scan", Trace::Nested::loop, where, [&] {
      const std::vector<Tensor> state = block_parameters(trace, operands, "carry");
      const std::vector<Tensor> slices = block_parameters(trace, per_step, "input", true);
      ScanStep step = body(state, slices);
      if (step.carries.size() != carried) {
        trace.fail("scan", fmt::format("the body returns {} carries, got {}", step.carries.size(), carried),
                   where);
      }
      std::vector<Tensor> all = std::move(step.carries);
      all.insert(all.end(), step.outputs.begin(), step.outputs.end());
      return all;
    });
    Builder& b = trace.builder(where);
    append(operands, per_step);
    if (closed.salted) operands.push_back(b.iota({graph::DType::i32, {length}}, 0));
    append(operands, closed.captured);
    std::vector<Tensor> results =
        trace.wrap(b.scan(*closed.function, operands, static_cast<int64_t>(carried),
                          static_cast<int64_t>(closed.captured.size()), length, options.reverse));
    const auto middle = results.begin() + static_cast<std::ptrdiff_t>(carried);
    return ScanStep{{results.begin(), middle}, {middle, results.end()}};
  });
}

Tensor check_finite(Operand x, const std::string& what) {
  return build("check_finite", {x}, [&](Builder& b, const Values& v) { return b.check_finite(v[0], what); });
}

Tensor check_index(Operand x, int64_t bound) {
  ranges_at("check_index", x.where()).at_least(1, "bound", bound);
  return build("check_index", {x}, [&](Builder& b, const Values& v) { return b.check_index(v[0], bound); });
}

}  // namespace sinter
