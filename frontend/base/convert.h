#pragma once

#include <sinter/types.h>

#include "ir/graph/type.h"
#include "runtime/dtype.h"

// The public element types are those of the layers below, row for row.
namespace sinter {

#define SINTER_DTYPE(enumerator, text, bytes, kind)                                                 \
  static_assert(static_cast<int>(DType::enumerator) == static_cast<int>(graph::DType::enumerator)); \
  static_assert(static_cast<int>(DType::enumerator) == static_cast<int>(runtime::DType::enumerator));
#include "ir/graph/types.def"
#undef SINTER_DTYPE

constexpr graph::DType to_graph(DType type) {
  return static_cast<graph::DType>(type);
}
constexpr runtime::DType to_runtime(DType type) {
  return static_cast<runtime::DType>(type);
}
constexpr DType to_public(graph::DType type) {
  return static_cast<DType>(type);
}
constexpr DType to_public(runtime::DType type) {
  return static_cast<DType>(type);
}

}  // namespace sinter
