#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "ir/graph/attribute_rules.h"
#include "ir/graph/infer_rule.h"

// The type rule of every op but composites.
namespace sinter::graph {
namespace {

enum class Domain { floating, numeric, integral, any };
enum class Result { same, logical };

bool in_domain(DType type, Domain domain) {
  switch (domain) {
    case Domain::floating:
      return is_floating(type);
    case Domain::numeric:
      return is_numeric(type);
    case Domain::integral:
      return !is_floating(type);
    case Domain::any:
      return true;
  }
  return false;
}

std::string_view describe(Domain domain) {
  switch (domain) {
    case Domain::floating:
      return "a floating type";
    case Domain::numeric:
      return "a numeric type";
    case Domain::integral:
      return "an integer type or bool";
    case Domain::any:
      return "any type";
  }
  return "";
}

Types elementwise(const Rule& rule, Domain domain, Result result) {
  for (size_t i = 1; i < rule.operands.size(); ++i) {
    if (rule.type(i).dtype != rule.type(0).dtype) {
      rule.fail("element types differ: lhs {}, rhs {}", to_string(rule.type(0)), to_string(rule.type(i)));
    }
    if (rule.shape(i) != rule.shape(0)) {
      rule.fail("shapes differ: lhs {}, rhs {}", to_string(rule.type(0)), to_string(rule.type(i)));
    }
  }
  rule.require(in_domain(rule.type(0).dtype, domain), describe(domain), 0);
  return {{result == Result::logical ? DType::boolean : rule.type(0).dtype, rule.shape(0)}};
}

Types select(const Rule& rule) {
  rule.require(rule.type(0).dtype == DType::boolean, "a bool condition", 0);
  if (rule.type(1) != rule.type(2)) {
    rule.fail("the two values differ: {} and {}", to_string(rule.type(1)), to_string(rule.type(2)));
  }
  if (rule.shape(0) != rule.shape(1)) {
    rule.fail("shapes differ: condition {}, values {}", to_string(rule.type(0)), to_string(rule.type(1)));
  }
  return {rule.type(1)};
}

Types random(const Rule& rule, DType type) {
  if (!rule.operands.empty() && rule.type(0) != TensorType{DType::i32, {}}) {
    rule.fail("the salt is i32[], got {}", to_string(rule.type(0)));
  }
  if (type != DType::i32 && type != DType::f32 && type != DType::f64)
    rule.fail("makes f32 or f64, not {}", name(type));
  return {{type, rule.declared_shape()}};
}

Types constant(const Rule& rule) {
  TensorType type{rule.attributes.dtype("dtype"), rule.declared_shape()};
  const Attribute* value = rule.attributes.find("value");
  const Attribute* values = rule.attributes.find("values");
  if ((value == nullptr) == (values == nullptr)) rule.fail("takes either 'value' or 'values'");
  if (value != nullptr && !is_floating(type.dtype) && !std::holds_alternative<int64_t>(*value)) {
    rule.fail("a value of {} is an integer", name(type.dtype));
  }
  if (values != nullptr) {
    const bool integral = std::holds_alternative<std::vector<int64_t>>(*values);
    if (integral == is_floating(type.dtype)) {
      rule.fail("the values of {} are {}", name(type.dtype), integral ? "numbers" : "integers");
    }
    const size_t count = std::visit(
        [](const auto& list) -> size_t {
          if constexpr (requires { list.size(); }) return list.size();
          return 0;
        },
        *values);
    if (static_cast<int64_t>(count) != type.elements()) {
      rule.fail("{} takes {} values, got {}", to_string(type), type.elements(), count);
    }
  }
  return {type};
}

Shape without(const Shape& shape, const std::vector<int64_t>& axes) {
  Shape result;
  for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end())
      result.push_back(shape[static_cast<size_t>(axis)]);
  }
  return result;
}

