#include "ir/graph/attribute_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/error.h"

namespace sinter::graph {
namespace {

enum class AttributeType : uint8_t { integer, small, smalls, number, numbers, flag, text, dtype };
enum class Presence : uint8_t { required, optional };

struct AttributeRule {
  std::string_view name;
  AttributeType type;
  Presence presence = Presence::required;
};

std::span<const AttributeRule> rules_of(OpCode code) {
  using enum AttributeType;
  using enum Presence;
  using Rules = std::vector<AttributeRule>;
  switch (code) {
#define SINTER_ATTRIBUTES(op, ...)         \
  case OpCode::op: {                       \
    static const Rules rules{__VA_ARGS__}; \
    return rules;                          \
  }
#include "ir/graph/attributes.def"
#undef SINTER_ATTRIBUTES
  }
  throw InternalError("no op has this code");
}

// In the order of AttributeType.
constexpr std::string_view kDescriptions[] = {
    "an integer",
    "an integer below 2^31",
    "a list of integers below 2^31",
    "a number",
    "a list of integers or of numbers",
    "true or false",
    "a string",
    "an element type",
};

bool is_small(int64_t value) {
  constexpr int64_t kBound = int64_t{1} << 31;
  return value > -kBound && value < kBound;
}

bool fits(const Attribute& attribute, AttributeType type) {
  const int64_t* integer = std::get_if<int64_t>(&attribute);
  const auto* integers = std::get_if<std::vector<int64_t>>(&attribute);
  switch (type) {
    case AttributeType::integer:
      return integer != nullptr;
    case AttributeType::small:
      return integer != nullptr && is_small(*integer);
    case AttributeType::smalls:
      return integers != nullptr && std::all_of(integers->begin(), integers->end(), is_small);
    case AttributeType::number:
      return integer != nullptr || std::holds_alternative<double>(attribute);
    case AttributeType::numbers:
      return integers != nullptr || std::holds_alternative<std::vector<double>>(attribute);
    case AttributeType::flag:
      return std::holds_alternative<bool>(attribute);
    case AttributeType::text:
      return std::holds_alternative<std::string>(attribute);
    case AttributeType::dtype:
      return std::holds_alternative<DType>(attribute);
  }
  return false;
}

}  // namespace

void check_attributes(OpCode code, const Attributes& attributes) {
  const auto rules = rules_of(code);
  for (const AttributeRule& rule : rules) {
    const Attribute* attribute = attributes.find(rule.name);
    if (attribute == nullptr && rule.presence == Presence::required) {
      throw GraphError(fmt::format("{}: the attribute '{}' is missing", name(code), rule.name));
    }
    if (attribute != nullptr && !fits(*attribute, rule.type)) {
      throw GraphError(fmt::format("{}: the attribute '{}' must be {}", name(code), rule.name,
                                   kDescriptions[static_cast<size_t>(rule.type)]));
    }
  }
  if (code == OpCode::kernel) return;
  for (const auto& [key, attribute] : attributes) {
    const bool known =
        std::any_of(rules.begin(), rules.end(), [&](const AttributeRule& rule) { return rule.name == key; });
    if (!known) throw GraphError(fmt::format("{}: knows no attribute '{}'", name(code), key));
  }
}

}  // namespace sinter::graph
