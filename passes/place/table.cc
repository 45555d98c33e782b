#include "passes/place/table.h"

#include "ir/error.h"
#include "ir/loop/expr.h"

namespace sinter::passes {

std::vector<std::byte> table(const graph::Op& constant) {
  std::vector<std::byte> data;
  const auto append = [&](auto value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    data.insert(data.end(), bytes, bytes + sizeof(value));
  };
  const loop::Type type = loop::from_graph(constant.results[0].dtype);
  const auto element = [&](auto value) {
    switch (type) {
      case loop::Type::f32:
        return append(static_cast<float>(value));
      case loop::Type::f64:
        return append(static_cast<double>(value));
      case loop::Type::i32:
        return append(static_cast<int32_t>(value));
      case loop::Type::i64:
        return append(static_cast<int64_t>(value));
      case loop::Type::boolean:
        return append(static_cast<uint8_t>(value != 0));
      case loop::Type::index:
        throw InternalError("place: no constant is an index");
    }
  };
  const graph::Attribute& values = *constant.attributes.find("values");
  if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
    for (double value : *numbers) element(value);
  } else {
    for (int64_t value : std::get<std::vector<int64_t>>(values)) element(value);
  }
  return data;
}

}  // namespace sinter::passes
