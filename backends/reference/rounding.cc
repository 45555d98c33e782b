#include "backends/reference/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backends/reference/applied.h"
#include "backends/reference/indexing.h"
#include "backends/reference/scalar.h"

namespace sinter::reference {
namespace {

using graph::OpCode;
using graph::OpKind;
using runtime::DType;
using Tensors = std::vector<HostTensor>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastNormal = 0x1p-126;  // of f32
// How many roundings a comparison's operands may be apart and still be taken for equal.
constexpr double kDoubt = 8;
// How much the mean square of a sum's terms may exceed the square of their mean, relatively, where they count
// as equal.
constexpr double kAlike = 1e-6;
// A normal number takes twice the error of the square root in it, and those of a logarithm and a cosine.
constexpr double kNormalRoundings = 4;

double* numbers(HostTensor& tensor) {
  return tensor.data<double>();
}
const double* numbers(const HostTensor& tensor) {
  return tensor.data<double>();
}

HostTensor filled(const Shape& shape, double value) {
  HostTensor tensor(DType::f64, shape);
  std::fill_n(numbers(tensor), tensor.size(), value);
  return tensor;
}

bool is_exact(const HostTensor& rounding) {
  return std::all_of(numbers(rounding), numbers(rounding) + rounding.size(), [](double r) { return r == 0; });
}

HostTensor as_f64(const HostTensor& x) {
  if (x.dtype() == DType::f64) return x;
  HostTensor wide(DType::f64, x.shape());
  with_type(x.dtype(), [&]<typename T>() { std::copy_n(x.data<T>(), x.size(), numbers(wide)); });
  return wide;
}

template <typename F>
HostTensor mapped(const HostTensor& x, F f) {
  HostTensor result(DType::f64, x.shape());
  std::transform(numbers(x), numbers(x) + x.size(), numbers(result), f);
  return result;
}

// Squares of what is finite.
HostTensor squared(const HostTensor& x) {
  return mapped(x, [](double value) { return std::isfinite(value) ? value * value : 0; });
}

class Estimate {
 public:
  Estimate(const Invocation& invocation, Kernel kernel, const Tensors& in, double unit, bool rounds = true)
      : i_(invocation), kernel_(kernel), in_(in), unit_(unit), rounds_(rounds) {}

  Tensors results() const;
  HostTensor summed() const;
  // Of a sum, what errors contribute that its terms have in common.
  HostTensor in_step() const;

 private:
  bool any_doubt(size_t first) const;
  HostTensor moved(size_t data_operands) const;
  HostTensor elementwise() const;
  HostTensor compared() const;
  HostTensor selected() const;
  HostTensor perturbed() const;
  void add_shifts(size_t operand, double steps, bool jumps, HostTensor& squares) const;
  HostTensor extreme() const;
  Tensors ordered() const;
  HostTensor of_argmax() const;
  bool in_doubt(int64_t a, int64_t b) const;

