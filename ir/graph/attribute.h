#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/graph/type.h"

namespace sinter::graph {

using Attribute =
    std::variant<int64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>, DType>;

// What an op is told besides its operands: few, named, kept in the order of their names.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string_view, Attribute>> entries);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Attribute* find(std::string_view name) const;
  void set(std::string_view name, Attribute value);
  void erase(std::string_view name);

  // The value under `name`; an InternalError where there is none or it has another type, since the verifier
  // has seen every op before anything reads it.
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;  // an integer reads as a number too
  bool flag(std::string_view name) const;      // false where there is none
  const std::string& text(std::string_view name) const;
  const std::vector<int64_t>& integers(std::string_view name) const;
  DType dtype(std::string_view name) const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }
  bool operator==(const Attributes&) const = default;

 private:
  std::vector<std::pair<std::string, Attribute>> entries_;
};

}  // namespace sinter::graph
