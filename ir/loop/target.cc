#include "ir/loop/target.h"

#include <fmt/format.h>

#include <string_view>

namespace sinter::loop {
namespace {

std::string text(Target::Kind kind) {
  switch (kind) {
    case Target::Kind::cpu:
      return "cpu";
    case Target::Kind::gpu:
      return "gpu";
    case Target::Kind::gpu_on_cpu:
      return "gpu_on_cpu";
  }
  return {};
}
std::string text(const std::string& value) {
  return fmt::format("'{}'", value);
}
std::string text(bool value) {
  return value ? "yes" : "no";
}
std::string text(int64_t value) {
  return value == INT64_MAX ? "unlimited" : fmt::format("{}", value);
}

}  // namespace

std::string identity(const Target& target) {
  std::string result;
#define SINTER_TARGET_FIELD(type, name, value, what) \
  result += fmt::format("{}={};", #name, text(target.name));
#include "ir/loop/target.def"
#undef SINTER_TARGET_FIELD
  return result;
}

std::string print(const Target& target) {
  std::string result;
#define SINTER_TARGET_FIELD(type, name, value, what) \
  result += fmt::format("{:<20} {:<12} {}\n", #name, text(target.name), what);
#include "ir/loop/target.def"
#undef SINTER_TARGET_FIELD
  return result;
}

}  // namespace sinter::loop
