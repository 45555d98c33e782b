#include <sinter/elementwise.h>
#include <sinter/nn/positions.h>
#include <sinter/reductions.h>
#include <sinter/sources.h>
#include <sinter/views.h>

#include <bit>
#include <cmath>

#include "frontend/trace/emit.h"
#include "frontend/trace/takes.h"

namespace sinter {
namespace {

// positions [b] give [b,width/2]: position / base^(2i/width).
Tensor angles(const Tensor& positions, int64_t width, double base, DType type) {
  std::vector<double> rates;
  for (int64_t i = 0; i < width / 2; ++i) {
    rates.push_back(std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(width)));
  }
  // In the type itself: not every device has f64.
  const std::vector<float> rounded(rates.begin(), rates.end());
  const Array table =
      type == f64 ? Array::from<double>(rates, {width / 2}) : Array::from<float>(rounded, {width / 2});
  return expand_dims(cast(positions, type), {-1}) * constant(table);
}

std::vector<double> slopes(int64_t heads) {
  const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(heads)));
  std::vector<double> all;
  for (int64_t i = 0; i < heads; ++i) {
    const int64_t step = i < power ? 2 * (i + 1) : 2 * (i - power) + 1;  // of 2^(-4/power)
    all.push_back(std::exp2(-4.0 * static_cast<double>(step) / static_cast<double>(power)));
  }
  return all;
}

}  // namespace

Tensor rotary(Operand operand, Operand positions, double base) {
  const Pin call("rotary", operand.where());
  ranges_at("rotary", operand.where()).positive("base", base);
  const Tensor x = operand.tensor();
  check_floating(call, "x", x);
  check_integers(call, "positions", positions.tensor());
  const int64_t rank = x.rank();
  if (rank < 2 || x.dim(-1) % 2 != 0) {
    call.fail(fmt::format("takes x [...,t,w] of an even w, got {}", x.type()));
  }
  const Shape rows(x.shape().begin(), x.shape().end() - 1);
  check_broadcasts(call, "positions", positions.tensor(), positions.tensor().dtype(), rows);
  const int64_t half = x.dim(-1) / 2;
  const Tensor angle = expand_dims(angles(positions.tensor(), x.dim(-1), base, x.dtype()), {-2});
  // Both halves of a pair beside each other, [...,t,2,w/2]: the second turned into the first is negative.
  Shape pairs = rows;
  pairs.insert(pairs.end(), {2, half});
  const Tensor halves = reshape(x, pairs);
  const Tensor side = cast(2 * iota({2, 1}, 0) - 1, x.dtype());
  const Tensor turned = halves * cos(angle) + reverse(halves, -2) * side * sin(angle);
  return reshape(turned, x.shape());
}

Tensor alibi(int64_t heads, Operand queries, Operand keys) {
  const Pin call("alibi", queries.where());
  ranges_at("alibi", queries.where()).at_least(1, "heads", heads);
  check_takes(call, "queries", queries.tensor(), queries.tensor().dtype(), {"t"});
  check_takes(call, "keys", keys.tensor(), keys.tensor().dtype(), {"s"});
  check_integers(call, "queries", queries.tensor());
  check_integers(call, "keys", keys.tensor());
  const Tensor distance = abs(expand_dims(queries, {1}) - expand_dims(keys, {0}));
  std::vector<float> down;
  for (const double slope : slopes(heads)) down.push_back(static_cast<float>(-slope));
  return constant(Array::from<float>(down, {heads, 1, 1})) * cast(distance, f32);
}

Tensor sinusoidal(Operand positions, int64_t width, double base) {
  const Pin call("sinusoidal", positions.where());
  const Ranges ranges = ranges_at("sinusoidal", positions.where());
  ranges.require(width >= 2 && width % 2 == 0, "width", "even and above 0", width);
  ranges.positive("base", base);
  check_integers(call, "positions", positions.tensor());
  const Tensor angle = angles(positions.tensor(), width, base, f32);
  Shape shape = positions.tensor().shape();
  shape.push_back(width);
  return reshape(stack({sin(angle), cos(angle)}, -1), shape);
}

}  // namespace sinter
