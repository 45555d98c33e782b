#include <fmt/format.h>
#include <sinter/data/rows.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstring>

#include "frontend/base/convert.h"
#include "frontend/base/translate.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

size_t bytes_of_row(DType type, const Shape& shape) {
  size_t bytes = runtime::size_in_bytes(to_runtime(type));
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes)) {
      throw Error(fmt::format("there are no rows of {}", to_string(type, shape)));
    }
  }
  return bytes;
}

}  // namespace

Rows::Rows(DType type, Shape shape, int64_t count, Read read) {
  const size_t row_bytes = bytes_of_row(type, shape);
  content_ = std::make_shared<Content>(Content{type, std::move(shape), count, row_bytes, std::move(read)});
}

Rows::Rows(const Array& array) {
  if (array.shape().empty()) {
    throw Error(fmt::format("{} has no rows", to_string(array.dtype(), array.shape())));
  }
  const Shape shape(array.shape().begin() + 1, array.shape().end());
  const size_t row_bytes = bytes_of_row(array.dtype(), shape);
  *this = Rows(array.dtype(), shape, array.shape()[0],
               [host = array.host(), row_bytes](int64_t first, int64_t, std::span<std::byte> to) {
                 const auto* rows = static_cast<const std::byte*>(host.raw());
                 std::memcpy(to.data(), rows + static_cast<size_t>(first) * row_bytes, to.size());
               });
}

void Rows::read(int64_t first, int64_t count, std::span<std::byte> to) const {
  if (first < 0 || count < 0 || count > size() || first > size() - count) {
    throw Error(fmt::format("rows {} to {} are not among {}", first, first + count, size()));
  }
  if (to.size() != static_cast<size_t>(count) * row_bytes()) {
    throw Error(fmt::format("{} rows of {} have {} bytes, not {}", count, to_string(dtype(), shape()),
                            static_cast<size_t>(count) * row_bytes(), to.size()));
  }
  if (count > 0) translated([&] { content_->read(first, count, to); });
}

Array Rows::read(int64_t first, int64_t count) const {
  Shape all = shape();
  all.insert(all.begin(), std::max<int64_t>(count, 0));
  Array array(dtype(), std::move(all));
  runtime::HostTensor host = array.host();
  read(first, count, {static_cast<std::byte*>(host.raw()), host.bytes()});
  return array;
}

}  // namespace sinter
