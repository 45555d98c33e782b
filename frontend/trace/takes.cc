#include "frontend/trace/takes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "frontend/base/convert.h"
#include "ir/graph/builder.h"

namespace sinter {
namespace {

bool fits(const Shape& shape, const std::vector<Axis>& axes) {
  const auto is_rest = [](const Axis& axis) { return axis.name == "..."; };
  const auto rest = std::find_if(axes.begin(), axes.end(), is_rest);
  const size_t certain = axes.size() - (rest != axes.end() ? 1 : 0);
  if (rest == axes.end() ? shape.size() != certain : shape.size() < certain) return false;
  for (auto axis = axes.begin(); axis != axes.end(); ++axis) {
    if (is_rest(*axis) || !axis->name.empty()) continue;
    const auto from_end = static_cast<size_t>(axes.end() - axis);
    const size_t place = axis < rest ? static_cast<size_t>(axis - axes.begin()) : shape.size() - from_end;
    if (shape[place] != axis->extent) return false;
  }
  return true;
}

void check_defined(const Pin& call, std::string_view what, const Tensor& x) {
  if (!x.defined()) call.fail(fmt::format("{} is undefined", what));
}

}  // namespace

void check_takes(const Pin& call, std::string_view what, const Tensor& x, DType type,
                 std::initializer_list<Axis> axes) {
  check_defined(call, what, x);
  if (x.dtype() == type && fits(x.shape(), axes)) return;
  std::string shape;
  for (const Axis& axis : axes) {
    if (!shape.empty()) shape += ",";
    shape += axis.name.empty() ? std::to_string(axis.extent) : std::string(axis.name);
  }
  call.fail(fmt::format("takes {} {}[{}], got {}", what, name(type), shape, x.type()));
}

void check_floating(const Pin& call, std::string_view what, const Tensor& x) {
  check_defined(call, what, x);
  if (!graph::is_floating(to_graph(x.dtype()))) {
    call.fail(fmt::format("takes a floating {}, got {}", what, x.type()));
  }
}

void check_broadcasts(const Pin& call, std::string_view what, const Tensor& x, DType type,
                      const Shape& shape) {
  check_defined(call, what, x);
  if (x.dtype() == type && graph::broadcast_shapes(x.shape(), shape) == shape) return;
  call.fail(fmt::format("takes a {} that broadcasts to {}, got {}", what, to_string(type, shape), x.type()));
}

void check_integers(const Pin& call, std::string_view what, const Tensor& x) {
  check_defined(call, what, x);
  if (!graph::is_integer(to_graph(x.dtype()))) {
    call.fail(fmt::format("takes integer {}, got {}", what, x.type()));
  }
}

}  // namespace sinter
