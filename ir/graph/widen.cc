#include "ir/graph/widen.h"

#include <concepts>
#include <type_traits>

namespace sinter::graph {
namespace {

DType widened(DType type) {
  return type == DType::f32 ? DType::f64 : type;
}

TensorType widened(const TensorType& type) {
  return {widened(type.dtype), type.shape};
}

// The number or numbers under `name`, as an f32 op rounds them.
void round_to_f32(Attributes& attributes, std::string_view name) {
  const auto rounded = [](auto value) { return static_cast<double>(static_cast<float>(value)); };
  const auto visit = [&]<typename T>(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      attributes.set(name, rounded(value));
    } else if constexpr (std::same_as<T, std::vector<int64_t>> || std::same_as<T, std::vector<double>>) {
      std::vector<double> values;
      for (auto element : value) values.push_back(rounded(element));
      attributes.set(name, std::move(values));
    }
  };
  const Attribute* found = attributes.find(name);
  if (found != nullptr) std::visit(visit, Attribute(*found));
}

bool draws_random_floats(OpCode code) {
  return code == OpCode::random_uniform || code == OpCode::random_normal;
}

std::unique_ptr<Function> widen(const Function& function) {
  auto wide = std::make_unique<Function>(function.name());
  ValueMap<Value> map;
  for (const auto& narrow : function.ops()) {
    Op& op = clone_op(*narrow, *wide, map);
    if (draws_random_floats(op.code)) {
      if (op.results[0].dtype != DType::f32) continue;
      auto cast = std::make_unique<Op>();
      cast->code = OpCode::cast;
      cast->operands = {op.result()};
      cast->results = {widened(op.results[0])};
      cast->attributes = {{"dtype", DType::f64}};
      cast->location = op.location;
      map[narrow->result()] = wide->append(std::move(cast)).result();
      continue;
    }
    const bool narrow_result = !op.results.empty() && op.results[0].dtype == DType::f32;
    if (narrow_result && (op.code == OpCode::constant || op.code == OpCode::pad)) {
      for (std::string_view name : {"value", "values"}) round_to_f32(op.attributes, name);
    }
    for (TensorType& type : op.results) type = widened(type);
    if (op.attributes.has("dtype")) op.attributes.set("dtype", widened(op.attributes.dtype("dtype")));
    if (op.body) op.body = widen(*narrow->body);
  }
  for (const Output& output : function.outputs) wide->outputs.push_back({output.name, map.at(output.value)});
  return wide;
}

}  // namespace

Module widen(const Module& module) {
  Module wide;
  for (const State& state : module.states) wide.states.push_back({state.name, widened(state.type)});
  for (const auto& function : module.functions) wide.functions.push_back(widen(*function));
  return wide;
}

}  // namespace sinter::graph
