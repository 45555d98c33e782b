#include "backends/reference/non_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "backends/reference/applied.h"
#include "backends/reference/indexing.h"
#include "backends/reference/scalar.h"
#include "runtime/executable.h"

namespace sinter::reference {
namespace {

using graph::Op;
using graph::OpCode;
using graph::OpKind;
using runtime::DType;
using Tensors = std::vector<HostTensor>;

enum class Kind : uint8_t { nan, up, down };

Kind kind_of(double value) {
  if (std::isnan(value)) return Kind::nan;
  return value > 0 ? Kind::up : Kind::down;
}

std::vector<double> as_numbers(const HostTensor& tensor) {
  std::vector<double> result;
  result.reserve(static_cast<size_t>(tensor.size()));
  with_type(tensor.dtype(), [&]<typename T>() {
    for (T value : tensor.values<T>()) result.push_back(static_cast<double>(value));
  });
  return result;
}

// A NaN has no sign that means anything.
std::string name_of(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

bool is_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

std::string range_of(const HostTensor& tensor) {
  double least = std::numeric_limits<double>::infinity(), greatest = -least;
  std::set<std::string> others;
  for (double value : as_numbers(tensor)) {
    if (!std::isfinite(value)) {
      others.insert(name_of(value));
      continue;
    }
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  std::string text = to_string(tensor.dtype(), tensor.shape());
  if (least <= greatest) text += fmt::format(" from {:.9g} to {:.9g}", least, greatest);
  for (const std::string& other : others) text += ", with " + other;
  return text;
}

// What an element that is not finite goes back to, as far as it is known.
struct Source {
  int32_t birth = 0;
  bool is_nan = false;
  // What counts first is less.
  std::tuple<int, bool, int32_t> rank = {};
};

class Sources {
 public:
  Sources(const Invocation& invocation, std::span<const HostTensor> operands,
          const std::vector<Birth>& births, const std::vector<double>& results)
      : i_(invocation), operands_(operands), births_(births), results_(results), found_(results.size()) {}

  std::vector<Source> find(Kernel kernel) {
    for (const HostTensor& in : i_.in)
      values_.push_back(is_floating(in) ? as_numbers(in) : std::vector<double>());
    const OpKind kind = i_.op.kind();
    switch (i_.op.code) {
      case OpCode::top_k:
      case OpCode::sort:
        from_order();
        break;
      case OpCode::scatter_add:
      case OpCode::fold:
      case OpCode::cumsum:
        from_terms(kernel);
        break;
      default:
        if (kind == OpKind::reduction || kind == OpKind::contraction) {
          from_terms(kernel);
        } else if (kind == OpKind::elementwise || kind == OpKind::check) {
          from_same();
        } else {
          from_moved(kernel);
        }
    }
    return std::move(found_);
  }

 private:
  bool has(size_t operand) const { return operands_[operand].defined(); }
  int32_t birth_at(size_t operand, size_t n) const { return operands_[operand].data<int32_t>()[n]; }

  void offer(size_t n, int32_t birth, Kind kind) {
    if (birth == 0 || std::isfinite(results_[n])) return;
    const bool is_nan = kind == Kind::nan;
    const int order = kind == kind_of(results_[n]) ? 0 : is_nan ? 2 : 1;
    const std::tuple<int, bool, int32_t> rank = {order, births_[static_cast<size_t>(birth) - 1].is_intended,
                                                 birth};
    Source& source = found_[n];
    if (source.birth == 0 || rank < source.rank) source = {birth, is_nan, rank};
  }

  void from_same() {
    for (size_t operand = 0; operand < operands_.size(); ++operand) {
      if (!has(operand)) continue;
      const bool* chosen = i_.op.code == OpCode::select ? i_.in[0].data<bool>() : nullptr;
      for (size_t n = 0; n < results_.size(); ++n) {
        if (chosen != nullptr && operand != (chosen[n] ? 1 : 2)) continue;
        offer(n, birth_at(operand, n), kind_of(values_[operand][n]));
      }
    }
  }

  void from_moved(Kernel kernel) {
    Tensors in;
    for (size_t operand = 0; operand < operands_.size(); ++operand) {
      if (has(operand)) {
        in.push_back(operands_[operand]);
      } else {
        in.push_back(is_floating(i_.in[operand]) ? HostTensor(DType::i32, i_.in[operand].shape())
                                                 : i_.in[operand]);
      }
    }
    const HostTensor moved = applied(i_, kernel, in, DType::i32);
    for (size_t n = 0; n < results_.size(); ++n) offer(n, moved.data<int32_t>()[n], kind_of(results_[n]));
  }

  // Of top_k and sort, which say where each element stood in its row.
  void from_order() {
    if (!has(0)) return;
    const auto length = static_cast<size_t>(i_.in[0].shape().back()),
               kept = static_cast<size_t>(i_.out[0].shape().back());
    for (size_t n = 0; n < results_.size(); ++n) {
      const size_t from = n / kept * length + static_cast<size_t>(i_.out[1].data<int32_t>()[n]);
      offer(n, birth_at(0, from), kind_of(results_[n]));
    }
  }

  // The op tells by itself which terms are whose: it is run on ones where the terms of a birth are, and
  // zeros.
  void from_terms(Kernel kernel) {
    for (size_t operand = 0; operand < operands_.size(); ++operand) {
      if (!has(operand)) continue;
      std::set<std::pair<int32_t, Kind>> births;
      const std::vector<double>& values = values_[operand];
      for (size_t n = 0; n < values.size(); ++n) {
        if (const int32_t birth = birth_at(operand, n)) births.emplace(birth, kind_of(values[n]));
      }
      for (const auto& [birth, kind] : births) {
        HostTensor mark(DType::f64, i_.in[operand].shape());
        for (size_t n = 0; n < values.size(); ++n) {
          const bool is_its = birth_at(operand, n) == birth && kind_of(values[n]) == kind;
          if (is_its) mark.data<double>()[n] = i_.op.code == OpCode::reduce_min ? -1 : 1;
        }
        const HostTensor reached = applied(i_, kernel, beside(operand, mark));
        for (size_t n = 0; n < results_.size(); ++n) {
          if (reached.data<double>()[n] != 0) offer(n, birth, kind);
        }
      }
    }
  }

  // The operands with this one for another, factors of one and terms of zero for the rest.
  Tensors beside(size_t operand, const HostTensor& mark) const {
    Tensors in;
    for (size_t other = 0; other < i_.in.size(); ++other) {
      const HostTensor& given = i_.in[other];
      if (other == operand) {
        in.push_back(mark);
      } else if (!is_floating(given)) {
        in.push_back(given);
      } else {
        HostTensor rest(DType::f64, given.shape());
        std::fill_n(rest.data<double>(), rest.size(), i_.op.code == OpCode::contract ? 1 : 0);
        in.push_back(rest);
      }
    }
    return in;
  }

  const Invocation& i_;
  std::span<const HostTensor> operands_;
  const std::vector<Birth>& births_;
  const std::vector<double>& results_;
  std::vector<std::vector<double>> values_;  // of the operands
  std::vector<Source> found_;
};

void count(Birth& birth, double value, const Shape& shape, size_t at) {
  if (birth.position.empty()) birth.position = runtime::position_text(shape, static_cast<int64_t>(at));
  ++birth.bad;
  const std::string text = name_of(value);
  if ((" " + birth.values + " ").find(" " + text + " ") != std::string::npos) return;
  birth.values += (birth.values.empty() ? "" : " and ") + text;
}

// The op as a person would look for it, and all that runs it.
void place(const Op& op, const Frame& frame, Birth& birth) {
  birth.what = graph::name(op.code);
  for (const Frame* at = &frame; at->caller != nullptr; at = at->outer) {
    const Op& caller = *at->caller;
    if (caller.kind() == OpKind::composite && birth.within.empty()) {
      birth.what += fmt::format(" of {}", graph::name(caller.code));
    } else if (caller.code == OpCode::scan) {
      birth.within.push_back(fmt::format("step {} of the scan over '{}'{}", at->turn, at->function.name(),
                                         graph::at(caller.location)));
    } else if (caller.code == OpCode::call) {
      birth.within.push_back(
          fmt::format("a call of '{}'{}", at->function.name(), graph::at(caller.location)));
    }
  }
  birth.where = graph::to_string(op.location);
}

}  // namespace

int32_t NonFinites::add(Birth birth) {
  births_.push_back(std::move(birth));
  return static_cast<int32_t>(births_.size());
}

HostTensor NonFinites::given(const HostTensor& value, const std::string& name) {
  if (!is_floating(value)) return {};
  const std::vector<double> values = as_numbers(value);
  if (is_finite(values)) return {};
  HostTensor origins(DType::i32, value.shape());
  std::map<bool, int32_t> births;  // of NaNs, of infinities
  for (size_t n = 0; n < values.size(); ++n) {
    if (std::isfinite(values[n])) continue;
    const bool is_intended = !std::isnan(values[n]);
    int32_t& birth = births[is_intended];
    if (birth == 0) {
      birth = add({.is_intended = is_intended,
                   .what = name,
                   .type = to_string(value.dtype(), value.shape()),
                   .elements = value.size()});
    }
    count(births_[static_cast<size_t>(birth) - 1], values[n], value.shape(), n);
    origins.data<int32_t>()[n] = birth;
  }
  return origins;
}

Birth NonFinites::born(const Invocation& i, const Frame& frame) const {
  Birth birth;
  place(i.op, frame, birth);
  birth.is_of_gradient = of_gradients_.contains(&i.op);
  for (const Frame* at = &frame; at->caller != nullptr; at = at->outer)
    birth.is_of_gradient = birth.is_of_gradient || of_gradients_.contains(at->caller);
  birth.type = to_string(i.out[0].dtype(), i.out[0].shape());
  birth.elements = i.out[0].size();
  for (size_t n = 0; n < i.in.size(); ++n)
    birth.operands.push_back({origin(i.op.operands[n], frame), range_of(i.in[n])});
  return birth;
}

std::vector<HostTensor> NonFinites::follow(const Invocation& i, Kernel kernel,
                                           std::span<const HostTensor> operands, const Frame& frame) {
  std::vector<HostTensor> results(i.out.size());
  if (i.out.empty() || !is_floating(i.out[0])) return results;
  const std::vector<double> values = as_numbers(i.out[0]);
  if (is_finite(values)) return results;

  std::vector<Source> sources(values.size());
  if (std::ranges::any_of(operands, [](const HostTensor& origins) { return origins.defined(); }))
    sources = Sources(i, operands, births_, values).find(kernel);
  const bool writes_it_down = i.op.code == OpCode::constant || i.op.code == OpCode::pad;
  std::map<std::pair<int32_t, bool>, int32_t> births;  // by their cause, and whether they are intended
  results[0] = HostTensor(DType::i32, i.out[0].shape());
  for (size_t n = 0; n < values.size(); ++n) {
    if (std::isfinite(values[n])) continue;
    const Source& source = sources[n];
    int32_t number = source.birth;
    if (number == 0 || (std::isnan(values[n]) && !source.is_nan)) {
      const bool is_intended = writes_it_down && !std::isnan(values[n]);
      int32_t& birth = births[{source.birth, is_intended}];
      if (birth == 0) {
        birth = add(born(i, frame));
        births_.back().cause = source.birth;
        births_.back().is_intended = is_intended;
      }
      number = birth;
      count(births_[static_cast<size_t>(number) - 1], values[n], i.out[0].shape(), n);
    }
    results[0].data<int32_t>()[n] = number;
  }
  return results;
}

void NonFinites::add_result(const std::string& name, const HostTensor& value, const HostTensor& origins) {
  if (!origins.defined()) return;
  const std::vector<double> values = as_numbers(value);
  std::set<int32_t> seen;
  for (size_t n = 0; n < values.size(); ++n) {
    const int32_t birth = origins.data<int32_t>()[n];
    if (birth == 0 || !seen.insert(birth).second) continue;
    results_.push_back(
        {name, name_of(values[n]), runtime::at_position(value.shape(), static_cast<int64_t>(n)), birth});
  }
}

// From the first that is not intended, if one is, to the birth.
std::vector<int32_t> NonFinites::line_of(int32_t birth) const {
  std::vector<int32_t> line = {birth};
  while (true) {
    const int32_t cause = births_[static_cast<size_t>(line.back()) - 1].cause;
    if (cause == 0 || births_[static_cast<size_t>(cause) - 1].is_intended) break;
    line.push_back(cause);
  }
  std::ranges::reverse(line);
  return line;
}

std::optional<NonFiniteResult> NonFinites::first() const {
  const Result* found = nullptr;
  std::vector<int32_t> line;
  const auto rank = [&](int32_t birth) {
    return std::pair(births_[static_cast<size_t>(birth) - 1].is_intended, birth);
  };
  for (const Result& result : results_) {
    std::vector<int32_t> its = line_of(result.birth);
    if (found != nullptr && rank(line.front()) <= rank(its.front())) continue;
    found = &result;
    line = std::move(its);
  }
  if (found == nullptr) return {};
  NonFiniteResult result{found->name, found->value, found->at, {}};
  for (int32_t birth : line) result.births.push_back(births_[static_cast<size_t>(birth) - 1]);
  return result;
}

}  // namespace sinter::reference