  const Invocation& i_;
  Kernel kernel_;
  const Tensors& in_;
  double unit_;
  bool rounds_;  // whether the op itself rounds its result
};

bool Estimate::any_doubt(size_t first) const {
  return std::any_of(in_.begin() + static_cast<std::ptrdiff_t>(first), in_.end(),
                     [](const HostTensor& rounding) { return !is_exact(rounding); });
}

// The first operands move by what the others say.
HostTensor Estimate::moved(size_t data_operands) const {
  if (any_doubt(data_operands)) return filled(i_.out[0].shape(), kInfinity);
  Tensors in(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(data_operands));
  in.insert(in.end(), i_.in.begin() + static_cast<std::ptrdiff_t>(data_operands), i_.in.end());
  return applied(i_, kernel_, in);
}

HostTensor Estimate::compared() const {
  HostTensor result(DType::f64, i_.out[0].shape());
  const HostTensor x = as_f64(i_.in[0]), y = as_f64(i_.in[1]);
  for (int64_t n = 0; n < result.size(); ++n) {
    const double r = numbers(in_[0])[n] + numbers(in_[1])[n];
    const double distance = std::fabs(numbers(x)[n] - numbers(y)[n]);
    numbers(result)[n] = r > 0 && !(distance > kDoubt * unit_ * r) ? kInfinity : 0;
  }
  return result;
}

HostTensor Estimate::selected() const {
  HostTensor result(DType::f64, i_.out[0].shape());
  const bool* condition = i_.in[0].data<bool>();
  const HostTensor x = as_f64(i_.in[1]), y = as_f64(i_.in[2]);
  for (int64_t n = 0; n < result.size(); ++n) {
    const double rx = numbers(in_[1])[n], ry = numbers(in_[2])[n];
    double r = condition[n] ? rx : ry;
    if (numbers(in_[0])[n] > 0) {
      const double distance = std::fabs(numbers(x)[n] - numbers(y)[n]);
      r = std::max(rx, ry);  // of the other, if it is that
      if (numbers(x)[n] != numbers(y)[n]) r = is_floating(i_.out[0]) ? r + distance / unit_ : kInfinity;
      if (std::isnan(r)) r = kInfinity;
    }
    numbers(result)[n] = r;
  }
  return result;
}

// Adds the square of how far the result goes when an operand goes `steps` times its rounding up or down.
// Where the op jumps, the jump counts whole.
void Estimate::add_shifts(size_t operand, double steps, bool jumps, HostTensor& squares) const {
  const HostTensor y = as_f64(i_.out[0]);
  Tensors in(i_.in.begin(), i_.in.end());
  HostTensor farthest(DType::f64, y.shape());
  std::vector<int> lost(static_cast<size_t>(y.size()),
                        0);  // of both directions, those that lead to no number
  for (const double direction : {-steps, steps}) {
    in[operand] = i_.in[operand].clone();
    for (int64_t n = 0; n < y.size(); ++n)
      numbers(in[operand])[n] += direction * unit_ * numbers(in_[operand])[n];
    const HostTensor shifted = as_f64(applied(i_, kernel_, in, i_.out[0].dtype()));
    for (int64_t n = 0; n < y.size(); ++n) {
      const double from = numbers(y)[n], to = numbers(shifted)[n];
      if (from == to || (std::isnan(from) && std::isnan(to))) continue;
      if (std::isnan(to) && !std::isnan(from)) {
        ++lost[static_cast<size_t>(n)];
        continue;
      }
      const double distance = std::fabs(to - from);
      numbers(farthest)[n] = std::max(numbers(farthest)[n], std::isnan(distance) ? kInfinity : distance);
    }
  }
  for (int64_t n = 0; n < y.size(); ++n) {
    double shift = numbers(farthest)[n] / unit_ / (jumps ? 1 : steps);
    if (lost[static_cast<size_t>(n)] == 2) shift = kInfinity;
    if (jumps && shift > 0 && !is_floating(i_.out[0])) shift = kInfinity;
    numbers(squares)[n] += shift * shift;
  }
}

bool jumps(OpCode code) {
  switch (code) {
    case OpCode::sign:
    case OpCode::floor:
    case OpCode::ceil:
    case OpCode::round:
    case OpCode::rem:
      return true;
    default:
      return false;
  }
}

// Whether the result needs no rounding.
bool is_exact(OpCode code) {
  switch (code) {
    case OpCode::neg:
    case OpCode::abs:
    case OpCode::max:
    case OpCode::min:
      return true;
    default:
      return jumps(code) && code != OpCode::rem;
  }
}

// Of an op that computes floats from floats, or casts.
HostTensor Estimate::perturbed() const {
  const OpCode code = i_.op.code;
  const bool is_cast = code == OpCode::cast;
  if (i_.in[0].dtype() == DType::f32) return in_[0];  // drawn in f32, then widened
  const bool jumping = jumps(code) || (is_cast && !is_floating(i_.out[0]));
  HostTensor squares(DType::f64, i_.out[0].shape());
  for (size_t operand = 0; operand < i_.in.size(); ++operand) {
    if (!is_exact(in_[operand])) add_shifts(operand, jumping ? kDoubt / 2 : 1, jumping, squares);
  }
  const HostTensor y = as_f64(i_.out[0]);
  // Where nothing is left of an operand but its error, products and quotients are not straight lines.
  const auto is_lost = [&](size_t operand, int64_t n) {
    const double r = numbers(in_[operand])[n];
    return r > 0 && !(std::fabs(numbers(i_.in[operand])[n]) > kDoubt * unit_ * r);
  };
  for (int64_t n = 0; n < y.size(); ++n) {
    const bool is_bent =
        (code == OpCode::div && is_lost(1, n)) || (code == OpCode::mul && is_lost(0, n) && is_lost(1, n));
    if (is_bent) numbers(squares)[n] = kInfinity;
    const double value = numbers(y)[n];
    const bool rounds =
        is_cast ? is_floating(i_.out[0]) && static_cast<double>(static_cast<float>(value)) != value
                : !is_exact(code);
    const double own = rounds_ && rounds && std::isfinite(value) ? value : 0;
    numbers(squares)[n] = std::sqrt(numbers(squares)[n] + own * own);
  }
  return squares;
}

HostTensor Estimate::elementwise() const {
  const OpCode code = i_.op.code;
  if (code == OpCode::select) return selected();
  if (code == OpCode::stop_gradient) return in_[0];
  if (i_.out[0].dtype() == DType::boolean && i_.in.size() == 2) return compared();
  if (is_floating(i_.in[0]) && code != OpCode::is_finite) return perturbed();
  if (code == OpCode::cast && !any_doubt(0)) return perturbed();
  // Of integers and bools, which are right or in doubt.
  HostTensor result(DType::f64, i_.out[0].shape());
  const bool is_one_or_zero = i_.in[0].dtype() == DType::boolean && is_floating(i_.out[0]);
  const double doubt = is_one_or_zero ? 1 / unit_ : kInfinity;
  for (int64_t n = 0; n < result.size(); ++n) {
    const bool doubtful =
        std::any_of(in_.begin(), in_.end(), [&](const HostTensor& r) { return numbers(r)[n] == kInfinity; });
    numbers(result)[n] = doubtful ? doubt : 0;
  }
  return result;
}

HostTensor Estimate::summed() const {
  const bool is_contraction = i_.op.code == OpCode::contract;
  const size_t terms = is_contraction ? 2 : i_.op.code == OpCode::scatter_add ? 3 : 1;
  const Shape& shape = i_.out[0].shape();
  if (!is_floating(i_.out[0])) return filled(shape, any_doubt(0) ? kInfinity : 0);
  if (terms == 3 && !is_exact(in_[1])) return filled(shape, kInfinity);

  Tensors values, errors, ones;
  for (size_t n = 0; n < i_.in.size(); ++n) {
    const bool is_index = terms == 3 && n == 1;
    values.push_back(is_index ? i_.in[n] : squared(as_f64(i_.in[n])));
    // An infinite rounding stays what it is.
    errors.push_back(is_index ? i_.in[n] : mapped(in_[n], [](double r) { return r * r; }));
    ones.push_back(is_index ? i_.in[n] : filled(i_.in[n].shape(), 1));
  }
  HostTensor inherited =
      is_contraction ? applied(i_, kernel_, {values[0], errors[1]}) : applied(i_, kernel_, errors);
  const HostTensor squares = applied(i_, kernel_, values), counts = applied(i_, kernel_, ones),
                   y = as_f64(i_.out[0]);
  const HostTensor other = is_contraction ? applied(i_, kernel_, {errors[0], values[1]}) : HostTensor();
  for (int64_t n = 0; n < y.size(); ++n) {
    double& sum = numbers(inherited)[n];
    if (is_contraction) sum += numbers(other)[n];
    const double count = numbers(counts)[n], value = numbers(y)[n];
    const bool are_equal = count * numbers(squares)[n] <= value * value * (1 + kAlike);
    if (count > 1 && are_equal) sum *= count;  // their errors, too
    if (count > 1 || is_contraction) {
      const double least = kLeastNormal / unit_;  // of each term, which may have been denormal
      sum += count * (numbers(squares)[n] + least * least);
      // Added one by one, equal terms round alike.
      if (terms == 3 || are_equal) sum += count * count / 16 * value * value;
    }
    if (count > 1 && std::isfinite(value)) sum += (1 + count) * value * value;
    sum = std::isnan(sum) ? kInfinity : std::sqrt(sum);
  }
  return inherited;
}

HostTensor Estimate::in_step() const {
  const auto magnitude = [](const HostTensor& x) {
    return mapped(as_f64(x), [](double value) { return std::isfinite(value) ? std::fabs(value) : 0; });
  };
  if (i_.op.code != OpCode::contract) {
    Tensors in = in_;
    if (i_.op.code == OpCode::scatter_add) in[1] = i_.in[1];
    return applied(i_, kernel_, in);
  }
  HostTensor result = applied(i_, kernel_, {magnitude(i_.in[0]), in_[1]});
  const HostTensor other = applied(i_, kernel_, {in_[0], magnitude(i_.in[1])});
  for (int64_t n = 0; n < result.size(); ++n) numbers(result)[n] += numbers(other)[n];
  return result;
}

// The largest or least of a row is as good as the worst in it.
HostTensor Estimate::extreme() const {
  if (is_exact(in_[0])) return filled(i_.out[0].shape(), 0);
  const bool is_least = i_.op.code == OpCode::reduce_min;
  const auto turned = [&](double r) { return is_least ? -r : r; };
  return mapped(applied(i_, kernel_, {mapped(in_[0], turned)}),
                [&](double r) { return std::isinf(turned(r)) && turned(r) < 0 ? 0 : turned(r); });
}

// Whether elements a and b of the operand may come out in another order.
bool Estimate::in_doubt(int64_t a, int64_t b) const {
  const double r = numbers(in_[0])[a] + numbers(in_[0])[b];
  if (r == 0) return false;
  const HostTensor x = as_f64(i_.in[0]);
  return !(std::fabs(numbers(x)[a] - numbers(x)[b]) > kDoubt * unit_ * r);
}

HostTensor Estimate::of_argmax() const {
  HostTensor result = filled(i_.out[0].shape(), 0);
  if (is_exact(in_[0])) return result;
  const Strides own = row_major(i_.in[0].shape()), kept = kept_strides(i_), reduced = reduced_strides(i_);
  std::vector<int64_t> best(static_cast<size_t>(result.size()), 0);  // where in the operand it stands
  walk<3>(i_.in[0].shape(), {own, kept, reduced}, [&](const auto& at) {
    if (at[2] == i_.out[0].data<int32_t>()[at[1]]) best[static_cast<size_t>(at[1])] = at[0];
  });
  walk<2>(i_.in[0].shape(), {own, kept}, [&](const auto& at) {
    const int64_t place = best[static_cast<size_t>(at[1])];
    if (at[0] != place && in_doubt(at[0], place)) numbers(result)[at[1]] = kInfinity;
  });
  return result;
}

// Of top_k, and of each run of sort.
Tensors Estimate::ordered() const {
  const graph::Attributes& attributes = i_.op.attributes;
  AxisView view(i_.in[0].shape(), static_cast<int64_t>(i_.in[0].shape().size()) - 1);
  const bool is_sort = i_.op.code == OpCode::sort, falls = !is_sort || attributes.flag("descending");
  if (is_sort && attributes.has("run") && any_doubt(0)) {
    return {filled(i_.out[0].shape(), kInfinity), filled(i_.out[1].shape(), kInfinity)};
  }
  const int64_t k = is_sort ? view.extent : attributes.integer("k");
  Tensors result = {filled(i_.out[0].shape(), 0), filled(i_.out[1].shape(), 0)};
  const HostTensor x = as_f64(i_.in[0]);
  std::vector<int64_t> order(static_cast<size_t>(view.extent));
  for (int64_t row = 0; row < view.outer && k > 0; ++row) {
    const double *values = numbers(x) + row * view.extent, *r = numbers(in_[0]) + row * view.extent;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return comes_before(values[a], values[b], falls); });
    const double worst = *std::max_element(r, r + view.extent);
    const auto doubtful = [&](int64_t n) {  // between the n-th and its successor
      if (n < 0 || n + 1 >= view.extent) return false;
      const int64_t first = row * view.extent;
      return in_doubt(first + order[static_cast<size_t>(n)], first + order[static_cast<size_t>(n) + 1]);
    };
    for (int64_t n = 0; n < k; ++n) {
      numbers(result[0])[row * k + n] = worst;
      if (doubtful(n - 1) || doubtful(n)) numbers(result[1])[row * k + n] = kInfinity;
    }
  }
  return result;
}

