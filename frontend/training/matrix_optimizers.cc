#include <fmt/format.h>
#include <sinter/elementwise.h>
#include <sinter/error.h>
#include <sinter/reductions.h>
#include <sinter/training/optimizers.h>
#include <sinter/views.h>

#include <cmath>
#include <limits>

#include "frontend/base/ranges.h"
#include "frontend/training/means.h"

// Optimisers that treat a matrix as one.
namespace sinter {
namespace {

// Nearly the orthogonal factor of `matrix`: singular values come to between 0.7 and 1.2. The constants are
// those of Jordan et al.
Tensor orthogonalized(const Tensor& matrix, int64_t iterations) {
  constexpr double kA = 3.4445, kB = -4.775, kC = 2.0315, kSmall = 1e-7;
  const bool is_tall = matrix.shape()[0] > matrix.shape()[1];
  Tensor x = is_tall ? swap_axes(matrix, 0, 1) : matrix;
  x = x / maximum(norm(x), kSmall);
  for (int64_t i = 0; i < iterations; ++i) {
    const Tensor gram = contract(x, x, "ik,jk->ij");
    const Tensor mixed = gram * kB + matmul(gram, gram) * kC;
    x = x * kA + matmul(mixed, x);
  }
  return is_tall ? swap_axes(x, 0, 1) : x;
}

}  // namespace

Adafactor::Adafactor(AdafactorOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Adafactor", where);
  ranges.require(options_.beta2_decay < 0 && std::isfinite(options_.beta2_decay), "beta2_decay",
                 "finite and below 0", options_.beta2_decay);
  ranges.not_negative("epsilon", options_.epsilon);
  ranges.positive("clip", options_.clip);
  ranges.not_negative("weight_decay", options_.weight_decay);
}

std::vector<Tensor> Adafactor::update(const std::vector<Slot>& slots, const Tensor& updates) {
  const Tensor fresh = pow(updates, options_.beta2_decay);  // the share of the newest squares
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    const DType type = value.dtype();
    const double least = type == f64 ? std::numeric_limits<double>::epsilon()
                                     : static_cast<double>(std::numeric_limits<float>::epsilon());
    const double root = std::sqrt(static_cast<double>(element_count(value.shape())));
    const Tensor share = cast(fresh, type);
    Tensor squares;
    if (value.rank() > 1) {
      Shape rows = value.shape(), columns = value.shape();
      rows.back() = 1;
      columns[columns.size() - 2] = 1;
      const Tensor of_rows =
          move_mean(moment("rows", parameter, rows), mean(square(gradient), -1, keepdims), share);
      const Tensor of_columns =
          move_mean(moment("columns", parameter, columns), mean(square(gradient), -2, keepdims), share);
      squares = of_rows * of_columns / maximum(mean(of_rows, -2, keepdims), least);
    } else {
      squares = move_mean(moment("squares", parameter), square(gradient), share);
    }
    const Tensor step = rsqrt(maximum(squares, least * least)) * gradient;
    const Tensor too_long = maximum(norm(step) / (root * options_.clip), 1);
    const Tensor size = maximum(norm(value) / root, options_.epsilon);
    const Tensor least_rate = cast(minimum(rate, rsqrt(updates)), type);
    results.push_back(decayed(options_, slot) - step * (size * least_rate / too_long));
  }
  return results;
}

Muon::Muon(MuonOptions options, std::source_location where)
    : Optimizer(options.name, options.learning_rate, where), options_(std::move(options)) {
  const Ranges ranges("Muon", where);
  ranges.fraction("momentum", options_.momentum);
  ranges.not_negative("weight_decay", options_.weight_decay);
  ranges.at_least(1, "iterations", options_.iterations);
}

std::vector<Tensor> Muon::update(const std::vector<Slot>& slots, const Tensor&) {
  std::vector<Tensor> results;
  for (const Slot& slot : slots) {
    const auto& [parameter, value, gradient, rate, own_decay] = slot;
    if (value.rank() != 2) {
      throw Error(
          fmt::format("Muon: trains matrices alone, '{}' is {}: leave it to another optimiser by the "
                      "option parameters of minimize",
                      parameter.path(), value.type()));
    }
    const Tensor m = move_mean(moment("mean", parameter), gradient, 1 - options_.momentum);
    const Tensor step = options_.nesterov ? gradient + (m - gradient) * options_.momentum : m;
    const double rows = static_cast<double>(value.shape()[0]),
                 columns = static_cast<double>(value.shape()[1]);
    const double adjusted = std::sqrt(std::max(1.0, rows / columns));
    results.push_back(decayed(options_, slot) -
                      orthogonalized(step, options_.iterations) * (cast(rate, value.dtype()) * adjusted));
  }
  return results;
}

}  // namespace sinter
