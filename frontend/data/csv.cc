#include <fmt/format.h>
#include <sinter/data/files.h>
#include <sinter/error.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "runtime/file.h"
#include "runtime/tensor.h"

namespace sinter {
namespace {

// The lines of a file, of which one piece is in memory.
class Lines {
 public:
  explicit Lines(const std::string& path) : file_(path) {}

  // False at the end. The line lasts until the next call.
  bool next(std::string_view& line) {
    size_t end = buffer_.find('\n', begin_);
    while (end == std::string::npos && offset_ < file_.size()) {
      const size_t searched = buffer_.size() - begin_;
      buffer_.erase(0, std::exchange(begin_, 0));
      const size_t size = std::min<uint64_t>(kPiece, file_.size() - offset_);
      buffer_.resize(searched + size);
      file_.read(offset_, size, buffer_.data() + searched);
      offset_ += size;
      end = buffer_.find('\n', searched);
    }
    if (begin_ == buffer_.size()) return false;
    const size_t stop = std::min(end, buffer_.size());
    line = std::string_view(buffer_).substr(begin_, stop - begin_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin_ = end == std::string::npos ? stop : stop + 1;
    ++number_;
    return true;
  }
  int64_t number() const { return number_; }

 private:
  static constexpr size_t kPiece = size_t{1} << 20;

  runtime::ReadableFile file_;
  std::string buffer_;
  size_t begin_ = 0;     // of the next line in it
  uint64_t offset_ = 0;  // of what is read next
  int64_t number_ = 0;
};

class CsvReader {
 public:
  CsvReader(const std::string& path, const CsvOptions& options)
      : path_(path), options_(options), lines_(path) {}

  Csv read() {
    switch (options_.type) {
      case f32:
        return read_as<float>();
      case f64:
        return read_as<double>();
      case i32:
        return read_as<int32_t>();
      case i64:
        return read_as<int64_t>();
      default:
        throw Error(fmt::format("load_csv: no values are read as {}", name(options_.type)));
    }
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("{}:{}: {}", path_, lines_.number(), what));
  }

  bool next_line() {
    std::string_view line;
    while (lines_.next(line)) {
      if (lines_.number() == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
      if (line.empty()) continue;
      split(line);
      return true;
    }
    return false;
  }

  // Into fields_; those that quotes change are kept in unquoted_.
  void split(std::string_view line) {
    fields_.clear();
    unquoted_.clear();
    while (true) {
      const bool is_quoted = line.starts_with('"');
      fields_.push_back(is_quoted ? take_quoted(line) : line.substr(0, line.find(options_.separator)));
      if (!is_quoted) line.remove_prefix(fields_.back().size());
      if (line.empty()) return;
      if (line[0] != options_.separator) fail("text after a quoted field");
      line.remove_prefix(1);
    }
  }

  std::string_view take_quoted(std::string_view& line) {
    std::string text;
    line.remove_prefix(1);
    while (true) {
      const size_t quote = line.find('"');
      if (quote == std::string_view::npos) fail("a quote that does not end in its line");
      text += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      if (!line.starts_with('"')) break;
      text += '"';
      line.remove_prefix(1);
    }
    unquoted_.push_back(std::make_unique<std::string>(std::move(text)));
    return *unquoted_.back();
  }

  // What each column that is read is called, and which field it is.
  void choose_columns() {
    for (size_t i = 0; i < fields_.size(); ++i)
      all_.push_back(options_.header ? std::string(fields_[i]) : std::to_string(i));
    names_ = options_.columns.empty() ? all_ : options_.columns;
    for (const std::string& column : names_) {
      const auto found = std::find(all_.begin(), all_.end(), column);
      if (found == all_.end())
        fail(fmt::format("no column is called '{}', only {}", column, quoted_list(all_)));
      chosen_.push_back(static_cast<size_t>(found - all_.begin()));
    }
  }

  template <typename T>
  T number(size_t field) const {
    std::string_view text = fields_[field];
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    T value = 0;
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
      fail(fmt::format("column '{}': '{}' does not fit {}", all_[field], text, name(options_.type)));
    if (error != std::errc() || end != text.data() + text.size())
      fail(fmt::format("column '{}': '{}' is no number", all_[field], text));
    return value;
  }

  template <typename T>
  Csv read_as() {
    bool has_line = next_line();
    if (!has_line) throw Error(fmt::format("{}: no lines", path_));
    choose_columns();
    if (options_.header) has_line = next_line();
    std::vector<T> values;
    for (; has_line; has_line = next_line()) {
      if (fields_.size() != all_.size())
        fail(fmt::format("{} columns, where the first line has {}", fields_.size(), all_.size()));
      for (const size_t field : chosen_) values.push_back(number<T>(field));
    }
    const auto columns = static_cast<int64_t>(names_.size());
    return {std::move(names_), Array::from(values, {static_cast<int64_t>(values.size()) / columns, columns})};
  }

  const std::string& path_;
  const CsvOptions& options_;
  Lines lines_;
  std::vector<std::string_view> fields_;
  std::vector<std::unique_ptr<std::string>> unquoted_;
  std::vector<std::string> all_;    // what the columns of the file are called
  std::vector<std::string> names_;  // and those that are read,
  std::vector<size_t> chosen_;      // which are these
};

}  // namespace

Array Csv::column(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw Error(fmt::format("no column is called '{}', only {}", name, quoted_list(names)));
  }
  const int64_t rows = values.shape()[0], columns = values.shape()[1];
  Array column(values.dtype(), {rows});
  const size_t bytes = runtime::size_in_bytes(values.host().dtype());
  const auto* from =
      static_cast<const std::byte*>(values.host().raw()) + static_cast<size_t>(found - names.begin()) * bytes;
  runtime::HostTensor to = column.host();
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(static_cast<std::byte*>(to.raw()) + static_cast<size_t>(row) * bytes,
                from + static_cast<size_t>(row * columns) * bytes, bytes);
  }
  return column;
}

Csv load_csv(const std::string& path, const CsvOptions& options) {
  return translated([&] { return CsvReader(path, options).read(); });
}

}  // namespace sinter
