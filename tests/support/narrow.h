#pragma once

#include <vector>

#include "ir/graph/graph.h"
#include "runtime/tensor.h"

namespace sinter::test {

// The module with f32 wherever it has f64: what devices compute that have no f64.
inline void narrow(graph::Function& function) {
  const auto narrowed = [](graph::DType type) {
    return type == graph::DType::f64 ? graph::DType::f32 : type;
  };
  for (const auto& op : function.ops()) {
    for (graph::TensorType& type : op->results) type.dtype = narrowed(type.dtype);
    if (op->attributes.has("dtype")) op->attributes.set("dtype", narrowed(op->attributes.dtype("dtype")));
    if (op->body) narrow(*op->body);
  }
}

inline graph::Module narrowed(const graph::Module& module) {
  graph::Module result = graph::clone(module);
  for (graph::State& state : result.states) {
    if (state.type.dtype == graph::DType::f64) state.type.dtype = graph::DType::f32;
  }
  for (const auto& function : result.functions) narrow(*function);
  return result;
}

inline std::vector<runtime::HostTensor> narrowed(const std::vector<runtime::HostTensor>& tensors) {
  std::vector<runtime::HostTensor> result;
  for (const runtime::HostTensor& wide : tensors) {
    if (wide.dtype() != runtime::DType::f64) {
      result.push_back(wide);
      continue;
    }
    runtime::HostTensor& tensor = result.emplace_back(runtime::DType::f32, wide.shape());
    for (int64_t i = 0; i < wide.size(); ++i)
      tensor.data<float>()[i] = static_cast<float>(wide.data<double>()[i]);
  }
  return result;
}

}  // namespace sinter::test