Types reduce(const Rule& rule) {
  rule.require(rule.code == OpCode::reduce_sum ? is_numeric(rule.type(0).dtype) : true, "a numeric type", 0);
  return {{rule.type(0).dtype, without(rule.shape(0), rule.sorted_axes())}};
}

Types argmax(const Rule& rule) {
  const auto& axes = rule.sorted_axes();
  for (int64_t axis : axes) {
    if (rule.shape(0)[static_cast<size_t>(axis)] == 0)
      rule.fail("no element to choose in {}", to_string(rule.type(0)));
  }
  return {{DType::i32, without(rule.shape(0), axes)}};
}

Types contract(const Rule& rule) {
  const ContractDims dims = ContractDims::parse(rule.attributes.text("dims"));
  if (rule.type(0).dtype != rule.type(1).dtype) {
    rule.fail("element types differ: lhs {}, rhs {}", to_string(rule.type(0)), to_string(rule.type(1)));
  }
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  const auto check_rank = [&](const std::string& term, size_t operand, std::string_view side) {
    if (static_cast<int64_t>(term.size()) != rule.rank(operand)) {
      rule.fail("dims '{}' give {} {} axes, got {}", dims.text(), side, term.size(),
                to_string(rule.type(operand)));
    }
  };
  check_rank(dims.lhs, 0, "lhs");
  check_rank(dims.rhs, 1, "rhs");
  for (size_t i = 0; i < dims.lhs.size(); ++i) {
    const size_t j = dims.rhs.find(dims.lhs[i]);
    if (j == std::string::npos || rule.shape(0)[i] == rule.shape(1)[j]) continue;
    rule.fail("{} dimensions differ: lhs {} has {}, rhs {} has {}",
              dims.is_summed(dims.lhs[i]) ? "inner" : "batch", to_string(rule.type(0)), rule.shape(0)[i],
              to_string(rule.type(1)), rule.shape(1)[j]);
  }
  Shape shape;
  for (char letter : dims.result) {
    const size_t i = dims.lhs.find(letter);
    shape.push_back(i != std::string::npos ? rule.shape(0)[i] : rule.shape(1)[dims.rhs.find(letter)]);
  }
  return {{rule.type(0).dtype, shape}};
}

Types reshape(const Rule& rule) {
  const Shape shape = rule.declared_shape();
  if (element_count(shape) != rule.type(0).elements()) {
    rule.fail("{} has {} elements, shape [{}] has {}", to_string(rule.type(0)), rule.type(0).elements(),
              fmt::join(shape, ","), element_count(shape));
  }
  return {{rule.type(0).dtype, shape}};
}

Types transpose(const Rule& rule) {
  const auto& permutation = rule.per_axis("permutation");
  std::vector<bool> seen(permutation.size());
  Shape shape;
  for (int64_t axis : permutation) {
    if (axis < 0 || axis >= rule.rank(0) || seen[static_cast<size_t>(axis)]) {
      rule.fail("[{}] is no permutation of the axes of {}", fmt::join(permutation, ","),
                to_string(rule.type(0)));
    }
    seen[static_cast<size_t>(axis)] = true;
    shape.push_back(rule.shape(0)[static_cast<size_t>(axis)]);
  }
  return {{rule.type(0).dtype, shape}};
}

Types broadcast(const Rule& rule) {
  const Shape shape = rule.declared_shape();
  const auto& dims = rule.per_axis("dims");
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool in_range =
        dims[i] >= 0 && dims[i] < static_cast<int64_t>(shape.size()) && (i == 0 || dims[i] > dims[i - 1]);
    const int64_t extent = rule.shape(0)[i];
    if (!in_range || (extent != 1 && extent != shape[static_cast<size_t>(dims[i])])) {
      rule.fail("{} does not broadcast to [{}] by axes [{}]", to_string(rule.type(0)), fmt::join(shape, ","),
                fmt::join(dims, ","));
    }
  }
  return {{rule.type(0).dtype, shape}};
}

