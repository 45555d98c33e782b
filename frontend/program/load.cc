#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/program.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "frontend/base/convert.h"
#include "frontend/base/names.h"
#include "frontend/base/state_file.h"
#include "frontend/base/translate.h"
#include "frontend/program/name_map.h"
#include "frontend/program/program_state.h"
#include "runtime/safetensors.h"
#include "runtime/stored.h"

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
  if (rule.state.all().empty()) throw Error(fmt::format("load: '{}' is no state", rule.tensor));
  for (const std::string& state : rule.state.all()) {
    if (stars(state) <= stars(rule.tensor)) continue;
    throw Error(fmt::format("load: '{}' has more '*' than '{}'", state, rule.tensor));
  }
  if (rule.axis < 0)
    throw Error(fmt::format("load: axis of '{}' must not be negative, got {}", rule.tensor, rule.axis));
  std::vector<int64_t> sorted = rule.transpose, axes(sorted.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (sorted != axes) {
    throw Error(fmt::format("load: transpose of '{}' names each axis once: {{1, 0}}", rule.tensor));
  }
}

// Elements `begin` to `end` along an axis.
HostTensor cut(const HostTensor& tensor, int64_t axis, int64_t begin, int64_t end) {
  Shape shape = tensor.shape();
  int64_t outer = 1, inner = static_cast<int64_t>(size_in_bytes(tensor.dtype()));
  for (int64_t i = 0; i < axis; ++i) outer *= shape[static_cast<size_t>(i)];
  for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  int64_t& extent = shape[static_cast<size_t>(axis)];
  const int64_t whole = std::exchange(extent, end - begin);
  HostTensor part(tensor.dtype(), shape);
  for (int64_t i = 0; i < outer; ++i) {
    std::memcpy(static_cast<std::byte*>(part.raw()) + i * (end - begin) * inner,
                static_cast<const std::byte*>(tensor.raw()) + (i * whole + begin) * inner,
                static_cast<size_t>((end - begin) * inner));
  }
  return part;
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

// The tensors of a file, as the states that they are.
class Loading {
 public:
  Loading(const std::string& path, const LoadOptions& options, const StateTable& table)
      : path_(path), options_(options), table_(table) {}

  void take(const std::string& name, const HostTensor& tensor) {
    for (const LoadName& rule : options_.names) {
      std::vector<std::string> states;
      for (const std::string& pattern : rule.state.all()) {
        if (const auto mapped = mapped_name(name, rule.tensor, pattern)) states.push_back(*mapped);
      }
      if (states.empty()) continue;
      if (states.size() == 1) return put(states[0], name, tensor, rule.transpose);
      return split(states, name, tensor, rule);
    }
    put(name, name, tensor, {});
  }

  // What was not taken too. Throws Error where that may not be.
  LoadReport report() && {
    for (const StateEntry& entry : table_.entries()) {
      const auto source = sources_.find(entry.name);
      if (source == sources_.end()) {
        report_.missing.push_back(entry.name);
      } else if (values_.contains(entry.name)) {
        report_.loaded.push_back({entry.name, source->second});
      }
    }
    std::string fault;
    if (!options_.ignore_missing && !report_.missing.empty()) {
      fault =
          fmt::format("{} {} missing", listed(report_.missing), report_.missing.size() == 1 ? "is" : "are");
    }
    if (!options_.ignore_unknown && !report_.unknown.empty()) {
      fault += fmt::format("{}the program has no {}", fault.empty() ? "" : ", and ", listed(report_.unknown));
    }
    if (!fault.empty()) throw Error(fmt::format("{}: {}", path_, fault));
    return std::move(report_);
  }

  const std::map<std::string, HostTensor>& values() const { return values_; }

 private:
  void put(const std::string& state, const std::string& name, const HostTensor& tensor,
           const std::vector<int64_t>& transpose) {
    const StateEntry* entry = table_.find(state);
    if (entry == nullptr) {
      report_.unknown.push_back(name);
      return;
    }
    if (const auto [other, is_new] = sources_.emplace(state, name); !is_new) {
      throw Error(
          fmt::format("{}: tensors '{}' and '{}' are both state '{}'", path_, other->second, name, state));
    }
    const std::string type = to_string(to_public(tensor.dtype()), tensor.shape());
    const std::string as = name == state ? "" : fmt::format(" as '{}'", name);
    if (!transpose.empty() && transpose.size() != tensor.shape().size()) {
      return mismatch(state, name,
                      fmt::format("state '{}': {}{} has not the {} axes of its transpose", state, type, as,
                                  transpose.size()));
    }
    HostTensor value = transpose.empty() ? tensor : translated([&] { return transposed(tensor, transpose); });
    if (entry->dtype == f32) value = runtime::widened(value);
    if (to_public(value.dtype()) != entry->dtype || value.shape() != entry->shape) {
      return mismatch(
          state, name,
          fmt::format("state '{}' is {}, got {}{}{}", state, to_string(entry->dtype, entry->shape), type, as,
                      transpose.empty() ? "" : ", which is transposed"));
    }
    values_.emplace(state, std::move(value));
  }

  // Each state gets as much as it is long along the axis.
  void split(const std::vector<std::string>& states, const std::string& name, const HostTensor& tensor,
             const LoadName& rule) {
    const auto rank = static_cast<int64_t>(tensor.shape().size());
    int64_t axis = rule.axis;  // of the states
    if (!rule.transpose.empty()) axis = std::ranges::find(rule.transpose, rule.axis) - rule.transpose.begin();
    std::vector<int64_t> ends = {0};
    for (const std::string& state : states) {
      const StateEntry* entry = table_.find(state);
      if (entry == nullptr) {
        report_.unknown.push_back(name);
        return;
      }
      const auto extents = static_cast<int64_t>(entry->shape.size());
      ends.push_back(ends.back() + (axis < extents ? entry->shape[static_cast<size_t>(axis)] : 0));
    }
    const int64_t whole = rule.axis < rank ? tensor.shape()[static_cast<size_t>(rule.axis)] : 0;
    if (rule.axis >= rank || whole != ends.back()) {
      const std::string what = fmt::format("tensor '{}', {}, has {} along axis {}, its {} have {}", name,
                                           to_string(to_public(tensor.dtype()), tensor.shape()), whole,
                                           rule.axis, listed(states), ends.back());
      for (const std::string& state : states) {
        sources_.emplace(state, name);
        mismatch(state, name, what);
      }
      return;
    }
    for (size_t i = 0; i < states.size(); ++i)
      put(states[i], name, cut(tensor, rule.axis, ends[i], ends[i + 1]), rule.transpose);
  }

  void mismatch(const std::string& state, const std::string& name, const std::string& what) {
    if (!options_.ignore_mismatched) throw Error(fmt::format("{}: {}", path_, what));
    report_.mismatched.push_back({state, name, what});
  }

  const std::string& path_;
  const LoadOptions& options_;
  const StateTable& table_;
  LoadReport report_;
  std::map<std::string, std::string> sources_;  // of the states: the tensors' names
  std::map<std::string, HostTensor> values_;
};

}  // namespace

LoadReport Program::load(const std::string& path, const LoadOptions& options) {
  state_->check_compiled("load");
  for (const LoadName& rule : options.names) check_rule(rule);
  const runtime::SafetensorsFile file = translated([&] { return runtime::read_safetensors(path); });
  Loading loading(path, options, state_->table);
  for (const auto& [name, tensor] : file.tensors) loading.take(name, tensor);
  const std::map<std::string, HostTensor> values = loading.values();
  LoadReport report = std::move(loading).report();
  report.metadata = file.metadata;

  const std::optional<uint32_t> step = translated([&] { return step_in(file.metadata, path); });
  state_->shared.writing([&](runtime::StateStore& store, auto& now) {
    for (const auto& [state, value] : values) {
      if (state_->keeps(state)) store.set(state, value);
    }
    if (step) now = *step;
  });
  return report;
}

}  // namespace sinter
