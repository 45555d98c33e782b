#include "passes/rows/row_place.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "ir/error.h"

namespace sinter::passes {
namespace {

using graph::Op;
using graph::OpCode;
using graph::Shape;

size_t as_size(int64_t number) {
  return static_cast<size_t>(number);
}

// The rule of one op.
class Rule {
 public:
  Rule(const Op& op, const std::vector<RowPlace>& operands, int64_t rows)
      : op_(op), operands_(operands), rows_(rows) {}

  RowPlace place() const {
    for (const RowPlace& operand : operands_) {
      if (operand.is_mixed()) return operand;
      if (operand.flat != 0 && !takes_places()) return mixed();
    }
    switch (op_.code) {
      case OpCode::constant:
        return uniform_along([&](size_t) { return op_.attributes.has("value"); });
      case OpCode::iota:
        return uniform_along([&](size_t axis) { return axis != attribute("axis"); });
      case OpCode::read:
        return uniform_along([](size_t) { return false; });
      case OpCode::random_bits:
      case OpCode::random_uniform:
      case OpCode::random_normal:
        return mixed();
      case OpCode::reduce_sum:
      case OpCode::reduce_max:
      case OpCode::reduce_min:
      case OpCode::argmax:
        return reduced();
      case OpCode::contract:
        return contracted();
      case OpCode::reshape:
        return reshaped();
      case OpCode::transpose:
        return moved([&](size_t axis) { return integers("permutation")[axis]; });
      case OpCode::broadcast:
        return broadcast();
      case OpCode::slice:
        return kept([&](size_t axis) {
          return integers("start")[axis] == 0 && integers("stride")[axis] == 1 && is_whole(axis);
        });
      case OpCode::pad:
        return padded();
      case OpCode::concat:
        return concatenated();
      case OpCode::reverse:
        return kept([&](size_t axis) { return std::ranges::count(integers("axes"), int64_t(axis)) == 0; });
      case OpCode::window:
        return windows();
      case OpCode::fold:
        return folded();
      case OpCode::gather:
        return gathered();
      case OpCode::dynamic_slice:
        return has_free_from(1) ? kept([&](size_t axis) { return is_whole(axis); }) : mixed();
      case OpCode::dynamic_update:
        return updated();
      case OpCode::sort:
      case OpCode::top_k:
        return ordered();
      case OpCode::cumsum:
        return along(attribute("axis"));
      case OpCode::flat_places:
        return flat_places();
      default:
        break;
    }
    const graph::OpKind kind = op_.kind();
    if (kind == graph::OpKind::elementwise || kind == graph::OpKind::check) return together(op_, operands_);
    // Scatters, and what comes later to the IR.
    const bool all_free = std::ranges::all_of(operands_, &RowPlace::is_free);
    return all_free ? uniform_along([](size_t) { return false; }) : mixed();
  }

 private:
  const Shape& shape() const { return op_.results[0].shape; }
  const Shape& shape(size_t operand) const { return op_.operands[operand].shape(); }
  const std::vector<int64_t>& integers(std::string_view name) const { return op_.attributes.integers(name); }
  size_t attribute(std::string_view name) const { return as_size(op_.attributes.integer(name)); }
  RowPlace mixed() const { return RowPlace::mixed(op_); }

  // Places are not of their row: another row has others. So they are for what moves or follows them.
  bool takes_places() const {
    switch (op_.code) {
      case OpCode::reshape:
      case OpCode::transpose:
      case OpCode::broadcast:
      case OpCode::slice:
      case OpCode::reverse:
      case OpCode::gather:
      case OpCode::check_index:
        return true;
      default:
        return false;
    }
  }
  bool is_whole(size_t axis) const { return shape()[axis] == shape(0)[axis]; }

  // A free value; what has one element along an axis is uniform there.
  template <typename Is>
  RowPlace uniform_along(Is is) const {
    RowPlace result;
    for (size_t axis = 0; axis < shape().size(); ++axis)
      result.uniform.push_back(shape()[axis] == 1 || is(axis));
    return result;
  }

  bool has_free_from(size_t first) const {
    return std::all_of(operands_.begin() + static_cast<long>(first), operands_.end(),
                       [](const RowPlace& operand) { return operand.is_free(); });
  }

  // The axes stay, and where `keeps` says so the elements along them stay where they are.
  template <typename Keeps>
  RowPlace kept(Keeps keeps) const {
    const RowPlace& x = operands_[0];
    if (x.is_rows()) return keeps(x.axis) ? x : mixed();
    return uniform_along([&](size_t axis) { return x.uniform[axis]; });
  }

  // Something is made of all that lies along one axis.
  RowPlace along(size_t axis) const {
    const RowPlace& x = operands_[0];
    if (x.is_rows()) return x.axis == axis ? mixed() : RowPlace::of_axis(x.axis, x.of_input);
    return uniform_along([&](size_t other) { return other != axis && x.uniform[other]; });
  }