Types slice(const Rule& rule) {
  const auto& start = rule.per_axis("start");
  const auto& limit = rule.per_axis("limit");
  const auto& stride = rule.per_axis("stride");
  Shape shape;
  for (size_t i = 0; i < start.size(); ++i) {
    if (start[i] < 0 || limit[i] < start[i] || limit[i] > rule.shape(0)[i] || stride[i] < 1) {
      rule.fail("[{}:{}:{}] is outside axis {} of {}", start[i], limit[i], stride[i], i,
                to_string(rule.type(0)));
    }
    shape.push_back((limit[i] - start[i] + stride[i] - 1) / stride[i]);
  }
  return {{rule.type(0).dtype, shape}};
}

Types pad(const Rule& rule) {
  const auto& low = rule.per_axis("low");
  const auto& high = rule.per_axis("high");
  const auto& interior = rule.per_axis("interior");
  Shape shape;
  for (size_t i = 0; i < low.size(); ++i) {
    if (low[i] < 0 || high[i] < 0 || interior[i] < 0) rule.fail("negative padding on axis {}", i);
    const int64_t extent = rule.shape(0)[i];
    shape.push_back(low[i] + extent + std::max<int64_t>(extent - 1, 0) * interior[i] + high[i]);
  }
  return {{rule.type(0).dtype, shape}};
}

Types concat(const Rule& rule) {
  const auto axis = static_cast<size_t>(rule.axis("axis", rule.rank(0)));
  TensorType type = rule.type(0);
  for (size_t i = 1; i < rule.operands.size(); ++i) {
    Shape expected = rule.shape(0);
    if (rule.rank(i) == rule.rank(0)) expected[axis] = rule.shape(i)[axis];
    if (rule.type(i) != TensorType{type.dtype, expected}) {
      rule.fail("parts differ besides axis {}: {} and {}", axis, to_string(rule.type(0)),
                to_string(rule.type(i)));
    }
    type.shape[axis] += rule.shape(i)[axis];
  }
  return {type};
}

Types reverse(const Rule& rule) {
  rule.sorted_axes();
  return {rule.type(0)};
}

struct WindowGeometry {
  int64_t size, stride, dilation;
  int64_t count(int64_t extent) const { return (extent - (size - 1) * dilation - 1) / stride + 1; }
  bool fits(int64_t extent) const { return (size - 1) * dilation + 1 <= extent; }
};

WindowGeometry window_geometry(const Rule& rule, int64_t size) {
  const WindowGeometry window{size, rule.attributes.integer("stride"), rule.attributes.integer("dilation")};
  if (window.size < 1 || window.stride < 1 || window.dilation < 1) {
    rule.fail("size {}, stride {} and dilation {} must be at least 1", window.size, window.stride,
              window.dilation);
  }
  return window;
}

Types window(const Rule& rule) {
  const auto axis = static_cast<size_t>(rule.axis("axis", rule.rank(0)));
  const WindowGeometry window = window_geometry(rule, rule.attributes.integer("size"));
  TensorType type = rule.type(0);
  if (!window.fits(type.shape[axis])) {
    rule.fail("a window of {} with dilation {} is longer than axis {} of {}", window.size, window.dilation,
              axis, to_string(type));
  }
  type.shape[axis] = window.count(type.shape[axis]);
  type.shape.push_back(window.size);
  return {type};
}

Types fold(const Rule& rule) {
  if (rule.rank(0) < 2)
    rule.fail("takes an axis of windows and a last axis inside them, got {}", to_string(rule.type(0)));
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  const auto axis = static_cast<size_t>(rule.axis("axis", rule.rank(0) - 1));
  const WindowGeometry window = window_geometry(rule, rule.shape(0).back());
  const int64_t extent = rule.attributes.integer("extent");
  TensorType type = rule.type(0);
  if (!window.fits(extent) || window.count(extent) != type.shape[axis]) {
    rule.fail("extent {} does not give the windows of {}", extent, to_string(type));
  }
  type.shape.pop_back();
  type.shape[axis] = extent;
  return {type};
}

