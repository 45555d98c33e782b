#include <cxxabi.h>
#include <fmt/format.h>
#include <sinter/nn/summary.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "frontend/base/convert.h"

namespace sinter::nn {
namespace {

// "Linear" of sinter::nn::Linear.
std::string class_of(const Module& module) {
  const char* mangled = typeid(module).name();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  const std::string whole = status == 0 ? plain.get() : mangled;
  const size_t end = whole.find('<'), colon = whole.rfind(':', end);
  return colon == std::string::npos ? whole : whole.substr(colon + 1);
}

std::string with_commas(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

}  // namespace

std::string summary(const Module& model) {
  std::vector<std::array<std::string, 5>> lines;
  int64_t elements = 0, trainable = 0, bytes = 0;
  for (const Parameter* parameter : model.parameters()) {
    const int64_t count = element_count(parameter->shape());
    elements += count;
    bytes += count * graph::size_in_bytes(to_graph(parameter->dtype()));
    if (parameter->trainable()) trainable += count;
    lines.push_back({parameter->path(), class_of(parameter->owner()),
                     to_string(parameter->dtype(), parameter->shape()), with_commas(count),
                     parameter->trainable() ? "" : "frozen"});
  }
  std::array<size_t, 5> widths{};
  for (const auto& line : lines) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row = fmt::format("{:{}}  {:{}}  {:{}}  {:>{}}  {}", line[0], widths[0], line[1], widths[1],
                                  line[2], widths[2], line[3], widths[3], line[4]);
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text + fmt::format("{} parameters, {} elements, {} of them trainable, {:.1f} KiB\n", lines.size(),
                            with_commas(elements), with_commas(trainable), static_cast<double>(bytes) / 1024);
}

}  // namespace sinter::nn