  RowPlace ordered() const {
    const RowPlace all = together(op_, operands_);
    if (all.is_mixed()) return all;
    return Rule(op_, {all}, rows_).along(shape().size() - 1);
  }

  // Axis i of the result is axis from(i) of the operand.
  template <typename From>
  RowPlace moved(From from) const {
    const RowPlace& x = operands_[0];
    if (x.is_free()) return uniform_along([&](size_t axis) { return x.uniform[as_size(from(axis))]; });
    for (size_t axis = 0; axis < shape().size(); ++axis) {
      if (as_size(from(axis)) != x.axis) continue;
      RowPlace result = x;
      result.axis = axis;
      return result;
    }
    return mixed();
  }

  RowPlace reduced() const {
    std::vector<int64_t> left(shape(0).size());
    std::iota(left.begin(), left.end(), 0);
    std::erase_if(left, [&](int64_t axis) { return std::ranges::count(integers("axes"), axis) != 0; });
    return moved([&](size_t axis) { return left[axis]; });
  }

  RowPlace contracted() const {
    const auto dims = graph::ContractDims::parse(op_.attributes.text("dims"));
    const RowPlace &lhs = operands_[0], &rhs = operands_[1];
    const auto uniform = [](const RowPlace& side, const std::string& letters, char letter) {
      const size_t axis = letters.find(letter);
      return axis == std::string::npos || side.uniform[axis];
    };
    if (lhs.is_free() && rhs.is_free()) {
      return uniform_along([&](size_t axis) {
        const char letter = dims.result[axis];
        return uniform(lhs, dims.lhs, letter) && uniform(rhs, dims.rhs, letter);
      });
    }
    const char letter = lhs.is_rows() ? dims.lhs[lhs.axis] : dims.rhs[rhs.axis];
    if (dims.is_summed(letter)) return mixed();
    const auto fits = [&](const RowPlace& side, const std::string& letters) {
      if (side.is_rows()) return letters[side.axis] == letter;
      return uniform(side, letters, letter);
    };
    if (!fits(lhs, dims.lhs) || !fits(rhs, dims.rhs)) return mixed();
    return RowPlace::of_axis(dims.result.find(letter), lhs.of_input || rhs.of_input);
  }

  static int64_t elements_before(const Shape& shape, size_t axis) {
    return std::accumulate(shape.begin(), shape.begin() + static_cast<long>(axis), int64_t{1},
                           std::multiplies<>());
  }

  // A row stays one piece where as many elements lie before its axis: the rest is divided alike then.
  std::optional<size_t> reshaped_axis(size_t from) const {
    const int64_t before = elements_before(shape(0), from);
    for (size_t axis = 0; axis < shape().size(); ++axis) {
      if (elements_before(shape(), axis) == before && shape()[axis] % rows_ == 0 && shape()[axis] > 0)
        return axis;
    }
    return std::nullopt;
  }

  RowPlace reshaped() const {
    const RowPlace& x = operands_[0];
    if (x.is_rows()) {
      const std::optional<size_t> axis = reshaped_axis(x.axis);
      if (!axis) return mixed();
      RowPlace result = x;
      result.axis = *axis;
      return result;
    }
    if (std::ranges::all_of(x.uniform, [](bool is) { return is; }))
      return uniform_along([](size_t) { return true; });
    // Axes of 1 come and go.
    std::vector<size_t> from;
    for (size_t axis = 0; axis < shape(0).size(); ++axis) {
      if (shape(0)[axis] != 1) from.push_back(axis);
    }
    Shape left, own;
    std::ranges::copy_if(shape(0), std::back_inserter(left), [](int64_t extent) { return extent != 1; });
    std::ranges::copy_if(shape(), std::back_inserter(own), [](int64_t extent) { return extent != 1; });
    if (left == own) {
      size_t next = 0;
      return uniform_along([&](size_t axis) { return shape()[axis] == 1 || x.uniform[from[next++]]; });
    }
    // What is the same for each row stays so, but cannot be told by one axis any more.
    for (size_t axis = 0; axis < shape(0).size(); ++axis) {
      if (!x.uniform[axis] || shape(0)[axis] == 1 || shape(0)[axis] % rows_ != 0) continue;
      if (const std::optional<size_t> result = reshaped_axis(axis)) return RowPlace::of_axis(*result, false);
    }
    return uniform_along([](size_t) { return false; });
  }

  RowPlace broadcast() const {
    const std::vector<int64_t>& dims = integers("dims");
    const RowPlace& x = operands_[0];
    if (x.is_rows()) {
      RowPlace result = x;
      result.axis = as_size(dims[x.axis]);
      return result;
    }
    RowPlace result = uniform_along([](size_t) { return true; });
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      const size_t to = as_size(dims[axis]);
      result.uniform[to] = result.uniform[to] && x.uniform[axis];
      if (shape(0)[axis] == 1) result.uniform[to] = true;
    }
    return result;
  }

