#include <fmt/format.h>
#include <sinter/data/files.h>
#include <sinter/error.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "frontend/data/csv_lines.h"
#include "runtime/file.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

using runtime::ReadableFile;

// Which numbers there are in a line.
class CsvColumns {
 public:
  // Of the first line; `lines` are then at the first one of numbers, if there is any.
  CsvColumns(CsvLines& lines, const std::string& path, const CsvOptions& options) {
    if (!(has_numbers_ = lines.next())) throw Error(fmt::format("{}: no lines", path));
    for (size_t i = 0; i < lines.fields().size(); ++i)
      all_.push_back(options.header ? std::string(lines.fields()[i]) : std::to_string(i));
    names_ = options.columns.empty() ? all_ : options.columns;
    for (const std::string& column : names_) {
      const auto found = std::find(all_.begin(), all_.end(), column);
      if (found == all_.end())
        lines.fail(fmt::format("no column is called '{}', only {}", column, quoted_list(all_)));
      chosen_.push_back(static_cast<size_t>(found - all_.begin()));
    }
    if (options.header) has_numbers_ = lines.next();
  }

  const std::vector<std::string>& names() const { return names_; }
  bool has_numbers() const { return has_numbers_; }

  // Those of the line that `lines` are at.
  template <typename T>
  void read(const CsvLines& lines, T* to) const {
    if (lines.fields().size() != all_.size()) {
      lines.fail(fmt::format("{} columns, where the first line has {}", lines.fields().size(), all_.size()));
    }
    for (const size_t field : chosen_) *to++ = number<T>(lines, field);
  }

 private:
  template <typename T>
  T number(const CsvLines& lines, size_t field) const {
    std::string_view text = lines.fields()[field];
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    T value = 0;
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
      lines.fail(fmt::format("column '{}': '{}' does not fit {}", all_[field], text, name(dtype_of<T>())));
    if (error != std::errc() || end != text.data() + text.size())
      lines.fail(fmt::format("column '{}': '{}' is no number", all_[field], text));
    return value;
  }

  std::vector<std::string> all_;    // what the columns of the file are called
  std::vector<std::string> names_;  // and those that are read,
  std::vector<size_t> chosen_;      // which are these
  bool has_numbers_;
};

// body(T()) of the type of the numbers.
template <typename Body>
auto with_type(std::string_view call, DType type, const Body& body) {
  switch (type) {
    case f32:
      return body(float{});
    case f64:
      return body(double{});
    case i32:
      return body(int32_t{});
    case i64:
      return body(int64_t{});
    default:
      throw Error(fmt::format("{}: no values are read as {}", call, name(type)));
  }
}

size_t place_of(const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  throw Error(fmt::format("no column is called '{}', only {}", name, quoted_list(names)));
}

// Of rows of so many bytes the elements at a place.
void copy_column(const std::byte* rows, size_t row_bytes, size_t place, size_t bytes,
                 std::span<std::byte> to) {
  const std::byte* from = rows + place * bytes;
  for (size_t at = 0; at < to.size(); at += bytes, from += row_bytes) std::memcpy(&to[at], from, bytes);
}

// A file in which every kApart-th line of numbers is known where it begins.
template <typename T>
class IndexedCsv {
 public:
  // Looks at all numbers, so that what is wrong with one is said now.
  IndexedCsv(const std::string& path, const CsvOptions& options)
      : file_(path), separator_(options.separator) {
    CsvLines lines(file_, separator_);
    columns_.emplace(lines, path, options);
    std::vector<T> row(names().size());
    for (bool more = columns_->has_numbers(); more; more = lines.next()) {
      if (rows_++ % kApart == 0) places_.push_back(lines.place());
      columns_->read(lines, row.data());
    }
  }

  const std::vector<std::string>& names() const { return columns_->names(); }
  int64_t rows() const { return rows_; }

  void read(int64_t first, int64_t count, T* to) const {
    const auto place = [&](int64_t row) { return static_cast<size_t>(row / kApart); };
    const size_t after = place(first + count - 1) + 1;
    CsvLines lines(file_, separator_, places_[place(first)],
                   after < places_.size() ? places_[after].offset : file_.size());
    for (int64_t row = first / kApart * kApart; row < first + count; ++row) {
      if (!lines.next())
        throw Error(fmt::format("{}: it has changed, for row {} is gone", file_.path(), row));
      if (row < first) continue;
      columns_->read(lines, to);
      to += names().size();
    }
  }

 private:
  static constexpr int64_t kApart = 16;

  const ReadableFile file_;
  const char separator_;
  std::optional<CsvColumns> columns_;
  std::vector<CsvLines::Place> places_;
  int64_t rows_ = 0;
};

}  // namespace

Array Csv::column(const std::string& name) const {
  const size_t bytes = runtime::size_in_bytes(values.host().dtype());
  Array column(values.dtype(), {values.shape()[0]});
  runtime::HostTensor to = column.host();
  copy_column(static_cast<const std::byte*>(values.host().raw()),
              static_cast<size_t>(values.shape()[1]) * bytes, place_of(names, name), bytes,
              {static_cast<std::byte*>(to.raw()), to.bytes()});
  return column;
}

Csv load_csv(const std::string& path, const CsvOptions& options) {
  return translated([&] {
    return with_type("load_csv", options.type, [&]<typename T>(T) -> Csv {
      const ReadableFile file(path);
      CsvLines lines(file, options.separator);
      const CsvColumns csv(lines, path, options);
      const size_t columns = csv.names().size();
      std::vector<T> values;
      int64_t rows = 0;
      for (bool more = csv.has_numbers(); more; more = lines.next(), ++rows) {
        values.resize(values.size() + columns);
        csv.read(lines, &values[values.size() - columns]);
      }
      return {csv.names(), Array::from(values, {rows, static_cast<int64_t>(columns)})};
    });
  });
}

Rows CsvRows::column(const std::string& name) const {
  const size_t place = place_of(names, name), bytes = values.row_bytes() / names.size();
  return {values.dtype(),
          {},
          values.size(),
          [rows = values, place, bytes](int64_t first, int64_t count, std::span<std::byte> to) {
            std::vector<std::byte> all(static_cast<size_t>(count) * rows.row_bytes());
            rows.read(first, count, all);
            copy_column(all.data(), rows.row_bytes(), place, bytes, to);
          }};
}

CsvRows open_csv(const std::string& path, const CsvOptions& options) {
  return translated([&] {
    return with_type("open_csv", options.type, [&]<typename T>(T) -> CsvRows {
      const auto csv = std::make_shared<const IndexedCsv<T>>(path, options);
      return {csv->names(),
              {options.type,
               {static_cast<int64_t>(csv->names().size())},
               csv->rows(),
               [csv](int64_t first, int64_t count, std::span<std::byte> to) {
                 csv->read(first, count, reinterpret_cast<T*>(to.data()));
               }}};
    });
  });
}

}  // namespace sinter