bool is_sum(OpCode code) {
  return code == OpCode::reduce_sum || code == OpCode::contract || code == OpCode::cumsum ||
         code == OpCode::fold || code == OpCode::scatter_add;
}

Tensors Estimate::results() const {
  if (is_sum(i_.op.code)) return {summed()};
  switch (i_.op.code) {
    case OpCode::random_normal:
      return {mapped(as_f64(i_.out[0]), [](double y) { return kNormalRoundings * std::fabs(y); })};
    case OpCode::reduce_max:
    case OpCode::reduce_min:
      return {extreme()};
    case OpCode::argmax:
      return {of_argmax()};
    case OpCode::top_k:
    case OpCode::sort:
      return ordered();
    case OpCode::gather:
    case OpCode::dynamic_slice:
      return {moved(1)};
    case OpCode::dynamic_update:
      return {moved(2)};
    case OpCode::check_index:
    case OpCode::check_finite:
      return {in_[0]};
    default:
      break;
  }
  if (i_.op.kind() == OpKind::elementwise) return {elementwise()};
  if (i_.op.kind() == OpKind::view) return {moved(i_.in.size())};
  return {filled(i_.out[0].shape(), 0)};
}

// sqrt(a^2 + b^2), element by element.
HostTensor joined(const HostTensor& a, const HostTensor& b) {
  if (!b.defined()) return a;
  HostTensor result(DType::f64, a.shape());
  std::transform(numbers(a), numbers(a) + a.size(), numbers(b), numbers(result), [](double x, double y) {
    const double r = std::hypot(x, y);
    return std::isnan(r) ? kInfinity : r;  // of 0 times infinity
  });
  return result;
}

