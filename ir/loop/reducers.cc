#include "ir/loop/reducers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ir/error.h"

namespace sinter::loop {

const Reducer& reducer_of(graph::OpCode reduction) {
  const auto found = std::ranges::find(kReducers, reduction, &Reducer::reduction);
  if (found == kReducers.end())
    throw InternalError(fmt::format("'{}' is no reduction", graph::name(reduction)));
  return *found;
}

const Reducer* reducer_of_lanes(ScalarOp lanes) {
  const auto found = std::ranges::find(kReducers, lanes, &Reducer::lanes);
  return found == kReducers.end() ? nullptr : &*found;
}

Expr identity(ScalarOp combine, Type type) {
  if (combine == ScalarOp::add) return constant(0, type);
  const bool is_least = combine == ScalarOp::max;
  const auto extreme = [&]<typename T>(T) {
    return static_cast<int64_t>(is_least ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max());
  };
  switch (type) {
    case Type::boolean:
      return boolean(!is_least);
    case Type::i32:
      return integer(extreme(int32_t{}), type);
    case Type::i64:
    case Type::index:
      return integer(extreme(int64_t{}), type);
    case Type::f32:
    case Type::f64:
      break;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return number(is_least ? -kInfinity : kInfinity, type);
}

}  // namespace sinter::loop
