#include "tests/pairs/scene.h"

#include <fmt/format.h>

#include <algorithm>

namespace sinter::test {

using graph::DType;
using graph::Value;
using runtime::HostTensor;

Value Scene::parameter(graph::TensorType type, int64_t below) {
  HostTensor& tensor = inputs_.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const uint32_t drawn = random_();
    switch (type.dtype) {
      case DType::f32:
        tensor.data<float>()[i] = static_cast<float>(drawn % 256) / 64 - 2;
        break;
      case DType::i32:
        tensor.data<int32_t>()[i] = static_cast<int32_t>(drawn % below);
        break;
      case DType::i64:
        tensor.data<int64_t>()[i] = drawn % below;
        break;
      default:
        tensor.data<bool>()[i] = drawn % 2 == 0;
    }
  }
  auto& ops = b.function().ops();
  const auto place = static_cast<int64_t>(inputs_.size()) - 1;
  const Value value = b.parameter(fmt::format("p{}", place), std::move(type));
  std::rotate(ops.begin() + place, ops.end() - 1, ops.end());
  return value;
}

const graph::Function& Scene::helper(
    const std::vector<graph::TensorType>& parameters,
    const std::function<std::vector<Value>(graph::Builder&, const std::vector<Value>&)>& build) {
  graph::Function& function = b.module().add_function(fmt::format("helper{}", b.module().functions.size()));
  graph::Builder inner(b.module(), function);
  std::vector<Value> values;
  for (const auto& type : parameters)
    values.push_back(inner.parameter(fmt::format("p{}", values.size()), type));
  for (Value output : build(inner, values)) inner.output(fmt::format("y{}", function.outputs.size()), output);
  return function;
}

}  // namespace sinter::test