HostTensor flushed(const HostTensor& value, double unit) {
  HostTensor result = filled(value.shape(), 0);
  if (!is_floating(value)) return result;
  const HostTensor wide = as_f64(value);
  for (int64_t n = 0; n < result.size(); ++n) {
    const double magnitude = std::fabs(numbers(wide)[n]);
    if (magnitude < kLeastNormal) numbers(result)[n] = magnitude / unit;
  }
  return result;
}

// Whether what operands have in common their result has, too.
bool keeps_common(const Invocation& i) {
  switch (i.op.code) {
    case OpCode::gather:
    case OpCode::dynamic_slice:
    case OpCode::dynamic_update:
    case OpCode::check_finite:
    case OpCode::check_index:
      return true;
    default:
      return (i.op.kind() == OpKind::elementwise || i.op.kind() == OpKind::view) && is_floating(i.out[0]);
  }
}

}  // namespace

HostTensor Rounding::total() const {
  return joined(alone, common);
}

Rounding exact_rounding(const HostTensor& value, double unit) {
  return {flushed(value, unit)};
}

std::vector<Rounding> roundings(const Invocation& i, Kernel kernel, std::span<const Rounding> in,
                                double unit) {
  const OpCode code = i.op.code;
  Tensors alone, common, total;
  bool any_common = false;
  for (const Rounding& rounding : in) {
    alone.push_back(rounding.alone);
    common.push_back(rounding.common.defined() ? rounding.common : filled(rounding.alone.shape(), 0));
    total.push_back(rounding.total());
    any_common = any_common || rounding.common.defined();
  }
  std::vector<Rounding> results;
  const bool repeats = code == OpCode::broadcast && i.out[0].size() > i.in[0].size();
  if (repeats && is_floating(i.out[0]) && !is_exact(total[0])) {
    results.push_back({filled(i.out[0].shape(), 0), Estimate(i, kernel, total, unit).results()[0]});
  } else if (any_common && is_sum(code) && is_floating(i.out[0])) {
    results.push_back(
        {joined(Estimate(i, kernel, alone, unit).summed(), Estimate(i, kernel, common, unit).in_step())});
  } else if (any_common && keeps_common(i)) {
    results.push_back({Estimate(i, kernel, alone, unit).results()[0],
                       Estimate(i, kernel, common, unit, false).results()[0]});
  } else {
    for (HostTensor& tensor : Estimate(i, kernel, total, unit).results())
      results.push_back({std::move(tensor)});
  }
  for (size_t n = 0; n < results.size(); ++n) {
    const HostTensor least = flushed(i.out[n], unit);
    for (int64_t at = 0; at < least.size(); ++at) {
      double& r = numbers(results[n].alone)[at];
      r = std::max(r, numbers(least)[at]);
    }
  }
  return results;
}

}  // namespace sinter::reference