  RowPlace padded() const {
    const auto stays = [&](size_t axis) {
      return integers("low")[axis] == 0 && integers("high")[axis] == 0 && integers("interior")[axis] == 0;
    };
    const RowPlace& x = operands_[0];
    if (x.is_rows()) return stays(x.axis) ? RowPlace::of_axis(x.axis, x.of_input) : mixed();
    return uniform_along([&](size_t axis) { return stays(axis) && x.uniform[axis]; });
  }

  RowPlace concatenated() const {
    RowPlace all = together(op_, operands_);
    const size_t axis = attribute("axis");
    if (all.is_rows() && all.axis == axis) return mixed();
    if (all.is_free() && op_.operands.size() > 1) all.uniform[axis] = shape()[axis] == 1;
    return all;
  }

  RowPlace windows() const {
    const RowPlace& x = operands_[0];
    const size_t axis = attribute("axis"), last = shape().size() - 1;
    if (x.is_rows()) return x.axis == axis ? mixed() : x;
    return uniform_along([&](size_t other) { return x.uniform[other == last ? axis : other]; });
  }

  RowPlace folded() const {
    const RowPlace& x = operands_[0];
    const size_t axis = attribute("axis"), last = shape(0).size() - 1;
    if (x.is_rows())
      return x.axis == axis || x.axis == last ? mixed() : RowPlace::of_axis(x.axis, x.of_input);
    return uniform_along([&](size_t other) { return other != axis && x.uniform[other]; });
  }

  RowPlace gathered() const {
    const RowPlace &x = operands_[0], &indices = operands_[1];
    const size_t axis = attribute("axis"), rank = shape(1).size();
    if (x.is_free() && indices.is_free()) {
      return uniform_along([&](size_t other) {
        if (other < axis) return bool(x.uniform[other]);
        if (other < axis + rank) return x.uniform[axis] || indices.uniform[other - axis];
        return bool(x.uniform[other - rank + 1]);
      });
    }
    if (x.is_free()) {
      return indices.flat == 0 ? RowPlace::of_axis(axis + indices.axis, indices.of_input) : mixed();
    }
    if (indices.is_free()) {
      if (x.axis == axis) return mixed();
      RowPlace result = x;
      if (x.axis > axis) result.axis = x.axis + rank - 1;
      return result;
    }
    // Each place lies in its own row.
    const bool is_own = axis == 0 && x.axis == 0 && indices.flat != 0 && indices.flat * rows_ == shape(0)[0];
    return is_own ? RowPlace::of_axis(indices.axis, true) : mixed();
  }

  RowPlace updated() const {
    if (!has_free_from(2)) return mixed();
    const RowPlace all = together(op_, {operands_[0], operands_[1]});
    if (all.is_rows()) return shape(1)[all.axis] == shape(0)[all.axis] ? all : mixed();
    if (all.is_mixed()) return all;
    return uniform_along([&](size_t axis) { return all.uniform[axis] && shape(1)[axis] == shape(0)[axis]; });
  }

  // Places in a tensor of the operand's shape, but that axis `axis` of it has `extent` elements.
  RowPlace flat_places() const {
    const RowPlace& x = operands_[0];
    const bool leads = x.is_rows() ? x.axis == 0 : !shape().empty() && x.uniform[0] && shape()[0] != 1;
    const size_t axis = attribute("axis");
    if (!leads || axis == 0 || shape()[0] % rows_ != 0 || shape()[axis] == 0)
      return x.is_rows() ? mixed() : uniform_along([](size_t) { return false; });
    RowPlace result = RowPlace::of_axis(0, x.of_input);
    result.flat = op_.results[0].elements() / rows_ / shape()[axis] * op_.attributes.integer("extent");
    return result;
  }

  const Op& op_;
  const std::vector<RowPlace>& operands_;
  int64_t rows_;
};

}  // namespace

RowPlace together(const Op& op, const std::vector<RowPlace>& operands) {
  if (operands.empty()) return RowPlace::mixed(op);
  const auto first = std::ranges::find_if(operands, [](const RowPlace& place) { return !place.is_free(); });
  RowPlace result = first == operands.end() ? operands[0] : *first;
  if (result.is_mixed()) return result;
  for (const RowPlace& operand : operands) {
    if (operand.is_mixed()) return operand;
    if (operand.is_rows()) {
      if (operand.axis != result.axis || operand.flat != result.flat) return RowPlace::mixed(op);
      result.of_input = result.of_input || operand.of_input;
    } else if (result.is_rows()) {
      if (!operand.uniform[result.axis]) return RowPlace::mixed(op);
    } else {
      for (size_t axis = 0; axis < result.uniform.size(); ++axis)
        result.uniform[axis] = result.uniform[axis] && operand.uniform[axis];
    }
  }
  return result;
}

RowPlace row_place(const Op& op, const std::vector<RowPlace>& operands, int64_t rows) {
  return Rule(op, operands, rows).place();
}

}  // namespace sinter::passes
