#include <fmt/format.h>
#include <sinter/data/rows.h>
#include <sinter/error.h>

#include <algorithm>

namespace sinter {
namespace {

// Row i is the `length` elements from i * stride + offset on.
Rows windowed(const Rows& elements, int64_t length, int64_t stride, int64_t offset, int64_t count) {
  Shape shape = elements.shape();
  shape.insert(shape.begin(), length);
  return {elements.dtype(), shape, count, [=](int64_t first, int64_t rows, std::span<std::byte> to) {
            if (stride == length) return elements.read(first * stride + offset, rows * length, to);
            const size_t bytes = static_cast<size_t>(length) * elements.row_bytes();
            for (int64_t row = 0; row < rows; ++row) {
              elements.read((first + row) * stride + offset, length,
                            to.subspan(static_cast<size_t>(row) * bytes, bytes));
            }
          }};
}

}  // namespace

Windows windows(const Rows& elements, int64_t length, int64_t stride) {
  if (length < 1) throw Error(fmt::format("windows: length must be at least 1, got {}", length));
  if (stride < 1) throw Error(fmt::format("windows: stride must be at least 1, got {}", stride));
  if (elements.size() <= length) {
    throw Error(fmt::format("windows: one of {} and its target take {} elements, there are {}", length,
                            length + 1, elements.size()));
  }
  const int64_t count = (elements.size() - 1 - length) / stride + 1;
  return {windowed(elements, length, stride, 0, count), windowed(elements, length, stride, 1, count)};
}

Sequences sequences(const Rows& elements, const Array& ends) {
  if (ends.dtype() != i64 || ends.shape().size() != 1) {
    throw Error(fmt::format("sequences: ends are i64[n], got {}", to_string(ends.dtype(), ends.shape())));
  }
  const auto begin_of = [ends](int64_t row) { return row == 0 ? 0 : ends.values<int64_t>()[row - 1]; };
  const int64_t count = ends.size();
  Array lengths(i32, {count});
  int64_t longest = 0;
  for (int64_t row = 0; row < count; ++row) {
    const int64_t end = begin_of(row + 1), length = end - begin_of(row);
    if (length < 0 || end > elements.size()) {
      throw Error(fmt::format("sequences: sequence {} is elements {} to {} of {}", row, begin_of(row), end,
                              elements.size()));
    }
    lengths.data<int32_t>()[row] = static_cast<int32_t>(length);
    longest = std::max(longest, length);
  }
  Shape shape = elements.shape();
  shape.insert(shape.begin(), longest);
  const auto read = [=](int64_t first, int64_t rows, std::span<std::byte> to) {
    for (int64_t row = first; row < first + rows; ++row) {
      const int64_t length = begin_of(row + 1) - begin_of(row);
      const auto all = to.first(static_cast<size_t>(longest) * elements.row_bytes());
      const size_t bytes = static_cast<size_t>(length) * elements.row_bytes();
      elements.read(begin_of(row), length, all.first(bytes));
      std::fill(all.begin() + static_cast<std::ptrdiff_t>(bytes), all.end(), std::byte{0});
      to = to.subspan(all.size());
    }
  };
  return {Rows(elements.dtype(), shape, count, read), Rows(lengths)};
}

}  // namespace sinter
