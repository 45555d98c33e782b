#include <sinter/types.h>

#include "frontend/base/convert.h"
#include "runtime/tensor.h"

namespace sinter {

std::string_view name(DType type) {
  return runtime::name(to_runtime(type));
}

std::string to_string(DType type, const Shape& shape) {
  return runtime::to_string(to_runtime(type), shape);
}

int64_t element_count(const Shape& shape) {
  return runtime::element_count(shape);
}

}  // namespace sinter
