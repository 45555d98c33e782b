#pragma once

#include <fmt/format.h>
#include <sinter/error.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/file.h"

namespace sinter {

// The lines of a part of a file, of which one piece is in memory.
class Lines {
 public:
  // Where a line begins.
  struct Place {
    uint64_t offset = 0;
    int64_t lines = 0;  // before it
  };

  Lines(const runtime::ReadableFile& file, Place from, uint64_t end)
      : file_(&file), number_(from.lines), read_(from.offset), end_(end) {}

  // False at the end. The line lasts until the next call.
  bool next(std::string_view& line) {
    size_t end = buffer_.find('\n', begin_);
    while (end == std::string::npos && read_ < end_) {
      const size_t searched = buffer_.size() - begin_;
      buffer_.erase(0, std::exchange(begin_, 0));
      const size_t size = std::min<uint64_t>(kPiece, end_ - read_);
      buffer_.resize(searched + size);
      file_->read(read_, size, buffer_.data() + searched);
      read_ += size;
      end = buffer_.find('\n', searched);
    }
    if (begin_ == buffer_.size()) return false;
    place_ = {read_ - (buffer_.size() - begin_), number_};
    const size_t stop = std::min(end, buffer_.size());
    line = std::string_view(buffer_).substr(begin_, stop - begin_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin_ = end == std::string::npos ? stop : stop + 1;
    ++number_;
    return true;
  }
  int64_t number() const { return number_; }
  Place place() const { return place_; }  // of the line

 private:
  static constexpr size_t kPiece = size_t{1} << 20;

  const runtime::ReadableFile* file_;
  std::string buffer_;
  size_t begin_ = 0;  // of the next line in it
  int64_t number_;
  uint64_t read_, end_;
  Place place_;
};

// The fields of one line after the other; empty ones are passed over.
class CsvLines {
 public:
  using Place = Lines::Place;

  CsvLines(const runtime::ReadableFile& file, char separator) : CsvLines(file, separator, {}, file.size()) {}
  CsvLines(const runtime::ReadableFile& file, char separator, Place from, uint64_t end)
      : path_(file.path()), separator_(separator), lines_(file, from, end) {}

  bool next() {
    std::string_view line;
    while (lines_.next(line)) {
      if (lines_.number() == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
      if (line.empty()) continue;
      split(line);
      return true;
    }
    return false;
  }
  const std::vector<std::string_view>& fields() const { return fields_; }
  Place place() const { return lines_.place(); }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(fmt::format("{}:{}: {}", path_, lines_.number(), what));
  }

 private:
  // Into fields_; those that quotes change are kept in unquoted_.
  void split(std::string_view line) {
    fields_.clear();
    unquoted_.clear();
    while (true) {
      const bool is_quoted = line.starts_with('"');
      fields_.push_back(is_quoted ? take_quoted(line) : line.substr(0, line.find(separator_)));
      if (!is_quoted) line.remove_prefix(fields_.back().size());
      if (line.empty()) return;
      if (line[0] != separator_) fail("text after a quoted field");
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

  const std::string& path_;
  char separator_;
  Lines lines_;
  std::vector<std::string_view> fields_;
  std::vector<std::unique_ptr<std::string>> unquoted_;
};

}  // namespace sinter