Shape gathered_shape(const Rule& rule, const Shape& indices) {
  const int64_t axis = rule.axis("axis", rule.rank(0));
  Shape shape(rule.shape(0).begin(), rule.shape(0).begin() + axis);
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), rule.shape(0).begin() + axis + 1, rule.shape(0).end());
  return shape;
}

Types gather(const Rule& rule) {
  rule.require_index(1);
  return {{rule.type(0).dtype, gathered_shape(rule, rule.shape(1))}};
}

Types scatter_add(const Rule& rule) {
  rule.require_index(1);
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  const TensorType updates{rule.type(0).dtype, gathered_shape(rule, rule.shape(1))};
  if (rule.type(2) != updates)
    rule.fail("updates are {}, expected {}", to_string(rule.type(2)), to_string(updates));
  return {rule.type(0)};
}

void check_starts(const Rule& rule, size_t first) {
  if (static_cast<int64_t>(rule.operands.size() - first) != rule.rank(0)) {
    rule.fail("takes one start for each axis of {}, got {}", to_string(rule.type(0)),
              rule.operands.size() - first);
  }
  for (size_t i = first; i < rule.operands.size(); ++i) {
    rule.require(is_integer(rule.type(i).dtype) && rule.rank(i) == 0, "integer scalars as starts", i);
  }
}

Types dynamic_slice(const Rule& rule) {
  check_starts(rule, 1);
  const auto& sizes = rule.per_axis("sizes");
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > rule.shape(0)[i]) {
      rule.fail("size {} is outside axis {} of {}", sizes[i], i, to_string(rule.type(0)));
    }
  }
  return {{rule.type(0).dtype, sizes}};
}

Types dynamic_update(const Rule& rule) {
  check_starts(rule, 2);
  bool fits = rule.type(1).dtype == rule.type(0).dtype && rule.rank(1) == rule.rank(0);
  for (size_t i = 0; fits && i < rule.shape(0).size(); ++i) fits = rule.shape(1)[i] <= rule.shape(0)[i];
  if (!fits) rule.fail("update {} does not fit into {}", to_string(rule.type(1)), to_string(rule.type(0)));
  return {rule.type(0)};
}

Types top_k(const Rule& rule) {
  const int64_t k = rule.attributes.integer("k");
  if (rule.rank(0) == 0 || k < 0 || k > rule.shape(0).back()) {
    rule.fail("k = {} of the last axis of {}", k, to_string(rule.type(0)));
  }
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  TensorType values = rule.type(0);
  values.shape.back() = k;
  return {values, {DType::i32, values.shape}};
}

Types sort(const Rule& rule) {
  if (rule.rank(0) == 0) rule.fail("takes at least one axis, got {}", to_string(rule.type(0)));
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  const bool has_run = rule.attributes.has("run");
  if (has_run && rule.attributes.integer("run") < 1) rule.fail("run must be at least 1");
  const TensorType positions{DType::i32, rule.shape(0)};
  if (rule.operands.size() > 1 && (!has_run || rule.type(1) != positions)) {
    rule.fail("takes a run with positions {}, got {}", to_string(positions), to_string(rule.type(1)));
  }
  return {rule.type(0), positions};
}

Types cumsum(const Rule& rule) {
  rule.axis("axis", rule.rank(0));
  rule.require(is_numeric(rule.type(0).dtype), "a numeric type", 0);
  return {rule.type(0)};
}

Types read_state(const Rule& rule) {
  const State* state = rule.find_state(rule.attributes.text("state"));
  if (state == nullptr) rule.fail("no state is called '{}'", rule.attributes.text("state"));
  return {state->type};
}

Types write_state(const Rule& rule) {
  const TensorType expected = read_state(rule)[0];
  if (rule.type(0) != expected) {
    rule.fail("state '{}' is {}, got {}", rule.attributes.text("state"), to_string(expected),
              to_string(rule.type(0)));
  }
  return {};
}

