#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>

#include "frontend/base/convert.h"
#include "frontend/base/names.h"
#include "frontend/base/translate.h"
#include "frontend/program/name_map.h"
#include "frontend/program/program_state.h"
#include "runtime/safetensors.h"

namespace sinter {
namespace {

using runtime::HostTensor;

// Axis i of the result is axis permutation[i] of `tensor`.
HostTensor transposed(const HostTensor& tensor, const std::vector<int64_t>& permutation) {
  const size_t rank = permutation.size();
  Shape shape;
  std::vector<int64_t> strides(rank, 1);  // of the tensor, then of the result's axes in it
  for (size_t axis = rank; axis-- > 1;) strides[axis - 1] = strides[axis] * tensor.shape()[axis];
  std::vector<int64_t> steps;
  for (int64_t axis : permutation) {
    shape.push_back(tensor.shape()[static_cast<size_t>(axis)]);
    steps.push_back(strides[static_cast<size_t>(axis)]);
  }
  HostTensor result(tensor.dtype(), shape);
  const size_t bytes = size_in_bytes(tensor.dtype());
  const auto* from = static_cast<const std::byte*>(tensor.raw());
  auto* to = static_cast<std::byte*>(result.raw());
  std::vector<int64_t> index(rank, 0);
  int64_t place = 0;
  for (int64_t i = 0; i < result.size(); ++i) {
    std::memcpy(to, from + static_cast<size_t>(place) * bytes, bytes);
    to += bytes;
    for (size_t axis = rank; axis-- > 0;) {
      place += steps[axis];
      if (++index[axis] < shape[axis]) break;
      place -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

void check_rule(const LoadName& rule) {
  const auto stars = [](const std::string& pattern) {
    return std::count(pattern.begin(), pattern.end(), '*');
  };
  if (stars(rule.state) > stars(rule.tensor)) {
    throw Error(fmt::format("load: '{}' has more '*' than '{}'", rule.state, rule.tensor));
  }
  std::vector<int64_t> sorted = rule.transpose, axes(sorted.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (sorted != axes) {
    throw Error(fmt::format("load: transpose of '{}' names each axis once: {{1, 0}}", rule.tensor));
  }
}

uint32_t parse_step(const std::string& path, const std::string& text) {
  uint32_t step = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, step);
  if (error != std::errc() || stop != end) throw Error(fmt::format("{}: '{}' is no step", path, text));
  return step;
}

// "state 'a'", "states 'a', 'b' and 7 more"
std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 4;
  if (names.size() == 1) return fmt::format("state '{}'", names[0]);
  const std::vector<std::string> first(names.begin(), names.begin() + std::min(names.size(), kMost));
  const std::string rest =
      names.size() > kMost ? fmt::format(" and {} more", names.size() - kMost) : std::string();
  return fmt::format("states {}{}", quoted_list(first), rest);
}

}  // namespace

LoadReport Program::load(const std::string& path, const LoadOptions& options) {
  state_->check_compiled("load");
  for (const LoadName& rule : options.names) check_rule(rule);
  const runtime::SafetensorsFile file = translated([&] { return runtime::read_safetensors(path); });

  LoadReport report;
  std::map<std::string, std::string> sources;  // of the states: the tensors' names
  std::map<std::string, HostTensor> values;
  for (const auto& [name, tensor] : file.tensors) {
    std::string state = name;
    const std::vector<int64_t>* permutation = nullptr;
    for (const LoadName& rule : options.names) {
      const std::optional<std::string> mapped = mapped_name(name, rule.tensor, rule.state);
      if (!mapped) continue;
      state = *mapped;
      if (!rule.transpose.empty()) permutation = &rule.transpose;
      break;
    }
    const StateEntry* entry = state_->table.find(state);
    if (entry == nullptr) {
      report.unknown.push_back(name);
      continue;
    }
    if (const auto [other, is_new] = sources.emplace(state, name); !is_new) {
      throw Error(
          fmt::format("{}: tensors '{}' and '{}' are both state '{}'", path, other->second, name, state));
    }
    const std::string type = to_string(to_public(tensor.dtype()), tensor.shape());
    const std::string as = name == state ? "" : fmt::format(" as '{}'", name);
    if (permutation != nullptr && permutation->size() != tensor.shape().size()) {
      throw Error(fmt::format("{}: state '{}': {}{} has not the {} axes of its transpose", path, state, type,
                              as, permutation->size()));
    }
    HostTensor value =
        permutation == nullptr ? tensor : translated([&] { return transposed(tensor, *permutation); });
    if (to_public(value.dtype()) != entry->dtype || value.shape() != entry->shape) {
      throw Error(fmt::format("{}: state '{}' is {}, got {}{}{}", path, state,
                              to_string(entry->dtype, entry->shape), type, as,
                              permutation == nullptr ? "" : ", which is transposed"));
    }
    values.emplace(state, std::move(value));
  }
  for (const StateEntry& entry : state_->table.entries()) {
    const auto source = sources.find(entry.name);
    if (source == sources.end()) {
      report.missing.push_back(entry.name);
    } else {
      report.loaded.push_back({entry.name, source->second});
    }
  }
  std::string fault;
  if (!options.ignore_missing && !report.missing.empty()) {
    fault = fmt::format("{} {} missing", listed(report.missing), report.missing.size() == 1 ? "is" : "are");
  }
  if (!options.ignore_unknown && !report.unknown.empty()) {
    fault += fmt::format("{}the program has no {}", fault.empty() ? "" : ", and ", listed(report.unknown));
  }
  if (!fault.empty()) throw Error(fmt::format("{}: {}", path, fault));

  const auto text = file.metadata.find("step");
  const std::optional<uint32_t> step =
      text == file.metadata.end() ? std::nullopt : std::optional(parse_step(path, text->second));
  state_->writing([&](runtime::StateStore& store, auto& now) {
    for (const auto& [state, value] : values) store.set(state, value);
    if (step) now = *step;
  });
  return report;
}

}  // namespace sinter
