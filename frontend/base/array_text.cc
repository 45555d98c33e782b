#include <fmt/format.h>
#include <sinter/array.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "runtime/stored.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

using runtime::HostTensor;

constexpr int64_t kMostInFull = 1000;  // elements
constexpr int64_t kEdge = 3;           // shown at either end of an axis where there are more

std::string element_text(const HostTensor& tensor, int64_t element) {
  switch (tensor.dtype()) {
    case runtime::DType::i32:
      return fmt::format("{}", tensor.data<int32_t>()[element]);
    case runtime::DType::i64:
      return fmt::format("{}", tensor.data<int64_t>()[element]);
    case runtime::DType::boolean:
      return fmt::format("{}", tensor.data<bool>()[element]);
    case runtime::DType::f64:
      return fmt::format("{:.6g}", tensor.data<double>()[element]);
    default:
      return fmt::format("{:.6g}", tensor.data<float>()[element]);
  }
}

// Calls `see` with each index of an axis that is shown, and once with -1 for those left out.
template <typename See>
void shown(const HostTensor& tensor, int64_t extent, const See& see) {
  const bool is_cut = tensor.size() > kMostInFull && extent > 2 * kEdge;
  for (int64_t i = 0; i < extent; ++i) {
    if (is_cut && i == kEdge) {
      see(-1);
      i = extent - kEdge;
    }
    see(i);
  }
}

// Part `index` of what is left from `axis` on; every element as wide as `width`.
std::string nested(const HostTensor& tensor, size_t axis, int64_t index, size_t width) {
  const size_t rank = tensor.shape().size();
  if (axis == rank) return fmt::format("{:>{}}", element_text(tensor, index), width);
  const int64_t extent = tensor.shape()[axis];
  // Between matrices an empty line, as in NumPy.
  const std::string between =
      axis + 1 == rank ? ", " : "," + std::string(rank - axis - 1, '\n') + std::string(axis + 1, ' ');
  std::string text = "[";
  shown(tensor, extent, [&](int64_t i) {
    if (text.size() > 1) text += between;
    text += i < 0 ? "..." : nested(tensor, axis + 1, index * extent + i, width);
  });
  return text + "]";
}

size_t widest(const HostTensor& tensor, size_t axis, int64_t index) {
  if (axis == tensor.shape().size()) return element_text(tensor, index).size();
  const int64_t extent = tensor.shape()[axis];
  size_t width = 0;
  shown(tensor, extent, [&](int64_t i) {
    if (i >= 0) width = std::max(width, widest(tensor, axis + 1, index * extent + i));
  });
  return width;
}

}  // namespace

std::string to_string(const Array& array) {
  const HostTensor wide = runtime::widened(array.host());
  return fmt::format("{}\n{}", to_string(array.dtype(), array.shape()),
                     nested(wide, 0, 0, widest(wide, 0, 0)));
}

std::ostream& operator<<(std::ostream& stream, const Array& array) {
  return stream << to_string(array);
}

}  // namespace sinter