const Function& callee(const Rule& rule) {
  const std::string& function = rule.attributes.text("function");
  const Function* found = rule.find_function(function);
  if (found == nullptr) rule.fail("no function is called '{}'", function);
  return *found;
}

void check_parameter(const Rule& rule, const Function& function, const Op& parameter, const TensorType& got) {
  if (parameter.results[0] == got) return;
  rule.fail("'{}' takes '{}' as {}, got {}", function.name(), Function::parameter_name(parameter),
            to_string(parameter.results[0]), to_string(got));
}

Types call(const Rule& rule) {
  const Function& function = callee(rule);
  const auto parameters = function.parameters();
  if (parameters.size() != rule.operands.size()) {
    rule.fail("'{}' takes {}, got {}", function.name(), counted(parameters.size(), "operand", "operands"),
              rule.operands.size());
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    check_parameter(rule, function, *parameters[i], rule.type(i));
  Types types;
  for (const Output& output : function.outputs) types.push_back(output.value.type());
  return types;
}

Types scan(const Rule& rule) {
  const Function& body = callee(rule);
  const auto parameters = body.parameters();
  const auto carries = static_cast<size_t>(rule.attributes.integer("carries"));
  const auto constants = static_cast<size_t>(rule.attributes.integer("constants"));
  const int64_t length = rule.attributes.integer("length");
  if (length < 0 || rule.attributes.integer("carries") < 0 || rule.attributes.integer("constants") < 0) {
    rule.fail("'length', 'carries' and 'constants' must not be negative");
  }
  if (parameters.size() != rule.operands.size() || carries + constants > rule.operands.size() ||
      body.outputs.size() < carries) {
    rule.fail(
        "'{}' takes {} operands and returns {}, which does not fit {} operands with {} carries and {} "
        "constants",
        body.name(), parameters.size(), body.outputs.size(), rule.operands.size(), carries, constants);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    TensorType type = rule.type(i);
    if (i >= carries && i < parameters.size() - constants) {
      if (type.shape.empty() || type.shape[0] != length) {
        rule.fail("per-step input {} has no leading axis of {}", to_string(type), length);
      }
      type.shape.erase(type.shape.begin());
    }
    check_parameter(rule, body, *parameters[i], type);
  }
  Types types;
  for (size_t i = 0; i < body.outputs.size(); ++i) {
    TensorType type = body.outputs[i].value.type();
    if (i < carries && type != rule.type(i)) {
      rule.fail("carry {} goes in as {} and comes out as {}", i, to_string(rule.type(i)), to_string(type));
    }
    if (i >= carries) type.shape.insert(type.shape.begin(), length);
    types.push_back(type);
  }
  return types;
}

Types grad(const Rule& rule) {
  rule.require(rule.rank(0) == 0 && is_floating(rule.type(0).dtype), "a floating scalar as loss", 0);
  Types types;
  for (size_t i = 1; i < rule.operands.size(); ++i) {
    rule.require(is_floating(rule.type(i).dtype), "floating values to differentiate for", i);
    types.push_back(rule.type(i));
  }
  return types;
}

Types all_operands(const Rule& rule) {
  Types types;
  for (Value operand : rule.operands) types.push_back(operand.type());
  return types;
}

Types kernel(const Rule& rule) {
  rule.fail("is made by fuse, not by hand");
}

Types infer(const Rule& rule) {
  switch (rule.code) {
#define SINTER_ELEMENTWISE(name, arity, domain, result, ...) \
  case OpCode::name:                                         \
    return elementwise(rule, Domain::domain, Result::result);
#include "ir/graph/elementwise.def"
#undef SINTER_ELEMENTWISE
    case OpCode::select:
      return select(rule);
    case OpCode::cast:
      return {{rule.attributes.dtype("dtype"), rule.shape(0)}};
    case OpCode::stop_gradient:
      return {rule.type(0)};
    case OpCode::parameter:
      rule.fail("belongs to a function's signature");
    case OpCode::constant:
      return constant(rule);
    case OpCode::iota: {
      const TensorType type{rule.attributes.dtype("dtype"), rule.declared_shape()};
      const int64_t axis = rule.attributes.integer("axis");
      if (axis < 0 || axis >= type.rank()) rule.fail("axis {} is outside {}", axis, to_string(type));
      return {type};
    }
    case OpCode::random_bits:
      return random(rule, DType::i32);
    case OpCode::random_uniform:
    case OpCode::random_normal:
      if (rule.attributes.dtype("dtype") == DType::i32) rule.fail("makes f32 or f64, not i32");
      return random(rule, rule.attributes.dtype("dtype"));
    case OpCode::reduce_sum:
    case OpCode::reduce_max:
    case OpCode::reduce_min:
      return reduce(rule);
    case OpCode::argmax:
      return argmax(rule);
    case OpCode::contract:
      return contract(rule);
    case OpCode::reshape:
      return reshape(rule);
    case OpCode::transpose:
      return transpose(rule);
    case OpCode::broadcast:
      return broadcast(rule);
    case OpCode::slice:
      return slice(rule);
    case OpCode::pad:
      return pad(rule);
    case OpCode::concat:
      return concat(rule);
    case OpCode::reverse:
      return reverse(rule);
    case OpCode::window:
      return window(rule);
    case OpCode::fold:
      return fold(rule);
    case OpCode::gather:
      return gather(rule);
    case OpCode::scatter_add:
      return scatter_add(rule);
    case OpCode::dynamic_slice:
      return dynamic_slice(rule);
    case OpCode::dynamic_update:
      return dynamic_update(rule);
    case OpCode::top_k:
      return top_k(rule);
    case OpCode::sort:
      return sort(rule);
    case OpCode::cumsum:
      return cumsum(rule);
    case OpCode::check_index:
      rule.require_index(0);
      return {rule.type(0)};
    case OpCode::check_finite:
      rule.require(is_floating(rule.type(0).dtype), "a floating type", 0);
      return {rule.type(0)};
    case OpCode::read:
      return read_state(rule);
    case OpCode::write:
      return write_state(rule);
    case OpCode::call:
      return call(rule);
    case OpCode::scan:
      return scan(rule);
    case OpCode::grad:
      return grad(rule);
    case OpCode::barrier:
      return all_operands(rule);
    case OpCode::kernel:
      return kernel(rule);
    case OpCode::all_reduce:
    case OpCode::reduce_scatter:
    case OpCode::all_gather:
      return infer_collective(rule);
    default:
      return infer_composite(rule);
  }
}

Types checked(const Rule& rule) {
  const int count = static_cast<int>(rule.operands.size());
  const OpInfo& op = info(rule.code);
  if (count < op.least_operands || (op.most_operands >= 0 && count > op.most_operands)) {
    const auto least = static_cast<size_t>(op.least_operands);
    const std::string bounds = op.most_operands < 0 ? fmt::format("{} or more operands", least)
                               : op.most_operands != op.least_operands
                                   ? fmt::format("{} to {} operands", least, op.most_operands)
                                   : counted(least, "operand", "operands");
    rule.fail("takes {}, got {}", bounds, count);
  }
  check_attributes(rule.code, rule.attributes);
  Types types = infer(rule);
  for (const TensorType& type : types) {
    if (!is_valid(type.shape)) rule.fail("the result {} is too large", to_string(type));
  }
  return types;
}

}  // namespace

std::vector<TensorType> infer_types(const Module& module, OpCode code, std::span<const Value> operands,
                                    const Attributes& attributes) {
  return checked({module, code, operands, attributes});
}

std::vector<TensorType> infer_types(const Module& module, const ModuleNames& names, OpCode code,
                                    std::span<const Value> operands, const Attributes& attributes) {
  return checked({module, code, operands, attributes, &names});
}

}  // namespace sinter::graph
