#include <sinter/types.h>

#include "frontend/base/convert.h"

namespace sinter {

std::string_view name(DType type) {
  return graph::name(to_graph(type));
}

std::string to_string(DType type, const Shape& shape) {
  return graph::to_string({to_graph(type), shape});
}

int64_t element_count(const Shape& shape) {
  return graph::element_count(shape);
}

}  // namespace sinter
